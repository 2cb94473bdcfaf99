/** Names of hosts to addresses, the way the operating system finds them (hosts file, then DNS). */
export interface Resolver {
  /**
   * The addresses of one family; empty when the name has none. An address resolves to itself.
   * Rejects with `ERR_DNS` when it could not be found out.
   */
  resolve(host: string, family: 4 | 6): Promise<string[]>;
}

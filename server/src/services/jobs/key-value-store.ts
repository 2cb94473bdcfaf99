/** The part of the server's key-value store that jobs need. */
export interface JobKeyValueStore {
  /** The value, maybe an old one (the server may ask a replica); undefined when there is none. */
  get(key: string): Promise<Uint8Array | undefined>;
  /**
   * Stores `next` if the value is still `old` (undefined: if there is none). false: it was changed
   * in between, nothing was stored.
   */
  compareAndSet(key: string, old: Uint8Array | undefined, next: Uint8Array): Promise<boolean>;
  /** Stores a value that ends by itself; false when there is one already, which stays. */
  createFor(key: string, value: Uint8Array, seconds: number): Promise<boolean>;
  /** Stores a value that ends by itself, whatever was there. */
  setFor(key: string, value: Uint8Array, seconds: number): Promise<void>;
  /** Fine when there is none. */
  delete(key: string): Promise<void>;
  /** All keys that begin with `prefix`. */
  keys(prefix: string): Promise<string[]>;
}

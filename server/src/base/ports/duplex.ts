/**
 * A two-way byte stream: a socket, or a yamux stream. One reader and any number of writers; writes
 * keep the order of the calls.
 */
export interface Duplex {
  /**
   * The next bytes (at least one), or undefined when the other side has ended its half. Rejects
   * with a `CodedError` when the stream was reset or lost. One call at a time. The bytes are the
   * caller's to keep.
   */
  read(): Promise<Uint8Array | undefined>;
  /**
   * Resolves when `bytes` were taken over and the stream accepts more (back-pressure); `bytes` must
   * not change until then. Rejects when the stream is closed, reset or lost.
   */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends our half after all writes; reading goes on. Fine to call twice. */
  closeWrite(): Promise<void>;
  /**
   * Ends our half after all writes, as `closeWrite` does, and drops what the other side still sends
   * until it ends its half too (or a time-out ends both). A `read` that waits rejects. Resolves when
   * the writes were taken over. The way to leave a stream politely. Fine to call twice.
   */
  close(): Promise<void>;
  /** Ends both halves at once, dropping what was not sent. Fine to call twice. */
  destroy(reason?: Error): void;
}

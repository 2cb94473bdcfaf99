import type { Duplex } from './duplex.ts';

/** A listening socket. The implementation is `platform/unix-socket.ts`. */
export interface SocketListener {
  /** The path of the socket in the file system. */
  readonly path: string;
  /** The next connection, or undefined once the listener is closed. One call at a time. */
  accept(): Promise<Duplex | undefined>;
  /** Stops listening and removes the socket file; accepted connections go on. Fine to call twice. */
  close(): Promise<void>;
}

import { rmSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { createConnection, createServer } from 'node:net';

import { CodedError } from '../base/errors.ts';
import type { Duplex } from '../base/ports/duplex.ts';
import type { SocketListener } from '../base/ports/socket-listener.ts';

/** Bytes that may wait for `read` before the kernel is asked to hold back the other side. */
const READ_AHEAD_BYTES = 256 * 1024;

/** Nobody but the owner. */
const PRIVATE_UMASK = 0o077;

/** How long a socket that was left politely waits for the other side to end. */
const CLOSE_TIMEOUT_MS = 5_000;

/** A socket as a `Duplex`. Errors have the code `ERR_SOCKET` with the system's error as cause. */
export class SocketDuplex implements Duplex {
  readonly #socket: Socket;
  readonly #chunks: Uint8Array[] = [];
  #waitingBytes = 0;
  #isEnded = false;
  #isDiscarding = false;
  #failure: Error | undefined;
  #wakeReader: (() => void) | undefined;
  #closeWriteDone: Promise<void> | undefined;

  /** @param socket must allow half-open connections */
  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => {
      this.#isEnded = true;
      this.#wake();
    });
    socket.on('error', (error) => this.#fail(failed(error)));
    socket.on('close', () => this.#fail(failed()));
  }

  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#waitingBytes -= chunk.length;
        if (this.#socket.isPaused() && this.#waitingBytes < READ_AHEAD_BYTES) this.#socket.resume();
        return chunk;
      }
      if (this.#isDiscarding) throw failed();
      if (this.#isEnded) return undefined;
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      // The callback comes when the kernel has the bytes: until then they must not change.
      this.#socket.write(bytes, (error) => {
        if (error) reject(failed(error));
        else resolve();
      });
    });
  }

  closeWrite(): Promise<void> {
    this.#closeWriteDone ??= new Promise((resolve) => {
      // `end` calls back with an error too, when the socket is gone: it has ended then as well.
      this.#socket.end(() => resolve());
    });
    return this.#closeWriteDone;
  }

  close(): Promise<void> {
    if (!this.#isDiscarding) {
      this.#isDiscarding = true;
      this.#chunks.length = 0;
      this.#waitingBytes = 0;
      this.#socket.resume();
      this.#wake();
      const timer = setTimeout(() => this.#socket.destroy(), CLOSE_TIMEOUT_MS);
      timer.unref();
      this.#socket.once('close', () => clearTimeout(timer));
    }
    return this.closeWrite();
  }

  destroy(reason?: Error): void {
    this.#fail(reason ?? failed());
    this.#chunks.length = 0;
    this.#isEnded = false;
    this.#socket.destroy();
  }

  #onData(chunk: Buffer): void {
    if (this.#isDiscarding || this.#failure !== undefined) return;
    this.#chunks.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes >= READ_AHEAD_BYTES) this.#socket.pause();
    this.#wake();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }

  #wake(): void {
    this.#wakeReader?.();
    this.#wakeReader = undefined;
  }
}

/** Connects to the listener at `path`. Rejects with `ERR_SOCKET`. */
export function connectUnixSocket(path: string): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path, allowHalfOpen: true });
    const onError = (error: Error): void => reject(failed(error, path));
    socket.once('error', onError);
    socket.once('connect', () => {
      socket.off('error', onError);
      resolve(new SocketDuplex(socket));
    });
  });
}

/**
 * Listens on a new socket file. The file is removed by `close`, and when the process exits in any
 * way in which JavaScript still runs. Rejects with `ERR_SOCKET`, also when `path` exists.
 */
export async function listenUnixSocket(path: string): Promise<SocketListener> {
  const server = createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(failed(error, path)));
    // Whoever connects first is taken for the host. The file is made before `listen` returns, and has
    // these rights from the beginning.
    const before = process.umask(PRIVATE_UMASK);
    try {
      server.listen({ path }, resolve);
    } finally {
      process.umask(before);
    }
  });
  return new UnixSocketListener(server, path);
}

class UnixSocketListener implements SocketListener {
  readonly path: string;
  readonly #server: Server;
  readonly #waiting: Duplex[] = [];
  readonly #removeFile: () => void;
  #isClosed = false;
  #wakeAcceptor: (() => void) | undefined;

  constructor(server: Server, path: string) {
    this.path = path;
    this.#server = server;
    this.#removeFile = () => rmSync(path, { force: true });
    process.on('exit', this.#removeFile);
    server.on('connection', (socket: Socket) => {
      this.#waiting.push(new SocketDuplex(socket));
      this.#wake();
    });
  }

  async accept(): Promise<Duplex | undefined> {
    for (;;) {
      const connection = this.#waiting.shift();
      if (connection !== undefined || this.#isClosed) return connection;
      await new Promise<void>((resolve) => {
        this.#wakeAcceptor = resolve;
      });
    }
  }

  close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.#server.close();
      for (const connection of this.#waiting.splice(0)) connection.destroy();
      this.#removeFile();
      process.off('exit', this.#removeFile);
      this.#wake();
    }
    return Promise.resolve();
  }

  #wake(): void {
    this.#wakeAcceptor?.();
    this.#wakeAcceptor = undefined;
  }
}

function failed(cause?: unknown, path?: string): CodedError {
  const message = cause === undefined ? 'the socket is closed' : 'the socket failed';
  return new CodedError('ERR_SOCKET', message, { path }, cause);
}

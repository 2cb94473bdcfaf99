import net from 'node:net';
import tls from 'node:tls';

import { CodedError } from '../base/errors.ts';
import { certificatesIn, trustedCertificates } from './certificates.ts';
import { redirectError } from './http-errors.ts';
import { isLinkLocal } from './link-local.ts';
import { withoutLinkLocal } from './local-lookup.ts';
import { connectHost, serverOf } from './zoned-url.ts';

const READ_BYTES = 64 * 1024;
/** Kept for each server; more than one only while several targets of it are scraped at a time. */
const KEPT_MAX = 2;
/** So often the system sees to it that a connection in no use is not forgotten on the way. */
const KEEP_ALIVE_MS = 15_000;

/** One for all connections: what is read is used before anything else is. */
const readBuffer = Buffer.allocUnsafeSlow(READ_BYTES);

/** Where a request goes. */
export interface Destination {
  readonly url: URL;
  /** An administrator may have chosen a link-local address; a redirect never does. */
  readonly mayBeLinkLocal: boolean;
}

/** Who has a connection in use. */
export interface ConnectionUser {
  /** Bytes have come; void after the call. */
  onBytes(bytes: Buffer): void;
  /** The connection has ended; the error when that was not by a decent end of the other side. */
  onClosed(error?: Error): void;
}

/** A connection to a server, for one user at a time. */
export class HttpConnection {
  readonly #socket: net.Socket;
  #user: ConnectionUser | undefined;
  #onUnused: (() => void) | undefined;
  #isPaused = false;
  #isClosed = false;

  constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.on('end', () => this.#end());
    socket.on('error', (error) => this.#end(error));
    socket.on('close', () => this.#end());
  }

  /** Whether the other side has a link-local address, once there is a connection. */
  get isLinkLocal(): boolean {
    return isLinkLocal(this.#socket.remoteAddress ?? '');
  }

  /** Takes up the connection and sends a request. */
  use(user: ConnectionUser, request: string): void {
    this.#user = user;
    this.#onUnused = undefined;
    this.#socket.ref();
    this.#socket.write(request, 'latin1');
  }

  /**
   * The user has no more need of it. A connection in no use keeps no process alive.
   * @param onUnused called when it has ended, or was destroyed since its server said something
   */
  leave(onUnused: () => void): void {
    this.#user = undefined;
    this.#onUnused = onUnused;
    this.resume();
    this.#socket.unref();
  }

  onBytes(bytes: Buffer): void {
    if (this.#user === undefined) this.destroy();
    else this.#user.onBytes(bytes);
  }

  /** Nothing is read until `resume`. */
  pause(): void {
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  /** Ends the connection at once; its user hears nothing of it. */
  destroy(): void {
    this.#user = undefined;
    this.#end();
  }

  #end(error?: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.destroy();
    this.#onUnused?.();
    this.#user?.onClosed(error);
  }
}

/** Opens connections and keeps them for the next request. */
export class Connections {
  readonly #kept = new Map<string, HttpConnection[]>();
  /** Made when needed: the certificates take milliseconds to read, and room. */
  #secureContext: tls.SecureContext | undefined;
  readonly #lookup: net.LookupFunction;
  #extraCa = '';

  constructor(lookup: net.LookupFunction) {
    this.#lookup = lookup;
  }

  /**
   * From now on these certificates (PEM, '' for none) are trusted besides the system's. What was
   * trusted before is of no value, so kept connections end when they change.
   */
  trust(extraCa: string): void {
    if (extraCa === this.#extraCa) return;
    this.#extraCa = extraCa;
    this.#secureContext = undefined;
    this.close();
  }

  /** A connection to the server of `url` that an earlier request has left. */
  takeKept({ url, mayBeLinkLocal }: Destination): HttpConnection | undefined {
    const connection = this.#kept.get(serverOf(url))?.at(-1);
    if (connection === undefined || (!mayBeLinkLocal && connection.isLinkLocal)) return undefined;
    this.#forget(serverOf(url), connection);
    return connection;
  }

  /** Keeps a connection to the server of `url`, or ends it when there are enough. */
  giveBack(url: URL, connection: HttpConnection): void {
    const server = serverOf(url);
    const kept = this.#kept.get(server) ?? [];
    if (kept.length >= KEPT_MAX) {
      connection.destroy();
      return;
    }
    this.#kept.set(server, [...kept, connection]);
    connection.leave(() => this.#forget(server, connection));
  }

  /** Begins to connect. What goes wrong goes to the connection's first user. */
  open({ url, mayBeLinkLocal }: Destination): HttpConnection {
    const isSecure = url.protocol === 'https:';
    if (!isSecure && url.protocol !== 'http:') {
      throw new CodedError('ERR_HTTP', `${url.protocol} is not a protocol of exporters`);
    }
    const host = connectHost(url);
    if (!mayBeLinkLocal && isLinkLocal(host)) throw redirectError();
    const where = {
      host,
      port: Number(url.port) || (isSecure ? 443 : 80),
      lookup: mayBeLinkLocal ? this.#lookup : withoutLinkLocal(this.#lookup),
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
    };
    return isSecure ? this.#openSecure(where) : openPlain(where);
  }

  /** Ends the connections that are kept. */
  close(): void {
    const all = [...this.#kept.values()].flat();
    this.#kept.clear();
    for (const connection of all) connection.destroy();
  }

  #forget(origin: string, connection: HttpConnection): void {
    const left = (this.#kept.get(origin) ?? []).filter((other) => other !== connection);
    if (left.length === 0) this.#kept.delete(origin);
    else this.#kept.set(origin, left);
  }

  #openSecure(where: net.TcpNetConnectOpts & { host: string }): HttpConnection {
    this.#secureContext ??= tls.createSecureContext({
      ca: [...trustedCertificates(), ...certificatesIn(this.#extraCa)],
    });
    const socket = tls.connect({
      ...where,
      secureContext: this.#secureContext,
      // NODE_TLS_REJECT_UNAUTHORIZED of the server's environment must not change us.
      rejectUnauthorized: true,
      servername: net.isIP(where.host) === 0 ? where.host : '',
      ALPNProtocols: ['http/1.1'],
    });
    const connection = new HttpConnection(socket);
    socket.on('data', (bytes: Buffer) => connection.onBytes(bytes));
    return connection;
  }
}

function openPlain(where: net.TcpNetConnectOpts): HttpConnection {
  const onread = {
    buffer: readBuffer,
    callback: (length: number): boolean => {
      connection.onBytes(readBuffer.subarray(0, length));
      return true;
    },
  };
  const connection = new HttpConnection(net.connect({ ...where, onread }));
  return connection;
}

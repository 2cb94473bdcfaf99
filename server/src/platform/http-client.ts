import { isIP, type LookupFunction } from 'node:net';

import { CodedError } from '../base/errors.ts';
import type { HttpClient, HttpGetOptions, HttpResponse } from '../base/ports/http-client.ts';
import { redactUrl } from '../base/redact.ts';
import { onAbort } from './abort-listeners.ts';
import { type BodyBuffer, BodyMemory } from './body-memory.ts';
import { type AnswerHead, type AnswerListener, AnswerReader } from './http-answer.ts';
import { type BodyListener, type BodySink, bodySink } from './http-body.ts';
import {
  type ConnectionUser,
  Connections,
  type Destination,
  type HttpConnection,
} from './http-connection.ts';
import { exchangeError, timeoutError } from './http-errors.ts';
import { localLookup } from './local-lookup.ts';
import { connectHost, serverOf, zonedUrl } from './zoned-url.ts';

const REDIRECTS_MAX = 10;
const REDIRECT_STATUSES: readonly number[] = [301, 302, 303, 307, 308];
/** Fields that a redirect to another origin does not take along, as in Go's client. */
const SECRET_FIELDS = new Set(['authorization', 'cookie']);
/** A larger BodySizeLimitBytes, its default of 1 GiB among them, means this: so much is too much anyway. */
const MEMORY_BYTES = 128 * 1024 * 1024;

export interface HttpClientOptions {
  /** Memory for all bodies together, and so the most that one body may have. */
  readonly memoryLimitBytes?: number;
  /** Finds the addresses of hosts; default: the system's. */
  readonly lookup?: LookupFunction;
}

/**
 * {@link HttpClient} on sockets, with connections and memory kept for the next request. Between a
 * socket and a body `node:http` has streams, headers and agents: for the bodies of usual exporters it
 * takes one and a half to four times the CPU time, for those of many megabytes about the same.
 */
export class NodeHttpClient implements HttpClient {
  readonly #connections: Connections;
  readonly #memory: BodyMemory;

  constructor(options: HttpClientOptions = {}) {
    this.#connections = new Connections(options.lookup ?? localLookup);
    this.#memory = new BodyMemory(options.memoryLimitBytes ?? MEMORY_BYTES);
  }

  async get(url: string, options: HttpGetOptions): Promise<HttpResponse> {
    const exchange = new Exchange(options);
    try {
      return await this.#follow(zonedUrl(url), exchange);
    } catch (error) {
      throw exchange.isAborted
        ? exchange.abortReason
        : exchangeError(error, url, exchange.isForeign);
    } finally {
      exchange.end();
    }
  }

  /** Ends connections that are kept; requests under way go on. */
  close(): void {
    this.#connections.close();
  }

  /** The first answer that does not send us elsewhere. */
  async #follow(first: URL, exchange: Exchange): Promise<HttpResponse> {
    let destination: Destination = { url: first, mayBeLinkLocal: true };
    for (let redirects = 0; ; redirects++) {
      // Whoever has been led to another server does not get back what is for the first one alone.
      exchange.isForeign ||= serverOf(destination.url) !== serverOf(first);
      const { response, location } = await this.#ask(destination, exchange);
      if (location === undefined) return response;
      if (redirects === REDIRECTS_MAX) {
        const message = `redirected more than ${REDIRECTS_MAX} times`;
        throw new CodedError('ERR_HTTP_REDIRECTS', message, { url: redactUrl(first.href) });
      }
      destination = redirected(first, destination.url, location);
    }
  }

  async #ask(destination: Destination, exchange: Exchange): Promise<Answer> {
    const { url } = destination;
    this.#connections.trust(exchange.options.extraCa ?? '');
    const kept = this.#connections.takeKept(destination);
    if (kept !== undefined) {
      const attempt = this.#attempt(url, kept, exchange);
      try {
        return await exchange.run(attempt);
      } catch (error) {
        // The server may have ended the connection just as we took it up: once more, as Go does.
        if (!attempt.isUnheard) throw error;
      }
    }
    return exchange.run(this.#attempt(url, this.#connections.open(destination), exchange));
  }

  #attempt(url: URL, connection: HttpConnection, exchange: Exchange): Attempt {
    const parts = { connections: this.#connections, memory: this.#memory };
    return new Attempt(parts, url, connection, exchange);
  }
}

interface Answer {
  readonly response: HttpResponse;
  /** Where the answer sends us. */
  readonly location: string | undefined;
}

/** The time limit and the abort signal of one `get`. The first reason to abort counts. */
class Exchange {
  readonly options: HttpGetOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #ignoreSignal: (() => void) | undefined;
  /** Whether a redirect has led to another origin than was asked for. */
  isForeign = false;
  isAborted = false;
  abortReason: unknown;
  #attempt: Attempt | undefined;

  constructor(options: HttpGetOptions) {
    this.options = options;
    const { signal, timeoutMs } = options;
    this.#timer = setTimeout(() => {
      this.#abort(timeoutError(timeoutMs, this.#attempt?.hasHead ?? false));
    }, timeoutMs);
    if (signal?.aborted === true) this.#abort(signal.reason);
    else this.#ignoreSignal = signal && onAbort(signal, () => this.#abort(signal.reason));
  }

  /** Sends a request; resolves with its answer. */
  run(attempt: Attempt): Promise<Answer> {
    this.#attempt = attempt;
    const answer = attempt.send();
    if (this.isAborted) attempt.fail(this.abortReason);
    return answer;
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#ignoreSignal?.();
  }

  #abort(reason: unknown): void {
    if (this.isAborted) return;
    this.isAborted = true;
    this.abortReason = reason;
    this.#attempt?.fail(reason);
  }
}

interface AttemptParts {
  readonly connections: Connections;
  readonly memory: BodyMemory;
}

/** One request on one connection, and its answer. */
class Attempt implements ConnectionUser, AnswerListener, BodyListener {
  readonly #parts: AttemptParts;
  readonly #url: URL;
  readonly #connection: HttpConnection;
  readonly #options: HttpGetOptions;
  #isForeign: boolean;
  readonly #reader = new AnswerReader(this);
  readonly #answer = Promise.withResolvers<Answer>();
  #head: AnswerHead | undefined;
  #body: BodySink | undefined;
  #hasBytes = false;
  /** All of the answer is here, and the connection is nothing of ours any more. */
  #isReceived = false;
  #isUnheard = false;
  #isOver = false;

  constructor(parts: AttemptParts, url: URL, connection: HttpConnection, exchange: Exchange) {
    this.#parts = parts;
    this.#url = url;
    this.#connection = connection;
    this.#options = exchange.options;
    this.#isForeign = exchange.isForeign;
  }

  get hasHead(): boolean {
    return this.#head !== undefined;
  }

  /** Whether it failed because the connection ended before there was any answer. */
  get isUnheard(): boolean {
    return this.#isUnheard;
  }

  send(): Promise<Answer> {
    const { headers } = this.#options;
    const own = this.#isForeign ? withoutSecrets(headers) : headers;
    const fields = { Host: this.#url.host, 'Accept-Encoding': 'gzip', ...own };
    this.#connection.use(this, requestText(this.#url, fields));
    return this.#answer.promise;
  }

  /** Ends the request and its connection. */
  fail(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (!this.#isReceived) this.#connection.destroy();
    this.#body?.drop();
    this.#answer.reject(error);
  }

  onBytes(bytes: Buffer): void {
    this.#hasBytes = true;
    try {
      this.#reader.push(bytes);
    } catch (error) {
      this.fail(error);
    }
  }

  onClosed(error?: Error): void {
    this.#isUnheard = !this.#hasBytes && !this.#isOver;
    try {
      if (error !== undefined) throw error;
      this.#reader.end();
    } catch (reason) {
      this.fail(reason);
    }
  }

  onHead(head: AnswerHead): void {
    this.#head = head;
    if (this.#connection.isLinkLocal) this.#isForeign = true;
    const { status, fields } = head;
    if (status !== 200) {
      // What stands in the answer is of no use, and its connection is not worth waiting for it.
      const location = REDIRECT_STATUSES.includes(status)
        ? fields.get('location') || undefined
        : undefined;
      this.#finish(head, new Uint8Array(0), () => {}, location);
      this.#connection.destroy();
      return;
    }
    const encoding = fields.get('content-encoding') ?? '';
    this.#body = bodySink(encoding, this.#parts.memory, this.#options.bodyLimitBytes, this);
  }

  onBody(bytes: Buffer): void {
    if (this.#isOver) return;
    if (this.#body?.push(bytes) === false) this.#connection.pause();
  }

  onRoom(): void {
    if (!this.#isReceived) this.#connection.resume();
  }

  onEnd(): void {
    if (this.#isOver) return;
    // Whatever becomes of the body, the connection is in order.
    this.#isReceived = true;
    if (this.#reader.mayReuse) this.#parts.connections.giveBack(this.#url, this.#connection);
    else this.#connection.destroy();
    this.#body?.end();
  }

  onWhole(body: BodyBuffer): void {
    if (this.#isOver || this.#head === undefined) return;
    this.#finish(this.#head, body.finish(), () => body.close());
  }

  onFailed(error: unknown): void {
    this.fail(error);
  }

  #finish(head: AnswerHead, body: Uint8Array, release: () => void, location?: string): void {
    this.#isOver = true;
    const { status, statusText, fields } = head;
    const contentType = fields.get('content-type') ?? '';
    const isForeign = this.#isForeign;
    this.#answer.resolve({
      response: { status, statusText, contentType, isForeign, body, release },
      location,
    });
  }
}

/**
 * Where an answer from `url` sends us, as Prometheus follows it: to any host, but never to a link-local
 * address, unless that is the very one that was asked for.
 */
function redirected(first: URL, url: URL, location: string): Destination {
  const target = parsed(location, url);
  if (target === undefined || !/^https?:$/.test(target.protocol)) {
    throw new CodedError('ERR_HTTP', 'redirected to something that is no address of HTTP');
  }
  const host = connectHost(first);
  // A name may mean another address by now.
  return { url: target, mayBeLinkLocal: connectHost(target) === host && isIP(host) !== 0 };
}

function parsed(location: string, base: URL): URL | undefined {
  try {
    // Its bytes, of which each is a character here.
    const escaped = location.replace(
      /[\x80-\xff]/g,
      (char) => `%${char.charCodeAt(0).toString(16)}`,
    );
    return zonedUrl(escaped, base);
  } catch {
    return undefined;
  }
}

/** The header fields without those that are for the target alone. */
function withoutSecrets(
  headers: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const entries = Object.entries(headers);
  return Object.fromEntries(entries.filter(([name]) => !SECRET_FIELDS.has(name.toLowerCase())));
}

/** The text of a GET request. */
function requestText(url: URL, fields: Readonly<Record<string, string>>): string {
  let text = `GET ${url.pathname}${url.search} HTTP/1.1\r\n`;
  for (const [name, value] of Object.entries(fields)) text += `${name}: ${value}\r\n`;
  return `${text}\r\n`;
}

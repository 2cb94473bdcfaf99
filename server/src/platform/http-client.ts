import http from 'node:http';
import https from 'node:https';
import type { Readable } from 'node:stream';

import fetch from 'node-fetch';
import type { Response } from 'node-fetch';

import { CodedError } from '../base/errors.ts';
import type { HttpClient, HttpGetOptions, HttpResponse } from '../base/ports/http-client.ts';
import { BodyMemory } from './body-memory.ts';
import { gunzipped } from './gunzip.ts';
import { exchangeError, isBrokenConnection, timeoutError } from './http-errors.ts';

const REDIRECTS_MAX = 10;
const STATUS_TEXT_MAX = 100;
const MEMORY_BYTES = 128 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;

export interface HttpClientOptions {
  /** Memory for all bodies together, and so the most that one body may have. */
  readonly memoryLimitBytes?: number;
}

/** {@link HttpClient} on node-fetch, with connections kept for the next request. */
export class NodeHttpClient implements HttpClient {
  readonly #agent = new http.Agent({ keepAlive: true, maxFreeSockets: 2 });
  readonly #secureAgent = new https.Agent({ keepAlive: true, maxFreeSockets: 2 });
  readonly #memory: BodyMemory;

  constructor(options: HttpClientOptions = {}) {
    this.#memory = new BodyMemory(options.memoryLimitBytes ?? MEMORY_BYTES);
  }

  async get(url: string, options: HttpGetOptions): Promise<HttpResponse> {
    const exchange = new Exchange(options);
    try {
      const response = await this.#send(url, options, exchange);
      return await this.#receive(response, options, exchange);
    } catch (error) {
      throw exchange.abortReason ?? exchangeError(error, url);
    } finally {
      exchange.end();
    }
  }

  /** Ends connections that are kept; requests under way go on. */
  close(): void {
    this.#agent.destroy();
    this.#secureAgent.destroy();
  }

  async #send(url: string, options: HttpGetOptions, exchange: Exchange): Promise<Response> {
    const request = {
      // Not left to node-fetch: its gunzip takes a body that was cut off for a whole one.
      compress: false,
      headers: { ...options.headers, 'Accept-Encoding': 'gzip' },
      follow: REDIRECTS_MAX,
      highWaterMark: CHUNK_BYTES,
      signal: exchange.signal,
      agent: (to: URL) => (to.protocol === 'https:' ? this.#secureAgent : this.#agent),
    };
    try {
      return await fetch(url, request);
    } catch (error) {
      // The server may have ended a kept connection just as we took it up: once more, as Go does.
      if (!isBrokenConnection(error)) throw error;
      return await fetch(url, request);
    }
  }

  async #receive(
    response: Response,
    options: HttpGetOptions,
    exchange: Exchange,
  ): Promise<HttpResponse> {
    exchange.hasHeaders = true;
    const head = {
      status: response.status,
      statusText: cleanText(response.statusText),
      contentType: response.headers.get('content-type') ?? '',
    };
    if (response.status !== 200) {
      exchange.drop();
      return { ...head, body: new Uint8Array(0), release: () => {} };
    }
    const buffer = this.#memory.open(options.bodyLimitBytes, (error) => exchange.abort(error));
    try {
      for await (const chunk of decodedBody(response)) {
        exchange.signal.throwIfAborted();
        buffer.append(chunk);
      }
      exchange.signal.throwIfAborted();
      return { ...head, body: buffer.finish(), release: () => buffer.close() };
    } catch (error) {
      buffer.close();
      exchange.drop();
      throw error;
    }
  }
}

/** The body's bytes as they come, unpacked when they are packed. */
function decodedBody(response: Response): AsyncIterable<Buffer> {
  const body = response.body as Readable | null;
  if (body === null) throw new CodedError('ERR_HTTP', 'the answer has no body');
  const encoding = (response.headers.get('content-encoding') ?? '').trim().toLowerCase();
  if (encoding === '' || encoding === 'identity') return body;
  if (encoding !== 'gzip' && encoding !== 'x-gzip') {
    body.destroy();
    const message = `answered in the content encoding ${cleanText(encoding)}, not in gzip`;
    throw new CodedError('ERR_HTTP', message);
  }
  return gunzipped(body);
}

/** What a server says about its status is shown to people: one short line of it. */
function cleanText(text: string): string {
  return text.slice(0, STATUS_TEXT_MAX).replace(/[^\x20-\x7e]/g, '?');
}

/** The time limit and the abort signal of one exchange. The first reason to abort counts. */
class Exchange {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #outer: AbortSignal | undefined;
  readonly #onOuterAbort = (): void => this.abort(this.#outer?.reason);
  #isAborted = false;
  /** Why the exchange was aborted by us; undefined when it was not. */
  abortReason: unknown;
  hasHeaders = false;

  constructor(options: HttpGetOptions) {
    this.#outer = options.signal;
    const { timeoutMs } = options;
    const onTimeout = (): void => this.abort(timeoutError(timeoutMs, this.hasHeaders));
    this.#timer = setTimeout(onTimeout, timeoutMs);
    if (this.#outer?.aborted === true) this.#onOuterAbort();
    else this.#outer?.addEventListener('abort', this.#onOuterAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    if (this.#isAborted) return;
    this.#isAborted = true;
    this.abortReason = reason;
    this.#controller.abort(reason);
  }

  /** Ends the connection without a reason of ours: what is left of the answer is not wanted. */
  drop(): void {
    this.#isAborted = true;
    this.#controller.abort();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener('abort', this.#onOuterAbort);
  }
}

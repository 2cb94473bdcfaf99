import http from 'node:http';
import https from 'node:https';

import { CodedError } from '../base/errors.ts';
import type { HttpClient, HttpGetOptions, HttpResponse } from '../base/ports/http-client.ts';
import { BodyMemory } from './body-memory.ts';
import { trustedCertificates } from './certificates.ts';
import { decodedBody } from './http-body.ts';
import {
  cleanText,
  closedError,
  exchangeError,
  isBrokenConnection,
  timeoutError,
} from './http-errors.ts';
import { localLookup } from './local-lookup.ts';

const REDIRECTS_MAX = 10;
const REDIRECT_STATUSES: readonly (number | undefined)[] = [301, 302, 303, 307, 308];
const MEMORY_BYTES = 128 * 1024 * 1024;
const AGENT_OPTIONS = { keepAlive: true, maxFreeSockets: 2, lookup: localLookup };

export interface HttpClientOptions {
  /** Memory for all bodies together, and so the most that one body may have. */
  readonly memoryLimitBytes?: number;
}

/** {@link HttpClient} on node:http, with connections kept for the next request. */
export class NodeHttpClient implements HttpClient {
  readonly #agent = new http.Agent(AGENT_OPTIONS);
  /** Made when needed: the certificates take milliseconds to read, and room. */
  #secureAgent: https.Agent | undefined;
  readonly #memory: BodyMemory;

  constructor(options: HttpClientOptions = {}) {
    this.#memory = new BodyMemory(options.memoryLimitBytes ?? MEMORY_BYTES);
  }

  async get(url: string, options: HttpGetOptions): Promise<HttpResponse> {
    const exchange = new Exchange(options);
    try {
      const answer = await this.#follow(new URL(url), exchange);
      return await this.#receive(answer, exchange);
    } catch (error) {
      exchange.drop();
      throw exchange.abortReason ?? exchangeError(error, url);
    } finally {
      exchange.end();
    }
  }

  /** Ends connections that are kept; requests under way go on. */
  close(): void {
    this.#agent.destroy();
    this.#secureAgent?.destroy();
  }

  /** The first answer that does not send us elsewhere. */
  async #follow(url: URL, exchange: Exchange): Promise<http.IncomingMessage> {
    let target = url;
    for (let redirects = 0; ; redirects++) {
      const answer = await this.#ask(target, exchange);
      const { location } = answer.headers;
      if (location === undefined || !REDIRECT_STATUSES.includes(answer.statusCode)) return answer;
      if (redirects === REDIRECTS_MAX) {
        const message = `redirected more than ${REDIRECTS_MAX} times`;
        throw new CodedError('ERR_HTTP_REDIRECTS', message, { url: url.href });
      }
      // What stands in the answer is of no use, and its connection is not worth waiting for it.
      answer.destroy();
      target = new URL(location, target);
    }
  }

  async #ask(url: URL, exchange: Exchange): Promise<http.IncomingMessage> {
    const request = this.#request(url, exchange);
    try {
      return await exchange.answerTo(request);
    } catch (error) {
      // The server may have ended a kept connection just as we took it up: once more, as Go does.
      if (!request.reusedSocket || !isBrokenConnection(error)) throw error;
      return await exchange.answerTo(this.#request(url, exchange));
    }
  }

  #request(url: URL, { options }: Exchange): http.ClientRequest {
    const { protocol, host, hostname, port, pathname, search } = url;
    const headers = [
      'Host',
      host,
      'Accept-Encoding',
      'gzip',
      ...Object.entries(options.headers).flat(),
    ];
    const target = {
      protocol,
      hostname: hostname.replace(/^\[(.*)\]$/, '$1'),
      port,
      path: pathname + search,
      headers,
    };
    return protocol === 'https:'
      ? https.request({ ...target, agent: this.#makeSecureAgent() })
      : http.request({ ...target, agent: this.#agent });
  }

  #makeSecureAgent(): https.Agent {
    this.#secureAgent ??= new https.Agent({ ...AGENT_OPTIONS, ca: trustedCertificates() });
    return this.#secureAgent;
  }

  async #receive(answer: http.IncomingMessage, exchange: Exchange): Promise<HttpResponse> {
    const head = {
      status: answer.statusCode ?? 0,
      statusText: cleanText(answer.statusMessage ?? ''),
      contentType: answer.headers['content-type'] ?? '',
    };
    if (head.status !== 200) {
      exchange.drop();
      return { ...head, body: new Uint8Array(0), release: () => {} };
    }
    const { bodyLimitBytes } = exchange.options;
    const buffer = this.#memory.open(bodyLimitBytes, (error) => exchange.abort(error));
    try {
      for await (const chunk of decodedBody(answer)) {
        exchange.throwIfAborted();
        buffer.append(chunk);
      }
      exchange.throwIfAborted();
      return { ...head, body: buffer.finish(), release: () => buffer.close() };
    } catch (error) {
      buffer.close();
      throw error;
    }
  }
}

/** The time limit and the abort signal of one exchange. The first reason to abort counts. */
class Exchange {
  readonly options: HttpGetOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #onOuterAbort = (): void => this.abort(this.options.signal?.reason);
  #request: http.ClientRequest | undefined;
  #isAborted = false;
  #hasHeaders = false;
  /** Why the exchange was aborted by us; undefined when it was not. */
  abortReason: unknown;

  constructor(options: HttpGetOptions) {
    this.options = options;
    const { signal, timeoutMs } = options;
    const onTimeout = (): void => this.abort(timeoutError(timeoutMs, this.#hasHeaders));
    this.#timer = setTimeout(onTimeout, timeoutMs);
    if (signal?.aborted === true) this.#onOuterAbort();
    else signal?.addEventListener('abort', this.#onOuterAbort, { once: true });
  }

  /** Sends a request and resolves when the head of its answer is there. */
  answerTo(request: http.ClientRequest): Promise<http.IncomingMessage> {
    this.#request = request;
    return new Promise((resolve, reject) => {
      request.on('error', reject);
      // Last, and alone where the answer was none, such as a switch of protocols.
      request.once('close', () => reject(closedError()));
      request.once('response', (answer) => {
        this.#hasHeaders = true;
        // Who reads the body hears of errors; at other times they are nobody's.
        answer.on('error', () => {});
        resolve(answer);
      });
      if (this.#isAborted) request.destroy();
      else request.end();
    });
  }

  abort(reason: unknown): void {
    if (this.#isAborted) return;
    this.abortReason = reason;
    this.drop();
  }

  throwIfAborted(): void {
    if (this.#isAborted) throw this.abortReason;
  }

  /** Ends the connection; what is left of the answer is not wanted. */
  drop(): void {
    this.#isAborted = true;
    this.#request?.destroy();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.options.signal?.removeEventListener('abort', this.#onOuterAbort);
  }
}

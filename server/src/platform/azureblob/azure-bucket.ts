// Azure's Blob service as a bucket. Everything here is one request, tried once.
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

import { CodedError, hasCode } from '../../base/errors.ts';
import type {
  Bucket,
  BucketBody,
  BucketGetOptions,
  BucketListOptions,
  BucketObject,
  BucketPage,
  BucketUpload,
  ContainerSettings,
  StartedUpload,
} from '../../base/ports/bucket.ts';
import { makeAgents } from '../bucket/agents.ts';
import { bodyPieces } from '../bucket/body-pieces.ts';
import { exchange, readAnswer, timedOut } from '../bucket/exchange.ts';
import {
  askSize,
  cutToRange,
  lengthIn,
  modifiedOrNow,
  sizeInRange,
} from '../bucket/unknown-values.ts';
import { answerError, connectionError } from './azure-errors.ts';
import { AzureIdentity } from './identity.ts';
import { readListing } from './listing.ts';
import { sharedKey } from './shared-key.ts';

/** The version of the protocol; all clouds have known it for years. */
const VERSION = '2021-12-02';
const CONTENT_TYPE = 'application/octet-stream';
/** As S3 has it; a page is held in memory. */
const PAGE_OBJECTS_MAX = '1000';
const PAGE_BYTES_MAX = 16 * 1024 * 1024;
const ERROR_BYTES_MAX = 64 * 1024;
/** Putting many parts together takes longer than one of them. */
const COMPLETE_TIMEOUT_FACTOR = 10;
/** All ids of the parts of an object have one length; these have that of the server's. */
const UPLOAD_ID_BYTES = 12;
const UNAUTHORIZED = 401;

interface Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE';
  /** undefined: the container itself. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly timeoutMs?: number;
}

export class AzureBucket implements Bucket {
  readonly #settings: ContainerSettings;
  readonly #agents: ReturnType<typeof makeAgents>;
  readonly #identity: AzureIdentity;

  constructor(settings: ContainerSettings) {
    this.#settings = settings;
    const url = new URL(settings.url);
    const connection = {
      isSecure: url.protocol === 'https:',
      verifiesCertificates: settings.verifiesCertificates,
    };
    this.#agents = makeAgents(connection, url.host);
    this.#identity = new AzureIdentity(connection);
  }

  async head(key: string): Promise<BucketObject | undefined> {
    try {
      const { headers } = await this.#ask({ method: 'HEAD', key });
      const sizeBytes = lengthIn(headers['content-length']) || (await askSize(this, key));
      if (sizeBytes === undefined) return undefined;
      const modifiedMs = modifiedOrNow(headers['last-modified']);
      return { sizeBytes, modifiedMs, tag: headers.etag ?? '' };
    } catch (error) {
      if (hasCode(error, 'ERR_FILESTORE_NOT_FOUND')) return undefined;
      throw error;
    }
  }

  async get(key: string, { start, end, ifMatch }: BucketGetOptions): Promise<BucketBody> {
    // An empty object has no range, not even an empty one.
    const isPart = start > 0 || end !== undefined;
    const last = end === undefined ? '' : String(end - 1);
    const answer = await this.#send({
      method: 'GET',
      key,
      headers: {
        ...(isPart && { range: `bytes=${start}-${last}` }),
        ...(ifMatch !== undefined && ifMatch !== '' && { 'if-match': ifMatch }),
      },
    });
    try {
      const isWhole = !isPart || answer.statusCode === 200;
      const sizeBytes = isWhole
        ? lengthIn(answer.headers['content-length'])
        : sizeInRange(answer.headers['content-range'], start);
      if (end !== undefined && sizeBytes !== undefined && end > sizeBytes)
        throw tooShort(end, sizeBytes);
      const { requestTimeoutMs: timeoutMs } = this.#settings;
      const pieces = bodyPieces(answer, timeoutMs, timedOut(timeoutMs), connectionError);
      const tag = answer.headers.etag ?? '';
      return {
        sizeBytes,
        tag,
        pieces: isPart && isWhole ? cutToRange(pieces, start, end) : pieces,
      };
    } catch (error) {
      answer.destroy();
      throw error;
    }
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    const headers = { 'x-ms-blob-type': 'BlockBlob', 'content-type': CONTENT_TYPE };
    await this.#ask({ method: 'PUT', key, headers, body: bytes });
  }

  async list(prefix: string, { folders, from }: BucketListOptions): Promise<BucketPage> {
    const query = {
      restype: 'container',
      comp: 'list',
      maxresults: PAGE_OBJECTS_MAX,
      prefix,
      ...(folders && { delimiter: '/' }),
      ...(from !== undefined && { marker: from }),
    };
    const { body } = await this.#ask({ method: 'GET', query });
    const page = readListing(Buffer.from(body).toString('utf8'));
    if (page.next !== undefined && page.next === from) {
      throw new CodedError('ERR_FILESTORE', 'the store cuts a listing and tells no continuation');
    }
    return page;
  }

  async remove(key: string): Promise<void> {
    try {
      const headers = { 'x-ms-delete-snapshots': 'include' };
      await this.#ask({ method: 'DELETE', key, headers });
    } catch (error) {
      if (!hasCode(error, 'ERR_FILESTORE_NOT_FOUND')) throw error;
    }
  }

  async removeMany(): Promise<void> {
    // There are batches, of which each entry is signed by itself; one by one is as fast.
    throw new CodedError('ERR_FILESTORE_UNSUPPORTED', 'the store removes objects one by one only');
  }

  /** Parts belong together by their ids; the store is not told before. */
  async startUpload(): Promise<string> {
    return randomBytes(UPLOAD_ID_BYTES).toString('base64');
  }

  async putPart(upload: BucketUpload, partNumber: number, bytes: Uint8Array): Promise<string> {
    const id = partId(upload, partNumber);
    const query = { comp: 'block', blockid: id };
    await this.#ask({ method: 'PUT', key: upload.key, query, body: bytes });
    return id;
  }

  async completeUpload(upload: BucketUpload, tags: readonly string[]): Promise<void> {
    const ids = tags.map((id) => `<Latest>${id}</Latest>`).join('');
    const xml = `<?xml version="1.0" encoding="utf-8"?><BlockList>${ids}</BlockList>`;
    await this.#ask({
      method: 'PUT',
      key: upload.key,
      query: { comp: 'blocklist' },
      headers: { 'x-ms-blob-content-type': CONTENT_TYPE, 'content-type': 'application/xml' },
      body: new TextEncoder().encode(xml),
      timeoutMs: this.#settings.requestTimeoutMs * COMPLETE_TIMEOUT_FACTOR,
    });
  }

  /** The store drops parts that nobody puts together for a week. */
  async abortUpload(): Promise<void> {}

  async listUploads(): Promise<readonly StartedUpload[]> {
    return [];
  }

  /** Sends a request and reads its whole answer. */
  async #ask(request: Request): Promise<{ headers: IncomingMessage['headers']; body: Uint8Array }> {
    const answer = await this.#send(request);
    const timeoutMs = request.timeoutMs ?? this.#settings.requestTimeoutMs;
    try {
      return { headers: answer.headers, body: await readAnswer(answer, PAGE_BYTES_MAX, timeoutMs) };
    } catch (error) {
      throw connectionError(error);
    }
  }

  /** Sends a request; any other answer than a success becomes an error. */
  async #send(request: Request): Promise<IncomingMessage> {
    const { method, body, timeoutMs = this.#settings.requestTimeoutMs } = request;
    const url = this.#urlOf(request);
    const headers = await this.#sign(request, url);
    let answer: IncomingMessage;
    let text = '';
    try {
      answer = await exchange({ method, url, headers, body, timeoutMs }, this.#agents);
      const status = answer.statusCode ?? 0;
      if (status >= 200 && status < 300) return answer;
      const bytes = await readAnswer(answer, ERROR_BYTES_MAX, timeoutMs);
      text = /<Message>([^<]*)/.exec(Buffer.from(bytes).toString('utf8'))?.[1] ?? '';
    } catch (error) {
      throw connectionError(error);
    }
    if (answer.statusCode === UNAUTHORIZED) this.#identity.forget();
    const name = answer.headers['x-ms-error-code'];
    throw answerError(answer.statusCode ?? 0, typeof name === 'string' ? name : undefined, text);
  }

  #urlOf({ key, query = {} }: Request): URL {
    const { url, container } = this.#settings;
    const path = key === undefined ? '' : `/${key.split('/').map(encodeURIComponent).join('/')}`;
    // Not URLSearchParams, which writes a blank as "+".
    const search = Object.entries(query).map((pair) => pair.map(encodeURIComponent).join('='));
    return new URL(`${url}/${container}${path}?${search.join('&')}`);
  }

  async #sign(request: Request, url: URL): Promise<Record<string, string>> {
    const { account, accessKey } = this.#settings;
    const { method, body } = request;
    const headers: Record<string, string> = {
      ...request.headers,
      'x-ms-date': new Date().toUTCString(),
      'x-ms-version': VERSION,
      ...(body !== undefined && { 'content-length': String(body.length) }),
    };
    headers.authorization =
      accessKey === undefined
        ? `Bearer ${await this.#identity.token()}`
        : sharedKey({ method, url, headers }, account, accessKey);
    return headers;
  }
}

function partId({ id }: BucketUpload, partNumber: number): string {
  const bytes = Buffer.alloc(UPLOAD_ID_BYTES + 4);
  bytes.write(id, 'base64');
  bytes.writeUInt32BE(partNumber, UPLOAD_ID_BYTES);
  return bytes.toString('base64');
}

function tooShort(expected: number, found: number): CodedError {
  const message = 'the object is shorter than the range that was asked for';
  return new CodedError('ERR_FILESTORE', message, { expected, found });
}

// The only file that knows Amazon's SDK. Everything here is one request, tried once.

import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketLocationCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { Readable } from 'node:stream';

import { CodedError, hasCode } from '../../base/errors.ts';
import type {
  Bucket,
  BucketBody,
  BucketGetOptions,
  BucketListOptions,
  BucketObject,
  BucketPage,
  BucketSettings,
  BucketUpload,
  StartedUpload,
} from '../../base/ports/bucket.ts';
import { bodyPieces } from '../bucket/body-pieces.ts';
import { askSize, cutToRange, modifiedOrNow, sizeInRange } from '../bucket/unknown-values.ts';
import { takeLenientAnswers } from './lenient-answers.ts';
import { credentialsFor } from './s3-credentials.ts';
import { bucketError } from './s3-errors.ts';
import { makeTransport } from './s3-transport.ts';

/** The region that S3 calls by no name. */
const FIRST_REGION = 'us-east-1';
const CONTENT_TYPE = 'application/octet-stream';
/** Completing a large object may take minutes, says the documentation of S3. */
const COMPLETE_TIMEOUT_FACTOR = 10;
/**
 * What keeps the region from being told keeps all requests from being answered. Any other refusal may
 * be the store's way to say that it knows no regions, for which each has words of its own.
 */
const OF_ALL_REQUESTS: ReadonlySet<string> = new Set([
  'ERR_FILESTORE_BUCKET',
  'ERR_FILESTORE_BUSY',
  'ERR_FILESTORE_CLOCK',
  'ERR_FILESTORE_CREDENTIALS',
  'ERR_FILESTORE_TIMEOUT',
  'ERR_FILESTORE_TLS',
  'ERR_FILESTORE_UNREACHABLE',
]);
/** A region is a part of names of hosts, or a word of the store's own. */
const REGION_PATTERN = /^[\w-]{1,63}$/;

/** Rejects with a `CodedError` when the region has to be asked for and nobody answers. */
export async function openSdkBucket(settings: BucketSettings): Promise<Bucket> {
  const region = settings.region || (await lookUpRegion(settings));
  if (!REGION_PATTERN.test(region)) throw noRegion(region);
  return new SdkBucket(makeClient(settings, region), settings);
}

function makeClient(settings: BucketSettings, region: string): S3Client {
  const host = settings.hostOf(region);
  const credentials = credentialsFor(settings);
  const client = new S3Client({
    region,
    endpoint: `${settings.isSecure ? 'https' : 'http'}://${host}`,
    forcePathStyle: settings.isPathStyle,
    ...(credentials !== undefined && { credentials }),
    requestHandler: makeTransport(settings, host),
    maxAttempts: 1,
    // Checksums beyond the signature's are what other stores than Amazon's stumble over.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // What the environment says about Amazon's own endpoints is not about this one.
    useDualstackEndpoint: false,
    useFipsEndpoint: false,
    useArnRegion: false,
    disableS3ExpressSessionAuth: true,
  });
  takeLenientAnswers(client);
  return client;
}

function noRegion(answer: string): CodedError {
  const message = 'the region is no region; set Amazon S3 Region to one that the store knows';
  return new CodedError('ERR_FILESTORE_REGION', message, { found: answer.slice(0, 100) });
}

/** Some stores can't say, and some roles may not ask; the first region fits nearly all of them. */
async function lookUpRegion(settings: BucketSettings): Promise<string> {
  const client = makeClient(settings, FIRST_REGION);
  try {
    const { LocationConstraint: location } = await timed(settings.requestTimeoutMs, (signal) =>
      client.send(new GetBucketLocationCommand({ Bucket: settings.bucket }), {
        abortSignal: signal,
      }),
    );
    return (location as string | undefined) === 'EU' ? 'eu-west-1' : location || FIRST_REGION;
  } catch (error) {
    const told = toldRegion(error);
    if (told !== undefined) return told;
    const coded = bucketError(error);
    if (OF_ALL_REQUESTS.has(coded.code)) throw coded;
    return FIRST_REGION;
  } finally {
    client.destroy();
  }
}

/** Amazon names the right region when it refuses a request to the wrong one. */
function toldRegion(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('Region' in error)) return undefined;
  return typeof error.Region === 'string' && error.Region !== '' ? error.Region : undefined;
}

class SdkBucket implements Bucket {
  readonly #client: S3Client;
  readonly #settings: BucketSettings;
  readonly #timeoutMs: number;

  constructor(client: S3Client, settings: BucketSettings) {
    this.#client = client;
    this.#settings = settings;
    this.#timeoutMs = settings.requestTimeoutMs;
  }

  async head(key: string): Promise<BucketObject | undefined> {
    try {
      const found = await this.#ask((abortSignal) =>
        this.#client.send(new HeadObjectCommand(this.#object(key)), { abortSignal }),
      );
      // Some proxies answer HEAD with the length of their own answer, which has no body.
      const sizeBytes = found.ContentLength || (await askSize(this, key));
      if (sizeBytes === undefined) return undefined;
      return { sizeBytes, modifiedMs: modifiedOrNow(found.LastModified), tag: found.ETag ?? '' };
    } catch (error) {
      if (hasCode(error, 'ERR_FILESTORE_NOT_FOUND')) return undefined;
      throw error;
    }
  }

  async get(key: string, options: BucketGetOptions): Promise<BucketBody> {
    const { start, end, ifMatch } = options;
    // An empty object has no range, not even an empty one.
    const isPart = start > 0 || end !== undefined;
    const last = end === undefined ? '' : String(end - 1);
    const answer = await this.#ask((abortSignal) =>
      this.#client.send(
        new GetObjectCommand({
          ...this.#object(key),
          ...(isPart && { Range: `bytes=${start}-${last}` }),
          ...(ifMatch !== undefined && ifMatch !== '' && { IfMatch: ifMatch }),
        }),
        { abortSignal },
      ),
    );
    const body = answer.Body;
    if (!(body instanceof Readable)) {
      throw new CodedError('ERR_FILESTORE', 'the store sent an object without a body');
    }
    try {
      // Whoever reads it hears of a broken connection; nobody else needs to.
      body.on('error', () => {});
      const isWhole = !isPart || answer.$metadata.httpStatusCode === 200;
      const sizeBytes = isWhole ? answer.ContentLength : sizeInRange(answer.ContentRange, start);
      if (end !== undefined && sizeBytes !== undefined && end > sizeBytes)
        throw tooShort(end, sizeBytes);
      const pieces = this.#pieces(body);
      const tag = answer.ETag ?? '';
      return {
        sizeBytes,
        tag,
        pieces: isPart && isWhole ? cutToRange(pieces, start, end) : pieces,
      };
    } catch (error) {
      body.destroy();
      throw error;
    }
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    const input = { ...this.#newObject(key), Body: bytes, ContentLength: bytes.length };
    await this.#ask((abortSignal) =>
      this.#client.send(new PutObjectCommand(input), { abortSignal }),
    );
  }

  async list(prefix: string, { folders, from }: BucketListOptions): Promise<BucketPage> {
    const page = await this.#ask((abortSignal) =>
      this.#client.send(
        new ListObjectsV2Command({
          Bucket: this.#settings.bucket,
          Prefix: prefix,
          ...(folders && { Delimiter: '/' }),
          ...(from !== undefined && { ContinuationToken: from }),
        }),
        { abortSignal },
      ),
    );
    const next = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    if (page.IsTruncated === true && (next === undefined || next === from)) {
      throw new CodedError('ERR_FILESTORE', 'the store cuts a listing and tells no continuation');
    }
    return {
      objects: (page.Contents ?? []).map(({ Key, Size, LastModified }) => ({
        key: Key ?? '',
        sizeBytes: Size,
        modifiedMs: modifiedOrNow(LastModified),
      })),
      folders: (page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix ?? ''),
      next,
    };
  }

  async remove(key: string): Promise<void> {
    try {
      await this.#ask((abortSignal) =>
        this.#client.send(new DeleteObjectCommand(this.#object(key)), { abortSignal }),
      );
    } catch (error) {
      if (!hasCode(error, 'ERR_FILESTORE_NOT_FOUND')) throw error;
    }
  }

  async removeMany(keys: readonly string[]): Promise<void> {
    const input = {
      Bucket: this.#settings.bucket,
      Delete: { Objects: keys.map((Key) => ({ Key })), Quiet: true },
    };
    const { Errors: failures } = await this.#ask((abortSignal) =>
      this.#client.send(new DeleteObjectsCommand(input), { abortSignal }),
    );
    const failure = failures?.find(({ Code }) => Code !== 'NoSuchKey');
    if (failure === undefined) return;
    const error = new Error(failure.Message ?? '');
    error.name = failure.Code ?? 'Error';
    throw bucketError(error);
  }

  async startUpload(key: string): Promise<string> {
    const { UploadId: id } = await this.#ask((abortSignal) =>
      this.#client.send(new CreateMultipartUploadCommand(this.#newObject(key)), { abortSignal }),
    );
    if (id === undefined || id === '') throw senseless('began an upload without an id');
    return id;
  }

  async putPart(upload: BucketUpload, partNumber: number, bytes: Uint8Array): Promise<string> {
    const input = {
      ...this.#object(upload.key),
      UploadId: upload.id,
      PartNumber: partNumber,
      Body: bytes,
      ContentLength: bytes.length,
    };
    const { ETag: tag } = await this.#ask((abortSignal) =>
      this.#client.send(new UploadPartCommand(input), { abortSignal }),
    );
    if (tag === undefined || tag === '') throw senseless('took a part without a tag');
    return tag;
  }

  async completeUpload(upload: BucketUpload, tags: readonly string[]): Promise<void> {
    const input = {
      ...this.#object(upload.key),
      UploadId: upload.id,
      MultipartUpload: { Parts: tags.map((ETag, i) => ({ ETag, PartNumber: i + 1 })) },
    };
    const timeoutMs = this.#timeoutMs * COMPLETE_TIMEOUT_FACTOR;
    const { ETag: tag } = await this.#ask(
      (abortSignal) =>
        this.#client.send(new CompleteMultipartUploadCommand(input), { abortSignal }),
      timeoutMs,
    );
    if (tag === undefined || tag === '') throw senseless('completed an upload without a tag');
  }

  async abortUpload(upload: BucketUpload): Promise<void> {
    const input = { ...this.#object(upload.key), UploadId: upload.id };
    try {
      await this.#ask((abortSignal) =>
        this.#client.send(new AbortMultipartUploadCommand(input), { abortSignal }),
      );
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }

  async listUploads(prefix: string): Promise<readonly StartedUpload[]> {
    const { Uploads: uploads } = await this.#ask((abortSignal) =>
      this.#client.send(
        new ListMultipartUploadsCommand({ Bucket: this.#settings.bucket, Prefix: prefix }),
        { abortSignal },
      ),
    );
    return (uploads ?? []).flatMap(({ Key: key, UploadId: id, Initiated: started }) =>
      key === undefined || id === undefined || started === undefined
        ? []
        : [{ key, id, startedMs: started.getTime() }],
    );
  }

  #pieces(body: Readable): AsyncIterable<Uint8Array> {
    return bodyPieces(body, this.#timeoutMs, timedOut(this.#timeoutMs), bucketError);
  }

  #object(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#settings.bucket, Key: key };
  }

  #newObject(key: string) {
    const { isEncrypted, storageClass } = this.#settings;
    return {
      ...this.#object(key),
      ContentType: CONTENT_TYPE,
      ...(isEncrypted && { ServerSideEncryption: 'AES256' as const }),
      // Stores have classes of their own; the setting is passed on as it is.
      ...(storageClass !== '' && { StorageClass: storageClass as 'STANDARD' }),
    };
  }

  async #ask<T>(
    send: (signal: AbortSignal) => Promise<T>,
    timeoutMs = this.#timeoutMs,
  ): Promise<T> {
    try {
      return await timed(timeoutMs, send);
    } catch (error) {
      throw bucketError(error);
    }
  }
}

/** The upload, or whatever a 404 without words is about. */
function isGone(error: unknown): boolean {
  return hasCode(error, 'ERR_FILESTORE_UPLOAD_LOST') || hasCode(error, 'ERR_FILESTORE_NOT_FOUND');
}

function senseless(what: string): CodedError {
  return new CodedError('ERR_FILESTORE_UNREACHABLE', `the store ${what}; something cut its answer`);
}

function tooShort(expected: number, found: number): CodedError {
  const message = 'the object is shorter than the range that was asked for';
  return new CodedError('ERR_FILESTORE', message, { expected, found });
}

/** Runs one request; one that is not over in time is ended. */
async function timed<T>(timeoutMs: number, send: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), timeoutMs);
  try {
    return await send(controller.signal);
  } catch (error) {
    throw controller.signal.aborted ? timedOut(timeoutMs) : error;
  } finally {
    clearTimeout(timer);
  }
}

function timedOut(timeoutMs: number): CodedError {
  return new CodedError(
    'ERR_FILESTORE_TIMEOUT',
    'the store did not answer in time (AmazonS3RequestTimeoutMilliseconds)',
    { expected: `${timeoutMs} ms` },
  );
}

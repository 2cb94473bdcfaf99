// Amazon's client reads all fields of an answer strictly, also those that nobody here looks at: one
// date in a form of the store's own fails the request. So answers are cut down to what is used, and
// that is written as Amazon does, before the client sees them.

import type { S3Client } from '@aws-sdk/client-s3';
import { Readable } from 'node:stream';

import { CodedError } from '../../base/errors.ts';
import { rootOf, usedXml } from './used-xml.ts';

/** A thousand keys of the greatest length, several times over. */
const XML_BYTES_MAX = 16 * 1024 * 1024;

/**
 * The elements of answers that tell by what is missing in them. The client takes a page to log in, or
 * nothing at all, for an empty list.
 */
const ROOTS: Readonly<Record<string, string>> = {
  DeleteObjectsCommand: 'DeleteResult',
  ListMultipartUploadsCommand: 'ListMultipartUploadsResult',
  ListObjectsV2Command: 'ListBucketResult',
};

/** Headers that the client or we look at; all others go. */
const USED_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'content-range',
  'content-type',
  'date',
  'etag',
  'last-modified',
  'location',
  'transfer-encoding',
  'x-amz-bucket-region',
  'x-amz-id-2',
  'x-amz-request-id',
]);

interface Answer {
  statusCode: number;
  headers: Record<string, string>;
  body?: unknown;
}

/** Lets the client take answers that differ from Amazon's where it does not matter. */
export function takeLenientAnswers({ middlewareStack }: S3Client): void {
  middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        const result = await next(args);
        if (isAnswer(result.response)) {
          await clean(result.response, commandName ?? '');
        }
        return result;
      },
    // The lowest stands next to the connection: it comes before the client's own readers.
    { step: 'deserialize', priority: 'low', name: 'lenientAnswers' },
  );
}

async function clean(answer: Answer, commandName: string): Promise<void> {
  answer.headers = usedHeaders(answer.headers);
  const { body, statusCode } = answer;
  const isWell = statusCode < 300;
  if (!(body instanceof Readable) || (isWell && commandName === 'GetObjectCommand')) return;
  const xml = new TextDecoder().decode(await wholeOf(body));
  const root = rootOf(xml);
  const expected = ROOTS[commandName];
  if (isWell && expected !== undefined && root !== expected && root !== 'Error') {
    throw new CodedError(
      'ERR_FILESTORE_UNREACHABLE',
      'the answer of the store makes no sense; something else has answered',
      { expected, found: root ?? 'no XML' },
    );
  }
  // The status says what the page of a proxy in between means; its words are for browsers.
  const used = isWell || root === 'Error' ? usedXml(xml) : '';
  const bytes = new TextEncoder().encode(used);
  // The answer to HEAD has the length of the object, and no body.
  if (bytes.length > 0) answer.headers['content-length'] = String(bytes.length);
  answer.body = Readable.from([bytes], { objectMode: false });
}

function usedHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const used: Record<string, string> = {};
  for (const [header, value] of Object.entries(headers)) {
    const name = header.toLowerCase();
    if (!USED_HEADERS.has(name)) continue;
    if (name === 'content-length' && !/^\d{1,15}$/.test(value)) continue;
    if (name !== 'last-modified') used[name] = value;
    else if (!Number.isNaN(Date.parse(value))) used[name] = new Date(value).toUTCString();
  }
  return used;
}

async function wholeOf(body: Readable): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const piece of body as AsyncIterable<Uint8Array>) {
    sizeBytes += piece.length;
    if (sizeBytes > XML_BYTES_MAX) {
      throw new CodedError('ERR_FILESTORE', 'the answer of the store is too long', {
        expected: `at most ${XML_BYTES_MAX} bytes`,
      });
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

function isAnswer(response: unknown): response is Answer {
  return (
    typeof response === 'object' &&
    response !== null &&
    'statusCode' in response &&
    'headers' in response
  );
}

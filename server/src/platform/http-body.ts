import type { IncomingMessage } from 'node:http';

import { CodedError } from '../base/errors.ts';
import { gunzipped } from './gunzip.ts';
import { cleanText, closedError } from './http-errors.ts';

/** So much of an answer is collected before anything is made of it; most bodies are shorter. */
const HEAD_BYTES = 256 * 1024;

/**
 * The body's bytes as they come, unpacked when they are packed. A chunk is void as soon as the next
 * one is asked for.
 */
export async function* decodedBody(answer: IncomingMessage): AsyncGenerator<Buffer, void, void> {
  const encoding = (answer.headers['content-encoding'] ?? '').trim().toLowerCase();
  const isPacked = encoding === 'gzip' || encoding === 'x-gzip';
  if (!isPacked && encoding !== '' && encoding !== 'identity') {
    const message = `answered in the content encoding ${cleanText(encoding)}, not in gzip`;
    throw new CodedError('ERR_HTTP', message);
  }
  const { chunks, isWhole } = await readHead(answer);
  const rest = isWhole ? undefined : answer;
  if (isPacked) {
    yield* gunzipped(chunks, rest);
  } else {
    yield* chunks;
    if (rest !== undefined) yield* rest;
  }
}

interface Head {
  readonly chunks: readonly Buffer[];
  /** Whether that is all there is. */
  readonly isWhole: boolean;
}

/** By events, which cost less than to iterate; what comes behind the head is left in `answer`. */
function readHead(answer: IncomingMessage): Promise<Head> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    const onData = (chunk: Buffer): void => {
      chunks.push(chunk);
      sizeBytes += chunk.length;
      if (sizeBytes > HEAD_BYTES) end(false);
    };
    const onClose = (): void => reject(closedError());
    const onEnd = (): void => end(true);
    const end = (isWhole: boolean): void => {
      answer.off('data', onData).off('end', onEnd).off('error', reject).off('close', onClose);
      if (!isWhole) answer.pause();
      resolve({ chunks, isWhole });
    };
    answer.on('error', reject).on('close', onClose).on('end', onEnd).on('data', onData);
  });
}

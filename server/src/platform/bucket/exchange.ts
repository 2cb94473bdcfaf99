import http from 'node:http';
import https from 'node:https';
import type { IncomingMessage } from 'node:http';

import { CodedError } from '../../base/errors.ts';
import { makeAgents } from './agents.ts';
import type { ConnectionSettings } from './agents.ts';

export interface Exchange {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
  /** Until the head of the answer is there. */
  readonly timeoutMs: number;
}

type Agents = ReturnType<typeof makeAgents>;

/** One HTTP request; resolves with the head of the answer, whatever its status. */
export function exchange(
  { method, url, headers, body, timeoutMs }: Exchange,
  connection: ConnectionSettings | Agents,
): Promise<IncomingMessage> {
  const agents = 'httpAgent' in connection ? connection : makeAgents(connection, url.host);
  return new Promise((resolve, reject) => {
    const isSecure = url.protocol === 'https:';
    const request = (isSecure ? https : http).request(url, {
      method,
      headers,
      agent: isSecure ? agents.httpsAgent : agents.httpAgent,
    });
    const timer = setTimeout(() => request.destroy(timedOut(timeoutMs)), timeoutMs);
    request.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    request.on('response', (response) => {
      clearTimeout(timer);
      // Whoever reads it hears of a broken connection; nobody else needs to.
      response.on('error', () => {});
      resolve(response);
    });
    request.end(body);
  });
}

/** The whole body of an answer that is known to be small; `ERR_FILESTORE` when it is not. */
export async function readAnswer(
  answer: IncomingMessage,
  sizeBytesMax: number,
  timeoutMs: number,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  const timer = setTimeout(() => answer.destroy(timedOut(timeoutMs)), timeoutMs);
  try {
    for await (const piece of answer as AsyncIterable<Uint8Array>) {
      sizeBytes += piece.length;
      if (sizeBytes > sizeBytesMax) {
        throw new CodedError('ERR_FILESTORE', 'the answer of the store is too long', {
          expected: `at most ${sizeBytesMax} bytes`,
        });
      }
      pieces.push(piece);
    }
  } finally {
    clearTimeout(timer);
    answer.destroy();
  }
  return Buffer.concat(pieces);
}

export function timedOut(timeoutMs: number): CodedError {
  return new CodedError('ERR_FILESTORE_TIMEOUT', 'the store did not answer in time', {
    expected: `${timeoutMs} ms`,
  });
}

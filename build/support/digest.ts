import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

/** What came, and how long it took. */
export interface Digest {
  readonly bytes: number;
  readonly sha256: string;
  readonly tookMs: number;
}

/**
 * Length and digest of a stream of bytes of which nothing is kept.
 *
 * @param bytesPerSecond read as slowly as a line of that speed would bring it
 */
export async function digestOf(
  source: AsyncIterable<Uint8Array>,
  bytesPerSecond = Infinity,
): Promise<Digest> {
  const hash = createHash('sha256');
  const beganMs = performance.now();
  let bytes = 0;
  for await (const piece of source) {
    hash.update(piece);
    bytes += piece.length;
    const aheadMs = (bytes / bytesPerSecond) * 1000 - (performance.now() - beganMs);
    if (aheadMs > 20) await delay(aheadMs);
  }
  return { bytes, sha256: hash.digest('hex'), tookMs: performance.now() - beganMs };
}

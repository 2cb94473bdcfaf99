import { copyBytes } from './copy-bytes.ts';
const ENTRIES = 16_384;
/** Longer texts seldom come twice. */
const TEXT_BYTES_MAX = 128;

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Decodes UTF-8 texts of which many are alike, such as the labels of a scrape: one that was seen
 * lately costs a comparison of bytes, and is the same string as then. Its size is fixed.
 */
export class TextCache {
  readonly #keys: (Uint8Array | undefined)[] = new Array<undefined>(ENTRIES).fill(undefined);
  readonly #texts: string[] = new Array<string>(ENTRIES).fill('');

  /** The text in `bytes[start, end)`; invalid sequences become U+FFFD. */
  text(bytes: Uint8Array, start: number, end: number): string {
    if (end - start > TEXT_BYTES_MAX) return decoder.decode(bytes.subarray(start, end));
    let hash = end - start;
    for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + bytes[i]) | 0;
    const at = (hash ^ (hash >>> 12)) & (ENTRIES - 1);
    const key = this.#keys[at];
    if (key !== undefined && isSame(key, bytes, start, end)) return this.#texts[at];
    this.#keys[at] = copyBytes(bytes, start, end);
    return (this.#texts[at] = decoder.decode(bytes.subarray(start, end)));
  }
}

function isSame(key: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (key.length !== end - start) return false;
  for (let i = 0; i < key.length; i++) if (key[i] !== bytes[start + i]) return false;
  return true;
}

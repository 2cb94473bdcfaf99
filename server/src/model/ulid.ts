// ULIDs (github.com/ulid/spec): 48 bits of milliseconds and 80 random bits in Crockford's base 32.

import { randomUnit } from '../base/random.ts';

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const TIME_CHARS = 10;
const RANDOM_CHARS = 16;
const ULID_PATTERN = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/**
 * A new ULID.
 * @param timeMs its first 48 bits; sorting by ULID sorts by this time
 * @param random numbers in [0, 1)
 */
export function makeUlid(timeMs: number, random: () => number = randomUnit): string {
  let time = '';
  let rest = Math.max(0, Math.floor(timeMs));
  for (let i = 0; i < TIME_CHARS; i++) {
    time = ALPHABET[rest % 32] + time;
    rest = Math.floor(rest / 32);
  }
  let text = time;
  for (let i = 0; i < RANDOM_CHARS; i++) text += ALPHABET[Math.floor(random() * 32)];
  return text;
}

/** The time that a ULID was made with. */
export function ulidTimeMs(ulid: string): number {
  let time = 0;
  for (let i = 0; i < TIME_CHARS; i++) time = time * 32 + ALPHABET.indexOf(ulid[i]);
  return time;
}

export function isUlid(text: string): boolean {
  return ULID_PATTERN.test(text);
}

// Numbers that nobody can guess, for names of files in folders that others may see.

const BITS_32 = 2 ** 32;

/** In [0, 1). */
export function randomUnit(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] / BITS_32;
}

/** Lower-case hexadecimal digits of `byteCount` random bytes. */
export function randomHex(byteCount: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(byteCount));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

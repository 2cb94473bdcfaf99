/**
 * A copy of `bytes[start, end)` with memory of its own. `bytes.slice` is none where Node hands in one of
 * its Buffers, whose `slice` is a view: what is kept would change, or go, with the original.
 */
export function copyBytes(
  bytes: Uint8Array,
  start = 0,
  end = bytes.length,
): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(end - start);
  copy.set(bytes.subarray(start, end));
  return copy;
}

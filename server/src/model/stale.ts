// The NaN that means "this series has ended", from Prometheus model/value/value.go.

/** Upper and lower half of the stale marker's bits: 0x7ff0000000000002. */
export const STALE_NAN_HI = 0x7ff00000;
export const STALE_NAN_LO = 0x00000002;

const scratch = new DataView(new ArrayBuffer(8));
scratch.setUint32(0, STALE_NAN_HI);
scratch.setUint32(4, STALE_NAN_LO);

/**
 * The stale marker as a number. JavaScript engines may change NaN bits when a value passes through
 * an ordinary variable, so codecs write {@link STALE_NAN_HI}/{@link STALE_NAN_LO} for it, and
 * callers that mean "stale" say so instead of passing a NaN.
 */
export function isStaleBits(hi: number, lo: number): boolean {
  return hi >>> 0 === STALE_NAN_HI && lo >>> 0 === STALE_NAN_LO;
}

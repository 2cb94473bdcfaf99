/** The last time that `Date` knows, Unix milliseconds; the first one is as far from 1970. */
export const TIME_MAX_MS = 8.64e15;

/** Such as `2026-01-31 12:00`. Times of others may be beyond what there is: then `(no date)`. */
export function utcMinute(timeMs: number): string {
  if (!(Math.abs(timeMs) <= TIME_MAX_MS)) return '(no date)';
  return new Date(timeMs).toISOString().slice(0, -8).replace('T', ' ');
}

import { ALIGN_TOLERANCE_MS_MAX, FIRST_SCRAPE_MS_MAX } from '../limits.ts';

/**
 * When a target is scraped: at its own fixed offset in each interval of the wall clock. The
 * offset comes from a hash of the target, so that targets spread evenly and keep their places over
 * restarts.
 */
export class Schedule {
  readonly #intervalMs: number;
  readonly #hash: number;
  readonly #offsetMs: number;

  /** @param hash any uint32 of the target's own */
  constructor(intervalMs: number, hash: number) {
    this.#intervalMs = intervalMs;
    this.#hash = hash;
    this.#offsetMs = Math.floor((hash / 2 ** 32) * intervalMs);
  }

  /** The first scrape of a new target: its place in the interval, or sooner if that is far off. */
  firstMs(nowMs: number): number {
    const soonMs = nowMs + Math.floor((this.#hash / 2 ** 32) * FIRST_SCRAPE_MS_MAX);
    return Math.min(this.#slotAfter(nowMs), soonMs);
  }

  /**
   * The scrape after the one planned for `lastMs`. Places that went by meanwhile are skipped. A wall
   * clock that jumped, either way, starts over from what it says now.
   */
  nextMs(nowMs: number, lastMs: number): number {
    const isPlausible = Math.abs(lastMs - nowMs) < this.#intervalMs;
    return this.#slotAfter(isPlausible ? Math.max(nowMs, lastMs) : nowMs);
  }

  /**
   * The timestamp of a scrape planned for `plannedMs` that begins at `nowMs`: the planned time when
   * it was met closely. Timestamps at equal distances compress far better than jittery ones.
   */
  timestampMs(nowMs: number, plannedMs: number): number {
    const toleranceMs = Math.min(ALIGN_TOLERANCE_MS_MAX, this.#intervalMs / 100);
    return Math.abs(nowMs - plannedMs) <= toleranceMs ? plannedMs : nowMs;
  }

  #slotAfter(nowMs: number): number {
    const intoMs = (nowMs - this.#offsetMs) % this.#intervalMs;
    return nowMs - intoMs + this.#intervalMs;
  }
}

/** FNV-1a over UTF-16 units: where in the interval a target goes; nobody gains by a collision. */
export function spreadHash(text: string, seed = 0): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  // FNV's high bits hardly change with the last characters, and the high bits are what we use.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}

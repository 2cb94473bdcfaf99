import { ulidTimeMs } from '../../model/ulid.ts';
import type { Clock } from '../../base/clock.ts';
import type { BlockMeta } from '../block/meta.ts';
import {
  CLOCK_AGREEMENT_MS,
  CLOCK_JUMP_MS,
  GAP_BELIEVED_AFTER_MS,
  GAP_PACE_AGREED,
  GAP_PACE_UNKNOWN,
  LATE_MS,
  SAMPLES_APART_MS_MAX,
  TIME_AHEAD_MS,
  WITNESS_AGE_MS_MAX,
} from '../limits.ts';

/** What clocks of others said, and when by the monotonic clock. */
interface Witnesses {
  readonly timesMs: readonly number[];
  readonly atMs: number;
}

/** What a reference time begins with. */
export interface ReferenceStart {
  readonly referenceMs: number;
  /** See `ReferenceTime.agreedMs`. */
  readonly agreedMs: number;
  /** See `ReferenceTime.isFounded`. */
  readonly isFounded: boolean;
}

/** Whether the clocks of others, the database's and the file store's, show the time of day. */
export type Agreement = 'agreed' | 'contradicted' | 'unknown';

/**
 * The time by which everything is judged that ends with something being removed. The time of day may
 * be wrong by days, for minutes or for weeks; this one stands until samples come in, and then moves
 * with the monotonic clock towards the time of day and not past it. A gap, such as the weeks that a
 * server was off, is believed after samples have come in for as long as the gap is, or for a day, and
 * then caught up with: 24 times as fast while the clocks of others agree with the time of day, twice
 * as fast while they are not known, and not at all while one of them contradicts.
 */
export class ReferenceTime {
  readonly #clock: Clock;
  #referenceMs: number | undefined;
  #agreedMs: number;
  #isFounded: boolean;
  #witnesses: Witnesses | undefined;
  /** When samples came in last, monotonic. */
  #notedMs: number | undefined;
  /** For how long samples have come in while no clock jumped. */
  #steadyMs = 0;
  /** Time of day less monotonic time when that began. */
  #offsetMs = 0;
  /** Whether it is another one than at the start. */
  hasMoved = false;

  /** @param start what an earlier process has kept, or what there is to derive it from */
  constructor(clock: Clock, start: { readonly referenceMs: number | undefined } | ReferenceStart) {
    this.#clock = clock;
    this.#referenceMs = start.referenceMs;
    this.#agreedMs = 'agreedMs' in start ? start.agreedMs : -Infinity;
    this.#isFounded = 'isFounded' in start && start.isFounded;
  }

  /** Unix milliseconds; undefined while there is nothing to derive it from. */
  get referenceMs(): number | undefined {
    return this.#referenceMs;
  }

  /** The newest time at which samples came in and all clocks agreed; -Infinity before that. */
  get agreedMs(): number {
    return this.#agreedMs;
  }

  /** Whether it was compared with what the file store knows; until then that decides. */
  get isFounded(): boolean {
    return this.#isFounded;
  }

  /** Ages that decide about a removal are counted from here; -Infinity while nothing may be removed. */
  get presentMs(): number {
    return Math.min(this.#clock.nowMs(), this.#referenceMs ?? -Infinity);
  }

  /**
   * The same for what nobody misses, such as the remains of an upload: after a long pause it need not
   * wait until the reference has caught up, when all clocks agree.
   */
  get remainsMs(): number {
    return this.agreement === 'agreed' ? this.#clock.nowMs() : this.presentMs;
  }

  /** What ends behind this time is set aside: no sample that is right can be so new. */
  get horizonMs(): number {
    const nowMs = this.#clock.nowMs();
    if (this.agreement === 'agreed') return nowMs + TIME_AHEAD_MS;
    return Math.max(this.#referenceMs ?? nowMs, this.#agreedMs) + TIME_AHEAD_MS;
  }

  /** A time for the name of a block: that of day, unless it is certainly wrong. */
  get namingMs(): number {
    const nowMs = this.#clock.nowMs();
    const knownMs = this.#referenceMs ?? nowMs;
    const isAhead = nowMs > this.horizonMs && this.agreement === 'contradicted';
    return isAhead || nowMs < knownMs - TIME_AHEAD_MS ? knownMs : nowMs;
  }

  get agreement(): Agreement {
    const witnesses = this.#witnesses;
    const monotonicMs = this.#clock.monotonicMs();
    if (witnesses === undefined || monotonicMs - witnesses.atMs > WITNESS_AGE_MS_MAX) {
      return 'unknown';
    }
    const dueMs = this.#clock.nowMs() - (monotonicMs - witnesses.atMs);
    const isNear = (timeMs: number): boolean => Math.abs(timeMs - dueMs) <= CLOCK_AGREEMENT_MS;
    return witnesses.timesMs.every(isNear) ? 'agreed' : 'contradicted';
  }

  /** Takes what clocks of others show right now; an empty list leaves what is known. */
  hear(timesMs: readonly number[]): void {
    if (timesMs.length === 0) return;
    this.#witnesses = { timesMs, atMs: this.#clock.monotonicMs() };
    const nowMs = this.#clock.nowMs();
    if (this.agreement !== 'agreed') return;
    // These were taken from clocks that ran ahead.
    const aheadMs = nowMs + TIME_AHEAD_MS;
    if (this.#agreedMs > aheadMs) this.#agreedMs = nowMs;
    if (this.#referenceMs !== undefined && this.#referenceMs > aheadMs) this.#set(nowMs);
  }

  /**
   * The reference of another place. Both have moved with the samples, so that the later one holds; one
   * that is not founded gives way.
   */
  adopt(otherMs: number): void {
    // It is damaged, or the clock is behind; neither is a time to learn from it.
    if (otherMs > this.#clock.nowMs() + TIME_AHEAD_MS) return;
    const ownMs = this.#isFounded ? (this.#referenceMs ?? -Infinity) : -Infinity;
    this.#set(Math.max(ownMs, otherMs));
    this.#isFounded = true;
  }

  /** No other place knows better. */
  found(): void {
    if (this.#referenceMs === undefined || this.#isFounded) return;
    this.#isFounded = true;
    this.hasMoved = true;
  }

  /**
   * For want of anything better, from the samples of a log: their end, or their beginning where they
   * are too far apart for a head. One of the two is of a wrong clock then.
   */
  derive(minTimeMs: number, maxTimeMs: number): void {
    if (this.#referenceMs !== undefined) return;
    this.#set(maxTimeMs - minTimeMs > LATE_MS ? minTimeMs : maxTimeMs);
  }

  /** Samples have come in. */
  note(): void {
    const nowMs = this.#clock.nowMs();
    const monotonicMs = this.#clock.monotonicMs();
    const sinceMs = Math.min(monotonicMs - (this.#notedMs ?? monotonicMs), SAMPLES_APART_MS_MAX);
    this.#notedMs = monotonicMs;
    const offsetMs = nowMs - monotonicMs;
    if (Math.abs(offsetMs - this.#offsetMs) > CLOCK_JUMP_MS) {
      this.#offsetMs = offsetMs;
      this.#steadyMs = 0;
    }
    this.#steadyMs += sinceMs;
    if (this.agreement === 'agreed') this.#agreedMs = Math.max(this.#agreedMs, nowMs);
    const referenceMs = this.#referenceMs ?? nowMs;
    // Under a clock that is behind, time goes on all the same.
    const isBehind = nowMs < referenceMs - TIME_AHEAD_MS;
    const gapMs = isBehind ? sinceMs : Math.max(0, nowMs - referenceMs);
    this.#set(referenceMs + Math.min(gapMs, sinceMs * (isBehind ? 1 : this.#pace(gapMs))));
  }

  #set(referenceMs: number): void {
    if (referenceMs === this.#referenceMs) return;
    this.#referenceMs = referenceMs;
    this.hasMoved = true;
  }

  #pace(gapMs: number): number {
    if (this.#steadyMs < Math.min(gapMs, GAP_BELIEVED_AFTER_MS)) return 1;
    const { agreement } = this;
    if (agreement === 'contradicted') return 1;
    return agreement === 'agreed' ? GAP_PACE_AGREED : GAP_PACE_UNKNOWN;
  }
}

/**
 * A first reference for blocks without one: the end of the longest stretch of them without a day's
 * gap. A few samples of a wrong clock, years ahead or behind, are a stretch of their own; what the clock
 * says now is not asked.
 *
 * @returns undefined without blocks
 */
export function deriveReference(blocks: readonly BlockMeta[]): number | undefined {
  let best: { readonly lengthMs: number; readonly endMs: number } | undefined;
  let startMs = 0;
  let endMs = -Infinity;
  for (const { minTime, maxTime } of blocks.toSorted((a, b) => a.minTime - b.minTime)) {
    if (minTime > endMs + LATE_MS) startMs = minTime;
    endMs = Math.max(minTime > endMs + LATE_MS ? -Infinity : endMs, maxTime);
    const lengthMs = endMs - startMs;
    if (best === undefined || lengthMs >= best.lengthMs) best = { lengthMs, endMs };
  }
  return best?.endMs;
}

/**
 * From when on the retention of a block counts: from its newest sample, or from when it was made where
 * that was more than a day later. So what was stored under a clock that was behind, or comes late from
 * a node that was off, is not gone before anybody could see it.
 */
export function keptFromMs(block: BlockMeta, presentMs: number): number {
  const { sources } = block.compaction;
  let madeMs = -Infinity;
  for (const ulid of sources.length > 0 ? sources : [block.ulid]) {
    const timeMs = ulidTimeMs(ulid);
    // A name with a time to come says nothing.
    if (timeMs <= presentMs + TIME_AHEAD_MS) madeMs = Math.max(madeMs, timeMs);
  }
  return madeMs > block.maxTime + LATE_MS ? madeMs : block.maxTime;
}

/**
 * The blocks that have outlived `retentionMs`, counted from the reference, and of those the oldest: a
 * pass ends `passMs` behind the first, so that even a wrong reference removes little at a time.
 */
export function dueBlocks<B extends { readonly meta: BlockMeta }>(
  blocks: readonly B[],
  presentMs: number,
  retentionMs: number,
  passMs: number,
): B[] {
  const due = blocks
    .map((block) => ({ block, fromMs: keptFromMs(block.meta, presentMs) }))
    .filter(({ fromMs }) => fromMs <= presentMs - retentionMs);
  const firstMs = due.reduce((first, { fromMs }) => Math.min(first, fromMs), Infinity);
  return due.filter(({ fromMs }) => fromMs <= firstMs + passMs).map(({ block }) => block);
}

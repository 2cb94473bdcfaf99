import { assert, CodedError } from '../../base/errors.ts';
import type { Labels } from '../../model/labels.ts';
import { STALE_NAN_HI, STALE_NAN_LO } from '../../model/stale.ts';
import type { Appender, AppendResult, SeriesRef } from '../../storage/appender.ts';
import { SMALL_SCRAPE_SAMPLES } from '../limits.ts';
import type { GroupCommit } from './group-commit.ts';
import type { Head } from './head.ts';
import type { PendingSamples } from './pending-samples.ts';
import { PENDING_AT, PENDING_COUNT, RECORD_DOUBLES } from './series-table.ts';

/** Bits of the NaN that Prometheus stores for an ordinary NaN (value.NormalNaN). */
const NORMAL_NAN_HI = 0x7ff80000;
const NORMAL_NAN_LO = 1;

/** Of the memory for samples, what large scrapes may fill. */
const LARGE_SCRAPES_PART = 3 / 4;

const float = new Float64Array(1);
const halves = new Int32Array(float.buffer);
/** Position of the upper half, by the machine's byte order. */
const HI = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;

export interface AppenderOwner {
  readonly head: Head;
  readonly commits: GroupCommit;
  readonly chunkBytesMax: number;
  /** While the head is being emptied because the clock went back: commits wait for it. */
  rewinding: Promise<void> | undefined;
  /** Counts a sample that was not taken. */
  onRefused(result: AppendResult): void;
  /** Lends memory for one scrape, and takes it back. */
  lend(): PendingSamples;
  giveBack(samples: PendingSamples): void;
  onCommitted(): void;
}

export class HeadAppender implements Appender {
  readonly #owner: AppenderOwner;
  #pending: PendingSamples | undefined;

  constructor(owner: AppenderOwner) {
    this.#owner = owner;
  }

  series(labels: Labels): SeriesRef {
    const { head, commits } = this.#owner;
    return head.table.refOf(head.series(labels, (ref) => commits.addSeries(ref)));
  }

  append(ref: SeriesRef, timestampMs: number, value: number): AppendResult | undefined {
    const pending = this.#next(timestampMs);
    const at = pending.count;
    if (value !== value) {
      pending.valuesHi[at] = NORMAL_NAN_HI;
      pending.valuesLo[at] = NORMAL_NAN_LO;
    } else {
      float[0] = value;
      pending.valuesHi[at] = halves[HI];
      pending.valuesLo[at] = halves[1 - HI];
    }
    return this.#add(ref, pending);
  }

  appendStale(ref: SeriesRef, timestampMs: number): AppendResult | undefined {
    const pending = this.#next(timestampMs);
    pending.valuesHi[pending.count] = STALE_NAN_HI;
    pending.valuesLo[pending.count] = STALE_NAN_LO;
    return this.#add(ref, pending);
  }

  async commit(): Promise<void> {
    const pending = this.#pending;
    if (pending === undefined) return;
    this.#pending = undefined;
    const { head, chunkBytesMax } = this.#owner;
    try {
      await this.#owner.rewinding;
      checkRoom(pending.count, head.chunkBytes, chunkBytesMax);
      await this.#owner.commits.commit(pending);
      this.#owner.onCommitted();
    } finally {
      pending.discard(head);
      this.#owner.giveBack(pending);
    }
  }

  rollback(): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    this.#pending = undefined;
    pending.discard(this.#owner.head);
    this.#owner.giveBack(pending);
  }

  /** Puts the time behind the samples that were taken; it counts when `#add` takes it. */
  #next(timestampMs: number): PendingSamples {
    assert(Number.isSafeInteger(timestampMs), 'a timestamp is not a safe integer');
    const pending = (this.#pending ??= this.#owner.lend());
    if (pending.count === pending.slots.length) pending.reserve(pending.count + 1);
    pending.times[pending.count] = timestampMs;
    return pending;
  }

  #add(ref: SeriesRef, pending: PendingSamples): AppendResult | undefined {
    const { head } = this.#owner;
    const slot = head.table.slotOf(ref);
    if (slot < 0) return undefined;
    // What the head holds is about to go, and must not keep out what comes.
    const isRewinding = this.#owner.rewinding !== undefined;
    let result = isRewinding ? 'appended' : head.check(slot, pending, pending.count);
    const at = slot * RECORD_DOUBLES * 2;
    const { ints } = head.table;
    if (result === 'appended' && ints[at + PENDING_COUNT] > 0) {
      result = checkPending(pending, slot, ints[at + PENDING_AT]);
    }
    if (result !== 'appended') {
      this.#owner.onRefused(result);
      return result;
    }
    ints[at + PENDING_AT] = pending.count;
    ints[at + PENDING_COUNT]++;
    pending.slots[pending.count] = slot;
    pending.refs[pending.count++] = ref;
    return result;
  }
}

/**
 * Compares the sample behind those that were taken with the one at `at`: a series may come twice in
 * one scrape. Samples of other appenders are judged on commit.
 */
function checkPending(pending: PendingSamples, slot: number, at: number): AppendResult {
  const next = pending.count;
  if (at >= next || pending.slots[at] !== slot) return 'appended';
  const { times, valuesHi, valuesLo } = pending;
  if (times[next] > times[at]) return 'appended';
  if (times[next] < times[at]) return 'out_of_order';
  const isSame = valuesHi[at] === valuesHi[next] && valuesLo[at] === valuesLo[next];
  return isSame ? 'duplicate' : 'conflict';
}

/** Throws when a commit would take more memory than allowed: the last of it is for small ones. */
function checkRoom(sampleCount: number, chunkBytes: number, limit: number): void {
  if (chunkBytes > limit) {
    throw new CodedError('ERR_HEAD_FULL', 'the head holds as many samples as it may', {
      chunkBytes,
      limit,
    });
  }
  if (sampleCount > SMALL_SCRAPE_SAMPLES && chunkBytes > limit * LARGE_SCRAPES_PART) {
    const message =
      `too many samples: what is left of the ${limit} bytes of memory for samples is for targets ` +
      `with at most ${SMALL_SCRAPE_SAMPLES}, and this one has ${sampleCount}`;
    throw new CodedError('ERR_HEAD_SHARE', message, { chunkBytes, limit, found: sampleCount });
  }
}

import { assert } from '../../base/errors.ts';
import type { Labels } from '../../model/labels.ts';
import { STALE_NAN_HI, STALE_NAN_LO } from '../../model/stale.ts';
import type { Appender, AppendResult, SeriesRef } from '../../storage/appender.ts';
import type { GroupCommit } from './group-commit.ts';
import { type Head, headFullError } from './head.ts';
import type { PendingSamples } from './pending-samples.ts';
import { PENDING_AT, PENDING_COUNT, RECORD_DOUBLES } from './series-table.ts';

/** Bits of the NaN that Prometheus stores for every ordinary NaN (value.NormalNaN). */
const NORMAL_NAN_HI = 0x7ff80000;
const NORMAL_NAN_LO = 1;

const float = new Float64Array(1);
const halves = new Int32Array(float.buffer);
/** Position of the upper half, by the machine's byte order. */
const HI = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;

export interface AppenderOwner {
  readonly head: Head;
  readonly commits: GroupCommit;
  readonly chunkBytesMax: number;
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
    if (value !== value) return this.#add(ref, timestampMs, NORMAL_NAN_HI, NORMAL_NAN_LO);
    float[0] = value;
    return this.#add(ref, timestampMs, halves[HI], halves[1 - HI]);
  }

  appendStale(ref: SeriesRef, timestampMs: number): AppendResult | undefined {
    return this.#add(ref, timestampMs, STALE_NAN_HI, STALE_NAN_LO);
  }

  async commit(): Promise<void> {
    const pending = this.#pending;
    if (pending === undefined) return;
    this.#pending = undefined;
    const { head, chunkBytesMax } = this.#owner;
    try {
      if (head.chunkBytes > chunkBytesMax) throw headFullError(head.chunkBytes, chunkBytesMax);
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

  #add(ref: SeriesRef, timeMs: number, hi: number, lo: number): AppendResult | undefined {
    assert(Number.isSafeInteger(timeMs), 'a timestamp is not a safe integer');
    const { head } = this.#owner;
    const slot = head.table.slotOf(ref);
    if (slot < 0) return undefined;
    let result = head.check(slot, timeMs, hi, lo);
    const at = slot * RECORD_DOUBLES * 2;
    const { ints } = head.table;
    const pending = (this.#pending ??= this.#owner.lend());
    if (result === 'appended' && ints[at + PENDING_COUNT] > 0) {
      result = this.#checkPending(pending, slot, ints[at + PENDING_AT], timeMs, hi, lo);
    }
    if (result !== 'appended') {
      this.#owner.onRefused(result);
      return result;
    }
    ints[at + PENDING_AT] = pending.count;
    ints[at + PENDING_COUNT]++;
    pending.add(slot, timeMs, hi, lo);
    return result;
  }

  /** A series may come twice in one scrape; samples of other appenders are judged on commit. */
  #checkPending(
    pending: PendingSamples,
    slot: number,
    at: number,
    timeMs: number,
    hi: number,
    lo: number,
  ): AppendResult {
    if (at >= pending.count || pending.slots[at] !== slot) return 'appended';
    if (timeMs > pending.times[at]) return 'appended';
    if (timeMs < pending.times[at]) return 'out_of_order';
    const isSame = pending.valuesHi[at] === hi && pending.valuesLo[at] === lo;
    return isSame ? 'duplicate' : 'conflict';
  }
}

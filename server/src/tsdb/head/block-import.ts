import type { Clock } from '../../base/clock.ts';
import type { Fs } from '../../base/ports/fs.ts';
import type { Labels } from '../../model/labels.ts';
import { makeUlid } from '../../model/ulid.ts';
import type { AppendResult } from '../../storage/appender.ts';
import type { BlockMeta } from '../block/meta.ts';
import { IMPORT_BYTES_MAX, SERIES_REF_MAX } from '../limits.ts';
import { SampleColumns } from '../record/sample-columns.ts';
import { checkLabels } from './check-labels.ts';
import { Head } from './head.ts';
import { runHeadBlockTask } from './head-block-task.ts';
import { takeSnapshot } from './head-snapshot.ts';
import { RECORD_DOUBLES, SeriesTable } from './series-table.ts';

/** Room for a series' labels, hash and reference, beside its record. */
const LABELS_BYTES = 80;

export interface BlockImportOptions {
  readonly fs: Fs;
  readonly clock: Clock;
  /** The blocks appear here. */
  readonly parentDir: string;
  /** Length of the blocks, and of the grid that they lie on. */
  readonly rangeMs: number;
  /** Memory for samples; {@link IMPORT_BYTES_MAX} by default. */
  readonly bytesMax?: number;
}

/** What did not fit into memory and has to be read once more. */
export interface Deferred {
  /** Blocks from here on are not written yet. */
  readonly fromMs: number;
  /** Least position of their samples. */
  readonly position: number;
}

/** One block that is being filled. */
interface Window {
  readonly startMs: number;
  readonly head: Head;
  /** The head's slot of each series; -1 while it has none. */
  slots: Int32Array;
  readonly firstPosition: number;
  readonly skipped: SkippedSamples;
}

/** Samples that are not in the blocks, since each series moves on in a block. */
export interface SkippedSamples {
  /** The series has another value at the same time already. */
  conflicts: number;
  /** The series has a later one already. */
  outOfOrder: number;
}

/**
 * Makes blocks of samples that come in any order of time; in a block those of one series have to
 * move on, and others are left out. All blocks are filled at once. When memory runs out the newest are given up, to
 * be filled when the input is read again from {@link Deferred.position}.
 */
export class BlockImport {
  readonly #options: BlockImportOptions;
  readonly #bytesMax: number;
  readonly #series = new SeriesTable(SERIES_REF_MAX);
  readonly #row = new SampleColumns();
  #windows = new Map<number, Window>();
  #current: Window | undefined;
  /** Blocks that end before are written. */
  #doneBeforeMs = -Infinity;
  #deferred: Deferred | undefined;
  readonly #skipped: SkippedSamples = { conflicts: 0, outOfOrder: 0 };

  constructor(options: BlockImportOptions) {
    this.#options = options;
    this.#bytesMax = options.bytesMax ?? IMPORT_BYTES_MAX;
  }

  /** Of all blocks that are written. */
  get skipped(): Readonly<SkippedSamples> {
    return this.#skipped;
  }

  /** The number of the series with these labels. `ERR_LABELS` when it may not have them. */
  series(labels: Labels): number {
    const found = this.#series.find(labels);
    if (found >= 0) return found;
    checkLabels(labels);
    return this.#series.add(labels);
  }

  /**
   * Adds a sample. What belongs to a written or a deferred block counts as appended.
   * @param value halves of its bits, as int32
   * @param position where the sample stands in the input
   */
  append(series: number, timeMs: number, hi: number, lo: number, position: number): AppendResult {
    let window = this.#current;
    const { rangeMs } = this.#options;
    if (window === undefined || timeMs < window.startMs || timeMs >= window.startMs + rangeMs) {
      const startMs = Math.floor(timeMs / rangeMs) * rangeMs;
      if (startMs < this.#doneBeforeMs) return 'appended';
      if (this.#deferred !== undefined && startMs >= this.#deferred.fromMs) {
        this.#defer(this.#deferred.fromMs, position);
        return 'appended';
      }
      window = this.#current = this.#windowAt(startMs, position);
    }
    const row = this.#row.setOnly(timeMs, hi, lo);
    const result = window.head.append(this.#slotOf(window, series), row, 0);
    if (result === 'conflict') window.skipped.conflicts++;
    else if (result === 'out_of_order') window.skipped.outOfOrder++;
    return result;
  }

  /** Gives up the newest blocks while there is too much in memory. To be called now and then. */
  limitMemory(): void {
    while (this.#windows.size > 1 && this.#sizeBytes() > this.#bytesMax) {
      const newest = [...this.#windows.values()].reduce((a, b) => (a.startMs > b.startMs ? a : b));
      this.#windows.delete(newest.startMs);
      this.#current = undefined;
      this.#defer(newest.startMs, newest.firstPosition);
    }
  }

  /**
   * Writes the blocks, oldest first, and forgets their samples.
   * @param onBlock told of each
   * @returns what has to be read again, from its position to the end; undefined when all is written
   */
  async write(
    signal: AbortSignal,
    onBlock: (meta: BlockMeta) => Promise<void>,
  ): Promise<Deferred | undefined> {
    const windows = [...this.#windows.values()].sort((a, b) => a.startMs - b.startMs);
    this.#windows.clear();
    this.#current = undefined;
    for (let window = windows.shift(); window !== undefined; window = windows.shift()) {
      this.#skipped.conflicts += window.skipped.conflicts;
      this.#skipped.outOfOrder += window.skipped.outOfOrder;
      const meta = await this.#writeBlock(window.head, signal);
      if (meta !== undefined) await onBlock(meta);
    }
    const deferred = this.#deferred;
    this.#deferred = undefined;
    if (deferred !== undefined) this.#doneBeforeMs = deferred.fromMs;
    return deferred;
  }

  #windowAt(startMs: number, position: number): Window {
    const known = this.#windows.get(startMs);
    if (known !== undefined) return known;
    const { clock, rangeMs } = this.#options;
    // Chunks are closed as promtool closes them: as if blocks were twice as long.
    const head = new Head({ clock, blockRangeMs: rangeMs * 2, seriesMax: SERIES_REF_MAX });
    const slots = new Int32Array(Math.max(1024, this.#series.slotEnd)).fill(-1);
    const skipped = { conflicts: 0, outOfOrder: 0 };
    const window = { startMs, head, slots, firstPosition: position, skipped };
    this.#windows.set(startMs, window);
    return window;
  }

  #slotOf(window: Window, series: number): number {
    if (series >= window.slots.length) {
      const grown = new Int32Array(series * 2).fill(-1);
      grown.set(window.slots);
      window.slots = grown;
    }
    const slot = window.slots[series];
    if (slot >= 0) return slot;
    return (window.slots[series] = window.head.table.add(this.#series.labels(series)));
  }

  #sizeBytes(): number {
    let total = 0;
    for (const { head } of this.#windows.values()) {
      total += head.chunkBytes + head.table.count * (RECORD_DOUBLES * 8 + LABELS_BYTES);
    }
    return total;
  }

  #defer(fromMs: number, position: number): void {
    const before = this.#deferred;
    this.#deferred =
      before === undefined
        ? { fromMs, position }
        : {
            fromMs: Math.min(before.fromMs, fromMs),
            position: Math.min(before.position, position),
          };
  }

  async #writeBlock(head: Head, signal: AbortSignal): Promise<BlockMeta | undefined> {
    const { fs, clock, parentDir } = this.#options;
    if (head.sampleCount === 0) return undefined;
    const range = { minTimeMs: head.minTimeMs, maxTimeMs: head.maxTimeMs + 1 };
    const ulid = makeUlid(clock.nowMs());
    const plan = { ulid, ...range, compaction: { level: 1, sources: [ulid] } };
    const snapshot = await takeSnapshot(head, range, clock);
    return runHeadBlockTask(fs, { parentDir, plan, snapshot }, signal);
  }
}

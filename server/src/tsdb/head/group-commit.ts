import { ByteWriter } from '../../base/bytes/byte-writer.ts';
import type { Clock } from '../../base/clock.ts';
import type { AppendResult, SeriesRef } from '../../storage/appender.ts';
import { SLICE_SAMPLES, WAL_RECORD_BYTES_TARGET } from '../limits.ts';
import { beginSamplesRecord, putSamples } from '../record/samples-record.ts';
import { beginSeriesRecord, putSeriesHeader } from '../record/series-record.ts';
import type { WalWriter } from '../wal/wal-writer.ts';
import type { Head } from './head.ts';
import { Pacer } from './pacer.ts';
import type { PendingSamples } from './pending-samples.ts';

/** Samples between two looks at the size of the record. */
const ENCODED_AT_ONCE = 1024;

interface Waiting {
  readonly samples: PendingSamples;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Brings scrapes to the log and then into the head. Those that arrive while the disk is busy go
 * together with the next sync.
 */
export class GroupCommit {
  readonly #head: Head;
  readonly #wal: WalWriter;
  readonly #clock: Clock;
  readonly #onApplied: (result: AppendResult, count: number) => void;
  #queue: Waiting[] = [];
  #running: Promise<void> | undefined;
  /** Series that the log does not know yet. */
  #newSeries: SeriesRef[] = [];
  readonly #buffers: ByteWriter[] = [];
  #buffersUsed = 0;

  /** @param onApplied told how many samples reached the head, or why they did not */
  constructor(
    head: Head,
    wal: WalWriter,
    clock: Clock,
    onApplied: (result: AppendResult, count: number) => void,
  ) {
    this.#head = head;
    this.#wal = wal;
    this.#clock = clock;
    this.#onApplied = onApplied;
  }

  /** The log learns the series together with the next samples. */
  addSeries(ref: SeriesRef): void {
    this.#newSeries.push(ref);
  }

  /** Resolves when the samples are safe and in the head; rejects when they are in neither. */
  commit(samples: PendingSamples): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ samples, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Runs `section` on the log between two commits. */
  async exclusive<T>(section: (wal: WalWriter) => Promise<T>): Promise<T> {
    // Not by `idle`: a commit may begin between its end and the turn in which we go on.
    while (this.#running !== undefined) await this.#running;
    const result = section(this.#wal);
    this.#running = result.then(
      () => this.#run(),
      () => this.#run(),
    );
    return result;
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      // Scrapes that end in the same turn share a sync.
      await Promise.resolve();
      const group = this.#queue;
      this.#queue = [];
      await this.#commitGroup(group);
    }
    this.#running = undefined;
  }

  async #commitGroup(group: readonly Waiting[]): Promise<void> {
    const series = this.#newSeries;
    this.#newSeries = [];
    this.#buffersUsed = 0;
    const pacer = new Pacer(this.#clock);
    try {
      const records = await this.#encodeSeries(series, pacer);
      for (const { samples } of group) {
        records.push(...(await this.#encodeSamples(samples, pacer)));
      }
      await this.#wal.append(records);
    } catch (error) {
      this.#newSeries = series.concat(this.#newSeries);
      for (const { samples, reject } of group) {
        samples.discard(this.#head);
        reject(error);
      }
      return;
    }
    for (const { samples, resolve } of group) {
      await this.#apply(samples, pacer);
      resolve();
    }
  }

  async #encodeSeries(series: readonly SeriesRef[], pacer: Pacer): Promise<Uint8Array[]> {
    const { table } = this.#head;
    const records: Uint8Array[] = [];
    let out: ByteWriter | undefined;
    for (const ref of series) {
      const slot = table.slotOf(ref);
      // It may have left the head before anything was logged.
      if (slot < 0) continue;
      if (out === undefined) beginSeriesRecord((out = this.#takeBuffer()));
      const words = table.labelSymbols(slot);
      putSeriesHeader(out, ref, words.length / 2);
      for (const word of words) out.uvarintText(table.symbols.text(word));
      if (out.length >= WAL_RECORD_BYTES_TARGET) {
        records.push(out.borrow());
        out = undefined;
        if (pacer.isDue) await pacer.pause();
      }
    }
    if (out !== undefined) records.push(out.borrow());
    return records;
  }

  async #encodeSamples(samples: PendingSamples, pacer: Pacer): Promise<Uint8Array[]> {
    const records: Uint8Array[] = [];
    for (let at = 0; at < samples.count;) {
      const out = this.#takeBuffer();
      const firstRef = samples.refs[at];
      const firstTimeMs = samples.times[at];
      beginSamplesRecord(out, firstRef, firstTimeMs);
      while (at < samples.count && out.length < WAL_RECORD_BYTES_TARGET) {
        const end = Math.min(samples.count, at + ENCODED_AT_ONCE);
        putSamples(out, samples, at, end, firstRef, firstTimeMs);
        at = end;
      }
      records.push(out.borrow());
      if (pacer.isDue) await pacer.pause();
    }
    return records;
  }

  async #apply(samples: PendingSamples, pacer: Pacer): Promise<void> {
    const { slots } = samples;
    const head = this.#head;
    let appended = 0;
    for (let i = 0; i < samples.count; i++) {
      if (i % SLICE_SAMPLES === SLICE_SAMPLES - 1 && pacer.isDue) await pacer.pause();
      const result = head.append(slots[i], samples, i);
      if (result === 'appended') appended++;
      else this.#onApplied(result, 1);
    }
    this.#onApplied('appended', appended);
    samples.discard(this.#head);
  }

  /** Buffers are used again for the next group: a scrape of any size leaves no garbage. */
  #takeBuffer(): ByteWriter {
    let buffer = this.#buffers[this.#buffersUsed];
    if (buffer === undefined) this.#buffers.push((buffer = new ByteWriter(64 * 1024)));
    this.#buffersUsed++;
    buffer.reset();
    return buffer;
  }
}

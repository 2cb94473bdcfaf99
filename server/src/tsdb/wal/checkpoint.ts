import { copyBytes } from '../../base/bytes/copy-bytes.ts';
import type { Fs } from '../../base/ports/fs.ts';
import { renameDurably } from '../../base/ports/fs.ts';
import { defineTask } from '../../base/ports/task-runner.ts';
import { ByteWriter } from '../../base/bytes/byte-writer.ts';
import { TextCache } from '../../base/bytes/text-cache.ts';
import { WAL_RECORD_BYTES_TARGET, WAL_SEGMENT_BYTES } from '../limits.ts';
import { decodeHistograms, isHistogramRecord } from '../record/histogram-record.ts';
import { SampleColumns } from '../record/sample-columns.ts';
import { beginSamplesRecord, putSample, readSamples } from '../record/samples-record.ts';
import { beginSeriesRecord, decodeSeries, putSeries } from '../record/series-record.ts';
import { decodeTombstonesRecord } from '../record/tombstones-record.ts';
import { RECORD_SAMPLES, RECORD_SERIES, RECORD_TOMBSTONES } from '../record/types.ts';
import { checkpointName, listCheckpoints, listSegments, segmentFileName } from './segments.ts';
import { WalSegmentReader } from './segment-reader.ts';
import { WalWriter } from './wal-writer.ts';

// Mirrors Prometheus tsdb/wlog/checkpoint.go: old segments are replaced by one folder that holds
// only what is still needed.

export interface CheckpointInput {
  /** The log's folder. */
  readonly dir: string;
  /** The newest segment that the checkpoint stands for; it must be complete. */
  readonly lastSegment: number;
  /** Samples before this time are left out. */
  readonly minTimeMs: number;
  /** References of the series to keep, ascending. */
  readonly keepRefs: Uint32Array;
}

/** Writes `checkpoint.<lastSegment>`; segments and older checkpoints stay for the caller to remove. */
export const checkpointTask = defineTask<CheckpointInput, void>('tsdb.checkpoint');

export async function runCheckpointTask(
  fs: Fs,
  input: CheckpointInput,
  signal: AbortSignal,
): Promise<void> {
  const { dir, lastSegment } = input;
  const finalDir = `${dir}/${checkpointName(lastSegment)}`;
  const temporaryDir = `${finalDir}.tmp`;
  await fs.removeTree(temporaryDir);
  await fs.makeDir(temporaryDir);
  const writer = new WalWriter(fs, temporaryDir, 0, WAL_SEGMENT_BYTES);
  try {
    const filter = new RecordFilter(input, writer);
    for (const path of await filesToRead(fs, dir, lastSegment)) {
      await copySegment(fs, path, filter, signal);
    }
    await filter.flush();
    await writer.close();
    await fs.syncDir(temporaryDir);
    await renameDurably(fs, temporaryDir, finalDir);
  } catch (error) {
    await writer.close().catch(() => undefined);
    await fs.removeTree(temporaryDir).catch(() => undefined);
    throw error;
  }
}

/** The newest checkpoint's segments, then those behind it up to `lastSegment`. */
async function filesToRead(fs: Fs, dir: string, lastSegment: number): Promise<string[]> {
  const checkpoint = (await listCheckpoints(fs, dir)).at(-1);
  const files: string[] = [];
  if (checkpoint !== undefined) {
    const from = `${dir}/${checkpointName(checkpoint)}`;
    for (const index of await listSegments(fs, from))
      files.push(`${from}/${segmentFileName(index)}`);
  }
  for (const index of await listSegments(fs, dir)) {
    if (index <= lastSegment && index > (checkpoint ?? -1)) {
      files.push(`${dir}/${segmentFileName(index)}`);
    }
  }
  return files;
}

async function copySegment(
  fs: Fs,
  path: string,
  filter: RecordFilter,
  signal: AbortSignal,
): Promise<void> {
  const reader = await WalSegmentReader.open(fs, path);
  try {
    while (await reader.load()) {
      signal.throwIfAborted();
      while (reader.next()) filter.add(reader.record);
      await filter.settle();
    }
  } finally {
    await reader.close();
  }
}

class RecordFilter {
  readonly #writer: WalWriter;
  readonly #keepRefs: Uint32Array;
  readonly #minTimeMs: number;
  readonly #samples = new SampleColumns();
  readonly #texts = new TextCache();
  #records: Uint8Array[] = [];
  #recordsBytes = 0;

  constructor(input: CheckpointInput, writer: WalWriter) {
    this.#writer = writer;
    this.#keepRefs = input.keepRefs;
    this.#minTimeMs = input.minTimeMs;
  }

  add(record: Uint8Array): void {
    if (record[0] === RECORD_SERIES) this.#addSeries(record);
    else if (record[0] === RECORD_SAMPLES) this.#addSamples(record);
    else if (isHistogramRecord(record[0])) this.#addHistograms(record);
    else if (record[0] === RECORD_TOMBSTONES) this.#addTombstones(record);
    // What we do not understand is not ours to throw away.
    else this.#push(copyBytes(record));
  }

  async settle(): Promise<void> {
    if (this.#recordsBytes >= WAL_RECORD_BYTES_TARGET) await this.flush();
  }

  async flush(): Promise<void> {
    if (this.#records.length > 0) await this.#writer.append(this.#records);
    this.#records = [];
    this.#recordsBytes = 0;
  }

  #addSeries(record: Uint8Array): void {
    const out = new ByteWriter(record.length);
    beginSeriesRecord(out);
    const headerBytes = out.length;
    for (const { ref, labels } of decodeSeries(record, this.#texts)) {
      if (includes(this.#keepRefs, ref)) putSeries(out, ref, labels);
    }
    if (out.length > headerBytes) this.#push(out.borrow());
  }

  #addSamples(record: Uint8Array): void {
    const samples = this.#samples;
    samples.count = 0;
    readSamples(record, samples);
    const { refs, times, valuesHi, valuesLo } = samples;
    const out = new ByteWriter(record.length + 32);
    let first = -1;
    for (let i = 0; i < samples.count; i++) {
      if (times[i] < this.#minTimeMs) continue;
      if (first < 0) {
        first = i;
        beginSamplesRecord(out, refs[i], times[i]);
      }
      putSample(out, refs[i] - refs[first], times[i] - times[first], valuesHi[i], valuesLo[i]);
    }
    if (out.length > 0) this.#push(out.borrow());
  }

  /** Whole: they are few, and readers leave out what is too old. */
  #addHistograms(record: Uint8Array): void {
    const isNeeded = decodeHistograms(record).some(({ timeMs }) => timeMs >= this.#minTimeMs);
    if (isNeeded) this.#push(copyBytes(record));
  }

  #addTombstones(record: Uint8Array): void {
    const isNeeded = decodeTombstonesRecord(record).some(
      ({ seriesRef, maxTimeMs }) =>
        maxTimeMs >= this.#minTimeMs && includes(this.#keepRefs, seriesRef),
    );
    if (isNeeded) this.#push(copyBytes(record));
  }

  #push(record: Uint8Array): void {
    this.#records.push(record);
    this.#recordsBytes += record.length;
  }
}

function includes(sorted: Uint32Array, ref: number): boolean {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < ref) low = middle + 1;
    else high = middle;
  }
  return sorted[low] === ref;
}

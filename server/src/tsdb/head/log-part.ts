import { copyBytes } from '../../base/bytes/copy-bytes.ts';
import { CodedError, describeError, type ErrorDetails } from '../../base/errors.ts';
import type { Fs } from '../../base/ports/fs.ts';
import { defineTask } from '../../base/ports/task-runner.ts';
import { groupBySeries } from '../record/group-by-series.ts';
import { SampleColumns, type SharedColumns } from '../record/sample-columns.ts';
import { readSamples, samplesAtMost } from '../record/samples-record.ts';
import { RECORD_SAMPLES } from '../record/types.ts';
import { WalSegmentReader } from '../wal/segment-reader.ts';

/** Samples of a part: what a core decodes in some 20 ms. */
export const PART_SAMPLES = 256 * 1024;
/** Other records of a part, which are copied. */
const PART_RECORD_BYTES = 4 * 1024 * 1024;

export interface LogPartInput {
  /** Of the segment. */
  readonly path: string;
  /** Where a record begins. */
  readonly offset: number;
  /** Where the samples go; room for {@link PART_SAMPLES}. */
  readonly columns: SharedColumns;
  /** As large; used while the part is read. */
  readonly scratch: SharedColumns;
}

/** A record that holds no samples, or more than there is room for. */
export interface OtherRecord {
  readonly record: Uint8Array;
  readonly offset: number;
  /** How many samples of the part come before it. */
  readonly samplesBefore: number;
}

/**
 * A stretch of the log, with its samples decoded into the columns. Between two other records, those of
 * a series lie side by side.
 */
export interface LogPart {
  readonly sampleCount: number;
  readonly others: readonly OtherRecord[];
  /** Where the next part begins; undefined at the end of the segment, or at damage. */
  readonly nextOffset: number | undefined;
  readonly zstdRecords: number;
  /** What ended the part, as a `CodedError` is made of it. */
  readonly damage: LogDamage | undefined;
}

export interface LogDamage {
  readonly code: string;
  readonly message: string;
  readonly details: ErrorDetails;
}

export const logPartTask = defineTask<LogPartInput, LogPart>('tsdb.read-log-part');

export async function readLogPart(fs: Fs, input: LogPartInput): Promise<LogPart> {
  const { path, offset, columns, scratch } = input;
  const samples = new SampleColumns(scratch);
  const others: OtherRecord[] = [];
  const reader = await WalSegmentReader.open(fs, path, offset);
  let nextOffset: number | undefined;
  let damage: LogDamage | undefined;
  try {
    nextOffset = await fill(reader, samples, others);
  } catch (error) {
    const isDamage = error instanceof CodedError && error.code.startsWith('ERR_WAL_');
    if (!isDamage) throw error;
    const reason = error.cause === undefined ? undefined : describeError(error.cause);
    damage = { code: error.code, message: error.message, details: { ...error.details, reason } };
  } finally {
    await reader.close();
  }
  const grouped = new SampleColumns(columns);
  let from = 0;
  for (const { samplesBefore } of others) {
    groupBySeries(samples, from, samplesBefore, grouped);
    from = samplesBefore;
  }
  groupBySeries(samples, from, samples.count, grouped);
  const { zstdRecords } = reader;
  return { sampleCount: samples.count, others, nextOffset, zstdRecords, damage };
}

/** Returns where the first record begins that there is no room for. */
async function fill(
  reader: WalSegmentReader,
  samples: SampleColumns,
  others: OtherRecord[],
): Promise<number | undefined> {
  let otherBytes = 0;
  while (await reader.load()) {
    while (reader.next()) {
      const { record, recordOffset: offset } = reader;
      const needed = record[0] === RECORD_SAMPLES ? samplesAtMost(record) : Infinity;
      if (needed > PART_SAMPLES) {
        if (otherBytes > PART_RECORD_BYTES) return offset;
        others.push({ record: copyBytes(record), offset, samplesBefore: samples.count });
        otherBytes += record.length;
        continue;
      }
      if (samples.count + needed > PART_SAMPLES) return offset;
      try {
        readSamples(record, samples);
      } catch (cause) {
        throw reader.unusable(cause);
      }
    }
  }
  return undefined;
}

import { TextCache } from '../../base/bytes/text-cache.ts';
import type { Clock } from '../../base/clock.ts';
import { CodedError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Fs } from '../../base/ports/fs.ts';
import type { TaskRunner } from '../../base/ports/task-runner.ts';
import type { Labels } from '../../model/labels.ts';
import type { HeadChunk } from '../chunks/head-chunks.ts';
import { SERIES_REF_MAX, SLICE_SAMPLES } from '../limits.ts';
import { decodeHistograms, isHistogramRecord } from '../record/histogram-record.ts';
import { SampleColumns } from '../record/sample-columns.ts';
import { readSamples } from '../record/samples-record.ts';
import { decodeSeries } from '../record/series-record.ts';
import { decodeTombstonesRecord } from '../record/tombstones-record.ts';
import {
  RECORD_SAMPLES,
  RECORD_SERIES,
  RECORD_TOMBSTONES,
  recordTypeName,
} from '../record/types.ts';
import type { Tombstone } from '../tombstones/tombstones.ts';
import { setAsideFrom } from '../wal/repair.ts';
import { checkpointName, listCheckpoints, listSegments, segmentFileName } from '../wal/segments.ts';
import { type ChunkSnapshotDir, listChunkSnapshots } from './chunk-snapshot-dirs.ts';
import { checkChunkSnapshot, readChunkSnapshot } from './chunk-snapshot-reader.ts';
import type { Head } from './head.ts';
import { type LogPart, logPartTask, PART_SAMPLES, readLogPart } from './log-part.ts';
import { Pacer } from './pacer.ts';
import { type HeadChunkFileEnd, StoredChunks } from './stored-chunks.ts';

/** A segment above this size is worth the start of a thread. */
const THREAD_BYTES = 8 * 1024 * 1024;

export interface ReplayResult {
  /** Number of the segment to go on with. */
  readonly nextSegment: number;
  readonly headChunkFiles: readonly HeadChunkFileEnd[];
  /** Places where the log was damaged and reading it had to end. */
  readonly corruptions: number;
  /** The last of them. */
  readonly damage: FoundDamage | undefined;
}

/** Where the log ends because of damage. */
export interface FoundDamage {
  readonly error: CodedError;
  readonly newestMs: number | undefined;
  readonly keptAside: readonly string[];
}

export interface ReplayOptions {
  readonly fs: Fs;
  /** The database's folder. */
  readonly dir: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Long segments are decoded there; without it, in this thread. */
  readonly tasks?: TaskRunner;
}

/** Brings the head to where it was: head chunks, then a chunk snapshot or the log, then its end. */
export class HeadReplay {
  readonly #options: ReplayOptions;
  readonly #head: Head;
  readonly #walDir: string;
  readonly #pacer: Pacer;
  /** One set is filled while the other is taken in. */
  readonly #columns = [SampleColumns.shared(PART_SAMPLES), SampleColumns.shared(PART_SAMPLES)];
  readonly #scratch = SampleColumns.shared(PART_SAMPLES);
  readonly #texts = new TextCache();
  /** Chunks whose series the log has not named yet. */
  #chunks: Map<number, HeadChunk[]> = new Map();
  /** Series that the log names again under another reference. */
  readonly #aliases = new Map<number, number>();
  readonly #skippedTypes = new Map<string, number>();
  #areChunksDamaged = false;
  #isEndMissing = false;
  #sampleCount = 0;
  /** Samples of series that the log has not named. */
  #unknownSamples = 0;
  /** Those of them that no block has. */
  #lostSamples = 0;
  #zstdRecords = 0;
  #corruptions = 0;
  #damage: FoundDamage | undefined;

  constructor(head: Head, options: ReplayOptions) {
    this.#head = head;
    this.#options = options;
    this.#walDir = `${options.dir}/wal`;
    this.#pacer = new Pacer(options.clock);
  }

  async run(): Promise<ReplayResult> {
    const { fs, clock, logger } = this.#options;
    const startMs = clock.monotonicMs();
    const headChunkFiles = await this.#readHeadChunks();
    const checkpoint = (await listCheckpoints(fs, this.#walDir)).at(-1);
    const snapshot = await this.#readSnapshot(checkpoint);
    if (checkpoint !== undefined && snapshot === undefined) {
      const dir = `${this.#walDir}/${checkpointName(checkpoint)}`;
      await this.#readSegments(dir, await listSegments(fs, dir), 0);
    }
    const segments = await listSegments(fs, this.#walDir);
    const first = checkpoint === undefined ? -1 : checkpoint;
    const from = snapshot?.segment ?? first + 1;
    const wanted = segments.filter((index) => index >= from);
    const isWithin = snapshot !== undefined && wanted[0] === snapshot.segment;
    await this.#readSegments(this.#walDir, wanted, isWithin ? snapshot.offset : 0);
    const isGap = checkpoint !== undefined && wanted.length > 0 && wanted[0] > from;
    this.#noteLosses(isGap ? `${this.#walDir}/${segmentFileName(from)}` : undefined);
    this.#report(clock.monotonicMs() - startMs);
    const last = (await listSegments(fs, this.#walDir)).at(-1) ?? -1;
    logger.debug('log replayed', { lastSegment: last });
    return {
      nextSegment: Math.max(last, first) + 1,
      headChunkFiles,
      corruptions: this.#corruptions,
      damage: this.#damage,
    };
  }

  /**
   * The snapshot that was read, up to whose place the log need not be. Without all of its head chunks
   * it is of no use, and the whole log has to be read.
   */
  async #readSnapshot(checkpoint: number | undefined): Promise<ChunkSnapshotDir | undefined> {
    const { fs, dir, logger } = this.#options;
    const snapshot = (await listChunkSnapshots(fs, dir)).at(-1);
    if (snapshot === undefined || this.#chunks.size === 0) return undefined;
    if (this.#areChunksDamaged || !(await this.#isInLog(snapshot, checkpoint))) return undefined;
    try {
      await checkChunkSnapshot(fs, snapshot.path);
    } catch (error) {
      if (!(error instanceof CodedError) || error.code.startsWith('ERR_FS')) throw error;
      logger.warn('a chunk snapshot is not used; the whole log is read', { error });
      return undefined;
    }
    await readChunkSnapshot(
      fs,
      snapshot.path,
      ({ ref, labels, chunk }) => {
        const slot = this.#nameSeries(ref, labels);
        if (chunk !== undefined) this.#head.restoreChunk(slot, chunk);
      },
      (stone) => this.#takeTombstone(stone),
    );
    return snapshot;
  }

  /** Whether the log reaches to the snapshot's place, and begins before it. */
  async #isInLog(
    { segment, offset }: ChunkSnapshotDir,
    checkpoint: number | undefined,
  ): Promise<boolean> {
    if (checkpoint !== undefined && checkpoint >= segment) return false;
    const { fs } = this.#options;
    const stat = await fs.stat(`${this.#walDir}/${segmentFileName(segment)}`);
    if (stat !== undefined && stat.sizeBytes >= offset) return true;
    // Whoever has written since then has begun a segment behind it.
    const newest = (await listSegments(fs, this.#walDir)).at(-1) ?? -1;
    this.#isEndMissing = newest <= segment;
    return false;
  }

  async #readHeadChunks(): Promise<readonly HeadChunkFileEnd[]> {
    const found = new StoredChunks(this.#options);
    await found.read(this.#pacer);
    [this.#chunks, this.#areChunksDamaged] = [found.bySeries, found.isDamaged];
    // A new series must not get the reference of one whose chunks lie here.
    this.#head.table.reserveRefs(found.lastRef);
    return found.files;
  }

  /** Reads segments in order, up to damage or a gap; what lies behind is set aside. */
  async #readSegments(dir: string, indices: readonly number[], firstOffset: number): Promise<void> {
    const { fs, clock, logger } = this.#options;
    for (let i = 0; i < indices.length; i++) {
      const isLast = i === indices.length - 1;
      const index = indices[i];
      let damage: CodedError | undefined;
      let offset: number | undefined;
      if (i > 0 && index !== indices[i - 1] + 1) {
        damage = new CodedError('ERR_WAL_CORRUPT', 'the log is damaged: a segment is missing', {
          path: `${dir}/${segmentFileName(indices[i - 1] + 1)}`,
        });
      } else {
        const path = `${dir}/${segmentFileName(index)}`;
        damage = await this.#readSegment(path, i === 0 ? firstOffset : 0);
        offset = Number(damage?.details.offset ?? 0);
      }
      if (damage === undefined) continue;
      if (isLast && damage.code === 'ERR_WAL_TORN' && offset !== undefined) {
        await cutFile(fs, `${dir}/${segmentFileName(index)}`, offset);
        logger.info('the log ended within a record that was never acknowledged; it was cut', {
          error: damage,
        });
        return;
      }
      this.#corruptions++;
      const aside = await setAsideFrom(fs, dir, indices.slice(i), offset, clock.nowMs());
      const { maxTimeMs } = this.#head;
      const newestMs = maxTimeMs === -Infinity ? undefined : maxTimeMs;
      this.#damage = { error: damage, newestMs, keptAside: aside };
      logger.error('the log is damaged; samples behind the damage are kept aside', {
        error: damage,
        keptAside: aside.join(', '),
      });
      return;
    }
  }

  /** The damage that ended it, or undefined. While one part is taken in the next is decoded. */
  async #readSegment(path: string, from: number): Promise<CodedError | undefined> {
    const { fs, tasks } = this.#options;
    const sizeBytes = (await fs.stat(path))?.sizeBytes ?? 0;
    const threads = sizeBytes - from > THREAD_BYTES ? tasks : undefined;
    const start = (offset: number, turn: number): Promise<LogPart> => {
      const input = { path, offset, columns: this.#columns[turn & 1], scratch: this.#scratch };
      // There is work for this thread until another one is ready.
      const runner = turn === 0 ? undefined : threads;
      const reading = runner?.run(logPartTask, input) ?? readLogPart(fs, input);
      // Whoever awaits it gets the error.
      reading.catch(() => undefined);
      return reading;
    };
    let reading = start(from, 0);
    for (let turn = 0; ; turn++) {
      const part = await reading;
      this.#zstdRecords += part.zstdRecords;
      const { nextOffset } = part;
      if (nextOffset !== undefined) reading = start(nextOffset, turn + 1);
      const damage = (await this.#takePart(part, path, turn)) ?? damageOf(part);
      if (damage === undefined && nextOffset !== undefined) continue;
      // The memory and the file are not given up before nobody uses them.
      await reading.catch(() => undefined);
      return damage;
    }
  }

  /** The damage of a record that makes no sense, or undefined. */
  async #takePart(part: LogPart, path: string, turn: number): Promise<CodedError | undefined> {
    const samples = new SampleColumns(this.#columns[turn & 1]);
    let at = 0;
    for (const { record, offset, samplesBefore } of part.others) {
      await this.#takeSamples(samples, at, samplesBefore);
      at = samplesBefore;
      try {
        await this.#takeOther(record);
      } catch (cause) {
        const message = 'the log is damaged: a record cannot be understood';
        return new CodedError('ERR_WAL_CORRUPT', message, { path, offset }, cause);
      }
      if (this.#pacer.isDue) await this.#pacer.pause();
    }
    await this.#takeSamples(samples, at, part.sampleCount);
    return undefined;
  }

  async #takeOther(record: Uint8Array): Promise<void> {
    if (record[0] === RECORD_SERIES) {
      this.#takeSeries(record);
    } else if (record[0] === RECORD_SAMPLES) {
      const samples = new SampleColumns();
      readSamples(record, samples);
      await this.#takeSamples(samples, 0, samples.count);
    } else if (isHistogramRecord(record[0])) {
      this.#takeHistograms(record);
    } else if (record[0] === RECORD_TOMBSTONES) {
      for (const stone of decodeTombstonesRecord(record)) this.#takeTombstone(stone);
    } else {
      const name = recordTypeName(record[0]);
      this.#skippedTypes.set(name, (this.#skippedTypes.get(name) ?? 0) + 1);
    }
  }

  #takeSeries(record: Uint8Array): void {
    for (const { ref, labels } of decodeSeries(record, this.#texts)) this.#nameSeries(ref, labels);
  }

  /** Makes the series known under the log's reference; returns its slot. */
  #nameSeries(ref: number, labels: Labels): number {
    const { table } = this.#head;
    let slot = table.find(labels);
    if (slot < 0) {
      // Series keep their reference, so that what follows in the log fits. One that is out of
      // range, or that an earlier series of the log has had, is mapped to a new one.
      const isFree = ref > 0 && ref <= SERIES_REF_MAX && table.slotOf(ref) < 0;
      slot = table.add(labels, isFree ? ref : table.lastRef + 1);
    }
    if (table.refOf(slot) !== ref) this.#aliases.set(ref, table.refOf(slot));
    else this.#aliases.delete(ref);
    const chunks = this.#chunks.get(ref);
    if (chunks === undefined) return slot;
    this.#chunks.delete(ref);
    // Only under its own reference is a chunk found again in its file.
    const isStored = table.refOf(slot) === ref;
    for (const chunk of chunks) this.#head.restoreChunk(slot, { ...chunk, isStored });
    return slot;
  }

  async #takeSamples(samples: SampleColumns, from: number, to: number): Promise<void> {
    const head = this.#head;
    let [ref, slot] = [NaN, -1];
    for (let start = from; start < to; start += SLICE_SAMPLES) {
      const end = Math.min(to, start + SLICE_SAMPLES);
      for (let i = start; i < end; i++) {
        if (samples.refs[i] !== ref) {
          ref = samples.refs[i];
          slot = this.#find(ref);
        }
        if (slot < 0) {
          this.#noteUnknown(samples.times[i]);
          continue;
        }
        head.append(slot, samples, i);
        this.#sampleCount++;
      }
      if (this.#pacer.isDue) await this.#pacer.pause();
    }
  }

  #takeHistograms(record: Uint8Array): void {
    for (const { ref, timeMs, histogram } of decodeHistograms(record)) {
      const slot = this.#find(ref);
      if (slot < 0) {
        this.#noteUnknown(timeMs);
        continue;
      }
      this.#head.appendHistogram(slot, timeMs, histogram);
      this.#sampleCount++;
    }
  }

  #takeTombstone(stone: Tombstone): void {
    const head = this.#head;
    // The series may have gone from the log; its reference is not given to another one.
    if (stone.seriesRef <= SERIES_REF_MAX) head.table.reserveRefs(stone.seriesRef);
    const slot = this.#find(stone.seriesRef);
    if (slot < 0 || stone.maxTimeMs < head.minValidTimeMs) return;
    const isWhole = stone.minTimeMs === -Infinity && stone.maxTimeMs === Infinity;
    // Samples behind it belong to a series that the log names anew.
    if (isWhole) head.removeSeries(slot);
    else head.tombstones.add({ ...stone, seriesRef: head.table.refOf(slot) });
  }

  #noteUnknown(timeMs: number): void {
    this.#unknownSamples++;
    if (timeMs >= this.#head.minValidTimeMs) this.#lostSamples++;
  }

  /** A part of the log may be gone as a whole, and no record tells. */
  #noteLosses(missingPath: string | undefined): void {
    if (missingPath === undefined && this.#lostSamples === 0 && !this.#isEndMissing) return;
    this.#corruptions++;
    const isSegmentMissing = missingPath !== undefined || this.#isEndMissing;
    const message = isSegmentMissing ? 'a segment is missing' : 'series are not named';
    const details = { path: missingPath, samplesOfUnknownSeries: this.#lostSamples };
    const error = new CodedError('ERR_WAL_CORRUPT', `the log is damaged: ${message}`, details);
    this.#damage ??= { error, newestMs: undefined, keptAside: [] };
    this.#options.logger.error('the log lacks a part; its samples are missing', { error });
  }

  /** -1 when the log has not named the series. */
  #find(logRef: number): number {
    const ref = (this.#aliases.size > 0 ? this.#aliases.get(logRef) : undefined) ?? logRef;
    return ref <= SERIES_REF_MAX ? this.#head.table.slotOf(ref) : -1;
  }

  #report(durationMs: number): void {
    const { logger } = this.#options;
    logger.info('head restored', {
      durationMs: Math.round(durationMs),
      series: this.#head.table.count,
      samples: this.#head.sampleCount,
      samplesRead: this.#sampleCount,
    });
    if (this.#skippedTypes.size > 0 || this.#zstdRecords > 0 || this.#unknownSamples > 0) {
      logger.warn('the log held entries that were skipped', {
        ...Object.fromEntries(this.#skippedTypes),
        zstdRecords: this.#zstdRecords,
        samplesOfUnknownSeries: this.#unknownSamples,
      });
    }
  }
}

function damageOf({ damage }: LogPart): CodedError | undefined {
  return damage && new CodedError(damage.code, damage.message, damage.details);
}

async function cutFile(fs: Fs, path: string, sizeBytes: number): Promise<void> {
  const file = await fs.open(path, 'update');
  try {
    await file.truncate(sizeBytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

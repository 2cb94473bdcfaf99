import { TextCache } from '../../base/bytes/text-cache.ts';
import type { Clock } from '../../base/clock.ts';
import { CodedError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Fs } from '../../base/ports/fs.ts';
import { type HeadChunk, listHeadChunkFiles, readHeadChunkFile } from '../chunks/head-chunks.ts';
import { SERIES_REF_MAX } from '../limits.ts';
import { decodeHistograms, isHistogramRecord } from '../record/histogram-record.ts';
import { SampleColumns } from '../record/sample-columns.ts';
import { readSamples } from '../record/samples-record.ts';
import { decodeSeries } from '../record/series-record.ts';
import { RECORD_SAMPLES, RECORD_SERIES, recordTypeName } from '../record/types.ts';
import { setAsideFrom } from '../wal/repair.ts';
import { WalSegmentReader } from '../wal/segment-reader.ts';
import { checkpointName, listCheckpoints, listSegments, segmentFileName } from '../wal/segments.ts';
import type { Head } from './head.ts';
import { Pacer } from './pacer.ts';

/** A `chunks_head` file of another program, and how far it reaches. */
export interface ForeignChunkFile {
  readonly path: string;
  readonly maxTimeMs: number;
}

export interface ReplayResult {
  /** Number of the segment to go on with. */
  readonly nextSegment: number;
  readonly foreignChunkFiles: readonly ForeignChunkFile[];
  /** Places where the log was damaged and reading it had to end. */
  readonly corruptions: number;
}

export interface ReplayOptions {
  readonly fs: Fs;
  /** The database's folder. */
  readonly dir: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Brings the head to where it was: head chunks of other programs, checkpoint, segments. */
export class HeadReplay {
  readonly #options: ReplayOptions;
  readonly #head: Head;
  readonly #walDir: string;
  readonly #pacer: Pacer;
  readonly #samples = new SampleColumns();
  readonly #texts = new TextCache();
  /** Chunks whose series the log has not named yet. */
  readonly #chunks = new Map<number, HeadChunk[]>();
  /** Series that the log names again under another reference. */
  readonly #aliases = new Map<number, number>();
  readonly #skippedTypes = new Map<string, number>();
  #sampleCount = 0;
  #unknownRefs = 0;
  #zstdRecords = 0;
  #corruptions = 0;

  constructor(head: Head, options: ReplayOptions) {
    this.#head = head;
    this.#options = options;
    this.#walDir = `${options.dir}/wal`;
    this.#pacer = new Pacer(options.clock);
  }

  async run(): Promise<ReplayResult> {
    const { fs, clock, logger } = this.#options;
    const startMs = clock.monotonicMs();
    const foreignChunkFiles = await this.#readHeadChunks();
    const checkpoint = (await listCheckpoints(fs, this.#walDir)).at(-1);
    if (checkpoint !== undefined) {
      const dir = `${this.#walDir}/${checkpointName(checkpoint)}`;
      await this.#readSegments(dir, await listSegments(fs, dir));
    }
    const segments = await listSegments(fs, this.#walDir);
    const first = checkpoint === undefined ? -1 : checkpoint;
    await this.#readSegments(
      this.#walDir,
      segments.filter((index) => index > first),
    );
    this.#report(clock.monotonicMs() - startMs);
    const last = (await listSegments(fs, this.#walDir)).at(-1) ?? -1;
    logger.debug('log replayed', { lastSegment: last });
    return {
      nextSegment: Math.max(last, first) + 1,
      foreignChunkFiles,
      corruptions: this.#corruptions,
    };
  }

  async #readHeadChunks(): Promise<ForeignChunkFile[]> {
    const { fs, dir, logger } = this.#options;
    const files: ForeignChunkFile[] = [];
    for (const path of await listHeadChunkFiles(fs, `${dir}/chunks_head`)) {
      const { chunks, damage, outOfOrderChunks } = await readHeadChunkFile(fs, path);
      let maxTimeMs = -Infinity;
      for (const chunk of chunks) {
        const list = this.#chunks.get(chunk.seriesRef);
        if (list === undefined) this.#chunks.set(chunk.seriesRef, [chunk]);
        else list.push(chunk);
        maxTimeMs = Math.max(maxTimeMs, chunk.maxTimeMs);
        // A new series must not get the reference of one whose chunks lie here.
        if (chunk.seriesRef <= SERIES_REF_MAX) this.#head.table.reserveRefs(chunk.seriesRef);
      }
      files.push({ path, maxTimeMs });
      if (outOfOrderChunks > 0) {
        logger.warn('out-of-order chunks were left alone', { path, outOfOrderChunks });
      }
      if (damage !== undefined) {
        logger.warn('a head chunk file is damaged; the log has to make up for it', {
          path,
          error: damage,
        });
      }
      if (this.#pacer.isDue) await this.#pacer.pause();
    }
    return files;
  }

  /** Reads segments in order, up to damage or a gap; what lies behind is set aside. */
  async #readSegments(dir: string, indices: readonly number[]): Promise<void> {
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
        damage = await this.#readSegment(`${dir}/${segmentFileName(index)}`);
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
      logger.error('the log is damaged; samples behind the damage are kept aside', {
        error: damage,
        keptAside: aside.join(', '),
      });
      return;
    }
  }

  /** The damage that ended it, or undefined. */
  async #readSegment(path: string): Promise<CodedError | undefined> {
    const reader = await WalSegmentReader.open(this.#options.fs, path);
    try {
      while (await reader.load()) {
        while (reader.next()) {
          try {
            this.#take(reader.record);
          } catch (cause) {
            throw reader.unusable(cause);
          }
          if (this.#pacer.isDue) await this.#pacer.pause();
        }
      }
    } catch (error) {
      const isDamage = error instanceof CodedError && error.code.startsWith('ERR_WAL_');
      if (!isDamage) throw error;
      return error;
    } finally {
      this.#zstdRecords += reader.zstdRecords;
      await reader.close();
    }
    return undefined;
  }

  #take(record: Uint8Array): void {
    if (record[0] === RECORD_SAMPLES) {
      this.#takeSamples(record);
    } else if (record[0] === RECORD_SERIES) {
      this.#takeSeries(record);
    } else if (isHistogramRecord(record[0])) {
      this.#takeHistograms(record);
    } else {
      const name = recordTypeName(record[0]);
      this.#skippedTypes.set(name, (this.#skippedTypes.get(name) ?? 0) + 1);
    }
  }

  #takeSeries(record: Uint8Array): void {
    const { table } = this.#head;
    for (const { ref, labels } of decodeSeries(record, this.#texts)) {
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
      if (chunks === undefined) continue;
      this.#chunks.delete(ref);
      for (const chunk of chunks) this.#head.restoreChunk(slot, chunk);
    }
  }

  #takeSamples(record: Uint8Array): void {
    const samples = this.#samples;
    readSamples(record, samples);
    const head = this.#head;
    for (let i = 0; i < samples.count; i++) {
      const slot = this.#slotOf(samples.refs[i]);
      if (slot < 0) continue;
      head.append(slot, samples, i);
      this.#sampleCount++;
    }
  }

  #takeHistograms(record: Uint8Array): void {
    for (const { ref, timeMs, histogram } of decodeHistograms(record)) {
      const slot = this.#slotOf(ref);
      if (slot < 0) continue;
      this.#head.appendHistogram(slot, timeMs, histogram);
      this.#sampleCount++;
    }
  }

  /** -1, and counted, when the log has not named the series. */
  #slotOf(logRef: number): number {
    const ref = (this.#aliases.size > 0 ? this.#aliases.get(logRef) : undefined) ?? logRef;
    const slot = ref <= SERIES_REF_MAX ? this.#head.table.slotOf(ref) : -1;
    if (slot < 0) this.#unknownRefs++;
    return slot;
  }

  #report(durationMs: number): void {
    const { logger } = this.#options;
    logger.info('head restored', {
      durationMs: Math.round(durationMs),
      series: this.#head.table.count,
      samples: this.#head.sampleCount,
      samplesRead: this.#sampleCount,
    });
    if (this.#skippedTypes.size > 0 || this.#zstdRecords > 0 || this.#unknownRefs > 0) {
      logger.warn('the log held entries that were skipped', {
        ...Object.fromEntries(this.#skippedTypes),
        zstdRecords: this.#zstdRecords,
        samplesOfUnknownSeries: this.#unknownRefs,
      });
    }
  }
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

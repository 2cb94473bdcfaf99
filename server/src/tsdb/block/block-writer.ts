import { describeError } from '../../base/errors.ts';
import { type Fs, renameDurably } from '../../base/ports/fs.ts';
import { chunkSampleCount } from '../chunkenc/encodings.ts';
import { type ChunkInput, SegmentWriter } from '../chunks/segment-writer.ts';
import { type ChunkMeta, IndexWriter } from '../index/index-writer.ts';
import { encodeTombstones, TOMBSTONES_FILE } from '../tombstones/tombstones.ts';
import { type BlockCompaction, type BlockMeta, formatBlockMeta, META_FILE } from './meta.ts';

// Writes a block's folder as Prometheus tsdb/compact.go does; it appears whole or not at all.

export const INDEX_FILE = 'index';
export const CHUNKS_DIR = 'chunks';
/** Prometheus removes folders with these suffixes when it starts, and so do we. */
export const CREATION_SUFFIX = '.tmp-for-creation';
export const DELETION_SUFFIX = '.tmp-for-deletion';

/** Where a block's contents come from: a head, or a merge of other blocks. */
export interface BlockSource {
  /** Sorted by UTF-8 bytes, each once; ones that no series uses are fine. */
  readonly symbols: readonly string[];
  /** Goes to the next series, in the order of labels; false at the end. */
  next(): boolean | Promise<boolean>;
  /** The current series' labels: name and value in turn, as positions in `symbols`. */
  readonly labelRefs: ArrayLike<number>;
  /**
   * Its chunks in time order, without overlap; a series without chunks is left out of the block.
   * Valid until `next`, like `labelRefs`.
   */
  readonly chunks: readonly ChunkInput[];
}

export interface BlockPlan {
  readonly ulid: string;
  readonly minTimeMs: number;
  /** Exclusive. */
  readonly maxTimeMs: number;
  readonly compaction: BlockCompaction;
  /** Defaults to Prometheus' 512 MiB. */
  readonly segmentBytesMax?: number;
}

/**
 * Writes `source` to `<parentDir>/<ulid>`. Everything is synced before the folder gets its name, so
 * a folder with that name is a whole block. undefined when there was no sample: nothing is left
 * then, as after an error.
 */
export async function writeBlock(
  fs: Fs,
  parentDir: string,
  plan: BlockPlan,
  source: BlockSource,
  signal?: AbortSignal,
): Promise<BlockMeta | undefined> {
  const finalDir = `${parentDir}/${plan.ulid}`;
  const dir = finalDir + CREATION_SUFFIX;
  await fs.removeTree(dir);
  try {
    await fs.makeDir(`${dir}/${CHUNKS_DIR}`);
    const stats = await writeContents(fs, dir, plan, source, signal);
    if (stats.numSamples === 0) {
      await fs.removeTree(dir);
      return undefined;
    }
    const { ulid, minTimeMs: minTime, maxTimeMs: maxTime, compaction } = plan;
    const meta: BlockMeta = { ulid, minTime, maxTime, stats, compaction, version: 1 };
    const text = new TextEncoder().encode(formatBlockMeta(meta));
    await writeSynced(fs, `${dir}/${META_FILE}`, text);
    await writeSynced(fs, `${dir}/${TOMBSTONES_FILE}`, encodeTombstones([]));
    await fs.syncDir(`${dir}/${CHUNKS_DIR}`);
    await fs.syncDir(dir);
    await renameDurably(fs, dir, finalDir);
    return meta;
  } catch (error) {
    await removeQuietly(fs, dir, error);
    throw error;
  }
}

interface WrittenStats {
  numSamples: number;
  numSeries: number;
  numChunks: number;
}

async function writeContents(
  fs: Fs,
  dir: string,
  plan: BlockPlan,
  source: BlockSource,
  signal: AbortSignal | undefined,
): Promise<WrittenStats> {
  const segments = new SegmentWriter(fs, `${dir}/${CHUNKS_DIR}`, plan.segmentBytesMax);
  const index = await IndexWriter.create(fs, `${dir}/${INDEX_FILE}`);
  const stats: WrittenStats = { numSamples: 0, numSeries: 0, numChunks: 0 };
  try {
    await index.addSymbols(source.symbols);
    for (;;) {
      // Most sources answer at once; an await for each series would cost more than the series.
      const more = source.next();
      if (!(typeof more === 'boolean' ? more : await more)) break;
      signal?.throwIfAborted();
      const { chunks } = source;
      if (chunks.length === 0) continue;
      await segments.prepare(chunks);
      const metas: ChunkMeta[] = [];
      for (const chunk of chunks) {
        const { minTimeMs, maxTimeMs } = chunk;
        metas.push({ minTimeMs, maxTimeMs, ref: segments.write(chunk) });
        stats.numSamples += chunkSampleCount(chunk.data);
      }
      index.addSeries(source.labelRefs, metas);
      if (index.isFull) await index.settle();
      stats.numSeries++;
      stats.numChunks += chunks.length;
    }
    // Chunks reach the disk while the tables of the index are made.
    const ends = await Promise.allSettled([segments.finish(), index.finish()]);
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    return stats;
  } catch (error) {
    await segments.abandon();
    await index.abandon();
    throw error;
  }
}

async function writeSynced(fs: Fs, path: string, bytes: Uint8Array): Promise<void> {
  const file = await fs.open(path, 'create');
  try {
    await file.write(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The first error is the one that matters; what is left now is removed at the next open. */
async function removeQuietly(fs: Fs, dir: string, reason: unknown): Promise<void> {
  try {
    await fs.removeTree(dir);
  } catch (error) {
    if (reason instanceof Error && reason.cause === undefined) {
      reason.cause = new Error(`also, ${dir} could not be removed: ${describeError(error)}`);
    }
  }
}

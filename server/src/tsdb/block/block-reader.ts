import { CodedError } from '../../base/errors.ts';
import type { Fs } from '../../base/ports/fs.ts';
import type { Labels } from '../../model/labels.ts';
import { type ChunkOnDisk, SegmentReader } from '../chunks/segment-reader.ts';
import { IndexReader } from '../index/index-reader.ts';
import type { ChunkMeta } from '../index/index-writer.ts';
import { decodeTombstones, type Tombstone, TOMBSTONES_FILE } from '../tombstones/tombstones.ts';
import { CHUNKS_DIR, INDEX_FILE } from './block-writer.ts';
import { type BlockMeta, readBlockMeta } from './meta.ts';

export interface BlockSeries {
  readonly labels: Labels;
  readonly chunks: readonly ChunkMeta[];
}

/** A block open for reading: index in memory, chunks read as they are asked for. */
export class BlockReader {
  readonly meta: BlockMeta;
  readonly index: IndexReader;
  readonly tombstones: readonly Tombstone[];
  readonly #segments: SegmentReader;

  private constructor(
    meta: BlockMeta,
    index: IndexReader,
    tombstones: readonly Tombstone[],
    segments: SegmentReader,
  ) {
    this.meta = meta;
    this.index = index;
    this.tombstones = tombstones;
    this.#segments = segments;
  }

  /** @param dir the block's folder */
  static async open(fs: Fs, dir: string): Promise<BlockReader> {
    const meta = await readBlockMeta(fs, dir);
    const indexPath = `${dir}/${INDEX_FILE}`;
    const index = new IndexReader(await fs.readFile(indexPath), indexPath);
    const tombstonesPath = `${dir}/${TOMBSTONES_FILE}`;
    const hasTombstones = (await fs.stat(tombstonesPath)) !== undefined;
    const tombstones = hasTombstones
      ? decodeTombstones(await fs.readFile(tombstonesPath), tombstonesPath)
      : [];
    return new BlockReader(meta, index, tombstones, new SegmentReader(fs, `${dir}/${CHUNKS_DIR}`));
  }

  /** All series in the order of their labels. */
  *series(): Generator<BlockSeries> {
    for (const ref of this.index.allSeries()) yield this.index.series(ref);
  }

  /** The chunk's bytes are valid until the next call. */
  chunk(meta: ChunkMeta): Promise<ChunkOnDisk> {
    return this.#segments.read(meta.ref);
  }

  close(): Promise<void> {
    return this.#segments.close();
  }
}

/**
 * Reads all series and chunks of a block and checks their checksums, those of the tombstones and of
 * the index's table of contents, and that series, chunks and samples are as many as `meta.json` says
 * (`ERR_BLOCK_STATS` when they are not). The checksums of symbols and postings are not looked at;
 * `BlockStreamCheck` does that.
 */
export async function verifyBlock(fs: Fs, dir: string): Promise<BlockMeta> {
  const block = await BlockReader.open(fs, dir);
  try {
    const { meta } = block;
    let numSeries = 0;
    let numChunks = 0;
    let numSamples = 0;
    for (const { chunks } of block.series()) {
      numSeries++;
      for (const chunk of chunks) {
        numChunks++;
        const { data } = await block.chunk(chunk);
        numSamples += data.length < 2 ? 0 : (data[0] << 8) | data[1];
      }
    }
    const found = { numSamples, numSeries, numChunks };
    for (const [key, count] of Object.entries(found)) {
      const expected = meta.stats[key as keyof typeof found];
      if (count !== expected) {
        throw new CodedError('ERR_BLOCK_STATS', `a block does not hold what meta.json says`, {
          dir,
          what: key,
          expected,
          found: count,
        });
      }
    }
    return meta;
  } finally {
    await block.close();
  }
}

import type { BlockFile, TombstonesBySeries } from '../block/block-file.ts';
import type { ChunkInput } from '../chunks/segment-writer.ts';
import type { SeriesCursor } from '../index/series-cursor.ts';
import { type Interval, isDeleted, outsideOf, touches } from './deletions.ts';

const NOTHING: readonly Interval[] = [];

/** Reads the chunks of the series at which a cursor stands. */
export class BlockChunks {
  readonly #block: BlockFile;
  readonly #cursor: SeriesCursor;
  readonly #tombstones: TombstonesBySeries;
  readonly #outside: readonly Interval[];

  private constructor(
    block: BlockFile,
    cursor: SeriesCursor,
    tombstones: TombstonesBySeries,
    outside: readonly Interval[],
  ) {
    this.#block = block;
    this.#cursor = cursor;
    this.#tombstones = tombstones;
    this.#outside = outside;
  }

  /** @param maxTimeMs exclusive; samples outside of the range count as deleted */
  static async open(
    block: BlockFile,
    cursor: SeriesCursor,
    minTimeMs: number,
    maxTimeMs: number,
  ): Promise<BlockChunks> {
    const outside = outsideOf(minTimeMs, maxTimeMs);
    return new BlockChunks(block, cursor, await block.tombstones(), outside);
  }

  /** What tombstones and the range take away from the current series. */
  deleted(): readonly Interval[] {
    const stones = this.#tombstones.get(this.#cursor.ref) ?? NOTHING;
    const { chunks } = this.#cursor;
    if (!chunks.some((chunk) => touches(chunk, this.#outside))) return stones;
    return [...this.#outside, ...stones];
  }

  /** The chunks of which something is left, whole; undefined when some are not in memory. */
  peek(deleted: readonly Interval[]): readonly ChunkInput[] | undefined {
    const found: ChunkInput[] = [];
    for (const { minTimeMs, maxTimeMs, ref } of this.#cursor.chunks) {
      if (deleted.length > 0 && isDeleted({ minTimeMs, maxTimeMs }, deleted)) continue;
      const chunk = this.#block.segments.peek(ref);
      if (chunk === undefined) return undefined;
      found.push({ minTimeMs, maxTimeMs, encoding: chunk.encoding, data: chunk.data });
    }
    return found;
  }

  async load(deleted: readonly Interval[]): Promise<readonly ChunkInput[]> {
    const found: ChunkInput[] = [];
    for (const { minTimeMs, maxTimeMs, ref } of this.#cursor.chunks) {
      if (isDeleted({ minTimeMs, maxTimeMs }, deleted)) continue;
      const { encoding, data } = await this.#block.segments.read(ref);
      found.push({ minTimeMs, maxTimeMs, encoding, data });
    }
    return found;
  }
}

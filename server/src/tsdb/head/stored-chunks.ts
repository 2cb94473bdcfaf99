import type { Logger } from '../../base/log.ts';
import type { Fs } from '../../base/ports/fs.ts';
import { nameOf, readHeadChunkSizes } from '../chunks/head-chunk-sizes.ts';
import { type HeadChunk, listHeadChunkFiles, readHeadChunkFile } from '../chunks/head-chunks.ts';
import { SERIES_REF_MAX } from '../limits.ts';
import { removeChunkSnapshots } from './chunk-snapshot-dirs.ts';
import type { Pacer } from './pacer.ts';

/** A file of `chunks_head`, and how far it reaches. */
export interface HeadChunkFileEnd {
  readonly path: string;
  readonly maxTimeMs: number;
}

export interface StoredChunksOptions {
  readonly fs: Fs;
  /** The database's folder. */
  readonly dir: string;
  readonly logger: Logger;
}

/** Reads the files of `chunks_head`, up to the first that is not as it was written. */
export class StoredChunks {
  /** Those up to the first damage. */
  readonly files: HeadChunkFileEnd[] = [];
  /** By series, in the order of time. */
  readonly bySeries = new Map<number, HeadChunk[]>();
  isDamaged = false;
  /** The greatest reference that a series here may have. */
  lastRef = 0;
  readonly #options: StoredChunksOptions;
  readonly #dir: string;

  constructor(options: StoredChunksOptions) {
    this.#options = options;
    this.#dir = `${options.dir}/chunks_head`;
  }

  /**
   * Files behind damage are removed, with all snapshots. The log has what they hold and what was lost
   * before it, and a series takes both in the order of time only.
   */
  async read(pacer: Pacer): Promise<void> {
    const { fs, dir } = this.#options;
    const sizes = await readHeadChunkSizes(fs, this.#dir);
    const missing = new Set(sizes?.keys());
    if (sizes === undefined) this.#noteDamage(`${this.#dir}: the list of sizes`);
    const behind: string[] = [];
    let lastNumber: number | undefined;
    for (const path of await listHeadChunkFiles(fs, this.#dir)) {
      const name = nameOf(path);
      const isNext = lastNumber === undefined || Number(name) === lastNumber + 1;
      const [first] = missing;
      if (!isNext || (first !== undefined && first < name)) this.#noteDamage('a file is missing');
      lastNumber = Number(name);
      if (this.isDamaged) behind.push(path);
      missing.delete(name);
      await this.#readFile(path, sizes?.get(name));
      if (pacer.isDue) await pacer.pause();
    }
    if (missing.size > 0) this.#noteDamage('a file is missing');
    if (behind.length === 0) return;
    await removeChunkSnapshots(fs, dir);
    for (const path of behind) await fs.remove(path);
  }

  async #readFile(path: string, sizeBytes: number | undefined): Promise<void> {
    const { fs, logger } = this.#options;
    const isBehind = this.isDamaged;
    const { chunks, damage, outOfOrderChunks, usedBytes } = await readHeadChunkFile(fs, path);
    let maxTimeMs = -Infinity;
    for (const chunk of chunks) {
      const { seriesRef } = chunk;
      maxTimeMs = Math.max(maxTimeMs, chunk.maxTimeMs);
      if (seriesRef <= SERIES_REF_MAX) this.lastRef = Math.max(this.lastRef, seriesRef);
      if (isBehind) continue;
      const list = this.bySeries.get(seriesRef);
      if (list === undefined) this.bySeries.set(seriesRef, [chunk]);
      else list.push(chunk);
    }
    if (isBehind) return;
    this.files.push({ path, maxTimeMs });
    if (outOfOrderChunks > 0) {
      logger.warn('out-of-order chunks were left alone', { path, outOfOrderChunks });
    }
    const isCut = sizeBytes !== undefined && sizeBytes !== usedBytes;
    if (damage !== undefined || isCut) this.#noteDamage(path, damage);
  }

  #noteDamage(what: string, error?: unknown): void {
    if (this.isDamaged) return;
    this.isDamaged = true;
    const { logger } = this.#options;
    logger.warn('a head chunk file is damaged; the log has to make up for it', { what, error });
  }
}

import { copyBytes } from '../../base/bytes/copy-bytes.ts';
import { CodedError } from '../../base/errors.ts';
import { ChunkTally } from '../encoding/chunk-tally.ts';
import { SegmentCheck, type ChunksFound } from '../chunks/segment-check.ts';
import { IndexCheck } from '../index/index-check.ts';
import type { SeriesFound } from '../index/series-check.ts';
import { TOC_BYTES } from '../index/toc.ts';
import { openTombstones, TOMBSTONES_FILE } from '../tombstones/tombstones.ts';
import { CHUNKS_DIR, INDEX_FILE } from './block-writer.ts';
import { type BlockMeta, decodeBlockMeta, META_FILE } from './meta.ts';

/** So many bytes at the end of an index tell where its parts begin. */
export const INDEX_TAIL_BYTES = TOC_BYTES;

/** A file of these with more bytes is none of a block. */
const META_BYTES_MAX = 4 * 1024 * 1024;
const TOMBSTONES_BYTES_MAX = 16 * 1024 * 1024;

const SEGMENT_PATTERN = new RegExp(`^${CHUNKS_DIR}/(\\d{6,9})$`);
const OTHER_PART_PATTERN = new RegExp(
  `^(${INDEX_FILE}|${META_FILE}|${TOMBSTONES_FILE}|${CHUNKS_DIR}/\\d+)(/|$)`,
);

/** Is given the bytes of one file, from front to end. Each call throws at damage. */
export interface FileCheck {
  /** The check is done with the piece when it returns. */
  push(piece: Uint8Array): void;
  end(): void;
}

/**
 * Checks one block while its files are read for whatever reason, in any order and each once: every
 * byte of index, chunks and tombstones by its checksum, that meta.json is this block's and tells the
 * truth, and that the chunks which the index names are those in the segments. In memory that does not
 * grow with the block.
 *
 * Prometheus refuses a whole database for the index of one block.
 */
export class BlockStreamCheck {
  readonly #ulid: string;
  readonly #found: ChunksFound = {
    chunks: new ChunkTally(),
    samples: 0,
    unknown: 0,
    untimed: 0,
  };
  readonly #segments = new Set<number>();
  #series: SeriesFound | undefined;
  #meta: BlockMeta | undefined;
  #hasTombstones = false;

  /** @param ulid the name of the block's folder */
  constructor(ulid: string) {
    this.#ulid = ulid;
  }

  /**
   * The check of a file; undefined for one that is no part of a block.
   *
   * @param path in the block's folder
   * @param sizeBytes as listed; more or fewer are damage
   * @param tail of an index, its last {@link INDEX_TAIL_BYTES}
   */
  file(path: string, sizeBytes: number, tail?: Uint8Array): FileCheck | undefined {
    const check = this.#checkOf(path, sizeBytes, tail);
    return check === undefined ? undefined : sized(check, sizeBytes);
  }

  /** To be called when all files have ended; throws when some are missing or do not fit together. */
  finish(): void {
    const meta = this.#meta;
    const series = this.#series;
    if (meta === undefined) throw missing(META_FILE);
    if (series === undefined) throw missing(INDEX_FILE);
    // Prometheus refuses a block without the folder of its chunks.
    for (let i = 0; i < Math.max(1, this.#segments.size); i++) {
      if (!this.#segments.has(i)) throw missing(`segment ${i + 1} of its chunks`);
    }
    const { chunks, samples, unknown, untimed } = this.#found;
    if (!series.chunks.hasPlacesOf(chunks)) {
      throw blockError('the index names other chunks than there are', {
        expected: series.chunks.count,
        found: chunks.count,
      });
    }
    if (untimed === 0 && !series.chunks.hasTimesOf(chunks)) {
      throw blockError('the index has other times than the chunks');
    }
    if ((meta.stats.numTombstones ?? 0) > 0 && !this.#hasTombstones) throw missing(TOMBSTONES_FILE);
    if (series.minTimeMs < meta.minTime || series.maxTimeMs > meta.maxTime) {
      throw blockError('it has samples outside of its time');
    }
    const { numSeries, numChunks, numSamples } = meta.stats;
    same('numSeries', numSeries, series.series);
    same('numChunks', numChunks, series.chunks.count);
    if (unknown === 0) same('numSamples', numSamples, samples);
  }

  #checkOf(path: string, sizeBytes: number, tail?: Uint8Array): FileCheck | undefined {
    if (path === INDEX_FILE) {
      if (tail === undefined || tail.length < INDEX_TAIL_BYTES) {
        throw new CodedError('ERR_INDEX', 'an index is too short', { sizeBytes });
      }
      const check = new IndexCheck(sizeBytes, tail);
      return { push: (piece) => check.push(piece), end: () => (this.#series = check.end()) };
    }
    if (path === META_FILE) return whole(META_BYTES_MAX, (bytes) => this.#readMeta(bytes));
    if (path === TOMBSTONES_FILE) {
      return whole(TOMBSTONES_BYTES_MAX, (bytes) => {
        openTombstones(bytes, path);
        this.#hasTombstones = true;
      });
    }
    const [, name] = SEGMENT_PATTERN.exec(path) ?? [];
    if (name === undefined) {
      // Prometheus takes whatever has such a name for part of the block, also a folder.
      if (OTHER_PART_PATTERN.test(path)) throw blockError('a file is none of it', { file: path });
      return undefined;
    }
    const segment = Number(name) - 1;
    this.#segments.add(segment);
    return new SegmentCheck(segment, this.#found);
  }

  #readMeta(bytes: Uint8Array): void {
    const meta = decodeBlockMeta(bytes, META_FILE);
    if (meta.ulid !== this.#ulid) {
      throw blockError('meta.json is that of another block', { found: meta.ulid });
    }
    this.#meta = meta;
  }
}

/** The check of a file that is small enough to be looked at in one go. */
function whole(sizeBytesMax: number, check: (bytes: Uint8Array) => void): FileCheck {
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  return {
    push: (piece) => {
      sizeBytes += piece.length;
      if (sizeBytes > sizeBytesMax) throw blockError('a file is too large', { sizeBytes });
      pieces.push(copyBytes(piece));
    },
    end: () => {
      const bytes = new Uint8Array(sizeBytes);
      let at = 0;
      for (const piece of pieces) {
        bytes.set(piece, at);
        at += piece.length;
      }
      check(bytes);
    },
  };
}

/** The check, and that of the file's size before it. */
function sized(check: FileCheck, sizeBytes: number): FileCheck {
  let found = 0;
  return {
    push: (piece) => {
      found += piece.length;
      if (found > sizeBytes) throw blockError('a file grew while it was read', { sizeBytes });
      check.push(piece);
    },
    end: () => {
      if (found < sizeBytes) {
        throw blockError('a file ended too early', { expected: sizeBytes, found });
      }
      check.end();
    },
  };
}

function same(what: string, expected: number, found: number): void {
  if (expected === found) return;
  throw new CodedError('ERR_BLOCK_STATS', 'a block does not hold what meta.json says', {
    what,
    expected,
    found,
  });
}

function missing(what: string): CodedError {
  return blockError(`${what} is missing`);
}

function blockError(reason: string, details: Record<string, string | number> = {}): CodedError {
  return new CodedError('ERR_BLOCK', `not a whole block: ${reason}`, details);
}

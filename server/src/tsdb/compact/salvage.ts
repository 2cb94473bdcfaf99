import { ByteReader } from '../../base/bytes/byte-reader.ts';
import { CodedError } from '../../base/errors.ts';
import type { Fs } from '../../base/ports/fs.ts';
import {
  type BlockPlan,
  type BlockSource,
  CHUNKS_DIR,
  INDEX_FILE,
  writeBlock,
} from '../block/block-writer.ts';
import { type BlockMeta, readBlockMeta } from '../block/meta.ts';
import { isKnownEncoding } from '../chunkenc/encodings.ts';
import { openChunk } from '../chunkenc/open-chunk.ts';
import { SegmentReader } from '../chunks/segment-reader.ts';
import type { ChunkInput } from '../chunks/segment-writer.ts';
import { openSection, openVarintSection } from '../encoding/section.ts';
import { readChunkMetas } from '../index/index-reader.ts';
import type { ChunkMeta } from '../index/index-writer.ts';
import { INDEX_HEADER_BYTES } from '../index/toc.ts';

// Makes a whole block of what can still be read of a damaged one. Only the table of symbols has to be
// whole: series are found by their checksums, chunks by the series, and everything else is made anew.

const SERIES_ALIGNMENT = 16;
/** Among the hints of a block's meta.json, which Prometheus keeps; the samples of the damaged block follow. */
const HINT = 'salvaged-of-samples:';

export interface Salvaged {
  /** undefined when nothing could be read. */
  readonly meta: BlockMeta | undefined;
  readonly lostChunks: number;
  /** What the damaged block said it held; undefined when its meta.json is not readable. */
  readonly expectedSamples: number | undefined;
}

/**
 * Writes what is left of the block in `dir` to `<parentDir>/<ulid>`; the damaged one stays.
 *
 * @param name the damaged block's ULID
 * @param remembered what its meta.json said when it could be read
 */
export async function salvageBlock(
  fs: Fs,
  dir: string,
  name: string,
  parentDir: string,
  ulid: string,
  signal: AbortSignal,
  remembered?: BlockMeta,
): Promise<Salvaged> {
  const found = remembered ?? (await readBlockMeta(fs, dir).catch(() => undefined));
  const known = found?.ulid === name ? found : undefined;
  const segments = new SegmentReader(fs, `${dir}/${CHUNKS_DIR}`);
  try {
    const index = await readIndex(fs, `${dir}/${INDEX_FILE}`);
    if (index === undefined) {
      return { meta: undefined, lostChunks: 0, expectedSamples: known?.stats.numSamples };
    }
    const source = new SalvageSource(index.symbols, index.series, segments);
    const plan = planOf(name, ulid, index.series, known);
    const meta = await writeBlock(fs, parentDir, plan, source, signal);
    return { meta, lostChunks: source.lostChunks, expectedSamples: known?.stats.numSamples };
  } finally {
    await segments.close();
  }
}

interface IndexedSeries {
  readonly labelRefs: readonly number[];
  readonly chunks: readonly ChunkMeta[];
}

/** undefined when not even the symbols can be read. */
async function readIndex(
  fs: Fs,
  path: string,
): Promise<{ symbols: string[]; series: IndexedSeries[] } | undefined> {
  try {
    const bytes = await fs.readFile(path);
    const reader = openSection(bytes, INDEX_HEADER_BYTES, `the symbol table of ${path}`);
    const symbols: string[] = [];
    for (let left = reader.u32(); left > 0; left--) symbols.push(reader.uvarintText());
    return { symbols, series: findSeries(bytes, reader.end, symbols.length) };
  } catch (error) {
    if (error instanceof CodedError) return undefined;
    throw error;
  }
}

/** Everything behind the symbols that looks like a series and has the checksum of one. */
function findSeries(bytes: Uint8Array, start: number, symbolCount: number): IndexedSeries[] {
  const found: IndexedSeries[] = [];
  let at = start + (-start & (SERIES_ALIGNMENT - 1));
  while (at < bytes.length) {
    const series = seriesAt(bytes, at, symbolCount);
    if (series !== undefined) found.push(series.entry);
    const end = series?.end ?? at + 1;
    at = end + (-end & (SERIES_ALIGNMENT - 1));
  }
  return found;
}

function seriesAt(
  bytes: Uint8Array,
  at: number,
  symbolCount: number,
): { entry: IndexedSeries; end: number } | undefined {
  try {
    const reader: ByteReader = openVarintSection(bytes, at, 'a series');
    const labelRefs: number[] = [];
    for (let left = reader.uvarint() * 2; left > 0; left--) labelRefs.push(reader.uvarint());
    const chunks = readChunkMetas(reader);
    const isSeries = labelRefs.length > 0 && labelRefs.every((ref) => ref < symbolCount);
    return isSeries ? { entry: { labelRefs, chunks }, end: reader.end } : undefined;
  } catch (error) {
    if (error instanceof CodedError) return undefined;
    throw error;
  }
}

/** Whoever looks for the damaged block finds it among the sources. */
function planOf(
  name: string,
  ulid: string,
  series: readonly IndexedSeries[],
  known: BlockMeta | undefined,
): BlockPlan {
  let minTimeMs = known?.minTime ?? Infinity;
  let maxTimeMs = known?.maxTime ?? -Infinity;
  for (const { chunks } of series) {
    for (const chunk of chunks) {
      minTimeMs = Math.min(minTimeMs, chunk.minTimeMs);
      maxTimeMs = Math.max(maxTimeMs, chunk.maxTimeMs + 1);
    }
  }
  const { hints = [], ...compaction } = known?.compaction ?? { level: 1, sources: [name] };
  const hint = `${HINT}${known?.stats.numSamples ?? ''}`;
  const others = hints.filter((each) => !each.startsWith(HINT));
  return { ulid, minTimeMs, maxTimeMs, compaction: { ...compaction, hints: [...others, hint] } };
}

/** How many samples were lost when the block was made of a damaged one, as far as is known. */
export function lostSamples({ compaction, stats }: BlockMeta): number {
  const hint = compaction.hints?.find((each) => each.startsWith(HINT));
  const expected = Number(hint?.slice(HINT.length) ?? 0);
  return Number.isSafeInteger(expected) ? Math.max(0, expected - stats.numSamples) : 0;
}

class SalvageSource implements BlockSource {
  readonly symbols: readonly string[];
  labelRefs: readonly number[] = [];
  chunks: readonly ChunkInput[] = [];
  lostChunks = 0;
  readonly #series: readonly IndexedSeries[];
  readonly #segments: SegmentReader;
  #next = 0;

  constructor(
    symbols: readonly string[],
    series: readonly IndexedSeries[],
    segments: SegmentReader,
  ) {
    this.symbols = symbols;
    this.#series = series;
    this.#segments = segments;
  }

  async next(): Promise<boolean> {
    const series = this.#series[this.#next++];
    if (series === undefined) return false;
    this.labelRefs = series.labelRefs;
    const chunks: ChunkInput[] = [];
    for (const { minTimeMs, maxTimeMs, ref } of series.chunks) {
      const chunk = await this.#read(ref, minTimeMs, maxTimeMs);
      if (chunk === undefined) this.lostChunks++;
      else chunks.push({ minTimeMs, maxTimeMs, ...chunk });
    }
    this.chunks = chunks;
    return true;
  }

  /** undefined for one that is damaged, or has other times than the index says. */
  async #read(
    ref: number,
    minTimeMs: number,
    maxTimeMs: number,
  ): Promise<{ encoding: number; data: Uint8Array } | undefined> {
    try {
      const chunk = await this.#segments.read(ref);
      if (isKnownEncoding(chunk.encoding)) {
        const samples = openChunk(chunk);
        while (samples.next()) {
          if (samples.timeMs < minTimeMs || samples.timeMs > maxTimeMs) return undefined;
        }
      }
      return chunk;
    } catch (error) {
      if (error instanceof CodedError) return undefined;
      throw error;
    }
  }
}

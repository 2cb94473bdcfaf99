import type { Fs } from '../../src/base/ports/fs.ts';
import { compareLabels, compareText, type Labels, makeLabels } from '../../src/model/labels.ts';
import { XorChunkBuilder } from '../../src/tsdb/chunkenc/xor-chunk.ts';
import type { ChunkInput } from '../../src/tsdb/chunks/segment-writer.ts';
import { type BlockMeta, writeBlock } from '../../src/tsdb/index.ts';

/** A series to be written: floats by time, or chunks as they are. */
export interface SeriesToWrite {
  readonly labels: Readonly<Record<string, string>>;
  readonly samples?: readonly (readonly [timeMs: number, value: number])[];
  readonly chunks?: readonly ChunkInput[];
}

const view = new DataView(new ArrayBuffer(8));

/** A chunk of these samples. */
export function xorChunk(samples: readonly (readonly [number, number])[]): ChunkInput {
  const builder = new XorChunkBuilder();
  for (const [timeMs, value] of samples) {
    view.setFloat64(0, value);
    builder.append(timeMs, view.getInt32(0), view.getInt32(4));
  }
  const { minTimeMs, maxTimeMs } = builder;
  return { minTimeMs, maxTimeMs, encoding: 1, data: builder.borrow().slice() };
}

/** Writes a block of these series, one chunk for each list of samples. */
export async function makeBlock(
  fs: Fs,
  parentDir: string,
  ulid: string,
  range: readonly [minTimeMs: number, maxTimeMs: number],
  input: readonly SeriesToWrite[],
): Promise<BlockMeta> {
  const sorted = input
    .map(({ labels, samples = [], chunks }) => ({
      labels: makeLabels(Object.entries(labels)),
      chunks: chunks ?? [xorChunk(samples)],
    }))
    .sort((a, b) => compareLabels(a.labels, b.labels));
  const words = sorted.flatMap(({ labels }) => labels.flatMap(({ name, value }) => [name, value]));
  const symbols = ['', ...new Set(words)].sort(compareText);
  const refsOf = (labels: Labels): number[] =>
    labels.flatMap(({ name, value }) => [symbols.indexOf(name), symbols.indexOf(value)]);
  let at = -1;
  const meta = await writeBlock(
    fs,
    parentDir,
    {
      ulid,
      minTimeMs: range[0],
      maxTimeMs: range[1],
      compaction: { level: 1, sources: [ulid] },
    },
    {
      symbols,
      next: () => ++at < sorted.length,
      get labelRefs() {
        return refsOf(sorted[at].labels);
      },
      get chunks() {
        return sorted[at].chunks;
      },
    },
  );
  if (meta === undefined) throw new Error('the block is empty');
  return meta;
}

/** A ULID that is easy to tell from others. */
export function testUlid(index: number): string {
  return `01ARZ3NDEKTSV4RRFFQ69G5F${String(index).padStart(2, '0')}`;
}

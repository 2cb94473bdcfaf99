import type { Fs } from '../../src/base/ports/fs.ts';
import { formatLabels } from '../../src/model/labels.ts';
import { XorIterator } from '../../src/tsdb/chunkenc/xor-iterator.ts';
import { BlockReader } from '../../src/tsdb/index.ts';

/** Samples of each series by time: the value's bits in hexadecimal. */
export type SampleTable = Map<string, Map<number, string>>;

/** All samples of the blocks in `dirs`. A sample that comes twice with two values is an error. */
export async function readBlockSamples(fs: Fs, dirs: readonly string[]): Promise<SampleTable> {
  const table: SampleTable = new Map();
  const samples = new XorIterator();
  for (const dir of dirs) {
    const block = await BlockReader.open(fs, dir);
    try {
      for (const { labels, chunks } of block.series()) {
        const key = formatLabels(labels);
        for (const meta of chunks) {
          const { data } = await block.chunk(meta);
          samples.reset(data);
          while (samples.next()) {
            put(table, key, samples.timeMs, bitsOf(samples.valueHi, samples.valueLo));
          }
        }
      }
    } finally {
      await block.close();
    }
  }
  return table;
}

export function put(table: SampleTable, series: string, timeMs: number, bits: string): void {
  let samples = table.get(series);
  if (samples === undefined) table.set(series, (samples = new Map<number, string>()));
  const before = samples.get(timeMs);
  if (before !== undefined && before !== bits) {
    throw new Error(`${series} at ${timeMs} is both ${before} and ${bits}`);
  }
  samples.set(timeMs, bits);
}

export function bitsOf(hi: number, lo: number): string {
  return hex(hi) + hex(lo);
}

export function bitsOfNumber(value: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return bitsOf(view.getInt32(0), view.getInt32(4));
}

function hex(half: number): string {
  return (half >>> 0).toString(16).padStart(8, '0');
}

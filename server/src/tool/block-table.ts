import type { Fs } from '../base/ports/fs.ts';
import type { BlockOnDisk } from '../tsdb/index.ts';
import { formatBytes, formatDuration, formatTime } from './go-format.ts';

export const BLOCK_HEADER = [
  'BLOCK ULID',
  'MIN TIME',
  'MAX TIME',
  'DURATION',
  'NUM SAMPLES',
  'NUM CHUNKS',
  'NUM SERIES',
  'SIZE',
];

/** A row about a block, as promtool prints it. */
export async function blockRow(
  fs: Fs,
  { dir, meta }: BlockOnDisk,
  isHuman: boolean,
): Promise<string[]> {
  const time = (timeMs: number): string => (isHuman ? formatTime(timeMs) : String(timeMs));
  const sizeBytes = await blockBytes(fs, dir);
  return [
    meta.ulid,
    time(meta.minTime),
    time(meta.maxTime),
    formatDuration(meta.maxTime - meta.minTime),
    String(meta.stats.numSamples),
    String(meta.stats.numChunks),
    String(meta.stats.numSeries),
    isHuman ? formatBytes(sizeBytes) : String(sizeBytes),
  ];
}

async function blockBytes(fs: Fs, dir: string): Promise<number> {
  let total = 0;
  for (const { name, isDirectory } of await fs.list(dir)) {
    const path = `${dir}/${name}`;
    total += isDirectory ? await blockBytes(fs, path) : ((await fs.stat(path))?.sizeBytes ?? 0);
  }
  return total;
}

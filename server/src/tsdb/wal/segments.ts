import type { Fs } from '../../base/ports/fs.ts';

// Names of files in the log's folder, as Prometheus tsdb/wlog/{wlog,checkpoint}.go.

export const PAGE_BYTES = 32 * 1024;
/** Type, length and CRC in front of each fragment. */
export const FRAGMENT_HEADER_BYTES = 7;

export const FRAGMENT_PAGE_END = 0;
export const FRAGMENT_FULL = 1;
export const FRAGMENT_FIRST = 2;
export const FRAGMENT_MIDDLE = 3;
export const FRAGMENT_LAST = 4;
export const FRAGMENT_TYPE_MASK = 0x07;
export const FRAGMENT_SNAPPY = 0x08;
export const FRAGMENT_ZSTD = 0x10;

const SEGMENT_PATTERN = /^\d{8,}$/;
const CHECKPOINT_PATTERN = /^checkpoint\.(\d{8,})$/;

export function segmentFileName(index: number): string {
  return String(index).padStart(8, '0');
}

export function checkpointName(index: number): string {
  return `checkpoint.${segmentFileName(index)}`;
}

/** Numbers of the segments in `dir`, ascending; none when the folder is missing. */
export async function listSegments(fs: Fs, dir: string): Promise<number[]> {
  if ((await fs.stat(dir)) === undefined) return [];
  const entries = await fs.list(dir);
  return entries
    .filter(({ name, isDirectory }) => !isDirectory && SEGMENT_PATTERN.test(name))
    .map(({ name }) => Number(name))
    .sort((a, b) => a - b);
}

/** Numbers of the checkpoints in `dir`, ascending: each replaces the segments up to its number. */
export async function listCheckpoints(fs: Fs, dir: string): Promise<number[]> {
  if ((await fs.stat(dir)) === undefined) return [];
  const indices: number[] = [];
  for (const { name, isDirectory } of await fs.list(dir)) {
    const match = CHECKPOINT_PATTERN.exec(name);
    if (isDirectory && match !== null) indices.push(Number(match[1]));
  }
  return indices.sort((a, b) => a - b);
}

/** Removes what an interrupted process has left of a checkpoint. */
export async function removeUnfinishedCheckpoints(fs: Fs, walDir: string): Promise<void> {
  for (const { name, isDirectory } of await fs.list(walDir)) {
    if (isDirectory && name.startsWith('checkpoint.') && name.endsWith('.tmp')) {
      await fs.removeTree(`${walDir}/${name}`);
    }
  }
}

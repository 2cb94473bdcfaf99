import type { Fs } from '../../base/ports/fs.ts';
import { segmentFileName } from './segments.ts';

const COPY_BYTES = 1024 * 1024;

/**
 * Ends the log at `offset` of the first of `segments` (undefined: before it) and keeps what lay
 * behind under names that no reader takes for a segment. Can be repeated after a crash at any point.
 * Returns the paths kept.
 */
export async function setAsideFrom(
  fs: Fs,
  dir: string,
  segments: readonly number[],
  offset: number | undefined,
  nowMs: number,
): Promise<string[]> {
  const suffix = `.corrupt-${nowMs}`;
  const paths = segments.map((index) => `${dir}/${segmentFileName(index)}`);
  const later = offset === undefined ? paths : paths.slice(1);
  const kept: string[] = [];
  // From the end, so that a crash on the way leaves no gap in the numbers.
  for (const path of later.reverse()) {
    await fs.rename(path, path + suffix);
    kept.unshift(path + suffix);
  }
  if (offset === undefined) {
    await fs.syncDir(dir);
    return kept;
  }
  const first = paths[0];
  kept.unshift(first + suffix);
  await copyFile(fs, first, first + suffix);
  await fs.syncDir(dir);
  const file = await fs.open(first, 'update');
  try {
    await file.truncate(offset);
    await file.sync();
  } finally {
    await file.close();
  }
  return kept;
}

async function copyFile(fs: Fs, from: string, to: string): Promise<void> {
  const source = await fs.open(from, 'read');
  try {
    const target = await fs.open(to, 'create');
    try {
      const buffer = new Uint8Array(COPY_BYTES);
      let at = 0;
      for (;;) {
        const length = await source.read(buffer, at);
        if (length === 0) break;
        await target.write(buffer.subarray(0, length));
        at += length;
      }
      await target.sync();
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

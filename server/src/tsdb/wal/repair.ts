import type { Fs } from '../../base/ports/fs.ts';
import { segmentFileName } from './segments.ts';

/** A segment, and when what lay behind damage was put there. */
const SET_ASIDE_PATTERN = /^\d{8}\.corrupt-(\d{1,15})$/;

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

/** Files that `setAsideFrom` has kept, at this start or an earlier one, with the time of that. */
export async function listSetAside(
  fs: Fs,
  dir: string,
): Promise<{ readonly path: string; readonly timeMs: number }[]> {
  const found: { path: string; timeMs: number }[] = [];
  for (const { name } of await fs.list(dir)) {
    const timeMs = SET_ASIDE_PATTERN.exec(name)?.[1];
    if (timeMs !== undefined) found.push({ path: `${dir}/${name}`, timeMs: Number(timeMs) });
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
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

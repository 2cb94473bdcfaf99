import { type Fs, renameDurably } from '../../base/ports/fs.ts';

// Names of chunk snapshots, as Prometheus tsdb/head_wal.go.

const PATTERN = /^chunk_snapshot\.(\d+)\.(\d+)$/;
export const UNFINISHED_SUFFIX = '.tmp';
const UNFINISHED_PATTERN = /^chunk_snapshot\.\d+\.\d+\.tmp$/;

/** A snapshot, and the place in the log up to which it stands for it. */
export interface ChunkSnapshotDir {
  readonly path: string;
  readonly segment: number;
  readonly offset: number;
}

export function chunkSnapshotName(segment: number, offset: number): string {
  return `chunk_snapshot.${String(segment).padStart(6, '0')}.${String(offset).padStart(10, '0')}`;
}

/** The snapshots in a database's folder, the newest last. */
export async function listChunkSnapshots(fs: Fs, dir: string): Promise<ChunkSnapshotDir[]> {
  const found: ChunkSnapshotDir[] = [];
  for (const { name, isDirectory } of await fs.list(dir)) {
    const match = PATTERN.exec(name);
    if (!isDirectory || match === null) continue;
    found.push({ path: `${dir}/${name}`, segment: Number(match[1]), offset: Number(match[2]) });
  }
  return found.sort((a, b) => a.segment - b.segment || a.offset - b.offset);
}

/** Removes what an interrupted process has left of a snapshot. */
export async function removeUnfinishedSnapshots(fs: Fs, dir: string): Promise<void> {
  for (const { name, isDirectory } of await fs.list(dir)) {
    if (isDirectory && UNFINISHED_PATTERN.test(name)) await fs.removeTree(`${dir}/${name}`);
  }
}

/** Removes all snapshots, so that a crash leaves no half of one under its name. */
export async function removeChunkSnapshots(fs: Fs, dir: string): Promise<void> {
  for (const { path } of await listChunkSnapshots(fs, dir)) {
    await fs.removeTree(path + UNFINISHED_SUFFIX);
    await renameDurably(fs, path, path + UNFINISHED_SUFFIX);
  }
  await removeUnfinishedSnapshots(fs, dir);
}

import type { Stats } from 'node:fs';
import * as nodeFs from 'node:fs/promises';
import { basename } from 'node:path';

import { CodedError } from '../base/errors.ts';

// Who holds a lock, as /proc/locks tells: it shows the locks of this PID namespace and of those below.

/** The file that Go programs lock, from Prometheus tsdb/tsdbutil/dir_locker.go. */
const GO_LOCK_FILE = 'lock';

/**
 * Fails with `ERR_FS_LOCKED` when a process holds flock(2) on the file of Go programs in `dir`. Anybody
 * who may read the file can do that, so only processes count that may write to the folder.
 */
export async function refuseGoHolder(dir: string, folder: Stats): Promise<void> {
  for (const pid of await holdersOf(`${dir}/${GO_LOCK_FILE}`, 'FLOCK')) {
    if (await mayWrite(pid, folder)) throw lockedError(dir, await nameOf(pid), pid);
  }
}

/** Fails with `ERR_FS_LOCKED` when a process is seen to hold an fcntl(2) lock on `path`. */
export async function refuseHolder(path: string, dir: string): Promise<void> {
  const [pid] = await holdersOf(path, 'POSIX');
  if (pid !== undefined) throw lockedError(dir, await nameOf(pid), pid);
}

export function lockedError(
  dir: string,
  holder: string,
  pid?: number,
  cause?: unknown,
): CodedError {
  const which = pid === undefined ? holder : `${holder} (process ${pid})`;
  const message = `${dir} is in use by ${which}`;
  return new CodedError('ERR_FS_LOCKED', message, { path: dir, holder, pid }, cause);
}

async function holdersOf(path: string, kind: 'FLOCK' | 'POSIX'): Promise<number[]> {
  const stat = await nodeFs.lstat(path).catch(() => undefined);
  const locks = await nodeFs.readFile('/proc/locks', 'utf8').catch(() => '');
  if (stat === undefined) return [];
  const pids: number[] = [];
  // "1: FLOCK  ADVISORY  WRITE 4242 fe:01:131083 0 EOF"; device numbers are hexadecimal there, and
  // overlay file systems show another device than stat does, so the inode alone has to match.
  for (const line of locks.split('\n')) {
    const fields = line.split(/\s+/).filter((field) => field !== '' && field !== '->');
    if (fields[1] !== kind || fields[5]?.split(':')[2] !== String(stat.ino)) continue;
    pids.push(Number(fields[4]));
  }
  return pids;
}

async function nameOf(pid: number): Promise<string> {
  if (pid === process.pid) return 'this process itself';
  // Not /proc/<pid>/comm: there Node's processes are all called MainThread.
  const line = await nodeFs.readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return basename(line.split('\0')[0] ?? '') || 'a process';
}

/** By its user and groups; one that we may not look at is given the right. */
async function mayWrite(pid: number, folder: Stats): Promise<boolean> {
  const status = await nodeFs.readFile(`/proc/${pid}/status`, 'utf8').catch(() => undefined);
  if (status === undefined || (folder.mode & 0o002) !== 0) return true;
  const idsOf = (field: string): number[] => {
    const line = status.split('\n').find((text) => text.startsWith(`${field}:`)) ?? '';
    return (line.match(/\d+/g) ?? []).map(Number);
  };
  const uids = idsOf('Uid');
  if (uids.includes(0) || uids.includes(folder.uid)) return true;
  const groups = [...idsOf('Gid'), ...idsOf('Groups')];
  return (folder.mode & 0o020) !== 0 && groups.includes(folder.gid);
}

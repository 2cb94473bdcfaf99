import { constants } from 'node:fs';
import type { Stats } from 'node:fs';
import * as nodeFs from 'node:fs/promises';
import { resolve } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';

import { CodedError, codeOf } from '../base/errors.ts';
import type { DirLock, DirLockState } from '../base/ports/fs.ts';
import { refuseGoHolder } from './lock-holders.ts';
import { lockFile } from './sqlite-lock.ts';

// The kernel decides who has a folder: whoever holds a write lock (fcntl) on our file in it. Such a
// lock ends with its process, and holds in all PID and network namespaces, and wherever else the
// file system is mounted. The file is empty, stays for ever, and is for its owner alone, since a
// read lock on it would keep us out. The Go plugin and Prometheus hold flock(2) on `lock`, which
// /proc/locks shows; they do not see us, so starting them on a folder that we hold stays unprotected.

/** Prometheus and the Go plugin pass over files that they don't know. */
export const LOCK_FILE = 'mattermost-plugin-metrics.lock';
const FILE_MODE = 0o600;

/** Keeps connections from the garbage collector, which would end their locks. */
const held = new Set<DatabaseSync>();

export async function lockDir(dir: string): Promise<DirLock> {
  // The open folder keeps its inode number from being given to another one.
  const folder = await nodeFs.open(dir, constants.O_RDONLY | constants.O_DIRECTORY).catch(refuse);
  const path = resolve(dir, LOCK_FILE);
  try {
    const folderStat = await folder.stat();
    await refuseGoHolder(dir, folderStat);
    await ensureLockFile(path, folderStat);
    const connection = await lockFile(path, dir);
    held.add(connection);
    const release = async (): Promise<void> => {
      if (!held.delete(connection)) return;
      connection.close();
      await folder.close();
    };
    const fileStat = await lstatOf(path);
    const check = async (): Promise<DirLockState> => {
      if (!isSame(folderStat, await statOf(dir))) return 'moved';
      return isSame(fileStat, await lstatOf(path)) ? 'held' : 'unlocked';
    };
    const exposedTo = async (): Promise<string | undefined> => exposureOf(await statOf(dir));
    return { check, exposedTo, release };
  } catch (error) {
    await folder.close();
    throw error;
  }

  function refuse(cause: unknown): never {
    const code = codeOf(cause) === 'ENOENT' ? 'ERR_FS_NOT_FOUND' : 'ERR_FS';
    throw new CodedError(code, `cannot lock ${dir}`, { path: dir }, cause);
  }
}

/**
 * Never opens a file that is there: closing it again would end a lock that this process has on it.
 */
async function ensureLockFile(path: string, folder: Stats): Promise<void> {
  const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  try {
    const file = await nodeFs.open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, FILE_MODE);
    try {
      await file.chmod(FILE_MODE);
      // A tool run by the superuser must not keep the server's user out afterwards.
      if (process.geteuid?.() === 0) await file.chown(folder.uid, folder.gid);
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (codeOf(cause) !== 'EEXIST') throw writeError(path, cause);
    await checkLockFile(path);
  }
}

async function checkLockFile(path: string): Promise<void> {
  const stat = await lstatOf(path);
  if (stat === undefined) return;
  if (stat.isFile() && stat.size === 0) {
    // Others who may read it could lock it; where it is not ours, its owner has seen to that.
    if ((stat.mode & 0o077) !== 0) await nodeFs.chmod(path, FILE_MODE).catch(() => undefined);
    return;
  }
  const message = `${path} is not the empty file that it is to be; remove it`;
  throw new CodedError('ERR_FS_LOCK_FILE', message, { path, sizeBytes: stat.size });
}

function writeError(path: string, cause: unknown): CodedError {
  const denied = ['EACCES', 'EPERM', 'EROFS'].includes(codeOf(cause) ?? '');
  const full = ['ENOSPC', 'EDQUOT'].includes(codeOf(cause) ?? '');
  const code = denied ? 'ERR_FS_DENIED' : full ? 'ERR_FS_FULL' : 'ERR_FS';
  return new CodedError(code, `cannot make ${path}`, { path }, cause);
}

/** The superuser may do anything anyway, and a group is shared with whoever is meant to. */
function exposureOf(folder: Stats | undefined): string | undefined {
  if (folder === undefined) return undefined;
  if ((folder.mode & 0o002) !== 0) return 'every user of this machine';
  const isOurs = folder.uid === 0 || folder.uid === process.geteuid?.();
  return isOurs ? undefined : `its owner, who is another user (id ${folder.uid})`;
}

function isSame(a: Stats | undefined, b: Stats | undefined): boolean {
  return a !== undefined && b !== undefined && a.ino === b.ino && a.dev === b.dev;
}

function statOf(path: string): Promise<Stats | undefined> {
  return nodeFs.stat(path).catch(orNothing);
}

function lstatOf(path: string): Promise<Stats | undefined> {
  return nodeFs.lstat(path).catch(orNothing);
}

function orNothing(error: unknown): undefined {
  if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
  throw error;
}

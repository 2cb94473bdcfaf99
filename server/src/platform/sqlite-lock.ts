import { randomBytes } from 'node:crypto';
import * as nodeFs from 'node:fs/promises';
import type { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';

import { CodedError } from '../base/errors.ts';
import { lockedError, refuseHolder } from './lock-holders.ts';

// Node has no call to lock a file, but SQLite, which is part of it, locks a database with fcntl(2): a
// transaction that is begun on an empty file, and left open, is a lock. It writes nothing, and
// with its journal in memory no other file appears.

const BEGIN = 'PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=MEMORY; BEGIN EXCLUSIVE';
/** Stays in memory; fails where SQLite could open the file only to read, and so has a read lock. */
const WRITE = 'PRAGMA user_version=1';

/** Result codes of https://www.sqlite.org/rescode.html; the lower byte of extended ones. */
const SQLITE_BUSY = 5;
const SQLITE_CANTOPEN = 14;
const SQLITE_READONLY = 8;
const SQLITE_IOERR = 10;

/**
 * Locks the empty file `path`, which must exist, for this process, until the connection is closed.
 * No other descriptor of the file may be opened meanwhile: closing it would end the lock.
 *
 * `ERR_FS_LOCKED` when another one has it, `ERR_FS_NO_LOCKS` where the file system locks nothing.
 *
 * @param dir named in errors
 */
export async function lockFile(path: string, dir: string): Promise<DatabaseSync> {
  try {
    return begin(path);
  } catch (cause) {
    const code = resultCode(cause);
    if (code === SQLITE_BUSY) {
      await refuseHolder(path, dir);
      // Where nobody can lock anything, the kernel's answer looks the same (ENOLCK).
      if (await hasLocks(path)) throw lockedError(dir, ELSEWHERE, undefined, cause);
    }
    throw lockError(code, path, dir, cause);
  }
}

const ELSEWHERE = 'a process in another container or on another machine';

function begin(path: string): DatabaseSync {
  const { DatabaseSync: Connection } = process.getBuiltinModule('node:sqlite');
  const url = pathToFileURL(path);
  // The file is made by us, with a mode of our own, or not at all.
  url.searchParams.set('mode', 'rw');
  const connection = new Connection(url);
  try {
    connection.exec(`${BEGIN}; ${WRITE}`);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Tries a new file, which nobody else can have. */
async function hasLocks(path: string): Promise<boolean> {
  const probe = `${path}.${randomBytes(8).toString('hex')}`;
  try {
    await nodeFs.writeFile(probe, '', { flag: 'wx', mode: 0o600 });
    begin(probe).close();
    return true;
  } catch (error) {
    return resultCode(error) !== SQLITE_BUSY;
  } finally {
    await nodeFs.rm(probe, { force: true });
  }
}

function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

export function lockError(
  code: number | undefined,
  path: string,
  dir: string,
  cause: unknown,
): CodedError {
  if (code === SQLITE_CANTOPEN || code === SQLITE_READONLY) {
    return new CodedError('ERR_FS_DENIED', `cannot open ${path} to lock it`, { path }, cause);
  }
  if (code === SQLITE_BUSY || code === SQLITE_IOERR) {
    const message = `the file system of ${dir} has no locks, so nothing keeps two servers apart`;
    return new CodedError('ERR_FS_NO_LOCKS', message, { path }, cause);
  }
  return new CodedError('ERR_FS', `cannot lock ${path}`, { path }, cause);
}

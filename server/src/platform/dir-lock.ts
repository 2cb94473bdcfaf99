import * as nodeFs from 'node:fs/promises';
import { createServer, type Server } from 'node:net';

import { CodedError, codeOf } from '../base/errors.ts';
import type { DirLock } from '../base/ports/fs.ts';

// Node has no flock(2). Exclusion between processes of ours comes from a Unix socket in Linux's
// abstract namespace, named after the folder's device and inode: binding it is atomic, and the
// kernel frees it when the process ends in whatever way. The file tells people who holds the folder,
// and keeps out a process of ours in another network namespace of the same machine. The Go plugin
// and Prometheus hold flock(2) on `lock`, which /proc/locks shows; they cannot see us, so starting
// them on a folder that we hold stays unprotected.

const OWNER_FILE = 'lock.owner';
/** The file that Go programs lock, from Prometheus tsdb/tsdbutil/dir_locker.go. */
const GO_LOCK_FILE = 'lock';

interface Owner {
  readonly pid: number;
  /** Field 22 of /proc/<pid>/stat: tells a process from a later one with the same number. */
  readonly startTicks: string;
  readonly bootId: string;
}

export async function lockDir(dir: string): Promise<DirLock> {
  const socket = await bindSocket(dir);
  try {
    await refuseGoHolder(dir);
    await refuseLiveOwner(dir);
    await writeOwner(dir);
  } catch (error) {
    await closeServer(socket);
    throw error;
  }
  let released = false;
  return {
    async release() {
      if (released) return;
      released = true;
      await nodeFs.rm(`${dir}/${OWNER_FILE}`, { force: true }).catch(() => undefined);
      await closeServer(socket);
    },
  };
}

async function bindSocket(dir: string): Promise<Server> {
  const { dev, ino } = await nodeFs.stat(dir).catch((cause: unknown) => {
    const code = codeOf(cause) === 'ENOENT' ? 'ERR_FS_NOT_FOUND' : 'ERR_FS';
    throw new CodedError(code, `cannot lock ${dir}`, { path: dir }, cause);
  });
  const server = createServer((connection) => connection.destroy());
  server.unref();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(`\0mattermost-plugin-metrics/dir-lock/${dev}/${ino}`, resolve);
    });
  } catch (cause) {
    if (codeOf(cause) !== 'EADDRINUSE') {
      throw new CodedError('ERR_FS', `cannot lock ${dir}`, { path: dir }, cause);
    }
    const owner = await readOwner(dir);
    throw lockedError(dir, 'another process of this plugin', owner?.pid, cause);
  }
  return server;
}

async function refuseGoHolder(dir: string): Promise<void> {
  const path = `${dir}/${GO_LOCK_FILE}`;
  const stat = await nodeFs.stat(path).catch(() => undefined);
  const locks = await nodeFs.readFile('/proc/locks', 'utf8').catch(() => '');
  if (stat === undefined) return;
  // "1: FLOCK  ADVISORY  WRITE 4242 fe:01:131083 0 EOF"; device numbers are hexadecimal there, and
  // overlay file systems show another device than stat does, so the inode alone has to match.
  for (const line of locks.split('\n')) {
    const fields = line.split(/\s+/).filter((field) => field !== '' && field !== '->');
    if (fields[1] !== 'FLOCK' || fields[5]?.split(':')[2] !== String(stat.ino)) continue;
    const pid = Number(fields[4]);
    const name = await nodeFs.readFile(`/proc/${pid}/comm`, 'utf8').catch(() => 'a process');
    throw lockedError(dir, name.trim(), pid);
  }
}

async function refuseLiveOwner(dir: string): Promise<void> {
  const owner = await readOwner(dir);
  if (owner === undefined || owner.pid === process.pid) return;
  const isAlive =
    owner.bootId === (await bootId()) && owner.startTicks === (await startTicks(owner.pid));
  if (isAlive) throw lockedError(dir, 'another process of this plugin', owner.pid);
}

async function readOwner(dir: string): Promise<Owner | undefined> {
  try {
    const raw: unknown = JSON.parse(await nodeFs.readFile(`${dir}/${OWNER_FILE}`, 'utf8'));
    if (typeof raw !== 'object' || raw === null) return undefined;
    const { pid, startTicks: ticks, bootId: boot } = raw as Partial<Record<string, unknown>>;
    if (typeof pid !== 'number' || typeof ticks !== 'string' || typeof boot !== 'string') {
      return undefined;
    }
    return { pid, startTicks: ticks, bootId: boot };
  } catch {
    return undefined;
  }
}

async function writeOwner(dir: string): Promise<void> {
  const owner: Owner = {
    pid: process.pid,
    startTicks: (await startTicks(process.pid)) ?? '',
    bootId: await bootId(),
  };
  const path = `${dir}/${OWNER_FILE}`;
  try {
    await nodeFs.writeFile(`${path}.tmp`, JSON.stringify(owner), { mode: 0o600 });
    await nodeFs.rename(`${path}.tmp`, path);
  } catch (cause) {
    const denied = ['EACCES', 'EPERM', 'EROFS'].includes(codeOf(cause) ?? '');
    const code = denied ? 'ERR_FS_DENIED' : codeOf(cause) === 'ENOSPC' ? 'ERR_FS_FULL' : 'ERR_FS';
    throw new CodedError(code, `cannot write into ${dir}`, { path }, cause);
  }
}

/** undefined when there is no such process. */
async function startTicks(pid: number): Promise<string | undefined> {
  const stat = await nodeFs.readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The name in parentheses may hold spaces; field 3 follows it.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}

async function bootId(): Promise<string> {
  const id = await nodeFs.readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  return id.trim();
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

function lockedError(
  dir: string,
  holder: string,
  pid: number | undefined,
  cause?: unknown,
): CodedError {
  const message = `${dir} is in use by ${holder}`;
  return new CodedError('ERR_FS_LOCKED', message, { path: dir, holder, pid }, cause);
}

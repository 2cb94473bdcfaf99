import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, afterEach, describe, it } from 'node:test';

import { CodedError, hasCode } from '../src/base/errors.ts';
import { silentLogger } from '../src/base/log.ts';
import { makeLabels } from '../src/model/labels.ts';
import { blockingFs } from '../src/platform/blocking-fs.ts';
import { CallMark } from '../src/platform/call-mark.ts';
import { diskFs } from '../src/platform/disk-fs.ts';
import { Db, tsdbTasks } from '../src/tsdb/index.ts';
import { FakeClock } from './support/fake-clock.ts';
import { inlineTasks } from './support/inline-tasks.ts';
import { hasNamespaces, hasTool, isRoot } from './support/tools.ts';

// Who has a folder, with real processes, namespaces and the locks of the kernel.

const HOLDER = join(import.meta.dirname, 'support', 'lock-holder.ts');
const LOCK_FILE = 'mattermost-plugin-metrics.lock';
/** What two containers on one machine do not share. */
const CONTAINER = '--map-root-user --pid --net --mount --mount-proc --fork --kill-child'.split(' ');
/** User id of `nobody` on Linux. */
const NOBODY = 65534;

const root = fs.mkdtempSync(join(tmpdir(), 'dir-lock-'));
after(() => fs.rmSync(root, { recursive: true, force: true }));
const children: ChildProcessWithoutNullStreams[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) await kill(child);
});
let folders = 0;

function newFolder(): string {
  const dir = join(root, String(folders++));
  fs.mkdirSync(dir);
  return dir;
}

/** Starts a process that locks `dir`; resolves with what it says first. */
async function holder(
  dir: string,
  wrap: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<{ child: ChildProcessWithoutNullStreams; said: string }> {
  const [program = '', ...args] = [...wrap, process.execPath, HOLDER, dir];
  const child = spawn(program, args, { env: { ...process.env, ...env } });
  children.push(child);
  const [said] = (await once(createInterface(child.stdout), 'line')) as [string];
  return { child, said };
}

async function kill(child: ChildProcessWithoutNullStreams): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function end(child: ChildProcessWithoutNullStreams): Promise<void> {
  child.stdin.end();
  if (child.exitCode === null) await once(child, 'exit');
}

describe('the lock of a folder', () => {
  it('is one empty file for its owner alone, and no other file appears or stays', async () => {
    const dir = newFolder();
    const lock = await diskFs.lockDir(dir);
    assert.deepEqual(fs.readdirSync(dir), [LOCK_FILE]);
    const stat = fs.statSync(join(dir, LOCK_FILE));
    assert.deepEqual([stat.size, stat.mode & 0o777], [0, 0o600]);
    await lock.release();
    assert.deepEqual(fs.readdirSync(dir), [LOCK_FILE]);
    assert.equal(fs.statSync(join(dir, LOCK_FILE)).size, 0);
  });

  it('keeps a process in another container out, until the first ends or is killed', async (t) => {
    const inContainer = ['unshare', ...CONTAINER];
    if (!hasNamespaces(t, CONTAINER)) return;
    const dir = newFolder();
    const first = await holder(dir, inContainer);
    assert.equal(first.said, 'held');
    const refused = await holder(dir, inContainer);
    assert.match(refused.said, /^ERR_FS_LOCKED .* in use by a process in another container/);
    await end(refused.child);
    // The one that was refused and stopped has taken nothing away.
    assert.match((await holder(dir, inContainer)).said, /^ERR_FS_LOCKED/);
    await assert.rejects(diskFs.lockDir(dir), (error) => hasCode(error, 'ERR_FS_LOCKED'));
    await kill(first.child);
    const second = await holder(dir, inContainer);
    assert.equal(second.said, 'held');
    await end(second.child);
    await (await diskFs.lockDir(dir)).release();
  });

  it('names the process that has it, where that can be seen', async () => {
    const dir = newFolder();
    const { child } = await holder(dir);
    await assert.rejects(diskFs.lockDir(dir), (error) => {
      assert.ok(error instanceof CodedError);
      assert.equal(error.details.pid, child.pid);
      assert.match(error.message, new RegExp(`in use by .* \\(process ${child.pid}\\)$`));
      return true;
    });
  });

  it('stays while the database works in the folder, and all that is in it is read', async () => {
    const dir = newFolder();
    const clock = new FakeClock(Date.UTC(2026, 10, 22));
    const tasks = inlineTasks(tsdbTasks(diskFs));
    const options = { fs: diskFs, dir, clock, logger: silentLogger, tasks };
    const db = await Db.open({ ...options, maintenanceIntervalMs: 0 });
    for (let i = 0; i < 10; i++) {
      await clock.advance(3_600_000);
      const appender = db.appender();
      appender.append(appender.series(makeLabels([['__name__', 'up']])), clock.nowMs(), i);
      await appender.commit();
      await db.cut();
    }
    await db.flush();
    for (const { name, isDirectory } of await diskFs.list(dir)) {
      if (isDirectory) continue;
      // A second descriptor, once closed, would end the lock.
      for (const disk of [diskFs, blockingFs(new CallMark())]) {
        await assert.rejects(disk.readFile(`${dir}/${name}`));
        for (const mode of ['read', 'create', 'log', 'append', 'update'] as const) {
          await assert.rejects(disk.open(`${dir}/${name}`, mode));
        }
      }
    }
    await assert.rejects(Db.open(options), (error) => hasCode(error, 'ERR_FS_LOCKED'));
    assert.match((await holder(dir)).said, /^ERR_FS_LOCKED/);
    await db.close();
    assert.equal((await holder(dir)).said, 'held');
  });

  it('is not taken for another file: a link, a folder or a file with something in it', async () => {
    const elsewhere = join(newFolder(), 'victim');
    fs.writeFileSync(elsewhere, '');
    const inTheWay: ((path: string) => void)[] = [
      (path) => fs.symlinkSync(elsewhere, path),
      (path) => fs.mkdirSync(path),
      (path) => fs.writeFileSync(path, 'something'),
    ];
    for (const put of inTheWay) {
      const dir = newFolder();
      put(join(dir, LOCK_FILE));
      await assert.rejects(diskFs.lockDir(dir), (error) => hasCode(error, 'ERR_FS_LOCK_FILE'));
    }
    assert.equal(fs.readFileSync(elsewhere, 'utf8'), '');
  });

  it('tells when its file was removed or replaced, and lets nobody else’s go', async () => {
    const dir = newFolder();
    const lock = await diskFs.lockDir(dir);
    fs.rmSync(join(dir, LOCK_FILE));
    assert.equal(await lock.check(), 'unlocked');
    const second = await holder(dir);
    assert.equal(second.said, 'held');
    assert.equal(await lock.check(), 'unlocked');
    await lock.release();
    await assert.rejects(diskFs.lockDir(dir), (error) => hasCode(error, 'ERR_FS_LOCKED'));
  });

  it('cannot be taken by a user who may not write the folder', async (t) => {
    if (!isRoot(t)) return;
    const dir = newFolder();
    fs.chmodSync(root, 0o755);
    fs.chmodSync(dir, 0o755);
    // What a release before this one, the Go plugin and somebody's chmod may have left.
    fs.writeFileSync(join(dir, LOCK_FILE), '');
    fs.chmodSync(join(dir, LOCK_FILE), 0o644);
    fs.writeFileSync(join(dir, 'lock'), '');
    const { dev, ino } = fs.statSync(dir);
    const socket = createServer().listen(`\0mattermost-plugin-metrics/dir-lock/${dev}/${ino}`);
    const nobody = { uid: NOBODY, gid: NOBODY };
    const flock = spawn('flock', [join(dir, 'lock'), 'sh', '-c', 'echo held; cat'], nobody);
    children.push(flock);
    await once(flock.stdout, 'data');
    const lock = await diskFs.lockDir(dir);
    assert.equal(fs.statSync(join(dir, LOCK_FILE)).mode & 0o077, 0);
    await lock.release();
    const { status } = spawnSync('cat', [join(dir, LOCK_FILE)], nobody);
    assert.notEqual(status, 0, 'who can open it can lock it');
    socket.close();
  });

  it('is not had by who may only read its file', async (t) => {
    if (!isRoot(t)) return;
    const dir = newFolder();
    fs.chmodSync(root, 0o755);
    fs.writeFileSync(join(dir, LOCK_FILE), '');
    fs.chmodSync(join(dir, LOCK_FILE), 0o644);
    process.seteuid?.(NOBODY);
    try {
      await assert.rejects(diskFs.lockDir(dir), (error) => hasCode(error, 'ERR_FS_DENIED'));
    } finally {
      process.seteuid?.(0);
    }
  });

  it('leaves a folder to its user when the superuser had it', async (t) => {
    if (!isRoot(t)) return;
    const dir = newFolder();
    fs.chownSync(dir, NOBODY, NOBODY);
    await (await diskFs.lockDir(dir)).release();
    const { uid, gid } = fs.statSync(join(dir, LOCK_FILE));
    assert.deepEqual([uid, gid], [NOBODY, NOBODY]);
  });

  it('says so where the file system has no locks', async (t) => {
    if (!hasTool(t, 'gcc')) return;
    const source = join(newFolder(), 'no-locks.c');
    for (const errno of ['ENOLCK', 'EOPNOTSUPP', 'ENOSYS']) {
      fs.writeFileSync(source, noLocks(errno));
      const library = `${source}.so`;
      const built = spawnSync('gcc', ['-shared', '-fPIC', '-o', library, source, '-ldl']);
      assert.equal(built.status, 0, String(built.stderr));
      const dir = newFolder();
      const { said } = await holder(dir, [], { LD_PRELOAD: library });
      assert.match(said, /^ERR_FS_NO_LOCKS .* has no locks/, errno);
      assert.deepEqual(fs.readdirSync(dir), [LOCK_FILE]);
    }
  });
});

/** A C library whose locks fail as those of a file system without them. */
function noLocks(errno: string): string {
  return `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
static int other(const char *name, int fd, int command, void *argument) {
  if (command == F_SETLK || command == F_SETLKW) { errno = ${errno}; return -1; }
  int (*next)(int, int, ...) = dlsym(RTLD_NEXT, name);
  return next(fd, command, argument);
}
int fcntl(int fd, int command, ...) {
  va_list list; va_start(list, command); void *argument = va_arg(list, void *); va_end(list);
  return other("fcntl", fd, command, argument);
}
int fcntl64(int fd, int command, ...) {
  va_list list; va_start(list, command); void *argument = va_arg(list, void *); va_end(list);
  return other("fcntl64", fd, command, argument);
}
`;
}

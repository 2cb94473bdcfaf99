import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';

import { CodedError } from '../src/base/errors.ts';
import { blockingFs } from '../src/platform/blocking-fs.ts';
import { CallMark } from '../src/platform/call-mark.ts';
import { diskFs } from '../src/platform/disk-fs.ts';
import { LeavableFs } from '../src/platform/leavable-fs.ts';
import { limitedFs } from '../src/platform/limited-fs.ts';
import { fsKit } from './kits/fs-kit.ts';
import { MemoryFs } from './support/memory-fs.ts';
import { hasTool } from './support/tools.ts';

const root = mkdtempSync(join(tmpdir(), 'fs-'));
after(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
/** User id of `nobody` on Linux. */
const NOBODY = 65534;

function newFolder(): string {
  const dir = join(root, String(folders++));
  mkdirSync(dir);
  return dir;
}

/** The superuser may write anywhere, so a test that runs as one steps down meanwhile. */
async function asOrdinaryUser(action: () => Promise<void>): Promise<void> {
  if (process.geteuid?.() !== 0) return action();
  chmodSync(root, 0o711);
  process.seteuid?.(NOBODY);
  try {
    await action();
  } finally {
    process.seteuid?.(0);
  }
}

fsKit('the disk', async () => ({ fs: diskFs, root: newFolder() }));

fsKit('the disk with calls that can be left', async () => ({
  fs: new LeavableFs(diskFs),
  root: newFolder(),
}));

fsKit('the disk of a worker', async () => ({
  fs: blockingFs(new CallMark()),
  root: newFolder(),
}));

fsKit('the disk with few calls at a time', async () => ({
  fs: limitedFs(diskFs),
  root: newFolder(),
}));

fsKit('the memory twin', async () => {
  const fs = new MemoryFs();
  await fs.makeDir('root');
  return { fs, root: 'root' };
});

describe('the disk besides', () => {
  /** All that open files on the real disk. */
  const disks = [diskFs, new LeavableFs(diskFs), blockingFs(new CallMark()), limitedFs(diskFs)];

  it('gives files and folders to their owner and group alone', async () => {
    const before = process.umask(0);
    try {
      for (const fs of disks) {
        const dir = `${newFolder()}/new`;
        await fs.makeDir(dir);
        await (await fs.open(`${dir}/f`, 'create')).close();
        assert.equal(statSync(dir).mode & 0o777, 0o750);
        assert.equal(statSync(`${dir}/f`).mode & 0o777, 0o600);
      }
    } finally {
      process.umask(before);
    }
  });

  it('writes nothing through a link, in no mode', async () => {
    for (const fs of disks) {
      const dir = newFolder();
      const victim = join(newFolder(), 'victim');
      writeFileSync(victim, 'precious');
      symlinkSync(victim, `${dir}/link`);
      symlinkSync(join(dir, 'nothing'), `${dir}/dangling`);
      for (const name of ['link', 'dangling']) {
        for (const mode of ['create', 'log', 'append', 'update'] as const) {
          await assert.rejects(fs.open(`${dir}/${name}`, mode), { code: 'ERR_FS_LINK' });
        }
        await assert.rejects(fs.open(`${dir}/${name}`, 'new'), { code: 'ERR_FS_EXISTS' });
      }
      assert.equal(readFileSync(victim, 'utf8'), 'precious');
      assert.deepEqual(readdirSync(dir), ['dangling', 'link']);
    }
  });

  it('tells who else may write to a folder that is locked', async (t) => {
    const dir = newFolder();
    const lock = await diskFs.lockDir(dir);
    for (const [mode, expected] of [
      [0o750, undefined],
      [0o2770, undefined],
      [0o777, 'every user of this machine'],
      [0o1777, 'every user of this machine'],
    ] as const) {
      chmodSync(dir, mode);
      assert.equal(await lock.exposedTo(), expected, mode.toString(8));
    }
    chmodSync(dir, 0o755);
    if (process.geteuid?.() === 0) {
      chownSync(dir, NOBODY, NOBODY);
      assert.match((await lock.exposedTo()) ?? '', /another user \(id 65534\)/);
    } else {
      t.diagnostic('only root can give a folder away');
    }
    await lock.release();
  });

  it('says when it may not write', async () => {
    const dir = newFolder();
    chmodSync(dir, 0o555);
    await asOrdinaryUser(async () => {
      assert.deepEqual(await diskFs.list(dir), [], 'reading is allowed');
      await assert.rejects(
        diskFs.open(`${dir}/f`, 'create'),
        (error) => error instanceof CodedError && error.code === 'ERR_FS_DENIED',
      );
    });
  });

  it('refuses a folder that another program holds with flock', async (t) => {
    if (!hasTool(t, 'flock')) return;
    const dir = newFolder();
    writeFileSync(`${dir}/lock`, '');
    const holder = spawn('flock', [
      '-n',
      '-F',
      `${dir}/lock`,
      'sh',
      '-c',
      'echo held; exec sleep 60',
    ]);
    try {
      await once(holder.stdout, 'data');
      await assert.rejects(diskFs.lockDir(dir), (error) => {
        assert.ok(error instanceof CodedError);
        assert.equal(error.code, 'ERR_FS_LOCKED');
        assert.match(error.message, /is in use by/);
        return true;
      });
    } finally {
      holder.kill('SIGKILL');
    }
  });

  it('takes a folder over whose owner was killed, and not one whose owner lives', async () => {
    const dir = newFolder();
    const code = `
      import { diskFs } from ${JSON.stringify(join(import.meta.dirname, '../src/platform/disk-fs.ts'))};
      await diskFs.lockDir(${JSON.stringify(dir)});
      console.log('held');
      setInterval(() => {}, 1000);`;
    const owner = spawn(process.execPath, ['--input-type=module', '-e', code]);
    try {
      await once(owner.stdout, 'data');
      await assert.rejects(diskFs.lockDir(dir), (error) => {
        assert.ok(error instanceof CodedError);
        assert.equal(error.code, 'ERR_FS_LOCKED');
        assert.equal(error.details.pid, owner.pid);
        return true;
      });
    } finally {
      owner.kill('SIGKILL');
      await once(owner, 'exit');
    }
    await (await diskFs.lockDir(dir)).release();
  });
});

describe('the memory twin besides', () => {
  async function file(fs: MemoryFs, path: string, value: string, sync: boolean): Promise<void> {
    const opened = await fs.open(path, 'create');
    await opened.write(new TextEncoder().encode(value));
    if (sync) await opened.sync();
    await opened.close();
  }

  it('loses what was not synced in a power cut, and nothing when killed', async () => {
    const fs = new MemoryFs();
    await fs.makeDir('d');
    await fs.syncDir('.');
    await file(fs, 'd/data-and-name', '1', true);
    await file(fs, 'd/name-only', '2', false);
    await fs.syncDir('d');
    await file(fs, 'd/data-only', '3', true);
    const names = async (disk: MemoryFs): Promise<string[]> =>
      (await disk.list('d')).map(({ name }) => name);
    assert.deepEqual(await names(fs.survivor('kill')), ['data-and-name', 'data-only', 'name-only']);
    const cut = fs.survivor('power cut');
    assert.deepEqual(await names(cut), ['data-and-name', 'name-only']);
    assert.equal((await cut.readFile('d/data-and-name')).length, 1);
    assert.equal((await cut.readFile('d/name-only')).length, 0);
  });

  it('keeps what was written to a log, without a sync', async () => {
    const fs = new MemoryFs();
    const log = await fs.open('log', 'log');
    await fs.syncDir('.');
    await log.write(Uint8Array.of(1, 2));
    await log.close();
    assert.deepEqual(await fs.survivor('power cut').readFile('log'), Uint8Array.of(1, 2));
  });

  it('fails the call that it is told to, half done, and is dead after a crash', async () => {
    const fs = new MemoryFs();
    fs.fault = { atCall: 2, kind: 'fail', code: 'ERR_FS_FULL' };
    const opened = await fs.open('f', 'create');
    await assert.rejects(opened.write(new Uint8Array(10)), /cannot write f/);
    assert.equal(await opened.size(), 5);
    fs.fault = { atCall: 3, kind: 'crash' };
    await assert.rejects(opened.sync());
    await assert.rejects(fs.readFile('f'));
  });
});

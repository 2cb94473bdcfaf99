import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { packFolder, sourceDate } from './pack.ts';

test('archives of the same files are the same bytes, whatever their times and modes', async (t) => {
  const dir = await mkdtemp(path.join(tmpdir(), 'pack-test-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const archives: Buffer[] = [];
  for (const [name, mode, time] of [
    ['one', 0o600, 1_000_000],
    ['two', 0o664, 1_700_000_000],
  ] as const) {
    const folder = path.join(dir, name, 'plugin');
    await mkdir(path.join(folder, 'b'), { recursive: true });
    const files = ['b/second', 'a', 'c'].map((file) => path.join(folder, file));
    if (name === 'two') files.reverse();
    for (const file of files) {
      await writeFile(file, path.basename(file));
      await chmod(file, mode);
      await utimes(file, time, time);
    }
    await packFolder(folder, path.join(dir, `${name}.tar.gz`), 1_234_567_890);
    archives.push(await readFile(path.join(dir, `${name}.tar.gz`)));
  }

  assert.deepEqual(archives[0], archives[1]);
});

test('the time of a bundle is SOURCE_DATE_EPOCH, and nothing else that looks like it', async (t) => {
  const before = process.env.SOURCE_DATE_EPOCH;
  t.after(() => {
    delete process.env.SOURCE_DATE_EPOCH;
    if (before !== undefined) process.env.SOURCE_DATE_EPOCH = before;
  });
  process.env.SOURCE_DATE_EPOCH = '1700000000';
  assert.equal(await sourceDate(), 1_700_000_000);
  process.env.SOURCE_DATE_EPOCH = '2026-11-28';
  await assert.rejects(sourceDate(), /SOURCE_DATE_EPOCH: Unix seconds expected/);
});

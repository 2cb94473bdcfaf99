import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { inlineTasks } from '../../../test/support/inline-tasks.ts';
import { makeBlock, testUlid } from '../../../test/support/make-block.ts';
import { MemoryFs } from '../../../test/support/memory-fs.ts';
import { silentLogger } from '../../base/log.ts';
import { makeLabels } from '../../model/labels.ts';
import { tsdbTasks } from '../tasks.ts';
import { Db } from './db.ts';

const HOUR_MS = 60 * 60 * 1000;
const START_MS = Date.UTC(2026, 10, 22, 8);

const damages: Record<string, (fs: MemoryFs, block: string) => Promise<void>> = {
  'an empty meta.json': async (fs, block) =>
    (await fs.open(`${block}/meta.json`, 'create')).close(),
  'no meta.json': (fs, block) => fs.remove(`${block}/meta.json`),
  'a foreign meta.json': async (fs, block) => {
    const file = await fs.open(`${block}/meta.json`, 'create');
    await file.write(await fs.readFile(`tsdb/${testUlid(0)}/meta.json`));
    await file.close();
  },
  'an empty index': async (fs, block) => (await fs.open(`${block}/index`, 'create')).close(),
  'no index': (fs, block) => fs.remove(`${block}/index`),
  'no chunks': (fs, block) => fs.removeTree(`${block}/chunks`),
};

for (const [what, damage] of Object.entries(damages)) {
  test(`a database opens and stores beside a block with ${what}, which stays`, async () => {
    const fs = new MemoryFs();
    for (let i = 0; i < 3; i++) {
      const startMs = START_MS - (3 - i) * 2 * HOUR_MS;
      const samples: [number, number][] = [[startMs, i]];
      const series = [{ labels: { __name__: 'a' }, samples }];
      await makeBlock(fs, 'tsdb', testUlid(i), [startMs, startMs + 2 * HOUR_MS], series);
    }
    const bad = `tsdb/${testUlid(1)}`;
    await damage(fs, bad);
    const clock = new FakeClock(START_MS);
    const warned: string[] = [];
    const logger = {
      ...silentLogger,
      warn: (_: string, fields?: object) => warned.push(String(Object.values(fields ?? {})[0])),
    };
    const tasks = inlineTasks(tsdbTasks(fs));
    const options = { fs, dir: 'tsdb', clock, logger, tasks, maintenanceIntervalMs: 0 };
    const db = await Db.open(options);
    const appender = db.appender();
    appender.append(appender.series(makeLabels([['__name__', 'a']])), START_MS, 1);
    await appender.commit();
    await db.flush();
    await db.close();
    const names = (await fs.list('tsdb')).map(({ name }) => name);
    for (let i = 0; i < 3; i++) assert.ok(names.includes(testUlid(i)), `block ${i} is there`);
    assert.equal(names.filter((name) => /^[0-9A-Z]{26}$/.test(name)).length, 4);
    const unreadable = what.endsWith('meta.json') ? [testUlid(1)] : [];
    assert.deepEqual(
      db.badBlocks().map(({ ulid }) => ulid),
      unreadable,
    );
    if (unreadable.length > 0) assert.ok(warned.includes(bad), warned.join());
  });
}

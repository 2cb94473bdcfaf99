import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';

import { silentLogger } from '../src/base/log.ts';
import { makeLabels } from '../src/model/labels.ts';
import { Db, tsdbTasks } from '../src/tsdb/index.ts';
import { encodeTombstones } from '../src/tsdb/tombstones/tombstones.ts';
import {
  explainChunkSnapshot,
  explainHeadChunks,
  explainIndex,
  explainLog,
  explainSegment,
  explainTombstones,
} from './support/explained-formats.ts';
import { FakeClock } from './support/fake-clock.ts';
import { inlineTasks } from './support/inline-tasks.ts';
import { MemoryFs } from './support/memory-fs.ts';

// Every file that a small database writes, byte for byte, each with what it means. The golden files
// are for reading as well; UPDATE_GOLDEN=1 writes them anew.

const DIR = 'tsdb';
const START_MS = Date.UTC(2026, 10, 22, 8);
const GOLDEN = join(import.meta.dirname, 'testdata', 'golden');

function compare(name: string, dump: string): void {
  const path = join(GOLDEN, `${name}.txt`);
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(path, dump);
  assert.equal(dump, readFileSync(path, 'utf8'));
}

describe('the bytes of', () => {
  const fs = new MemoryFs();
  const clock = new FakeClock(START_MS);
  const open = (): Promise<Db> =>
    Db.open({
      fs,
      dir: DIR,
      clock,
      logger: silentLogger,
      tasks: inlineTasks(tsdbTasks(fs)),
      maintenanceIntervalMs: 0,
    });
  let log = new Uint8Array(0);
  let headChunks = new Uint8Array(0);
  let snapshot = new Uint8Array(0);
  let block = '';

  before(async () => {
    const db = await open();
    for (const minute of [0, 1, 2, 125]) {
      clock.jump(START_MS + minute * 60_000 - clock.nowMs());
      const appender = db.appender();
      const up = appender.series(makeLabels([['__name__', 'up']]));
      const zone = appender.series(
        makeLabels([
          ['__name__', 'up'],
          ['zone', 'größer'],
        ]),
      );
      appender.append(up, clock.nowMs(), 1);
      if (minute === 2) appender.appendStale(zone, clock.nowMs());
      else appender.append(zone, clock.nowMs() + 5, minute / 4);
      await appender.commit();
    }
    log = await fs.readFile(`${DIR}/wal/00000000`);
    await db.close();
    headChunks = await fs.readFile(`${DIR}/chunks_head/000001`);
    const names = (await fs.list(DIR)).map(({ name }) => name);
    const dir = names.find((name) => name.startsWith('chunk_snapshot.')) ?? '';
    snapshot = await fs.readFile(`${DIR}/${dir}/00000000`);
    const again = await open();
    await again.flush();
    block = again.blocks()[0].dir;
    await again.close();
  });

  it('a log', () => compare('wal', explainLog(log)));
  it('head chunks', () => compare('chunks_head', explainHeadChunks(headChunks)));
  it('a chunk snapshot', () => compare('chunk_snapshot', explainChunkSnapshot(snapshot)));
  it('a chunk file', async () => {
    compare('chunks', explainSegment(await fs.readFile(`${block}/chunks/000001`)));
  });
  it('an index', async () => {
    compare('index', explainIndex(await fs.readFile(`${block}/index`)));
  });
  it('tombstones', () => {
    const stones = [
      { seriesRef: 3, minTimeMs: -5, maxTimeMs: START_MS },
      { seriesRef: 300, minTimeMs: START_MS, maxTimeMs: START_MS + 1 },
    ];
    compare('tombstones', explainTombstones(encodeTombstones(stones)));
  });
});

import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';

import { silentLogger } from '../../src/base/log.ts';
import { formatLabels, makeLabels } from '../../src/model/labels.ts';
import { diskFs } from '../../src/platform/disk-fs.ts';
import { Db, tsdbTasks, verifyBlock } from '../../src/tsdb/index.ts';
import { FakeClock } from './fake-clock.ts';
import { inlineTasks } from './inline-tasks.ts';
import { bitsOfNumber, put, readBlockSamples, type SampleTable } from './tsdb-samples.ts';

const SERIES = Array.from({ length: 20 }, (_, i) => makeLabels([['__name__', `metric_${i}`]]));
const MINUTE_MS = 60_000;

/** A database on the real disk, with a note of all that it acknowledged. */
export class WatchedDb {
  readonly stored: SampleTable = new Map();
  readonly clock = new FakeClock(Date.UTC(2026, 10, 22, 8));
  readonly dir: string;
  #db: Db | undefined;
  #count = 0;

  constructor(dir: string) {
    this.dir = dir;
  }

  get db(): Db {
    assert.ok(this.#db !== undefined);
    return this.#db;
  }

  async open(dir = this.dir): Promise<Db> {
    const tasks = inlineTasks(tsdbTasks(diskFs));
    const options = { fs: diskFs, dir, clock: this.clock, logger: silentLogger, tasks };
    const db = await Db.open({ ...options, maintenanceIntervalMs: 0, walSegmentBytes: 64 * 1024 });
    if (dir === this.dir) this.#db = db;
    return db;
  }

  async scrape(times = 1): Promise<void> {
    for (; times > 0; times--) {
      await this.clock.advance(MINUTE_MS);
      const timeMs = this.clock.nowMs();
      const value = this.#count++;
      const appender = this.db.appender();
      SERIES.forEach((labels, i) => appender.append(appender.series(labels), timeMs, value * i));
      await appender.commit();
      SERIES.forEach((labels, i) =>
        put(this.stored, formatLabels(labels), timeMs, bitsOfNumber(value * i)),
      );
    }
  }

  /** What a process finds that starts after this one was killed now. */
  async afterKill(): Promise<SampleTable> {
    const dir = `${this.dir}-after-kill`;
    rmSync(dir, { recursive: true, force: true });
    cpSync(this.dir, dir, { recursive: true, filter: (path) => !path.endsWith('.lock') });
    const db = await this.open(dir);
    assert.equal(db.walStats().corruptions, 0);
    await db.flush();
    const dirs = db.blocks().map((block) => block.dir);
    await db.close();
    for (const block of dirs) await verifyBlock(diskFs, block);
    const samples = await readBlockSamples(diskFs, dirs);
    rmSync(dir, { recursive: true });
    return samples;
  }
}

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { inlineTasks } from '../../../test/support/inline-tasks.ts';
import { MemoryFs } from '../../../test/support/memory-fs.ts';
import { bitsOfNumber, readBlockSamples } from '../../../test/support/tsdb-samples.ts';
import { silentLogger } from '../../base/log.ts';
import { makeLabels } from '../../model/labels.ts';
import { tsdbTasks } from '../tasks.ts';
import { Db } from './db.ts';

const DIR = 'tsdb';
const HOUR_MS = 60 * 60 * 1000;
const MINUTE_MS = 60 * 1000;
const START_MS = Date.UTC(2026, 10, 22, 8);
const SERIES = 3;

/** A machine with a clock that jumps, and all that was acknowledged on it. */
class Machine {
  readonly clock = new FakeClock(START_MS);
  fs = new MemoryFs();
  readonly stored = new Map<number, number>();
  #db: Db | undefined;

  async start(): Promise<Db> {
    this.#db = await Db.open({
      fs: this.fs,
      dir: DIR,
      clock: this.clock,
      logger: silentLogger,
      tasks: inlineTasks(tsdbTasks(this.fs)),
      maintenanceIntervalMs: 0,
    });
    return this.#db;
  }

  get db(): Db {
    assert.ok(this.#db !== undefined);
    return this.#db;
  }

  /** Scrapes two targets at once each minute, as the scrape loops do. */
  async scrape(minutes: number): Promise<void> {
    for (let i = 0; i < minutes; i++) {
      await this.clock.advance(MINUTE_MS);
      const timeMs = this.clock.nowMs();
      await Promise.all(['a', 'b'].map((target) => this.#scrapeTarget(target, timeMs)));
      this.stored.set(timeMs, this.stored.size);
      await this.db.cut();
    }
  }

  async #scrapeTarget(target: string, timeMs: number): Promise<void> {
    const appender = this.db.appender();
    for (let s = 0; s < SERIES; s++) {
      const ref = appender.series(makeLabels([['__name__', `${target}${s}`]]));
      assert.equal(appender.append(ref, timeMs, this.stored.size), 'appended');
    }
    await appender.commit();
  }

  /** The process is killed; the next one finds what was synced. */
  kill(): void {
    this.fs = this.fs.survivor('power cut');
  }

  /** Everything is there, and every block lies within two hours. */
  async check(): Promise<void> {
    await this.db.flush();
    const blocks = this.db.blocks();
    for (const { meta } of blocks) {
      assert.ok(meta.maxTime - meta.minTime <= 2 * HOUR_MS, JSON.stringify(meta));
    }
    const found = await readBlockSamples(
      this.fs,
      blocks.map(({ dir }) => dir),
    );
    assert.equal(found.size, 2 * SERIES);
    for (const [series, samples] of found) {
      assert.equal(samples.size, this.stored.size, series);
      for (const [timeMs, value] of this.stored) {
        assert.equal(samples.get(timeMs), bitsOfNumber(value), `${series} at ${timeMs}`);
      }
    }
    await this.db.close();
  }
}

const jumps: [what: string, byMs: number][] = [
  ['back by five hours', -5 * HOUR_MS],
  ['back by half an hour', -HOUR_MS / 2],
  ['ahead by five hours', 5 * HOUR_MS],
  ['ahead by a day', 24 * HOUR_MS],
];

describe('a clock that jumps', () => {
  for (const [what, byMs] of jumps) {
    it(`${what} costs no sample`, async () => {
      const machine = new Machine();
      await machine.start();
      await machine.scrape(200);
      machine.clock.jump(byMs + 17);
      await machine.scrape(200);
      await machine.check();
    });

    it(`${what}, and is put right, costs no sample`, async () => {
      const machine = new Machine();
      await machine.start();
      await machine.scrape(90);
      machine.clock.jump(byMs + 17);
      await machine.scrape(10);
      // Not quite, so that no millisecond is scraped twice.
      machine.clock.jump(-byMs - 7);
      await machine.scrape(500);
      await machine.check();
    });

    it(`${what} while the process is down, and a kill later, cost no sample`, async () => {
      const machine = new Machine();
      await machine.start();
      await machine.scrape(90);
      machine.kill();
      machine.clock.jump(byMs + 17);
      await machine.start();
      await machine.scrape(40);
      machine.kill();
      await machine.start();
      await machine.scrape(300);
      machine.kill();
      await machine.start();
      await machine.check();
    });
  }

  it('by seconds refuses what lies behind, and makes no block', async () => {
    const machine = new Machine();
    const db = await machine.start();
    await machine.scrape(3);
    machine.clock.jump(-50_000);
    const appender = db.appender();
    const ref = appender.series(makeLabels([['__name__', 'a0']]));
    assert.equal(appender.append(ref, machine.clock.nowMs(), 1), 'out_of_order');
    assert.deepEqual(db.blocks(), []);
    await machine.check();
  });
});

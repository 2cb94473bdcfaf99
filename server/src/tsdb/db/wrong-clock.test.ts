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
import { REFERENCE_FILE } from './reference-file.ts';

const DIR = 'tsdb';
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const START_MS = Date.UTC(2026, 10, 22, 8);
const RETENTION_MS = 3 * DAY_MS;

/** A machine whose database looks after itself, with the time of day as wrong as a test likes. */
class Machine {
  readonly clock = new FakeClock(START_MS);
  fs = new MemoryFs();
  /** By how much the time of day is wrong. */
  wrongMs = 0;
  readonly stored = new Map<number, number>();
  /** Times of samples that were stored while it was wrong. */
  readonly strays = new Set<number>();
  #db: Db | undefined;

  get db(): Db {
    assert.ok(this.#db !== undefined);
    return this.#db;
  }

  get trueMs(): number {
    return this.clock.nowMs() - this.wrongMs;
  }

  async start(): Promise<void> {
    this.#db = await Db.open({
      fs: this.fs,
      dir: DIR,
      clock: this.clock,
      logger: silentLogger,
      tasks: inlineTasks(tsdbTasks(this.fs)),
      maintenanceIntervalMs: MINUTE_MS,
    });
  }

  /** The process is killed; the next one finds what was synced. */
  kill(): void {
    this.fs = this.fs.survivor('power cut');
  }

  setClock(wrongMs: number): void {
    // Not to the millisecond, so that none is scraped twice.
    this.clock.jump(wrongMs - this.wrongMs + 7);
    this.wrongMs = wrongMs;
  }

  async scrape(durationMs: number, everyMs = MINUTE_MS): Promise<void> {
    for (let i = 0; i < durationMs / everyMs; i++) {
      await this.clock.advance(everyMs);
      const timeMs = this.clock.nowMs();
      const appender = this.db.appender();
      const ref = appender.series(makeLabels([['__name__', 'x']]));
      assert.equal(appender.append(ref, timeMs, this.stored.size), 'appended');
      await appender.commit();
      this.stored.set(timeMs, this.stored.size);
      if (this.wrongMs !== 0) this.strays.add(timeMs);
    }
  }

  /** Everything that was ever stored is there but what is older than the retention. */
  async check(): Promise<void> {
    await this.db.flush();
    assert.equal(this.db.headStats().outOfOrderSamples, 0);
    assert.equal(this.db.headStats().outOfBoundsSamples, 0);
    const dirs = this.db.blocks().map(({ dir }) => dir);
    const found = (await readBlockSamples(this.fs, dirs)).get('{__name__="x"}');
    assert.ok(found !== undefined);
    const oldestMs = this.trueMs - RETENTION_MS;
    for (const [timeMs, value] of this.stored) {
      if (timeMs <= oldestMs && !this.strays.has(timeMs)) continue;
      assert.equal(found.get(timeMs), bitsOfNumber(value), `at ${new Date(timeMs).toISOString()}`);
    }
    // What is past goes, in whole blocks; a wrong clock's samples stay on.
    const realMs = [...found.keys()].filter((timeMs) => !this.strays.has(timeMs));
    assert.ok(Math.min(...realMs) >= oldestMs - 3 * HOUR_MS, 'what is too old has gone');
  }

  /** A day of clean-ups after the clock is right again, with a kill within it. */
  async liveOn(): Promise<void> {
    await this.scrape(12 * HOUR_MS, 10 * MINUTE_MS);
    this.kill();
    await this.start();
    await this.scrape(12 * HOUR_MS, 10 * MINUTE_MS);
    await this.check();
    await this.db.close();
  }
}

/** Four days of samples, so that there is something to remove and something to lose. */
async function machineWithHistory(): Promise<Machine> {
  const machine = new Machine();
  await machine.start();
  await machine.scrape(4 * DAY_MS, 10 * MINUTE_MS);
  await machine.scrape(90 * MINUTE_MS);
  return machine;
}

describe('a clock that is wrong by days removes nothing and refuses nothing', () => {
  for (const days of [-40, -2, 2, 40, 3650]) {
    const wrongMs = days * DAY_MS;

    for (const minutes of [5, 400]) {
      it(`${days} days for ${minutes} minutes`, async () => {
        const machine = await machineWithHistory();
        machine.setClock(wrongMs);
        await machine.scrape(minutes * MINUTE_MS);
        machine.setClock(0);
        await machine.liveOn();
      });

      it(`${days} days from a start on, for ${minutes} minutes`, async () => {
        const machine = await machineWithHistory();
        machine.kill();
        machine.setClock(wrongMs);
        await machine.start();
        await machine.scrape(minutes * MINUTE_MS);
        machine.setClock(0);
        await machine.liveOn();
      });
    }

    it(`${days} days between two kills, also when the samples were made blocks`, async () => {
      const machine = await machineWithHistory();
      machine.kill();
      machine.setClock(wrongMs);
      await machine.start();
      await machine.scrape(5 * MINUTE_MS);
      await machine.db.flush();
      await machine.scrape(5 * MINUTE_MS);
      machine.kill();
      machine.setClock(0);
      await machine.start();
      await machine.liveOn();
    });

    it(`${days} days with a folder that has no reference yet`, async () => {
      const machine = await machineWithHistory();
      machine.kill();
      await machine.fs.remove(`${DIR}/${REFERENCE_FILE}`);
      machine.setClock(wrongMs);
      await machine.start();
      await machine.scrape(5 * MINUTE_MS);
      machine.kill();
      await machine.start();
      await machine.scrape(5 * MINUTE_MS);
      machine.setClock(0);
      await machine.liveOn();
    });
  }

  it('40 days ahead with a young database that has no block', async () => {
    const machine = new Machine();
    await machine.start();
    await machine.scrape(90 * MINUTE_MS);
    machine.kill();
    await machine.fs.remove(`${DIR}/${REFERENCE_FILE}`);
    machine.setClock(40 * DAY_MS);
    await machine.start();
    await machine.scrape(300 * MINUTE_MS);
    machine.setClock(0);
    await machine.scrape(12 * HOUR_MS, 10 * MINUTE_MS);
    await machine.check();
    await machine.db.close();
  });

  it('a head that was emptied takes samples after a clock that went back', async () => {
    const machine = await machineWithHistory();
    machine.setClock(2 * DAY_MS);
    await machine.scrape(5 * MINUTE_MS);
    await machine.db.flush();
    machine.setClock(0);
    await machine.scrape(5 * MINUTE_MS);
    await machine.check();
    await machine.db.close();
  });
});

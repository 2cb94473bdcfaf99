import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { makeUlid } from '../../model/ulid.ts';
import type { BlockMeta } from '../block/meta.ts';
import { deriveReference, dueBlocks, keptFromMs, ReferenceTime } from './reference-time.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const START_MS = Date.UTC(2026, 10, 22);

function setUp() {
  const clock = new FakeClock(START_MS);
  const time = new ReferenceTime(clock, { referenceMs: START_MS });
  const scrape = async (minutes: number): Promise<void> => {
    for (let i = 0; i < minutes; i++) {
      time.note();
      await clock.advance(MINUTE_MS);
    }
    time.note();
  };
  return { clock, time, scrape };
}

function block(minTime: number, maxTime: number, madeMs = maxTime): BlockMeta {
  const ulid = makeUlid(madeMs);
  return {
    ulid,
    minTime,
    maxTime,
    stats: { numSamples: 1, numSeries: 1, numChunks: 1 },
    compaction: { level: 1, sources: [ulid] },
    version: 1,
  };
}

/** Blocks of two hours without a gap. */
function blocksOf(fromMs: number, hours: number): BlockMeta[] {
  return Array.from({ length: hours / 2 }, (_, i) => {
    return block(fromMs + 2 * i * HOUR_MS, fromMs + 2 * (i + 1) * HOUR_MS);
  });
}

describe('the reference time', () => {
  it('follows the time of day while samples come in, and never passes it', async () => {
    const { clock, time, scrape } = setUp();
    await scrape(3 * 60);
    assert.equal(time.presentMs, clock.nowMs());
    assert.equal(time.referenceMs, clock.nowMs());
  });

  it('stands while nothing comes in', async () => {
    const { clock, time } = setUp();
    await clock.advance(20 * DAY_MS);
    assert.equal(time.presentMs, START_MS);
  });

  it('lets nothing be removed before the first sample', () => {
    const time = new ReferenceTime(new FakeClock(START_MS), { referenceMs: undefined });
    assert.equal(time.presentMs, -Infinity);
  });

  for (const days of [-40, -3, 3, 40]) {
    it(`moves by no more than the time that passes under a clock ${days} days off`, async () => {
      const { clock, time, scrape } = setUp();
      await scrape(60);
      clock.jump(days * DAY_MS);
      await scrape(5);
      assert.ok(time.presentMs <= START_MS + 65 * MINUTE_MS);
      clock.jump(-days * DAY_MS);
      await scrape(1);
      assert.ok(time.presentMs >= START_MS + 60 * MINUTE_MS);
      assert.ok(time.presentMs <= clock.nowMs());
    });
  }

  it('does not run ahead within a day of a clock that is wrong, whoever agrees with it', async () => {
    const { clock, time, scrape } = setUp();
    clock.jump(40 * DAY_MS);
    for (let hour = 0; hour < 23; hour++) {
      time.hear([clock.nowMs(), clock.nowMs()]);
      await scrape(60);
    }
    assert.equal(time.presentMs, START_MS + 23 * HOUR_MS);
  });

  it('catches up with a gap of 20 days within two days of samples when all clocks agree', async () => {
    const { clock, time, scrape } = setUp();
    await clock.advance(20 * DAY_MS);
    for (let hour = 0; hour < 48; hour++) {
      time.hear([clock.nowMs()]);
      await scrape(60);
    }
    assert.equal(time.presentMs, clock.nowMs());
  });

  it('catches up slowly when nobody can be asked, and not at all against a contradiction', async () => {
    const { clock, time, scrape } = setUp();
    await clock.advance(20 * DAY_MS);
    await scrape(3 * 24 * 60);
    const lag = clock.nowMs() - time.presentMs;
    assert.ok(Math.abs(lag - 18 * DAY_MS) <= MINUTE_MS, `${lag}`);
    time.hear([clock.nowMs() - 18 * DAY_MS]);
    await scrape(12 * 60);
    assert.equal(clock.nowMs() - time.presentMs, lag);
  });

  it('counts the short pauses of restarts no longer than they were', async () => {
    const { clock, time, scrape } = setUp();
    await clock.advance(10 * MINUTE_MS);
    await scrape(60);
    assert.equal(time.presentMs, clock.nowMs());
  });

  it('gives way to the file store until it is founded', () => {
    const clock = new FakeClock(START_MS);
    const fresh = new ReferenceTime(clock, { referenceMs: undefined });
    clock.jump(40 * DAY_MS);
    fresh.note();
    fresh.adopt(START_MS);
    assert.equal(fresh.presentMs, START_MS);
    fresh.adopt(START_MS - DAY_MS);
    assert.equal(fresh.presentMs, START_MS);
  });

  it('comes back when it was taken from a clock that ran ahead, and all agree by now', () => {
    const clock = new FakeClock(START_MS);
    const time = new ReferenceTime(clock, {
      referenceMs: START_MS + 40 * DAY_MS,
      agreedMs: START_MS + 40 * DAY_MS,
      isFounded: true,
    });
    time.hear([START_MS]);
    assert.equal(time.referenceMs, START_MS);
    assert.equal(time.agreedMs, START_MS);
  });
});

describe('the horizon', () => {
  it('lies two hours behind the reference, or behind a time of day that all agree on', async () => {
    const { clock, time, scrape } = setUp();
    assert.equal(time.horizonMs, START_MS + 2 * HOUR_MS);
    clock.jump(40 * DAY_MS);
    assert.equal(time.horizonMs, START_MS + 2 * HOUR_MS);
    time.hear([START_MS]);
    assert.equal(time.horizonMs, START_MS + 2 * HOUR_MS);
    time.hear([clock.nowMs()]);
    assert.equal(time.horizonMs, clock.nowMs() + 2 * HOUR_MS);
    await scrape(1);
    clock.jump(-40 * DAY_MS);
    time.hear([clock.nowMs()]);
    assert.equal(time.horizonMs, clock.nowMs() + 2 * HOUR_MS);
  });

  it('remembers what all have agreed on when nobody answers any more', async () => {
    const { clock, time, scrape } = setUp();
    await clock.advance(20 * DAY_MS);
    time.hear([clock.nowMs()]);
    await scrape(60);
    const agreedMs = clock.nowMs();
    await clock.advance(2 * DAY_MS);
    assert.equal(time.agreement, 'unknown');
    assert.equal(time.horizonMs, agreedMs + 2 * HOUR_MS);
  });
});

describe('a first reference', () => {
  const real = blocksOf(START_MS - 3 * DAY_MS, 72);

  it('is the end of what there is', () => {
    assert.equal(deriveReference([]), undefined);
    assert.equal(deriveReference(real), START_MS);
  });

  it('does not believe strays, ahead or behind, whatever the clock says', () => {
    for (const days of [-40, 40]) {
      const stray = block(START_MS + days * DAY_MS, START_MS + days * DAY_MS + HOUR_MS);
      assert.equal(deriveReference([...real, stray]), START_MS);
    }
  });
});

describe('blocks that are due', () => {
  it('are the oldest ones past the retention, as many as a pass may take', () => {
    const blocks = blocksOf(START_MS - 15 * DAY_MS, 15 * 24).map((meta) => ({ meta }));
    assert.deepEqual(dueBlocks(blocks, -Infinity, 3 * DAY_MS, DAY_MS), []);
    assert.deepEqual(dueBlocks(blocks, START_MS, 15 * DAY_MS, DAY_MS), []);
    let left = blocks;
    let passes = 0;
    for (;;) {
      const due = dueBlocks(left, START_MS, 3 * DAY_MS, DAY_MS);
      if (due.length === 0) break;
      assert.ok(due.length <= 13);
      left = left.filter((each) => !due.includes(each));
      passes++;
    }
    assert.equal(passes, 12);
    assert.equal(left.length, 3 * 12);
  });

  it('count from when they were made, if that was a day late', () => {
    const old = START_MS - 40 * DAY_MS;
    assert.equal(keptFromMs(block(old, old + HOUR_MS), START_MS), old + HOUR_MS);
    assert.equal(keptFromMs(block(old, old + HOUR_MS, START_MS), START_MS), START_MS);
    const future = block(old, old + HOUR_MS, START_MS + 40 * DAY_MS);
    assert.equal(keptFromMs(future, START_MS), old + HOUR_MS);
  });
});

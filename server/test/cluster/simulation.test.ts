// The whole plugin on three machines, in simulated time: faults by a seed, then all must be well.
//   CLUSTER_SEED     seed of the first run, 1 by default; printed with each failure, which is shrunk
//   CLUSTER_RUNS     how many seeds follow one another
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { makeSchedule, shrink } from './schedule.ts';
import type { Fault } from './schedule.ts';
import { SCRAPE_INTERVAL_MS } from './sim-node.ts';
import { simulate } from './simulation.ts';

const runs = Number(process.env.CLUSTER_RUNS ?? 6);
const firstSeed = Number(process.env.CLUSTER_SEED ?? 1);
const LOG_LINES = 400;

suite(`a cluster under faults, from seed ${firstSeed} on`, () => {
  test('without a fault', async () => {
    const { violations, log } = await simulate(firstSeed, []);
    assert.deepEqual(violations, [], log.slice(-LOG_LINES).join('\n'));
  });

  test('no scrape is lost while the database is away for ten minutes', async () => {
    const [atMs, durationMs] = [60_000, 600_000];
    const outage: Fault = { kind: 'outage', node: 0, atMs, durationMs, amount: 0 };
    const { violations, scrapedMs, log } = await simulate(firstSeed, [outage]);
    const meantime = scrapedMs.filter((timeMs) => timeMs > atMs && timeMs < atMs + durationMs);
    const gapsMs = meantime.slice(1).map((timeMs, index) => timeMs - meantime[index]);
    assert.deepEqual(violations, [], log.slice(-LOG_LINES).join('\n'));
    assert.ok(Math.max(...gapsMs) < 2 * SCRAPE_INTERVAL_MS, `${Math.max(...gapsMs)} ms`);
  });

  for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
    const faults = makeSchedule(seed);
    const kinds = faults.map(({ kind }) => kind).join(' ');
    test(`seed ${seed}: ${kinds}`, async () => {
      const { violations } = await simulate(seed, faults);
      if (violations.length === 0) return;
      const fewest = await shrink(faults, async (fewer) => {
        return (await simulate(seed, fewer)).violations.length > 0;
      });
      const { violations: left, log } = await simulate(seed, fewest);
      const again = `CLUSTER_SEED=${seed} CLUSTER_RUNS=1 CLUSTER_PROCESSES=0 make cluster-test`;
      const kept = fewest.map((fault) => JSON.stringify(fault));
      const lines = [again, ...violations, 'With the fewest faults:', ...kept, ...left];
      assert.fail([...lines, ...log.slice(-LOG_LINES)].join('\n'));
    });
  }
});

/**
 * Whatever a killed process had acknowledged is there for Prometheus' own reader.
 * KILLS: for each of the three seeds; KILL_SEED: the first of them.
 */
import assert from 'node:assert/strict';
import { type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';

import { Random } from '../../../server/test/kits/random.ts';
import { hasTool } from '../../../server/test/support/tools.ts';
import { ended, run, spawnTied } from '../../support/processes.ts';
import { temporaryDir } from '../../support/temporary.ts';

const KILLS = Number(process.env.KILLS ?? 5);
const FIRST_SEED = Number(process.env.KILL_SEED ?? Math.floor(Math.random() * 2 ** 31));
const SEED_COUNT = 3;
const SERIES_COUNT = 20;
const LIFE_MAX_MS = 3_000;

/** Starts the writer and kills it after `lifeMs` of storing; the times of what it acknowledged. */
async function storeAndDie(dir: string, lifeMs: number): Promise<number[]> {
  const writer = join(import.meta.dirname, 'kill-writer.ts');
  const child: ChildProcess = spawnTied(process.execPath, [writer, dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  assert.ok(child.stdout);
  const acknowledged: number[] = [];
  let isOpen = false;
  for await (const line of createInterface({ input: child.stdout })) {
    if (isOpen) acknowledged.push(Number(line));
    else void sleep(lifeMs).then(() => child.kill('SIGKILL'));
    isOpen = true;
  }
  await ended(child);
  assert.equal(child.signalCode, 'SIGKILL', 'it stored until it was killed');
  assert.ok(isOpen, 'the database opened again');
  return acknowledged;
}

/** How many of the series promtool finds at each time. */
function countWithPromtool(dir: string): Map<number, number> {
  const counts = new Map<number, number>();
  for (const line of run('promtool', ['tsdb', 'dump', dir]).split('\n')) {
    const match = /^\{__name__="kill", i="\d+"\} (\S+) (\d+)$/.exec(line);
    if (match === null) continue;
    const timeMs = Number(match[2]);
    assert.equal(Number(match[1]), timeMs, 'a sample has the value that was stored');
    counts.set(timeMs, (counts.get(timeMs) ?? 0) + 1);
  }
  return counts;
}

for (let seed = FIRST_SEED; seed < FIRST_SEED + SEED_COUNT; seed++) {
  test(`${KILLS} kills lose nothing that was acknowledged (KILL_SEED=${seed})`, async (t) => {
    if (!hasTool(t, 'promtool')) return;
    const random = new Random(seed);
    const dir = join(temporaryDir('kills'), 'data');
    const acknowledged: number[] = [];
    for (let kill = 0; kill < KILLS; kill++) {
      acknowledged.push(...(await storeAndDie(dir, random.int(LIFE_MAX_MS))));
    }
    const counts = countWithPromtool(dir);
    const lost = acknowledged.filter((timeMs) => counts.get(timeMs) !== SERIES_COUNT);
    assert.deepEqual(lost, []);
    t.diagnostic(`${KILLS} kills, ${acknowledged.length} acknowledged scrapes, none lost`);
  });
}

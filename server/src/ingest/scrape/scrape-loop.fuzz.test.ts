// Whole scrapes of random, damaged, reordered and repeated text against a model that is nothing but
// the naive parser and a map. This is where the cache and its short way prove harmless.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { silentLogger } from '../../base/log.ts';
import { formatLabels } from '../../model/labels.ts';
import { randomExposition } from '../../../test/kits/exposition-text.ts';
import { FakeHttp } from '../../../test/kits/fake-http.ts';
import { naiveParse } from '../../../test/kits/naive-text-parser.ts';
import { Random, fuzzMs, fuzzSeed } from '../../../test/kits/random.ts';
import { RecordingStorage } from '../../../test/kits/recording-storage.ts';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { ScrapeManager } from './manager.ts';
import { storedLabels } from './target-labels.ts';
import type { Target } from './types.ts';

const INTERVAL_MS = 1000;
const TARGET: Target = {
  url: 'http://localhost/metrics',
  labels: { job: 'node', instance: 'localhost:80' },
};

/** An exporter that has this series itself shares it with the report, as in Prometheus. */
const REPORTED_UP = '{__name__="up", instance="localhost:80", job="node"}';

type Values = (number | 'stale')[];

/** What storage should hold. */
class Model {
  readonly series = new Map<string, Values>();
  #alive = new Set<string>();

  scrape(text: Uint8Array): boolean {
    const samples = naiveParse(text, true);
    const seen = new Map<string, number>();
    for (const { labels, value } of samples ?? []) {
      const name = formatLabels(storedLabels(Object.entries(labels), TARGET, false));
      // The first of several samples of a series in one scrape is the one that counts.
      if (!seen.has(name)) seen.set(name, value);
    }
    for (const name of this.#alive) if (!seen.has(name)) this.series.get(name)?.push('stale');
    for (const [name, value] of seen) {
      this.series.set(name, [...(this.series.get(name) ?? []), value]);
    }
    this.#alive = new Set(seen.keys());
    return samples !== undefined;
  }
}

/** The next answer: the last one again, with its lines in another order, cut, or a new one. */
function nextText(random: Random, last: Uint8Array): Uint8Array {
  const kind = random.int(6);
  if (kind === 0) return randomExposition(random);
  const lines = Buffer.from(last).toString('latin1').split('\n');
  if (kind === 1) lines.reverse();
  if (kind === 2) lines.splice(random.int(lines.length), 1 + random.int(2));
  const fresh = Buffer.from(randomExposition(random)).toString('latin1').split('\n');
  if (kind === 3) lines.splice(random.int(lines.length), 0, ...fresh.slice(0, 3));
  if (kind === 4) lines.push(...fresh);
  if (lines.length > 60) lines.length = 60;
  return Buffer.from(lines.join('\n'), 'latin1');
}

test('stores what the naive parser reads, scrape after scrape', async (t) => {
  const seed = fuzzSeed();
  const random = new Random(seed);
  const http = new FakeHttp();
  const storage = new RecordingStorage();
  const clock = new FakeClock();
  const manager = new ScrapeManager({ http, appendable: storage, clock, logger: silentLogger });
  const settings = { intervalMs: INTERVAL_MS, timeoutMs: 500, bodyLimitBytes: 0, sampleLimit: 0 };
  let text: Uint8Array = new Uint8Array(0);
  http.answers.set(TARGET.url, { body: text });
  manager.apply({ ...settings, honorTimestamps: false }, [TARGET]);
  while (http.requests.length === 0) await clock.advance(INTERVAL_MS / 10);
  const model = new Model();
  const endMs = Date.now() + fuzzMs(1000);
  let good = 0;
  while (Date.now() < endMs) {
    text = nextText(random, text);
    http.answers.set(TARGET.url, { body: text });
    const before = http.requests.length;
    await clock.advance(INTERVAL_MS);
    assert.equal(http.requests.length, before + 1);
    const isGood = model.scrape(text);
    const where = `FUZZ_SEED=${seed}, scrape ${before}: ${JSON.stringify(Buffer.from(text).toString('latin1'))}`;
    assert.equal(manager.targets()[0].up, isGood, where);
    if (isGood) good++;
    for (const [name, values] of model.series) {
      if (name === REPORTED_UP) continue;
      assert.deepEqual(storage.valuesOf(name).slice(-3), values.slice(-3), `${name}\n${where}`);
    }
  }
  t.diagnostic(`FUZZ_SEED=${seed}: ${good} good scrapes of ${http.requests.length - 1}`);
  await manager.stop();
});

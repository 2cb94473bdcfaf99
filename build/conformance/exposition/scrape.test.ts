// Prometheus and our scraper read the same exporters, which answer the n-th scrape of each of them
// alike. Afterwards both databases hold the same series with the same values, bit by bit, of the same
// scrapes: report series and stale markers included.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';

import { ACCEPT } from '../../../server/src/ingest/exposition/content-type.ts';
import { AppNode } from '../../bench/scrape/app-node.ts';
import { startNodeExporter } from '../../devhost/node-exporter.ts';
import { goBuild } from '../../support/go.ts';
import { temporaryDir } from '../../support/temporary.ts';
import { missingTools, requireTool, tools } from '../../support/tools.ts';
import { waitUntil } from '../../support/wait.ts';
import { goSkip } from '../gob/skip.ts';
import { HALF_READ_SCRAPE, lifeOf } from './life.ts';
import * as sideBySide from './side-by-side.ts';
import type { Answer, Stored, Subject } from './side-by-side.ts';

const NEEDED = [tools.prometheus, tools.promtool, tools.nodeExporter];
const SKIP = goSkip || (process.env['CI'] !== 'true' && (missingTools(NEEDED)[0] ?? false));
const SNAPSHOTS = 8;
const SAMPLE_LIMIT = 6;
const STALE_BITS = '7ff0000000000002';

/** Application servers as in the benchmark, one page for each scrape. */
function loadPages(): Answer[] {
  const node = new AppNode(1500, 1);
  return Array.from({ length: SNAPSHOTS }, () => {
    node.advance();
    return gzipSync(node.body());
  });
}

/** What node_exporter shows of this machine, some times one after the other. */
async function nodePages(): Promise<Answer[]> {
  const exporter = await startNodeExporter();
  assert.ok(exporter !== undefined, tools.nodeExporter.install);
  const headers = { Accept: ACCEPT };
  const ask = (): Promise<Response> =>
    fetch(`http://127.0.0.1:${exporter.port}/metrics`, { headers });
  try {
    await waitUntil('node_exporter answers', async () => (await ask()).ok);
    const pages: Answer[] = [];
    while (pages.length < SNAPSHOTS) {
      const page = await ask();
      const text = await page.text();
      const type = page.headers.get('content-type') ?? '';
      pages.push((response) => response.writeHead(200, { 'Content-Type': type }).end(text));
      await delay(100);
    }
    return pages;
  } finally {
    await exporter.close();
  }
}

/**
 * Prometheus takes what it has read of an answer before that turned out to be broken for alive, and
 * ends such series one scrape later than they were seen last. We end them with the failed scrape.
 */
function endedAtOnce(text: string): string {
  return text === `scrape ${HALF_READ_SCRAPE + 1}: ${STALE_BITS}`
    ? `scrape ${HALF_READ_SCRAPE}: ${STALE_BITS}`
    : text;
}

interface Closable {
  readonly instance: string;
  readonly close: () => Promise<void>;
}

/** An exporter on the Go client, with metrics of every type. */
async function goExporter(): Promise<Closable> {
  const program = goBuild({ dir: join(import.meta.dirname, 'client'), name: 'exposition-client' });
  const child = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const close = async (): Promise<void> => {
    const ended = once(child, 'exit');
    child.stdin.end();
    await ended;
  };
  return { instance: line.toString().trim(), close };
}

/**
 * The series of one exporter: each sample with the number of its scrape, or with its time when the
 * exporter gave one. Of durations and creation times, which differ, only that they are there.
 */
function seriesOf(stored: Stored, instance: string, count: number): Map<string, string[]> {
  const times = sideBySide.upTimes(stored, instance);
  const endMs = times[count - 1];
  const series = new Map<string, string[]>();
  for (const [name, samples] of stored) {
    if (!name.includes(`instance="${instance}"`)) continue;
    const isTimeless = /"scrape_duration_seconds"|_created"/.test(name);
    const texts = samples
      .filter(([timeMs]) => timeMs <= endMs)
      .map(([timeMs, bits]) => {
        const scrape = times.indexOf(timeMs);
        const value = bits !== STALE_BITS && isTimeless ? 'some value' : bits;
        return `${scrape < 0 ? timeMs : `scrape ${scrape}`}: ${value}`;
      });
    if (samples.some(([, bits]) => bits !== STALE_BITS)) series.set(name, texts);
  }
  return new Map([...series].filter(([, texts]) => texts.length > 0).sort());
}

/**
 * By how much the times of scrapes stray from a common beat, in the middle: Prometheus' own scrapes
 * do by some milliseconds.
 */
function jitterMs(stored: Stored, instance: string): number {
  const times = sideBySide.upTimes(stored, instance);
  const offsets = times.map((timeMs) => timeMs % sideBySide.INTERVAL_MS);
  const middle = offsets.toSorted((a, b) => a - b)[offsets.length >> 1];
  const strays = offsets.map((offset) => Math.abs(offset - middle)).sort((a, b) => a - b);
  return strays[strays.length >> 1];
}

suite('scrapes come out as in Prometheus', { skip: SKIP }, () => {
  const life = SKIP === false ? lifeOf(Date.now(), SAMPLE_LIMIT) : [];
  const names = [
    'an exporter with a hard life',
    'the load generator',
    'node_exporter',
    'a Go client',
  ];
  const exporters: Closable[] = [];
  let subjects: Subject[] = [];
  let theirs: Stored;
  let ours: Stored;
  const ourDir = temporaryDir('our-scrape');

  before(async () => {
    for (const pages of [life, loadPages(), await nodePages()]) {
      exporters.push(await sideBySide.sequenceExporter(pages));
    }
    const client = await goExporter();
    exporters.push(client);
    subjects = exporters.map(({ instance }, index) => ({
      instance,
      sampleLimit: index === 0 ? SAMPLE_LIMIT : 0,
      honorLabels: false,
    }));
    const count = sideBySide.scrapesFor(life.length);
    [theirs, ours] = await Promise.all([
      sideBySide.prometheusScrapes(temporaryDir('prometheus-scrape'), subjects, count),
      sideBySide.weScrape(ourDir, subjects, count),
    ]);
  });
  after(async () => {
    await Promise.all(exporters.map(({ close }) => close()));
  });

  for (const [index, name] of names.entries()) {
    test(`of ${name}`, (t) => {
      const { instance } = subjects[index];
      const [expected, found] = [theirs, ours].map((all) => seriesOf(all, instance, life.length));
      for (const series of new Set([...expected.keys(), ...found.keys()])) {
        const texts = expected.get(series)?.map(endedAtOnce);
        assert.deepEqual(found.get(series), texts, series);
      }
      const samples = [...expected.values()].reduce((sum, texts) => sum + texts.length, 0);
      t.diagnostic(`${expected.size} series, ${samples} samples`);
    });

    test(`of ${name}, at a steady beat`, (t) => {
      const [expected, found] = [theirs, ours].map((all) =>
        jitterMs(all, subjects[index].instance),
      );
      t.diagnostic(`strays by ${found} ms, Prometheus by ${expected} ms`);
      assert.ok(found <= Math.max(expected, sideBySide.INTERVAL_MS / 20), `${found} ms`);
    });
  }

  test('and Prometheus reads all of it from our folder', () => {
    const options = { maxBuffer: 1024 ** 3 };
    const dump = execFileSync(requireTool(tools.promtool), ['tsdb', 'dump', ourDir], options);
    const samples = [...ours.values()].reduce((sum, { length }) => sum + length, 0);
    assert.equal(dump.toString().trimEnd().split('\n').length, samples);
  });
});

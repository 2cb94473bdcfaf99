import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CodedError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import type { Logger } from '../../base/log.ts';
import { FakeHttp } from '../../../test/kits/fake-http.ts';
import { RecordingStorage } from '../../../test/kits/recording-storage.ts';
import { FakeClock, settle } from '../../../test/support/fake-clock.ts';
import { ScrapeManager } from './manager.ts';
import type { ScrapeResult, ScrapeSettings, Target } from './types.ts';

const URL_A = 'http://localhost:8067/metrics';
const TARGET: Target = { url: URL_A, labels: { job: 'prometheus', instance: 'localhost:8067' } };
const OWN = 'instance="localhost:8067",job="prometheus"';
const SETTINGS: ScrapeSettings = {
  intervalMs: 60_000,
  timeoutMs: 10_000,
  bodyLimitBytes: 1e6,
  sampleLimit: 0,
  honorTimestamps: true,
};

interface Bench {
  readonly http: FakeHttp;
  readonly storage: RecordingStorage;
  readonly clock: FakeClock;
  readonly manager: ScrapeManager;
  readonly log: string[];
  readonly results: ScrapeResult[];
  /** Sets what the target answers and goes to the next scrape. */
  scrape(answer: Parameters<FakeHttp['answers']['set']>[1]): Promise<void>;
}

function bench(settings: Partial<ScrapeSettings> = {}, target: Target = TARGET): Bench {
  const http = new FakeHttp();
  const storage = new RecordingStorage();
  const clock = new FakeClock();
  const log: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    info: (message) => log.push(message),
    warn: (message) => log.push(message),
    error: (message) => log.push(message),
  };
  const results: ScrapeResult[] = [];
  const onScrape = (result: ScrapeResult): void => void results.push(result);
  const manager = new ScrapeManager({ http, appendable: storage, clock, logger, onScrape });
  const all = { ...SETTINGS, ...settings };
  let isFirst = true;
  return {
    http,
    storage,
    clock,
    manager,
    log,
    results,
    async scrape(answer) {
      http.answers.set(target.url, answer);
      if (isFirst) manager.apply(all, [target]);
      const before = http.requests.length;
      for (let i = 0; http.requests.length === before && i < 200; i++) {
        await clock.advance(isFirst ? 20 : all.intervalMs / 100);
      }
      isFirst = false;
      assert.equal(http.requests.length, before + 1, 'one scrape');
      await settle();
      assert.equal(http.held, 0, 'the body was given back');
    },
  };
}

/** The newest values of the report series: up, scraped, kept, added. */
function reported(storage: RecordingStorage): (number | 'stale' | undefined)[] {
  return [
    'up',
    'scrape_samples_scraped',
    'scrape_samples_post_metric_relabeling',
    'scrape_series_added',
  ].map((name) => storage.values(`${name}{${OWN}}`).at(-1));
}

test('stores samples with the target’s labels, the report, and one time for all', async () => {
  const { scrape, storage, manager, http } = bench();
  await scrape('# TYPE a gauge\na{b="c"} 1.5\nd 2\n');
  await scrape('a{b="c"} 2.5\nd 2\n');
  assert.deepEqual(storage.values(`a{b="c",${OWN}}`), [1.5, 2.5]);
  assert.deepEqual(storage.values(`d{${OWN}}`), [2, 2]);
  assert.deepEqual(storage.values(`up{${OWN}}`), [1, 1]);
  assert.deepEqual(storage.values(`scrape_series_added{${OWN}}`), [2, 0]);
  assert.deepEqual(reported(storage), [1, 2, 2, 0]);
  const times = storage.names().map((name) => storage.samples(name).map((one) => one.timestampMs));
  for (const series of times) assert.deepEqual(series, times[0]);
  assert.equal(storage.commits, 2, 'one commit per scrape');
  assert.equal(storage.seriesCalls, 7, 'labels are made once per series, not once per sample');
  const [status] = manager.targets();
  assert.deepEqual([status.up, status.samples, status.lastError], [true, 2, undefined]);
  const { headers } = http.requests[0].options;
  assert.equal(headers['X-Prometheus-Scrape-Timeout-Seconds'], '10');
  assert.match(headers.Accept, /^application\/openmetrics-text;version=1\.0\.0;/);
  await manager.stop();
});

test('a series that vanishes gets one stale marker and comes back as new', async () => {
  const { scrape, storage } = bench();
  await scrape('a 1\nb 1\n');
  await scrape('a 1\n');
  await scrape('a 1\n');
  await scrape('a 1\nb 3\n');
  assert.deepEqual(storage.values(`b{${OWN}}`), [1, 'stale', 3]);
  assert.deepEqual(storage.values(`scrape_series_added{${OWN}}`), [2, 0, 0, 1]);
});

test('reordered and re-spaced lines are the same series', async () => {
  const { scrape, storage } = bench();
  await scrape('a{x="1",y="2"} 1\nb 1\nc 1\n');
  await scrape('c 2\na {y="2", x="1"} 2\nb 2\n');
  assert.deepEqual(storage.values(`a{${OWN.replace(',', ',')},x="1",y="2"}`), [1, 2]);
  assert.deepEqual(storage.values(`c{${OWN}}`), [1, 2]);
});

test('a failed scrape ends the series, keeps the reason, and nothing of it is stored', async () => {
  const failures: [answer: Parameters<Bench['scrape']>[0], reason: string, scraped: number][] = [
    [new CodedError('ERR_HTTP_REFUSED', 'connection refused'), 'connection refused', 0],
    [{ status: 404, statusText: 'Not Found' }, 'answered 404 Not Found', 0],
    [{ status: 503, statusText: '' }, 'answered 503', 0],
    ['a 2\nb 2\noops\n', 'line 3: expected a value after the series, found end of line', 2],
    ['a 2\na{x="1",x="2"} 1\n', 'line 2: the label x stands twice in one series', 2],
    ['a 2\nb 2\nc 2\nd 2\n', 'more samples than the limit of 3: 4', 4],
    [
      { contentType: 'application/vnd.google.protobuf' },
      'answered in the protobuf format, which was not asked for',
      0,
    ],
    [
      { contentType: 'text/html; charset=utf-8', body: new TextEncoder().encode('a 2\n<p>\n') },
      'line 2: expected a metric name or a comment, found "<p>"; the answer is text/html; charset=utf-8, not metrics',
      1,
    ],
  ];
  for (const [answer, reason, scraped] of failures) {
    const { scrape, storage, manager, log } = bench({ sampleLimit: 3 });
    await scrape('a 1\nb 1\n');
    await scrape(answer);
    await scrape(answer);
    const [status] = manager.targets();
    assert.equal(status.up, false);
    assert.ok(status.lastError?.startsWith(reason), status.lastError);
    assert.deepEqual(storage.values(`a{${OWN}}`), [1, 'stale'], reason);
    assert.deepEqual(storage.values(`up{${OWN}}`), [1, 0, 0], reason);
    assert.equal(storage.values(`scrape_samples_scraped{${OWN}}`).at(-1), scraped, reason);
    assert.deepEqual(log, ['A scrape failed'], 'the log hears of it once');
    await scrape('a 3\nb 3\n');
    assert.deepEqual(storage.values(`a{${OWN}}`), [1, 'stale', 3], reason);
    assert.equal(manager.targets()[0].lastError, undefined);
    assert.deepEqual(log, ['A scrape failed', 'The target answers again']);
    await manager.stop();
  }
});

test('a failed commit is no fault of the target, and the next one goes on', async () => {
  const { scrape, storage, manager, log } = bench();
  await scrape('a 1\nb 1\n');
  const [{ lastScrapeMs: storedMs }] = manager.targets();
  storage.commitErrors.push(new Error('disk full'));
  await scrape('a 2\n');
  const [{ up, lastScrapeMs, lastError, failureCode }] = manager.targets();
  assert.equal(lastError, 'the samples could not be stored: disk full');
  assert.equal(lastScrapeMs, storedMs, 'what is not stored was not collected');
  assert.deepEqual([up, failureCode], [true, 'ERR_SCRAPE_STORE']);
  assert.match(String(manager.storeFault), /disk full/);
  assert.deepEqual(storage.values(`a{${OWN}}`), [1]);
  assert.deepEqual(storage.values(`up{${OWN}}`), [1], 'it never was down');
  await scrape('a 3\nb 3\n');
  assert.deepEqual(storage.values(`a{${OWN}}`), [1, 3]);
  assert.deepEqual(storage.values(`up{${OWN}}`), [1, 1]);
  assert.equal(manager.storeFault, undefined);
  assert.deepEqual(log, ['What is scraped cannot be stored', 'What is scraped is stored again']);
});

test('a target that is down while nothing can be stored is told as down, and storing once', async () => {
  const { scrape, storage, manager, log } = bench();
  await scrape('a 1\n');
  storage.commitErrors.push(...Array.from({ length: 3 }, () => new Error('disk full')));
  for (let i = 0; i < 3; i++)
    await scrape(new CodedError('ERR_HTTP_REFUSED', 'connection refused'));
  const [{ up, lastError }] = manager.targets();
  assert.deepEqual([up, lastError], [false, 'connection refused']);
  await scrape('a 2\n');
  assert.deepEqual(log, [
    'What is scraped cannot be stored',
    'A scrape failed',
    'What is scraped is stored again',
    'The target answers again',
  ]);
  assert.deepEqual(storage.values(`a{${OWN}}`), [1, 2]);
});

test('while nothing can be stored, what vanished meanwhile is not forgotten', async () => {
  const { scrape, storage } = bench();
  await scrape('a 1\nb 1\n');
  storage.commitErrors.push(...Array.from({ length: 2 }, () => new Error('disk full')));
  await scrape('a 2\n');
  await scrape('a 3\n');
  await scrape('a 4\n');
  assert.deepEqual(storage.values(`a{${OWN}}`), [1, 4]);
  assert.deepEqual(storage.values(`b{${OWN}}`), [1, 'stale']);
  assert.deepEqual(storage.values(`up{${OWN}}`), [1, 1]);
});

test('timestamps of the exporter are used or not, as set, and bar the sample from staleness', async () => {
  const stamped = 'a 1 1000\nb 1\n';
  const honoring = bench();
  await honoring.scrape(stamped);
  await honoring.scrape('b 1\n');
  assert.deepEqual(honoring.storage.samples(`a{${OWN}}`), [{ timestampMs: 1000, value: 1 }]);
  const ignoring = bench({ honorTimestamps: false });
  await ignoring.scrape(stamped);
  await ignoring.scrape('b 1\n');
  assert.deepEqual(ignoring.storage.values(`a{${OWN}}`), [1, 'stale']);
  assert.ok(ignoring.storage.samples(`a{${OWN}}`)[0].timestampMs > 1e12);
});

test('out-of-order, contradicting and far-off samples are counted and do not fail the scrape', async () => {
  const { scrape, storage, manager } = bench();
  const farMs = Date.UTC(2030, 0, 1);
  await scrape(`a 1 2000\na 2 1000\nb 1\nb 2\nc 1 ${farMs}\nd 1\nd 1\n`);
  const [status] = manager.targets();
  assert.deepEqual([status.up, status.samples, status.refused], [true, 7, 3]);
  assert.deepEqual(storage.values(`a{${OWN}}`), [1]);
  assert.deepEqual(storage.values(`b{${OWN}}`), [1]);
  assert.deepEqual(storage.values(`c{${OWN}}`), []);
  assert.deepEqual(reported(storage), [1, 7, 7, 3]);
  await scrape('b 3\nc 2\nd 3\n');
  assert.deepEqual(reported(storage), [1, 3, 3, 1], 'what was never stored is still new');
});

test('a series with more or longer labels than allowed fails the scrape', async () => {
  const { scrape, storage, manager } = bench({
    labelLimits: { count: 4, nameBytes: 8, valueBytes: 25 },
  });
  await scrape('a{b="1"} 1\n');
  assert.equal(manager.targets()[0].up, true);
  await scrape('a{b="1"} 2\na{b="1",c="2"} 1\n');
  const [status] = manager.targets();
  const reason = 'line 2: a series of a has 5 labels, more than the limit of 4';
  assert.deepEqual([status.up, status.lastError], [false, reason]);
  assert.deepEqual(storage.values(`a{b="1",${OWN}}`), [1, 'stale']);
});

test('conflicting labels are renamed, or win where that is set', async () => {
  const text = 'a{job="x",exported_job="y",instance=""} 1\n';
  const renaming = bench();
  await renaming.scrape(text);
  assert.ok(
    renaming.storage.names().includes(`a{exported_exported_job="x",exported_job="y",${OWN}}`),
    renaming.storage.names().join(' '),
  );
  const honoring = bench({ honorLabels: true });
  await honoring.scrape(text);
  assert.ok(honoring.storage.names().includes('a{exported_job="y",job="x"}'));
  assert.ok(honoring.storage.names().includes(`up{${OWN}}`));
});

test('series that left the head are made again', async () => {
  const { scrape, storage } = bench();
  await scrape('a{b="\\n"} 1\n');
  storage.loseSeries();
  await scrape('a{b="\\n"} 2\n');
  assert.deepEqual(storage.values(`a{b="\\n",${OWN}}`), [2]);
  assert.deepEqual(storage.values(`up{${OWN}}`), [1]);
});

test('stop ends every series and the report with stale markers', async () => {
  const { scrape, storage, manager, clock, http } = bench();
  await scrape('a 1\nb 1\n');
  await manager.stop();
  for (const name of [`a{${OWN}}`, `b{${OWN}}`, `up{${OWN}}`, `scrape_series_added{${OWN}}`]) {
    assert.equal(storage.values(name).at(-1), 'stale', name);
  }
  await clock.advance(600_000);
  assert.equal(http.requests.length, 1, 'no scrape after the stop');
  assert.equal(clock.sleeping, 0, 'no timer is left');
});

test('stop before the first scrape stores nothing', async () => {
  const { storage, manager, clock } = bench();
  manager.apply(SETTINGS, [TARGET]);
  await manager.stop();
  assert.equal(storage.commits, 0);
  assert.equal(clock.sleeping, 0);
});

test('stop breaks off a fetch under way and does not call it a failure', async () => {
  const { scrape, storage, manager, http, clock } = bench();
  await scrape('a 1\n');
  http.answers.set(URL_A, () => new Promise(() => {}));
  await clock.advance(60_000);
  assert.equal(http.requests.length, 2);
  await manager.stop();
  assert.deepEqual(storage.values(`up{${OWN}}`), [1, 'stale']);
  assert.deepEqual(storage.values(`a{${OWN}}`), [1, 'stale']);
});

test('stop waits for samples that are on their way into storage', async () => {
  const { scrape, storage, manager, http, clock } = bench();
  await scrape('a 1\n');
  let open = (): void => {};
  storage.commitGate = new Promise((resolve) => (open = resolve));
  http.answers.set(URL_A, 'a 2\n');
  await clock.advance(60_000);
  const stopped = manager.stop();
  open();
  await stopped;
  assert.deepEqual(storage.values(`a{${OWN}}`), [1, 2, 'stale']);
});

test('series that the target drops are read and not stored', async () => {
  let asked = 0;
  const drops: Target['drops'] = (labels) => {
    asked++;
    return labels.some(([name, value]) => name === 'plugin_id' && value === 'x');
  };
  const { scrape, storage, manager } = bench({ sampleLimit: 2 }, { ...TARGET, drops });
  await scrape('a 1\na{plugin_id="x"} 1\na{plugin_id="y"} 1\n');
  await scrape('a{plugin_id="x"} 2\na 2\na{plugin_id="y"} 2\n');
  await scrape('a 3\na{plugin_id="y"} 3\n');
  assert.deepEqual(storage.values(`a{${OWN}}`), [1, 2, 3]);
  assert.deepEqual(storage.values(`a{${OWN},plugin_id="y"}`), [1, 2, 3]);
  assert.deepEqual(storage.values(`a{${OWN},plugin_id="x"}`), []);
  assert.deepEqual(storage.values(`scrape_samples_scraped{${OWN}}`), [3, 3, 2]);
  assert.deepEqual(
    storage.values(`scrape_samples_post_metric_relabeling{${OWN}}`),
    [2, 2, 2],
    'and the limit is about what is left',
  );
  assert.equal(asked, 3, 'once for each series');
  await manager.stop();
});

test('who counts scrapes is told of each with its outcome', async () => {
  const { scrape, results, manager, storage } = bench();
  await scrape('a 1\nb 1\n');
  await scrape(new CodedError('ERR_HTTP_TIMEOUT', 'no answer'));
  storage.commitErrors.push(new Error('disk full'));
  await scrape('a 1\n');
  assert.deepEqual(
    results.map(({ samples, failureCode }) => [samples, failureCode]),
    [
      [2, undefined],
      [0, 'ERR_HTTP_TIMEOUT'],
      [1, 'ERR_SCRAPE_STORE'],
    ],
  );
  await manager.stop();
});

test('OpenMetrics is stored like text, exemplars and all; its metadata can be asked for', async () => {
  const { scrape, storage, manager } = bench();
  const contentType = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
  const body = (value: number, help: string): Uint8Array =>
    new TextEncoder().encode(`# HELP a_seconds ${help}
# TYPE a_seconds counter
# UNIT a_seconds seconds
a_seconds_total{x="1"} ${value} # {trace="y"} 1
a_seconds_created{x="1"} 1600000000
{"my.gauge"} 1
# EOF
`);
  await scrape({ body: body(1, 'First.'), contentType });
  await scrape({ body: body(2, 'First.'), contentType });
  await scrape({ body: body(3, 'Second.'), contentType });
  assert.deepEqual(storage.values(`a_seconds_total{${OWN},x="1"}`), [1, 2, 3]);
  assert.deepEqual(storage.values(`a_seconds_created{${OWN},x="1"}`), [16e8, 16e8, 16e8]);
  const described = { type: 'counter', help: 'Second.', unit: 'seconds' };
  assert.deepEqual([...manager.metadata()], [['a_seconds', [described]]]);
  await scrape('# TYPE b untyped\nb 1\n');
  assert.deepEqual([...manager.metadata()], [['b', [{ type: 'unknown', help: '', unit: '' }]]]);
  await scrape({ body: body(4, 'Third.').slice(0, -6), contentType });
  assert.match(manager.targets()[0].lastError ?? '', /does not end with "# EOF"/);
  await manager.stop();
});

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CodedError } from '../../base/errors.ts';
import { FakeHttp } from '../../../test/kits/fake-http.ts';
import type { Answer } from '../../../test/kits/fake-http.ts';
import { RecordingStorage } from '../../../test/kits/recording-storage.ts';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { ScrapeManager } from './manager.ts';
import type { ScrapeSettings, Target } from './types.ts';

const SETTINGS: ScrapeSettings = {
  intervalMs: 60_000,
  timeoutMs: 10_000,
  bodyLimitBytes: 0,
  sampleLimit: 0,
  honorTimestamps: true,
};
const URL = 'http://localhost:9100/metrics?token=S3cret';
const LABELS = { job: 'node', instance: 'localhost:9100' };
const REFUSED = new CodedError('ERR_HTTP_REFUSED', 'connection refused', { url: URL });

function bench() {
  const http = new FakeHttp();
  const clock = new FakeClock();
  const lines: string[] = [];
  const write =
    (level: string) =>
    (message: string, fields = {}): void => {
      lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
    };
  const logger = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  };
  const manager = new ScrapeManager({ http, appendable: new RecordingStorage(), clock, logger });
  const scrape = async (target: Target, answer: Answer) => {
    http.answers.set(URL, answer);
    manager.apply(SETTINGS, [target]);
    for (let i = 0; i < 61; i++) await clock.advance(1_000);
    const [status] = manager.targets();
    const levels = lines.splice(0).map((line) => line.split(' ')[0]);
    return { status, levels };
  };
  return { http, manager, lines, scrape };
}

test('an optional target that never answers is absent, without a word in the log', async () => {
  const { manager, scrape } = bench();
  const target = { url: URL, labels: LABELS, isOptional: true };
  for (const code of ['ERR_HTTP_REFUSED', 'ERR_HTTP_TIMEOUT', 'ERR_HTTP_DNS']) {
    const { status, levels } = await scrape(target, new CodedError(code, code));
    assert.deepEqual([status.absent, status.up, levels], [true, false, ['debug']]);
  }
  await manager.stop();
});

test('an optional target that answered once is missed, and one that answers wrongly is down', async () => {
  const { manager, scrape } = bench();
  const target = { url: URL, labels: LABELS, isOptional: true };
  assert.equal((await scrape(target, REFUSED)).status.absent, true);
  const wrong = await scrape(target, { status: 404 });
  assert.deepEqual([wrong.status.absent, wrong.levels], [false, ['warn']]);
  const gone = await scrape(target, REFUSED);
  assert.deepEqual([gone.status.absent, gone.levels], [false, ['warn']]);
  await manager.stop();
});

test('a target that somebody asked for is down when it does not answer', async () => {
  const { manager, scrape } = bench();
  const { status, levels } = await scrape({ url: URL, labels: LABELS }, REFUSED);
  assert.deepEqual([status.absent, levels], [false, ['warn']]);
  await manager.stop();
});

test('a credential is sent and never shown; a new one is used from then on', async () => {
  const { http, manager, lines, scrape } = bench();
  const target = { url: URL, labels: LABELS };
  await scrape({ ...target, authorization: 'Bearer S3cret1' }, 'x 1\n');
  await scrape({ ...target, authorization: 'Bearer S3cret2' }, 'x 1\n');
  http.answers.set(URL, REFUSED);
  manager.apply(SETTINGS, [{ ...target, authorization: 'Bearer S3cret2' }]);
  assert.deepEqual(
    [...new Set(http.requests.map(({ options }) => options.headers.Authorization))],
    ['Bearer S3cret1', 'Bearer S3cret2'],
  );
  assert.equal(http.requests[0].url, URL);
  assert.ok(!JSON.stringify([manager.targets(), lines]).includes('S3cret'));
  await manager.stop();
});

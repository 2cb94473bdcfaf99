import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FakeProcessStats } from '../../test/support/fake-process-stats.ts';
import type { StatusSource } from '../httpapi/status.ts';
import type { InstanceReport } from '../services/cluster/instances.ts';
import { statusText } from './status-command.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);

const target = {
  url: 'http://app1:8067/metrics',
  job: 'prometheus',
  instance: 'app1:8067',
  up: true,
  lastScrapeMs: NOW - 12_000,
  lastDurationMs: 5,
  lastError: undefined,
  samples: 846,
  refused: 0,
};

const source: StatusSource = {
  version: '0.8.0',
  state: () => 'running',
  warnings: () => [],
  targets: () => [target],
  head: () => undefined,
  lastSyncMs: () => undefined,
  lastCopiedMs: () => undefined,
  process: new FakeProcessStats(),
  nowMs: () => NOW,
  cluster: async () => undefined,
};

test('a server of its own tells targets, errors and warnings', async () => {
  const text = await statusText({
    ...source,
    warnings: () => [{ code: 'x', message: 'It is broken.', action: 'Mend it.' }],
    targets: () => [
      target,
      { ...target, instance: 'a|b', up: false, lastError: 'refused\nby | it' },
      { ...target, instance: 'new:1', lastScrapeMs: undefined },
      { ...target, job: 'node', up: false, absent: true, lastError: 'connection refused' },
    ],
  });
  assert.equal(
    text,
    [
      'Metrics are being collected.',
      '',
      '| Target | Job | State | Last scrape | Samples | Error |',
      '|---|---|---|---|---|---|',
      '| `app1:8067` | prometheus | up | 12 s ago | 846 |  |',
      '| `a\\|b` | prometheus | **down** | 12 s ago | 846 | `refused by \\| it` |',
      '| `new:1` | prometheus | not yet scraped |  | 846 |  |',
      '| `app1:8067` | node | not installed | 12 s ago | 846 |  |',
      '',
      'Nothing was copied to the file store yet.',
      '',
      ':warning: It is broken. Mend it.',
    ].join('\n'),
  );
});

test('a node of a cluster tells what the one that scrapes has reported', async () => {
  const report: InstanceReport = {
    instance: 'a',
    node: 'app1',
    version: '0.8.0',
    role: 'scraper',
    sinceMs: NOW - 3_600_000,
    lastSyncMs: NOW - 600_000,
    lastCopiedMs: NOW - 600_000,
    reportedMs: NOW - 7_000,
    targets: [target],
    head: undefined,
    warnings: [{ code: 'y', message: 'The disk is full.' }],
  };
  const text = await statusText({
    ...source,
    state: () => 'waiting',
    targets: () => [],
    cluster: async () => ({
      instance: 'b',
      node: 'app2',
      scraper: { node: 'app1', sinceMs: NOW - 3_600_000 },
      instances: [
        report,
        { ...report, instance: 'b', node: 'app2', role: 'waiting', reportedMs: NOW },
      ],
      reported: report,
    }),
  });
  assert.match(text, /^app1 scrapes since 2026-01-02 02:04 UTC\. Answered by app2\.$/m);
  assert.match(text, /^- app1 scrapes \(version `0\.8\.0`, seen 7 s ago\)\n- app2 stands by/m);
  assert.match(text, /^\| `app1:8067` \| prometheus \| up \|/m);
  assert.match(text, /file store: 10 min ago\.\n\n:warning: The disk is full\.$/);
});

test('it says so when nobody scrapes', async () => {
  const cluster = { instance: 'b', node: 'app2', scraper: undefined, instances: [] };
  const text = await statusText({
    ...source,
    targets: () => [],
    cluster: async () => ({ ...cluster, reported: undefined }),
  });
  assert.match(
    text,
    /^No node of this version scrapes right now; one takes over within 30 seconds\./,
  );
  assert.match(text, /There are no targets\./);
});

test('what others write is shown as text, wherever it stands', async () => {
  const evil = '![x](http://evil.example/) @all :x:\n\n# `head` |';
  const report: InstanceReport = {
    instance: 'a',
    node: evil,
    version: evil,
    role: evil,
    sinceMs: 1,
    lastSyncMs: 1,
    lastCopiedMs: 1,
    reportedMs: 1,
    targets: [{ ...target, job: evil, instance: evil, up: false, lastError: evil }],
    head: undefined,
    warnings: [{ code: 'y', message: evil, action: evil }],
  };
  const text = await statusText({
    ...source,
    warnings: () => [{ code: 'x', message: evil, action: evil }],
    cluster: async () => ({
      instance: 'b',
      node: evil,
      scraper: { node: evil, sinceMs: 1 },
      instances: [report],
      reported: report,
    }),
  });
  assert.equal(text.split('@all').length - 1, 12);
  assert.ok(!text.replaceAll(/(`+)([^`]|[^`].*?[^`])\1(?!`)/g, '').includes('@all'), text);
  assert.ok(!/^#/m.test(text));
});

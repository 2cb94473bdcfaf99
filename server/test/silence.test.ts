// The whole plugin while something that it needs neither fails nor answers, in simulated time: it is
// named within a minute, every route answers within 5 s, and the rest goes on.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { CodedError } from '../src/base/errors.ts';
import type { DumpJob } from '../src/services/jobs/job.ts';
import type { StoreStats } from '../src/services/stats/stats.ts';
import { DB_DIR } from './cluster/sim-node.ts';
import type { SimNode } from './cluster/sim-node.ts';
import { SimWorld } from './cluster/sim-world.ts';
import type { Silence } from './cluster/silence.ts';
import { ask } from './support/ask.ts';
import type { Answer } from './support/ask.ts';

const HOUR_MS = 3_600_000;
const ANSWER_MS = 5_000;
const MINUTE_S = 60;

interface Warned {
  readonly code: string;
  readonly message: string;
}

interface Status {
  readonly warnings: readonly Warned[];
  readonly sync: { readonly last_success_ms: number; readonly last_copied_ms: number };
}

function parsed<T>({ body }: Answer): T {
  return JSON.parse(body.toString()) as T;
}

/** One node that has scraped for six minutes and made a dump. */
async function setUp() {
  const world = new SimWorld(1, 1);
  const [node] = world.nodes;
  node.start();
  await world.runFor(6 * 60_000);
  const plugin = node.plugin;
  assert.ok(plugin !== undefined);

  /** What somebody who waits gets, and after how long. */
  const wait = async <T>(work: Promise<T>): Promise<{ result: T; tookMs: number }> => {
    const startMs = world.time.nowMs;
    let isDone = false;
    const done = work.finally(() => (isDone = true));
    done.catch(() => undefined);
    while (!isDone && world.time.nowMs - startMs < 10 * 60_000) await world.runFor(50);
    assert.ok(isDone, 'it never came to an end');
    return { result: await done, tookMs: world.time.nowMs - startMs };
  };
  const request = async (method: string, url: string, body?: unknown): Promise<Answer> => {
    const { result, tookMs } = await wait(ask(plugin.api, method, url, body));
    assert.ok(tookMs <= ANSWER_MS, `${method} ${url} took ${tookMs} ms`);
    return result;
  };
  const warnings = async (): Promise<readonly Warned[]> => {
    return parsed<Status>(await request('GET', '/status')).warnings;
  };
  const range = { min_t: world.time.nowMs - HOUR_MS, max_t: world.time.nowMs };
  const dump = async (): Promise<string> => {
    const { id } = parsed<DumpJob>(await request('POST', '/jobs/create', range));
    await world.runFor(40_000);
    return id;
  };
  const made = await dump();
  const spare = await dump();
  const stored = (): number => world.scrapes.length;
  return { world, node, plugin, wait, request, warnings, range, made, spare, stored };
}

const SEAMS: readonly {
  readonly what: string;
  readonly silence: (node: SimNode) => Silence;
  readonly codes: readonly string[];
  readonly statuses: Readonly<Record<string, number>>;
  /** Whether scrapes go on being stored. */
  readonly isCollecting: boolean;
}[] = [
  {
    what: 'the file store',
    silence: (node) => node.storeSilence,
    codes: ['file_store_unavailable'],
    statuses: { stats: 200, jobs: 200, create: 200, cancel: 200, download: 503, delete: 200 },
    isCollecting: true,
  },
  {
    what: 'the database of the server',
    silence: (node) => node.link.silence,
    codes: ['host_silent'],
    statuses: { stats: 200, jobs: 200, create: 503, cancel: 503, download: 503, delete: 503 },
    // Without the lease: into memory.
    isCollecting: false,
  },
  {
    what: 'the disk of the database',
    silence: (node) => node.diskSilence,
    codes: ['scrapes_not_stored'],
    statuses: { stats: 200, jobs: 200, create: 200, cancel: 200, download: 200, delete: 200 },
    isCollecting: false,
  },
  {
    what: 'every exporter, without end',
    silence: (node) => node.scrapeSilence,
    codes: ['scrapes_not_stored'],
    statuses: { stats: 200, jobs: 200, create: 200, cancel: 200, download: 200, delete: 200 },
    isCollecting: false,
  },
];

suite('while something is silent', () => {
  for (const { what, silence, codes, statuses, isCollecting } of SEAMS) {
    test(`${what} is named, all routes answer, and all is well afterwards`, async () => {
      const { world, node, plugin, wait, request, warnings, range, made, spare, stored } =
        await setUp();
      assert.deepEqual(await warnings(), []);
      await request('GET', '/jobs');
      const before = parsed<StoreStats>(await request('GET', '/tsdb/stats'));
      silence(node).begin();
      const startMs = world.time.nowMs;
      const startCount = stored();

      const found: Record<string, number> = {};
      const note = async (name: string, method: string, url: string, body?: unknown) => {
        const answer = await request(method, url, body);
        found[name] = answer.status;
        if (answer.status === 503) assert.match(answer.body.toString(), /does not answer/);
        return answer;
      };
      const stats = parsed<StoreStats>(await note('stats', 'GET', '/tsdb/stats'));
      assert.ok(stats.num_samples >= before.num_samples, 'what was known still counts');
      await note('jobs', 'GET', '/jobs');
      const created = await note('create', 'POST', '/jobs/create', range);
      const id = created.status === 200 ? parsed<DumpJob>(created).id : made;
      if (created.status === 200) await note('cancel', 'POST', `/jobs/cancel/${id}`);
      else found.cancel = (await request('POST', `/jobs/cancel/${made}`)).status;
      await note('download', 'GET', `/jobs/download/${made}`);
      await note('delete', 'DELETE', `/jobs/delete/${spare}`);
      assert.deepEqual(found, statuses);

      for (const text of ['/metrics status', '/metrics dump 1h']) {
        const call = { userId: 'admin', channelId: 'c', rootId: '', text };
        const { result, tookMs } = await wait(plugin.runCommand(call));
        assert.ok(tookMs <= ANSWER_MS && result !== '', `${text} took ${tookMs} ms`);
      }
      const packet = await wait(plugin.supportFiles());
      assert.ok(packet.tookMs <= 20_100, `the support packet took ${packet.tookMs} ms`);

      const leftMs = startMs + MINUTE_S * 1_000 - world.time.nowMs;
      if (leftMs > 0) await world.runFor(leftMs);
      const raised = await warnings();
      for (const code of codes) {
        assert.ok(
          raised.some((warning) => warning.code === code && warning.message.includes('UTC')),
          `${code} in ${JSON.stringify(raised)}`,
        );
      }
      assert.equal(stored() > startCount + 10, isCollecting);

      await world.runFor(2 * 60_000);
      silence(node).end();
      await world.runFor(4 * 60_000);
      assert.deepEqual(await warnings(), [], node.log.slice(-40).join('\n'));
      const count = stored();
      await world.runFor(30_000);
      assert.ok(stored() > count, 'it scrapes again');
      const jobs = parsed<DumpJob[]>(await request('GET', '/jobs'));
      assert.equal(
        jobs.some((job) => job.id === spare),
        statuses.delete === 503,
        'what was deleted is gone',
      );
      assert.ok(
        jobs.every(({ status }) => status === 'success' || status === 'error'),
        JSON.stringify(jobs),
      );
      await wait(node.stop());
    });
  }

  test('a file store that takes no files is told within a minute, and nothing counts as copied', async () => {
    const { world, node, request, warnings, wait } = await setUp();
    const sync = async (): Promise<Status['sync']> =>
      parsed<Status>(await request('GET', '/status')).sync;
    const before = await sync();
    assert.ok(before.last_copied_ms > 0 && before.last_success_ms >= before.last_copied_ms);
    const { open } = world.shared;
    world.shared.open = (path, mode) =>
      mode === 'read'
        ? open.call(world.shared, path, mode)
        : Promise.reject(new CodedError('ERR_FS_DENIED', 'read-only file system', { path }));
    await world.runFor(MINUTE_S * 1_000);
    const codes = (await warnings()).map(({ code }) => code);
    assert.ok(codes.includes('file_store_unavailable'), codes.join());
    await world.runFor(6 * 60_000);
    const { last_success_ms: successMs, last_copied_ms: copiedMs } = await sync();
    assert.ok(successMs <= before.last_success_ms + MINUTE_S * 1_000, 'no sync has succeeded');
    assert.equal(copiedMs, before.last_copied_ms);
    world.shared.open = open;
    await world.runFor(3 * 60_000);
    assert.deepEqual(await warnings(), []);
    assert.ok((await sync()).last_copied_ms > copiedMs, 'the blocks of meanwhile are there');
    await wait(node.stop());
  });

  test('a local block that hangs while it is copied is told, however well the file store does', async () => {
    const { world, node, warnings, stored } = await setUp();
    const { open } = node.disk;
    node.disk.open = (path, mode) =>
      mode === 'read' && path.startsWith(DB_DIR) && path.endsWith('/index')
        ? new Promise(() => {})
        : open.call(node.disk, path, mode);
    const count = stored();
    // A block may take six minutes to be cut, and stand still for five.
    await world.runFor(13 * 60_000);
    const raised = (await warnings()).map(({ code }) => code);
    assert.deepEqual(raised, ['sync_stuck']);
    assert.ok(stored() > count + 100, 'it scrapes on');
    node.kill();
  });

  test('in a cluster another node takes over from a disk that hangs, and its panel names that', async () => {
    const world = new SimWorld(2, 3);
    const [first, second] = world.nodes;
    first.start();
    await world.runFor(5_000);
    for (const node of world.nodes) node.start();
    await world.runFor(60_000);
    assert.ok(world.scrapes.every(({ node }) => node === first));
    first.diskSilence.begin();
    const startMs = world.time.nowMs;
    await world.runFor(MINUTE_S * 1_000);
    const others = world.scrapes.filter(({ node }) => node !== first);
    assert.ok(others[0].atMs - startMs < 40_000, `${others[0].atMs - startMs} ms`);
    const { plugin } = second;
    assert.ok(plugin !== undefined);
    let answer: Answer | undefined;
    void ask(plugin.api, 'GET', '/status').then((found) => (answer = found));
    await world.runFor(5_000);
    assert.ok(answer !== undefined);
    const warning = parsed<Status>(answer).warnings.find(
      ({ code }) => code === 'scrapes_not_stored',
    );
    assert.match(warning?.message ?? '', /^node1: Since .* UTC nothing .*own\/tsdb/);
    first.diskSilence.end();
    await world.runFor(60_000);
    const lastOfFirst = world.scrapes.findLast(({ node }) => node === first);
    assert.ok((lastOfFirst?.scrapedMs ?? Infinity) < others[0].scrapedMs, 'nobody scrapes twice');
    for (const node of world.nodes) node.kill();
  });

  test('the list of dumps says how old it is, and statistics as of when they are', async () => {
    const { world, node, request, made, wait } = await setUp();
    await request('GET', '/jobs');
    const knownMs = world.time.nowMs;
    const { as_of } = parsed<StoreStats>(await request('GET', '/tsdb/stats'));
    node.link.silence.begin();
    node.storeSilence.begin();
    await world.runFor(100_000);
    const list = await request('GET', '/jobs');
    const ageMs = Number(list.headers.Age) * 1_000;
    assert.ok(Math.abs(ageMs - (world.time.nowMs - knownMs)) < 5_000, list.headers.Age);
    assert.match(list.body.toString(), new RegExp(made));
    const stats = parsed<StoreStats>(await request('GET', '/tsdb/stats'));
    assert.equal(stats.as_of, as_of);
    node.link.silence.end();
    node.storeSilence.end();
    await world.runFor(60_000);
    assert.equal((await request('GET', '/jobs')).headers.Age, undefined);
    const fresh = parsed<StoreStats>(await request('GET', '/tsdb/stats'));
    assert.ok((fresh.as_of ?? 0) > (as_of ?? Infinity));
    await wait(node.stop());
  });
});

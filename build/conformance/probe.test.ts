/** The protocol tower under the official host: a plugin that only shows what the host offers. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { startPostgres, type Postgres } from '../support/postgres.ts';
import { memoryOf } from '../support/processes.ts';
import { chunksOf } from '../support/response.ts';
import { temporaryDir } from '../support/temporary.ts';
import { scriptBundle, type HostFolders } from './bundle-folder.ts';
import { runningPlugin, startHost, testLifecycle } from './lifecycle.ts';
import { hostVersions, type HostVersion, type OfficialHost } from './official-host.ts';

const bulkBytes = 100 * 2 ** 20;
/** How much a plugin may grow while the bulk passes: what V8 lets pile up between two collections. */
const allowedGrowthBytes = 64 * 2 ** 20;

/** The bulk in pieces that no buffer size on the way divides, each different. */
async function* bulk(digest: ReturnType<typeof createHash>): AsyncGenerator<Uint8Array> {
  const piece = Buffer.alloc(99_991);
  for (let sent = 0; sent < bulkBytes; sent += piece.length) {
    piece.fill(`${sent},`);
    const chunk = Uint8Array.from(piece.subarray(0, Math.min(piece.length, bulkBytes - sent)));
    digest.update(chunk);
    yield chunk;
    await Promise.resolve();
  }
}

/** Sends the bulk to a route; answers what the digest of the sent bytes is and what came back. */
async function sendBulk(
  host: OfficialHost,
  path: string,
): Promise<{ sent: string; response: Response }> {
  const digest = createHash('sha256');
  // Node's fetch takes an iterable body, and wants `duplex` then; the DOM's types know neither.
  const init: object = { method: 'POST', body: bulk(digest), duplex: 'half' };
  const response = await host.fetch(path, init);
  const received = createHash('sha256');
  const chunks: Uint8Array[] = [];
  for await (const chunk of chunksOf(response)) {
    received.update(chunk);
    if (path !== '/echo') chunks.push(chunk);
  }
  const answer = path === '/echo' ? received.digest('hex') : Buffer.concat(chunks).toString();
  return { sent: digest.digest('hex'), response: new Response(answer) };
}

/** The slowest of the pings that were sent, one after another, until `work` is done. */
async function slowestPing(host: OfficialHost, work: Promise<unknown>): Promise<number> {
  let isDone = false;
  const finished = work.finally(() => (isDone = true));
  let slowestMs = 0;
  while (!isDone) slowestMs = Math.max(slowestMs, (await host.perform('ping')).ms);
  await finished;
  return slowestMs;
}

function testProbe(version: HostVersion): void {
  let postgres: Postgres;
  let folders: HostFolders;
  let host: OfficialHost;

  const json = async (
    path: string,
    init: RequestInit & { user?: string } = {},
  ): Promise<unknown> => {
    const response = await host.fetch(path, init);
    assert.ok(response.ok, `${path}: ${response.status}`);
    return response.json();
  };

  before(async () => {
    postgres = await startPostgres(temporaryDir('conformance-db'));
    folders = await scriptBundle('test.probe', join(import.meta.dirname, 'probe-main.ts'));
    host = await startHost(version, folders, {
      database: postgres.dsn,
      admins: ['the-admin'],
      licensed: true,
      plugin_config: { answer: 42, missing: null },
      config: { MetricsSettings: { Enable: false, ListenAddress: ':9999' } },
    });
    const { ms } = await host.perform('activate');
    console.log(`# ${version}: active after ${ms.toFixed(0)} ms`);
  });

  after(async () => {
    await host?.stop();
    await postgres?.stop();
  });

  test('activation: configuration first, then OnActivate; the command is registered', async () => {
    const messages = host.logs.map(({ message }) => message);
    assert.ok(messages.includes('probe activated'), messages.join());
    const { result } = await host.perform('commands');
    assert.deepEqual(
      (result as { trigger: string }[]).map(({ trigger }) => trigger),
      ['probe'],
    );
  });

  test('a request arrives as it was sent, the answer as it was given', async () => {
    const headers = { 'Mattermost-User-Id': 'forged' };
    const init = { method: 'POST', body: 'hällo', user: 'somebody', headers };
    const response = await host.fetch('/request?a=%20b&c', init);
    assert.equal(response.status, 201);
    assert.equal(response.headers.get('X-Probe'), 'yes');
    const seen = (await response.json()) as Record<string, unknown>;
    assert.equal(seen['method'], 'POST');
    assert.equal(seen['url'], '/request?a=%20b&c');
    assert.equal(seen['user'], 'somebody');
    assert.equal(seen['body'], 'hällo');
    const anonymous = (await json('/request', { headers })) as { user: unknown; body: string };
    assert.deepEqual([anonymous.user, anonymous.body], [null, '']);
  });

  test('odd requests: no body wanted, no body given, unknown route, failing route', async () => {
    assert.equal((await host.fetch('/nothing')).status, 204);
    assert.equal((await host.fetch('/no-such-route')).status, 404);
    const unread = await host.fetch('/unread', { method: 'POST', body: new Uint8Array(1 << 20) });
    assert.equal(await unread.text(), 'not interested');
    assert.equal((await host.fetch('/fails')).status, 500);
    assert.equal((await host.fetch('/nothing', { method: 'HEAD' })).status, 204);
  });

  test('100 MiB stream in and out in bounded memory, pings answered meanwhile', async () => {
    const pid = runningPlugin(host);
    await sendBulk(host, '/digest');
    const before = memoryOf(pid).peakRssBytes;
    const began = performance.now();
    const echo = sendBulk(host, '/echo');
    const slowestMs = await slowestPing(host, echo);
    const seconds = (performance.now() - began) / 1000;
    const { sent, response } = await echo;
    assert.equal(await response.text(), sent);
    const grown = memoryOf(pid).peakRssBytes - before;
    const speed = (bulkBytes / 1e6 / seconds).toFixed(0);
    console.log(`# ${version}: ${speed} MB/s in and out, +${(grown / 2 ** 20).toFixed(1)} MiB`);
    console.log(`# ${version}: slowest ping ${slowestMs.toFixed(1)} ms`);
    assert.ok(grown < allowedGrowthBytes, `grew by ${grown} bytes`);
    assert.ok(slowestMs < 5_000, `slowest ping ${slowestMs} ms; the host gives up after 10 s`);
  });

  test('100 MiB in, a digest out', async () => {
    const { sent, response } = await sendBulk(host, '/digest');
    assert.equal(await response.text(), sent);
  });

  test('200 requests at once are answered right, pings too', async () => {
    const requests = Array.from({ length: 200 }, async (_, i) => {
      const body = `request ${i} `.repeat(2000);
      const response = await host.fetch('/echo', { method: 'POST', body });
      assert.equal(await response.text(), body);
    });
    const slowestMs = await slowestPing(host, Promise.all(requests));
    assert.ok(slowestMs < 5_000, `slowest ping ${slowestMs} ms`);
  });

  test('clients that go away stop their requests and hurt nobody', async () => {
    const leave = async (): Promise<void> => {
      const left = new AbortController();
      const response = await host.fetch('/forever', { signal: left.signal });
      for await (const chunk of chunksOf(response)) if (chunk.length > 0) break;
      left.abort();
    };
    const known = host.logs.length;
    await Promise.all(Array.from({ length: 20 }, leave));
    const isLeave = (line: { message: string }): boolean => line.message === 'client went away';
    await host.logged('20 clients went away', () => {
      return host.logs.slice(known).filter(isLeave).length === 20;
    });
    assert.deepEqual(await json('/kv-big?size=10'), true);
  });

  test('log lines keep level, message and fields', async () => {
    assert.equal((await host.fetch('/log')).status, 204);
    for (const [level, message] of [
      ['debug', 'a debug line'],
      ['info', 'an info line'],
      ['warn', 'a warning'],
      ['error', 'an error'],
    ]) {
      const line = await host.logged(`${message}`, (each) => each.message === message);
      assert.equal(line.level, level);
      assert.deepEqual(line.fields, { text: 'ä"\n', count: '42', isGood: 'true' });
    }
  });

  test('the KV store compares before it sets, and holds a megabyte', async () => {
    assert.deepEqual(await json('/kv'), {
      absent: null,
      inserted: true,
      insertedAgain: false,
      stored: 'one',
      swappedWrongly: false,
      swapped: true,
      listed: ['probe'],
      deletedWrongly: false,
      deleted: true,
      gone: null,
    });
    assert.deepEqual(await json('/kv-big?size=1000000'), true);
  });

  test('rows of a real PostgreSQL', async () => {
    const query = (sql: string, args: readonly string[] = []): Promise<unknown> =>
      json('/rows', { method: 'POST', body: JSON.stringify({ sql, args }) });
    postgres.query(
      `CREATE TABLE IF NOT EXISTS clusterdiscovery (id varchar(26) PRIMARY KEY, type varchar(64),
         clustername varchar(64), hostname varchar(512), gossipport int, lastpingat bigint);
       INSERT INTO clusterdiscovery SELECT 'id' || n, 'mattermost_app', '', 'node' || n, 8074,
         1700000000000 + n FROM generate_series(1, 300) n`,
    );
    const answer = (await query(
      'SELECT hostname, lastpingat FROM clusterdiscovery WHERE type = $1 ORDER BY lastpingat',
      ['mattermost_app'],
    )) as { columns: string[]; rows: unknown[][] };
    assert.deepEqual(answer.columns, ['hostname', 'lastpingat']);
    assert.equal(answer.rows.length, 300);
    assert.deepEqual(answer.rows[0]?.[0], 'node1');
    assert.match(String(answer.rows[0]?.[1]), /^(int )?1700000000001$/);
    const kinds = (await query(
      `SELECT NULL::text, true, 1.5::float8, '\\x00ff'::bytea, ''::text, -3::int`,
    )) as { rows: unknown[][] };
    const [nothing, yes, float, bytes, empty, negative] = kinds.rows[0] ?? [];
    assert.deepEqual([nothing, yes, float, bytes, empty], [null, true, 1.5, 'bytes 00ff', '']);
    assert.match(String(negative), /^(int )?-3$/);
    const none = (await query('SELECT 1 WHERE false')) as { rows: unknown[] };
    assert.deepEqual(none.rows, []);
    const wrong = (await query('SELECT nonsense')) as { error: string };
    assert.match(wrong.error, /nonsense/);
    const again = (await query('SELECT 7::int')) as { rows: unknown[][] };
    assert.match(String(again.rows[0]?.[0]), /7$/, 'a failed query leaves the driver usable');
  });

  test('what the host knows: version, configuration, permission, licence', async () => {
    const facts = (await json('/facts', { user: 'the-admin' })) as Record<string, unknown>;
    assert.match(String(facts['serverVersion']), version === 'v0.4.2' ? /^11\.8/ : /^9\.6/);
    assert.equal(facts['telemetryId'], 'conformance');
    assert.equal(facts['bundlePath'], join(folders.pluginDir, folders.pluginId));
    assert.equal(facts['isAdmin'], true);
    assert.equal(facts['isLicensed'], true);
    assert.deepEqual(facts['settings'], { answer: 42, missing: null });
    assert.equal(facts['metricsAddress'], ':9999');
    assert.equal(facts['isMetricsEnabled'], false, 'a false behind a pointer is not sent by gob');
    const other = (await json('/facts', { user: 'nobody' })) as Record<string, unknown>;
    assert.equal(other['isAdmin'], false);
  });

  test('a changed configuration reaches the plugin; a refused one says why', async () => {
    await host.perform('set_config', { plugin_config: { answer: 43 } });
    const settings = JSON.stringify({ answer: 43 });
    await host.logged('the new settings', (line) => line.fields['settings'] === settings);
    const { result } = await host.perform('configuration_will_be_saved', {
      plugin_config: { answer: 44 },
    });
    assert.equal(result, false, 'the plugin returns no configuration of its own');
    await assert.rejects(
      host.perform('configuration_will_be_saved', { plugin_config: { refuse: 'no, thanks' } }),
      /no, thanks/,
    );
  });

  test('slash command, metrics page, cluster event, support data', async () => {
    const { result } = await host.perform('command', { command: '/probe this' });
    assert.equal((result as { text: string }).text, 'you said /probe this');
    const page = await (await fetch(host.metricsUrl())).text();
    assert.match(page, /^probe_up\{path="\/?"\} 1$/m);
    await host.perform('cluster_event', { id: 'hello', data: 'AAEC' });
    const event = await host.logged('cluster event', (line) => line.message === 'cluster event');
    assert.deepEqual(event.fields, { id: 'hello', size: '3' });
    if (version === 'v0.0.14') return;
    const files = (await host.perform('support_data')).result as Record<string, string>[];
    assert.deepEqual(files, [{ Filename: 'probe.txt', Body: btoa('support') }]);
  });
}

for (const version of hostVersions) {
  describe(`a plugin of ours under the official host ${version}`, () => {
    testProbe(version);
    let folders: HostFolders;
    before(async () => {
      folders = await scriptBundle('test.probe', join(import.meta.dirname, 'probe-main.ts'));
    });
    testLifecycle(
      version,
      () => folders,
      async (host) => {
        assert.equal((await host.fetch('/nothing')).status, 204);
      },
    );
  });
}

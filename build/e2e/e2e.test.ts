/**
 * The whole way on the real thing: a Mattermost server with PostgreSQL gets the upload bundle, the
 * plugin scrapes that server, and a real Prometheus reads the dumps. The steps build on one another.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { startPostgres, type Postgres } from '../support/postgres.ts';
import { memoryOf, run } from '../support/processes.ts';
import { pluginId } from '../support/repository.ts';
import { temporaryDir } from '../support/temporary.ts';
import { waitUntil } from '../support/wait.ts';
import { Person, pluginState, SystemConsole } from './administrator.ts';
import { bundlePath } from './bundle.ts';
import { blocksOf, createDump, downloadAndUnpack, finishedDump, type DumpJob } from './dumps.ts';
import { seriesKey, seriesOnPage } from './exposed.ts';
import { buildServer, MattermostServer } from './mattermost-server.ts';
import { storedSamples, withPrometheus, type Series } from './prometheus.ts';
import { digestDownload, downloadSpeed, fillFile, slowestStatus } from './throughput.ts';

/** Short, so that a run has something to show soon; the default is a minute. */
const intervalSeconds = 2;
const hourMs = 3_600_000;

/** The part of `GET /status` that the steps look at. */
interface Status {
  warnings: { code: string; message: string; action?: string }[];
  targets: { job: string; up: boolean; last_scrape_ms: number; last_error: string }[];
  process: { event_loop_delay_p999_ms: number; uptime_ms: number };
}

let postgres: Postgres;
let server: MattermostServer;
let admin: Person;
let outsider: Person;
let systemConsole: SystemConsole;
let place: { teamId: string; channelId: string };

/** Times of scrapes of the server that the plugin has reported as done. */
const reportedScrapes = new Set<number>();

/** The server's own target, once it has been scraped after the given time. */
async function scrapedAfter(timeMs: number): Promise<number> {
  return waitUntil(
    'the server is scraped',
    async () => {
      const status = await admin.pluginJson<Status>('/status');
      const target = status.targets.find(({ job }) => job === 'prometheus');
      if (!target?.up || target.last_scrape_ms <= timeMs) throw new Error(JSON.stringify(status));
      reportedScrapes.add(target.last_scrape_ms);
      return target.last_scrape_ms;
    },
    30_000,
    250,
  );
}

/** Follows a few scrapes, so that there is something that could get lost. */
async function watchScrapes(count: number): Promise<void> {
  let lastMs = 0;
  for (let i = 0; i < count; i++) lastMs = await scrapedAfter(lastMs);
}

/** Series of a fresh dump of everything so far, as Prometheus answers for it. */
async function dumpedSeries(selector: string): Promise<Series[]> {
  const job = await createDump(admin, Date.now() - hourMs, Date.now());
  const dir = await downloadAndUnpack(admin, job.id);
  return withPrometheus(dir, (prometheus) => storedSamples(prometheus, selector, Date.now()));
}

/** Checks that each scrape the plugin ever called done is in a fresh dump; returns their times. */
async function nothingIsLost(): Promise<number[]> {
  const series = await dumpedSeries('up{job="prometheus"}');
  assert.equal(series.length, 1);
  const times = series[0]?.samples.map(({ timeMs }) => timeMs) ?? [];
  // As in Prometheus, a scrape that began a few milliseconds late is stored at its planned time.
  const isStored = (ms: number): boolean => times.some((time) => Math.abs(time - ms) <= 20);
  const lost = [...reportedScrapes].filter((ms) => !isStored(ms));
  assert.deepEqual(lost, [], `lost of ${reportedScrapes.size} scrapes`);
  return times;
}

function pluginPid(): number {
  const pid = server.pluginPid();
  assert.ok(pid, 'the plugin runs');
  return pid;
}

function reportMemory(when: string): void {
  const { rssBytes, anonymousBytes } = memoryOf(pluginPid());
  const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
  console.log(`# RSS ${when}: ${mebibytes(rssBytes)} MiB, anonymous ${mebibytes(anonymousBytes)}`);
}

async function reportLoopDelay(): Promise<void> {
  const { process: ours } = await admin.pluginJson<Status>('/status');
  const seconds = (ours.uptime_ms / 1_000).toFixed(0);
  const p999Ms = ours.event_loop_delay_p999_ms;
  console.log(`# event-loop delay p99.9 of the last ${seconds} s: ${p999Ms} ms`);
}

before(async () => {
  const program = buildServer();
  const dir = temporaryDir('e2e');
  postgres = await startPostgres(dir);
  const serverDir = join(dir, 'mattermost');
  mkdirSync(serverDir);
  server = await MattermostServer.create(program, serverDir, postgres.dsn);
  await server.start();
  admin = await Person.signUp(server.url, 'admin');
  outsider = await Person.signUp(server.url, 'outsider');
  systemConsole = new SystemConsole(admin);
  const team = { name: 'metrics', display_name: 'Metrics', type: 'O' };
  const { id: teamId } = await admin.client.createTeam(
    team as Parameters<typeof admin.client.createTeam>[0],
  );
  await admin.client.addToTeam(teamId, outsider.user.id);
  const channel = await admin.client.getChannelByName(teamId, 'town-square');
  place = { teamId, channelId: channel.id };
});

after(async () => {
  await server?.stop();
  await postgres?.stop();
});

test('the System Console uploads the bundle and enables the plugin', async () => {
  assert.equal(await systemConsole.upload(bundlePath()), pluginId);
  await systemConsole.save({ scrapeintervalseconds: intervalSeconds });
  await systemConsole.enable();
});

test('the plugin scrapes the server’s own metrics', async () => {
  await watchScrapes(3);
  reportMemory('after the first scrapes');
});

test('no route answers anybody but administrators', async () => {
  const id = 'a'.repeat(26);
  const routes = [
    ['GET', '/tsdb/stats'],
    ['GET', '/status'],
    ['GET', '/jobs'],
    ['POST', '/jobs/create'],
    ['POST', `/jobs/cancel/${id}`],
    ['GET', `/jobs/download/${id}`],
    ['DELETE', `/jobs/delete/${id}`],
    ['DELETE', '/jobs/deleteAll'],
    ['GET', '/no-such-route'],
  ] as const;
  const outsiderSession = await outsider.browserSession();
  for (const [method, path] of routes) {
    const body = method === 'POST' ? JSON.stringify({ min_t: 0, max_t: Date.now() }) : null;
    const forged = { 'Mattermost-User-Id': admin.user.id };
    const url = `${server.url}/plugins/${pluginId}${path}`;
    const anonymous = await fetch(url, { method, body, headers: forged });
    assert.equal(anonymous.status, 401, `${method} ${path} without a session`);
    for (const headers of [{}, forged]) {
      const stranger = await outsider.plugin(path, { method, body, headers });
      assert.equal(stranger.status, 403, `${method} ${path} of a normal user`);
    }
    const { cookie, csrf } = outsiderSession;
    const headers = { ...forged, Cookie: cookie, 'X-CSRF-Token': csrf };
    const browser = await fetch(url, { method, body, headers });
    assert.equal(browser.status, 403, `${method} ${path} of a normal user in a browser`);
  }
  const refused = await outsider.command('/metrics dump', place.teamId, place.channelId);
  assert.ok(!/jobs\/download/.test(refused.text ?? ''), 'a normal user gets no dump');
  assert.deepEqual(await admin.pluginJson<DumpJob[]>('/jobs'), []);
});

test('a page elsewhere changes nothing with an administrator’s cookies', async () => {
  const { cookie, csrf } = await admin.browserSession();
  const id = 'a'.repeat(26);
  const ask = async (method: string, path: string, token?: string): Promise<number> => {
    const url = `${server.url}/plugins/${pluginId}${path}`;
    const headers = { Cookie: cookie, ...(token !== undefined && { 'X-CSRF-Token': token }) };
    const body = path === '/jobs/create' ? JSON.stringify({ min_t: 2, max_t: 1 }) : null;
    return (await fetch(url, { method, headers, body })).status;
  };
  assert.equal(await ask('GET', '/jobs'), 200, 'reading needs no token');
  const changes = [
    ['POST', '/jobs/create', 400],
    ['POST', `/jobs/cancel/${id}`, 404],
    ['DELETE', `/jobs/delete/${id}`, 404],
    ['DELETE', '/jobs/deleteAll', 200],
  ] as const;
  for (const [method, path, status] of changes) {
    assert.equal(await ask(method, path), 401, `${method} ${path} without a token`);
    assert.equal(await ask(method, path, 'forged'), 401, `${method} ${path} with a wrong token`);
    assert.equal(await ask(method, path, csrf), status, `${method} ${path} with the token`);
  }
});

test('a dump made by the HTTP API has the server’s series up to the last minute', async () => {
  const askedMs = Date.now();
  const job = await createDump(admin, askedMs - hourMs, askedMs);
  const dir = await downloadAndUnpack(admin, job.id);
  assert.ok(blocksOf(dir).length > 0, 'the dump has blocks');
  assert.ok(existsSync(join(dir, 'metadata.yaml')), 'the dump has metadata');
  await withPrometheus(dir, async (prometheus) => {
    for (const name of ['go_goroutines', 'mattermost_db_master_connections_total']) {
      const [series] = await storedSamples(prometheus, `${name}{job="prometheus"}`, askedMs);
      assert.ok(series, `${name} is there`);
      assert.equal(series.labels['instance'], `127.0.0.1:${server.metricsPort}`);
      const newest = series.samples.at(-1);
      assert.ok(newest && newest.timeMs > askedMs - 60_000, `${name} reaches the last minute`);
    }
  });
  await nothingIsLost();
});

test('the plugin’s own metrics come through the metrics listener of the server', async () => {
  const target = await waitUntil('they are scraped', async () => {
    const { targets } = await admin.pluginJson<Status>('/status');
    const own = targets.find(({ job }) => job === 'mattermost-plugin-metrics');
    if (!own?.up) throw new Error(JSON.stringify(targets));
    return own;
  });
  assert.equal(target.last_error, '');
  const address = `http://127.0.0.1:${server.metricsPort}/plugins/${pluginId}/metrics`;
  assert.match(
    await (await fetch(address)).text(),
    /^mattermost_plugin_metrics_head_series [1-9]/m,
  );
});

test('each series of the server is in the dump, with the very values that it showed', async () => {
  const page = async (): Promise<Map<string, number>> => {
    const response = await fetch(`http://127.0.0.1:${server.metricsPort}/metrics`);
    return seriesOnPage(await response.text());
  };
  // A counter that is the same just before and just after a scrape was scraped with that value.
  await scrapedAfter(await scrapedAfter(Date.now()));
  const before = await page();
  const scrapedMs = await scrapedAfter(Date.now());
  const after = await page();
  const stored = new Map<string, number>();
  for (const { labels, samples } of await dumpedSeries('{job="prometheus"}')) {
    const sample = samples.find(({ timeMs }) => Math.abs(timeMs - scrapedMs) <= 20);
    if (sample) stored.set(seriesKey(labels), sample.value);
  }
  const missing = [...before.keys()].filter((key) => !stored.has(key));
  assert.deepEqual(missing, []);
  const isCounter = (key: string): boolean => /_(total|bucket|count|sum)"/.test(key);
  const steady = [...before].filter(([key, value]) => isCounter(key) && after.get(key) === value);
  const wrong = steady.filter(([key, value]) => stored.get(key) !== value);
  assert.deepEqual(wrong, []);
  console.log(
    `# ${before.size} series on the page, all in the dump; ${steady.length} values equal`,
  );
  assert.ok(steady.length > 500, 'most of them stood still, so that they could be compared');
});

test('/metrics dump makes a dump and answers with the link to it', async () => {
  const { messages, close } = await admin.ephemeralMessages();
  const known = new Set((await admin.pluginJson<DumpJob[]>('/jobs')).map(({ id }) => id));
  const answer = await admin.command('/metrics dump', place.teamId, place.channelId);
  messages.push(answer.text ?? '');
  const link = await waitUntil(
    'the message with the link',
    () => messages.map((text) => /\/jobs\/download\/([a-z0-9]+)/.exec(text)).find(Boolean),
    60_000,
  ).finally(close);
  const id = link?.[1] ?? '';
  assert.ok(!known.has(id), 'it is a new dump');
  await finishedDump(admin, id);
  const dir = await downloadAndUnpack(admin, id);
  const series = await withPrometheus(dir, (prometheus) =>
    storedSamples(prometheus, 'go_goroutines{job="prometheus"}', Date.now()),
  );
  const newest = series[0]?.samples.at(-1);
  assert.ok(newest && newest.timeMs > Date.now() - 60_000, 'it reaches the last minute');
});

test('the slash command is offered to the administrator', async () => {
  const commands = await admin.client.getAutocompleteCommandsList(place.teamId);
  assert.ok(commands.some(({ trigger }) => trigger === 'metrics'));
});

test('a bad setting is refused with a reason, a good one takes effect at once', async () => {
  await assert.rejects(
    systemConsole.save({ scrapeintervalseconds: 0 }),
    /scrape ?interval/i,
    'the reason names the setting',
  );
  await systemConsole.save({ scrapeintervalseconds: 1 });
  const changedMs = Date.now() + 1000;
  await scrapedAfter(changedMs);
  await watchScrapes(6);
  const times = (await nothingIsLost()).filter((timeMs) => timeMs > changedMs);
  const gaps = times.slice(1).map((timeMs, i) => timeMs - (times[i] ?? 0));
  const median = gaps.sort((a, b) => a - b)[gaps.length >> 1];
  assert.ok(median !== undefined && median < 1500, `a scrape every second, not ${median} ms`);
});

test('disabled and enabled again, it goes on where it was', async () => {
  const before = pluginPid();
  await systemConsole.disable();
  await waitUntil('the process is gone', () => server.pluginPid() === undefined);
  await systemConsole.enable();
  assert.notEqual(pluginPid(), before);
  await scrapedAfter(Date.now());
  await nothingIsLost();
});

test('a restart of the server loses nothing', async () => {
  await server.stop();
  await server.start();
  await systemConsole.waitForState(pluginState.running);
  await scrapedAfter(Date.now());
  await nothingIsLost();
});

test('a killed server loses no scrape that was done', async () => {
  await watchScrapes(4);
  const orphan = pluginPid();
  await server.kill();
  await waitUntil('the plugin ends with its server', () => !existsSync(`/proc/${orphan}`));
  await server.start();
  await systemConsole.waitForState(pluginState.running);
  await scrapedAfter(Date.now());
  await nothingIsLost();
});

test('a killed plugin is not the end of anything either', async () => {
  await watchScrapes(2);
  process.kill(pluginPid(), 'SIGKILL');
  // Saving the configuration makes the server look after its plugins sooner than its health check.
  await systemConsole.disable();
  await systemConsole.enable();
  await scrapedAfter(Date.now());
  await nothingIsLost();
});

test('a bundle placed by hand in the plugin directory works as an uploaded one', async () => {
  await admin.client.removePlugin(pluginId);
  await server.stop();
  const folder = join(server.dir, 'plugins');
  rmSync(join(folder, pluginId), { recursive: true, force: true });
  run('tar', ['-xzf', bundlePath(), '-C', folder]);
  await server.start();
  await systemConsole.enable();
  await scrapedAfter(Date.now());
  await nothingIsLost();
});

test('a big download is fast, exact, and leaves the plugin small', async () => {
  const job = await createDump(admin, Date.now() - hourMs, Date.now());
  const file = join(server.dir, 'data', job.dump_location);
  const sizeBytes = 256 * 2 ** 20;
  fillFile(file, sizeBytes);
  const before = memoryOf(pluginPid());
  const speeds: number[] = [];
  for (let turn = 0; turn < 3; turn++) speeds.push(await downloadSpeed(admin, job.id));
  const inTurn = speeds.map((speed) => speed.toFixed(0)).join(', ');
  console.log(`# downloads through the server, one after another: ${inTurn} MB/s`);
  const download = digestDownload(admin, job.id);
  const slowestMs = await slowestStatus(admin, download);
  const { bytes, sha256 } = await download;
  const after = memoryOf(pluginPid());
  console.log(`# slowest answer meanwhile: ${slowestMs.toFixed(0)} ms`);
  reportMemory('after the download');
  await reportLoopDelay();
  assert.ok(slowestMs < 5_000, 'others are answered meanwhile');
  assert.equal(bytes, sizeBytes);
  assert.equal(sha256, run('sha256sum', [file]).split(' ')[0]);
  const grownBytes = after.peakRssBytes - before.peakRssBytes;
  console.log(`# grown by ${(grownBytes / 2 ** 20).toFixed(1)} MiB at most`);
  assert.ok(grownBytes < 64 * 2 ** 20, `the plugin grew by ${grownBytes} bytes`);

  const part = await admin.plugin(`/jobs/download/${job.id}`, {
    headers: { Range: 'bytes=1000000-1000099' },
  });
  assert.equal(part.status, 206);
  assert.equal(part.headers.get('Content-Range'), `bytes 1000000-1000099/${sizeBytes}`);
  assert.equal((await part.arrayBuffer()).byteLength, 100);
});

test('a slow download outlasts the server’s limit of time', async () => {
  const writeTimeoutSeconds = 10;
  await server.stop();
  await server.start({ MM_SERVICESETTINGS_WRITETIMEOUT: String(writeTimeoutSeconds) });
  await systemConsole.waitForState(pluginState.running);
  const { ServiceSettings: settings } = await admin.client.getConfig();
  assert.equal(settings.WriteTimeout, writeTimeoutSeconds, 'the server has another limit');
  const [job] = await admin.pluginJson<DumpJob[]>('/jobs');
  assert.ok(job);
  const file = join(server.dir, 'data', job.dump_location);
  // More than all buffers on the way hold, on a line that takes twice the time.
  const sizeBytes = 64 * 2 ** 20;
  fillFile(file, sizeBytes);
  const speed = sizeBytes / (2 * writeTimeoutSeconds);
  const { bytes, sha256, tookMs } = await digestDownload(admin, job.id, speed);
  console.log(`# a download of ${(tookMs / 1000).toFixed(1)} s, ${bytes} bytes`);
  assert.ok(tookMs > 1.5 * writeTimeoutSeconds * 1000, `it took ${tookMs} ms only`);
  assert.equal(bytes, sizeBytes);
  assert.equal(sha256, run('sha256sum', [file]).split(' ')[0]);
});

test('jobs can be deleted, with their files', async () => {
  const [job, ...others] = await admin.pluginJson<DumpJob[]>('/jobs');
  assert.ok(job);
  const file = join(server.dir, 'data', job.dump_location);
  assert.ok(existsSync(file));
  const one = await admin.plugin(`/jobs/delete/${job.id}`, { method: 'DELETE' });
  assert.equal(one.status, 200);
  assert.equal(existsSync(file), false);
  assert.equal((await admin.pluginJson<DumpJob[]>('/jobs')).length, others.length);
  const all = await admin.plugin('/jobs/deleteAll', { method: 'DELETE' });
  assert.equal(all.status, 200);
  assert.deepEqual(await admin.pluginJson<DumpJob[]>('/jobs'), []);
});

test('with the server’s metrics off the plugin says so, and what to do', async () => {
  await server.stop();
  await server.start({ MM_METRICSSETTINGS_ENABLE: 'false' });
  await systemConsole.waitForState(pluginState.running);
  const warnings = await waitUntil(
    'a warning',
    async () => {
      const status = await admin.pluginJson<Status>('/status');
      return status.warnings.length > 0 && status.warnings;
    },
    30_000,
  );
  assert.ok(
    warnings.some(({ message }) => /MetricsSettings|performance monitoring/i.test(message)),
    JSON.stringify(warnings),
  );
});

test('the plugin logged no error in all this', () => {
  // Lines of the plugin itself; the host adds its own about the process that was killed.
  const errors = server
    .log()
    .split('\n')
    .filter((line) => line.includes('"level":"error"') && line.includes('app/plugin_api.go'));
  assert.deepEqual(errors, []);
});

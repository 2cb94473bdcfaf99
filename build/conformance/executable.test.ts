/** The real executable under the official host. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { memoryOf, run } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';
import { builtBundle, type HostFolders } from './bundle-folder.ts';
import { Exporter, type Behaviour } from './exporter.ts';
import { runningPlugin, startHost, testLifecycle } from './lifecycle.ts';
import { hostVersions, type HostVersion, type OfficialHost } from './official-host.ts';

const user = 'the-admin';

interface Status {
  warnings: { code: string; message: string }[];
  targets: {
    job: string;
    up: boolean;
    last_scrape_ms: number;
    last_error: string;
    samples: number;
  }[];
}

interface Job {
  id: string;
  status: string;
  error?: string;
}

/** What the server exports, without the plugin's own metrics. */
function serverTargets({ targets }: Status): Status['targets'] {
  return targets.filter(({ job }) => job === 'prometheus');
}

/** Settings as the server hands them over: keys in lower case. */
const settings = { scrapeintervalseconds: 1, enablenodeexportertargets: false };

/** From the host's "plugin started" to the handshake line, by the host's own log. */
async function handshakeMs(host: OfficialHost): Promise<number> {
  const timeOf = async (message: string): Promise<number> => {
    const line = await waitUntil(`the host logged: ${message}`, () =>
      host.hostLog.find((each) => each.includes(`"msg":"${message}"`)),
    );
    const { timestamp } = JSON.parse(line) as { timestamp: string };
    return Date.parse(timestamp.replace(' Z', 'Z').replace(' ', 'T'));
  };
  return (await timeOf('using plugin')) - (await timeOf('plugin started'));
}

function testExecutable(version: HostVersion): void {
  let exporter: Exporter;
  let folders: HostFolders;
  let host: OfficialHost;

  const json = async <T>(path: string, init: RequestInit = {}): Promise<T> => {
    const response = await host.fetch(path, { ...init, user });
    const text = await response.text();
    assert.equal(response.status, 200, `${path}: ${text}`);
    return JSON.parse(text) as T;
  };

  /** Makes a dump of the last hour and answers its id. */
  const dump = async (): Promise<string> => {
    const range = { min_t: Date.now() - 3_600_000, max_t: Date.now() };
    const { id } = await json<Job>('/jobs/create', { method: 'POST', body: JSON.stringify(range) });
    const job = await waitUntil('the dump is finished', async () => {
      const found = (await json<Job[]>('/jobs')).find((each) => each.id === id);
      return (found?.status === 'success' || found?.status === 'error') && found;
    });
    assert.equal(job.status, 'success', JSON.stringify(job));
    return id;
  };

  const config = (isEnabled = true): object => ({
    MetricsSettings: { Enable: isEnabled, ListenAddress: exporter.address },
  });

  /** The only target beside our own metrics, once it is as wanted. */
  const target = (
    what: string,
    isWanted: (target: Status['targets'][0]) => boolean,
  ): Promise<object> =>
    waitUntil(
      `the target is ${what}`,
      async () => {
        const targets = serverTargets(await json<Status>('/status'));
        if (targets.length !== 1 || !targets.every(isWanted))
          throw new Error(JSON.stringify(targets));
        return targets[0];
      },
      20_000,
    );

  before(async () => {
    exporter = await Exporter.start();
    folders = builtBundle();
    host = await startHost(version, folders, {
      admins: [user],
      licensed: true,
      config: config(),
      plugin_config: settings,
    });
    const { ms } = await host.perform('activate');
    const handshake = await handshakeMs(host);
    const rss = memoryOf(runningPlugin(host)).rssBytes / 2 ** 20;
    console.log(`# ${version}: handshake after ${handshake} ms, active after ${ms.toFixed(0)} ms`);
    console.log(`# ${version}: RSS ${rss.toFixed(1)} MiB`);
  });

  after(async () => {
    await host?.stop();
    await exporter?.stop();
  });

  test('it scrapes, and the samples are in the dump that is downloaded', async () => {
    await target('up', ({ up, samples }) => up && samples > 100);
    const id = await dump();
    const download = await host.fetch(`/jobs/download/${id}`, { user });
    assert.equal(download.status, 200);
    const dir = join(folders.workDir, 'unpacked');
    mkdirSync(dir);
    writeFileSync(join(dir, 'dump.tar.gz'), new Uint8Array(await download.arrayBuffer()));
    run('tar', ['-xzf', 'dump.tar.gz'], { cwd: dir, stdio: 'pipe' });
    const listed = run('tar', ['-tzf', 'dump.tar.gz'], { cwd: dir });
    assert.match(listed, /[0-9A-Z]{26}\/meta\.json/);
  });

  test('nobody but administrators gets an answer', async () => {
    for (const path of ['/jobs', '/status', '/tsdb/stats', '/nothing']) {
      assert.equal((await host.fetch(path)).status, 401, path);
      assert.equal((await host.fetch(path, { user: 'somebody' })).status, 403, path);
    }
    assert.equal((await host.fetch('/nothing', { user })).status, 404);
    assert.equal((await host.fetch('/jobs', { user, method: 'DELETE' })).status, 405);
  });

  test('200 requests at once', async () => {
    const paths = ['/jobs', '/status', '/tsdb/stats'];
    const requests = Array.from({ length: 200 }, (_, i) => json(paths[i % paths.length] ?? ''));
    await Promise.all(requests);
    assert.ok((await host.perform('ping')).ms < 5_000);
  });

  test('pings are answered while it scrapes 20,000 series a second and makes dumps', async () => {
    exporter.seriesCount = 20_000;
    await target('scraped as a whole', ({ up, samples }) => up && samples >= 20_000);
    const pings: number[] = [];
    const endMs = performance.now() + 8_000;
    let dumps = 0;
    const dumping = (async () => {
      while (performance.now() < endMs) {
        await dump();
        dumps++;
      }
    })();
    while (performance.now() < endMs) pings.push((await host.perform('ping')).ms);
    await dumping;
    exporter.seriesCount = 100;
    pings.sort((a, b) => a - b);
    const quantile = (q: number): string => (pings[Math.floor(q * pings.length)] ?? 0).toFixed(1);
    const slowestMs = pings.at(-1) ?? 0;
    console.log(
      `# ${version}: ${pings.length} pings during ${dumps} dumps: median ${quantile(0.5)} ms`,
    );
    console.log(`# ${version}: p99.9 ${quantile(0.999)} ms, slowest ${slowestMs.toFixed(1)} ms`);
    assert.ok(slowestMs < 5_000, `slowest ping ${slowestMs} ms; the host gives up after 10 s`);
  });

  test('bodies that are too big or no JSON are refused, whatever their length', async () => {
    const create = (body: BodyInit): Promise<Response> =>
      host.fetch('/jobs/create', { user, method: 'POST', body });
    for (const body of ['', '{', 'null', '{"min_t":"x"}', '{"min_t":5,"max_t":1}']) {
      assert.equal((await create(body)).status, 400, JSON.stringify(body));
    }
    const before = memoryOf(runningPlugin(host)).peakRssBytes;
    const status = await create(new Uint8Array(100 * 2 ** 20)).then(
      (response) => response.status,
      () => 'the connection was closed',
    );
    assert.ok([400, 413, 'the connection was closed'].includes(status), `${status}`);
    const grown = memoryOf(runningPlugin(host)).peakRssBytes - before;
    assert.ok(grown < 64 * 2 ** 20, `grew by ${grown} bytes`);
  });

  const exchange = (more: Record<string, unknown>): Promise<unknown> =>
    host.perform('set_config', { config: config(), plugin_config: { ...settings, ...more } });

  const misbehave = async (behaviour: Behaviour): Promise<void> => {
    exporter.behaviour = behaviour;
    await target('down', ({ up, last_error }) => !up && last_error !== '');
    exporter.behaviour = 'well';
    await target('up again', ({ up, last_error }) => up && last_error === '');
  };

  for (const behaviour of ['error', 'garbage', 'never-ends', 'hangs'] as const) {
    test(`an exporter that ${behaviour} is down with a reason, and up again when it behaves`, async () => {
      await exchange({ scrapetimeoutseconds: 1, bodysizelimitbytes: 1 << 20 });
      await target('up', ({ up }) => up);
      await misbehave(behaviour);
    });
  }

  test('each setting is checked under the right id before it is saved', async () => {
    const save = (plugin_config: object): ReturnType<OfficialHost['perform']> =>
      host.perform('configuration_will_be_saved', { config: config(), plugin_config });
    const { result } = await save({ ...settings, retentiondurationdays: 7 });
    assert.equal(result, false, 'no configuration of the plugin’s own comes back');
    for (const [key, value, reason] of [
      ['scrapeintervalseconds', 0, /ScrapeIntervalSeconds/],
      ['scrapetimeoutseconds', -1, /ScrapeTimeoutSeconds/],
      ['bodysizelimitbytes', 99, /BodySizeLimitBytes/],
      ['nodeexporterport', 65_536, /NodeExporterPort/],
      ['supportpacketmetricsdays', 0, /SupportPacketMetricsDays/],
      ['dbpath', '', /DBPath/],
      ['honortimestamps', 'yes', /HonorTimestamps/],
    ] as const) {
      await assert.rejects(save({ ...settings, [key]: value }), reason);
    }
  });

  test('a place that cannot be written is named; when it can, no restart is needed', async () => {
    const others = builtBundle();
    // Root may write anywhere but into a folder that is a file.
    const obstacle = join(others.workDir, 'a-file');
    writeFileSync(obstacle, '');
    const plugin_config = { ...settings, dbpath: 'a-file/data' };
    const options = { admins: [user], config: config(), plugin_config };
    const other = await startHost(version, others, options);
    await other.perform('activate');
    const status = async (): Promise<Status> =>
      (await (await other.fetch('/status', { user })).json()) as Status;
    await waitUntil('the warning', async () => {
      const { warnings } = await status();
      return warnings.some(({ message }) => message.includes('a-file/data'));
    });
    rmSync(obstacle);
    await waitUntil(
      'it scrapes without a warning',
      async () => {
        const answer = await status();
        if (answer.warnings.length === 0 && answer.targets.some(({ up }) => up)) return true;
        throw new Error(JSON.stringify(answer));
      },
      60_000,
    );
    await other.stop();
  });

  test('with the server’s metrics off it says so', async () => {
    await host.perform('set_config', { config: config(false), plugin_config: settings });
    await waitUntil('the warning', async () => {
      const { warnings } = await json<Status>('/status');
      return warnings.some(({ message }) =>
        /MetricsSettings|performance monitoring/i.test(message),
      );
    });
    await exchange({});
    const sinceMs = Date.now();
    await target('scraped', ({ up, last_scrape_ms }) => up && last_scrape_ms > sinceMs);
  });

  test('the slash command is registered and answers administrators alone', async () => {
    const { result } = await host.perform('commands');
    assert.deepEqual(
      (result as { trigger: string; auto_complete: boolean }[]).map((each) => [
        each.trigger,
        each.auto_complete,
      ]),
      [['metrics', true]],
    );
    const ask = async (user_id: string): Promise<string> => {
      const args = { command: '/metrics dump', user_id, channel_id: 'channel', team_id: 'team' };
      return ((await host.perform('command', args)).result as { text: string }).text;
    };
    const known = await json<Job[]>('/jobs');
    await ask('somebody');
    assert.equal((await json<Job[]>('/jobs')).length, known.length);
    const answer = await ask(user);
    await waitUntil('the message with the link', () =>
      [answer, ...host.posts.map(({ post }) => post.message)].some((text) =>
        text.includes('/jobs/download/'),
      ),
    );
  });

  test('the support packet gets the newest dump', async (context) => {
    if (version === 'v0.0.14') return context.skip('this host has no GenerateSupportData');
    const files = (await host.perform('support_data')).result as Record<string, string>[];
    assert.equal(files.length, 1);
    const [file] = files;
    const name = file?.['Filename'] ?? file?.['filename'] ?? '';
    assert.match(name, /\.tar\.gz$/);
  });

  test('a cluster event it does not know harms nothing', async () => {
    await host.perform('cluster_event', { id: 'unknown', data: btoa('x'.repeat(100_000)) });
    await json('/status');
  });
}

for (const version of hostVersions) {
  describe(`the executable under the official host ${version}`, () => {
    testExecutable(version);
    testLifecycle(
      version,
      builtBundle,
      async (host) => {
        assert.equal((await host.fetch('/jobs', { user })).status, 200);
      },
      { admins: [user], plugin_config: settings },
    );
  });
}

test('started by a person it says what it is, and fails', () => {
  const { pluginDir, pluginId } = builtBundle();
  const arch = process.arch === 'arm64' ? 'arm64' : 'amd64';
  const file = join(pluginDir, pluginId, 'server', 'dist', `plugin-linux-${arch}`);
  const { status, stderr, stdout } = spawnSync(file, { encoding: 'utf8', timeout: 5_000 });
  assert.notEqual(status, 0);
  assert.match(stderr + stdout, /plugin/i);
  assert.match(stderr + stdout, /Mattermost/);
});

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';

import { ask, askJson, until } from '../../test/support/ask.ts';
import { inlineTasks } from '../../test/support/inline-tasks.ts';
import { FakeHost, SINGLE_SERVER } from '../../test/support/fake-host.ts';
import { FakeProcessStats } from '../../test/support/fake-process-stats.ts';
import { makeBlock } from '../../test/support/make-block.ts';
import { ThreadedPacker } from '../platform/archive/archive-packer.ts';
import { archiveTasks } from '../platform/archive/deflate-task.ts';
import { diskFs } from '../platform/disk-fs.ts';
import { NodeHttpClient } from '../platform/http-client.ts';
import { systemClock } from '../platform/system-clock.ts';
import { JOB_MAP_KEY } from '../services/jobs/job-map.ts';
import type { BlockMeta } from '../tsdb/index.ts';
import type { MetricsDb } from './database-keeper.ts';
import type { ServerConfig } from './host.ts';
import { MetricsPlugin } from './metrics-plugin.ts';

const ULID = '01ARZ3NDEKTSV4RRFFQ69G5FAV';

/** A database that only counts: the real one is tested with the plugin in server/test. */
class CountingDb implements MetricsDb {
  readonly dir: string;
  readonly calls: string[] = [];
  samples = 0;

  constructor(dir: string) {
    this.dir = dir;
  }

  appender: MetricsDb['appender'] = () => {
    let added = 0;
    return {
      series: () => 1,
      append: () => {
        added++;
        return 'appended';
      },
      appendStale: () => {
        added++;
        return 'appended';
      },
      commit: async () => {
        this.samples += added;
      },
      rollback: () => {},
    };
  };

  blocks: MetricsDb['blocks'] = () => [];

  headStats: MetricsDb['headStats'] = () => ({
    seriesCount: 1,
    sampleCount: this.samples,
    chunkCount: 1,
    chunkBytes: 1,
    minTimeMs: this.samples === 0 ? undefined : 1,
    maxTimeMs: this.samples === 0 ? undefined : Date.now(),
    appendedSamples: this.samples,
    outOfOrderSamples: 0,
    duplicateSamples: 0,
    outOfBoundsSamples: 0,
  });

  walStats: MetricsDb['walStats'] = () => ({ syncs: 1, writtenBytes: 1, corruptions: 0 });

  async writeHeadBlock(
    parentDir: string,
    range: { minTimeMs: number; maxTimeMs: number },
  ): Promise<BlockMeta | undefined> {
    if (this.samples === 0) return undefined;
    const { minTimeMs, maxTimeMs } = range;
    const samples = [[minTimeMs, this.samples]] as const;
    await diskFs.makeDir(parentDir);
    return makeBlock(
      diskFs,
      parentDir,
      ULID,
      [minTimeMs, maxTimeMs],
      [{ labels: { __name__: 'x' }, samples }],
    );
  }

  keepPlace: MetricsDb['keepPlace'] = async () => [];

  exposedTo: MetricsDb['exposedTo'] = async () => undefined;

  async flush(): Promise<readonly BlockMeta[]> {
    this.calls.push('flush');
    return [];
  }

  async close(writesSnapshot = true): Promise<void> {
    this.calls.push(writesSnapshot ? 'close' : 'close without snapshot');
  }
}

describe('the plugin', () => {
  const base = mkdtempSync(join(tmpdir(), 'metrics-plugin-'));
  const exporter = http.createServer((_, response) => {
    response.setHeader('Content-Type', 'text/plain; version=0.0.4');
    response.end('# TYPE x gauge\nx 1\ny{a="b"} 2\n');
  });
  let count = 0;
  let current: MetricsPlugin;

  before(async () => {
    await new Promise<void>((resolve) => exporter.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => current.stop());
  after(() => {
    exporter.close();
    exporter.closeAllConnections();
    rmSync(base, { recursive: true, force: true });
  });

  function setUp(change: Partial<ServerConfig> = {}) {
    const dir = join(base, String(count++));
    const { port } = exporter.address() as AddressInfo;
    const config: ServerConfig = {
      ...SINGLE_SERVER,
      siteUrl: 'https://chat.example.com',
      metricsListenAddress: `127.0.0.1:${port}`,
      fileDirectory: join(dir, 'files'),
      ...change,
    };
    const host = new FakeHost(config, { dbpath: join(dir, 'tsdb'), scrapeintervalseconds: 1 });
    const world = {
      host,
      dbFailure: undefined as Error | undefined,
      dbs: [] as CountingDb[],
      names: {} as Record<string, string[]>,
    };
    const tasks = inlineTasks(archiveTasks());
    const plugin = new MetricsPlugin(
      host,
      {
        fs: diskFs,
        makeStoreFs: () => diskFs,
        clock: systemClock,
        http: new NodeHttpClient(),
        resolver: { resolve: async (name) => world.names[name] ?? [] },
        process: new FakeProcessStats(),
        packer: new ThreadedPacker(tasks),
        tasks,
        randomBytes,
        hostname: 'test',
        openDb: async (dbDir) => {
          if (world.dbFailure !== undefined) throw world.dbFailure;
          const db = new CountingDb(dbDir);
          world.dbs.push(db);
          return db;
        },
      },
      { id: 'the.plugin', version: '1.0.0' },
    );
    current = plugin;
    return { plugin, world };
  }

  async function status(
    plugin: MetricsPlugin,
  ): Promise<{ warnings: { code: string }[]; scraper: { state: string } }> {
    return askJson(plugin.api, 'GET', '/status');
  }

  async function codes(plugin: MetricsPlugin): Promise<string[]> {
    const { warnings } = await status(plugin);
    return warnings.map((warning) => warning.code);
  }

  it('scrapes, answers the command with a dump, and stops in order', async () => {
    const { plugin, world } = setUp();
    plugin.start();
    await until('scraped', () => (world.dbs[0]?.samples ?? 0) > 0);
    await until('command', () => world.host.commands.length === 1);
    const answer = await plugin.runCommand({
      userId: 'admin',
      channelId: 'c',
      rootId: '',
      text: '/metrics dump 1h',
    });
    assert.match(
      answer,
      /\[Download dump \(0\.0 MB\)\]\(https:\/\/chat\.example\.com\/plugins\/the\.plugin\/jobs\/download\/\w{26}\)/,
    );
    const id = /download\/(\w{26})/.exec(answer)?.[1];
    assert.equal((await ask(plugin.api, 'GET', `/jobs/download/${id}`)).status, 200);
    const [file] = await plugin.supportFiles();
    assert.equal(file.name, 'tsdb_dump.tar.gz');
    assert.deepEqual(await codes(plugin), []);
    const startMs = performance.now();
    await plugin.stop();
    assert.ok(performance.now() - startMs < 8_000, 'the host would have killed it');
    assert.deepEqual(world.dbs[0].calls, ['flush', 'close']);
    assert.equal((await status(plugin)).scraper.state, 'stopping');
  });

  it('names what it set aside of a damaged list of jobs, until all are deleted', async () => {
    const { plugin, world } = setUp();
    world.host.values.set(JOB_MAP_KEY, 'garbage');
    plugin.start();
    await until('warned', async () => (await codes(plugin)).includes('jobs_set_aside'));
    assert.deepEqual(await askJson(plugin.api, 'GET', '/jobs'), []);
    assert.equal((await ask(plugin.api, 'DELETE', '/jobs/deleteAll')).status, 200);
    assert.ok(!(await codes(plugin)).includes('jobs_set_aside'));
  });

  it('says what is wrong with the database, and goes on by itself when it is right', async () => {
    const { plugin, world } = setUp();
    world.dbFailure = new Error('permission denied');
    plugin.start();
    await until('warned', async () => (await codes(plugin)).includes('database_unavailable'));
    const body = JSON.stringify(await status(plugin));
    assert.match(body, /permission denied/);
    world.dbFailure = undefined;
    await until('open', async () => (await codes(plugin)).length === 0);
    await until('scraped', () => world.dbs[0].samples > 0);
  });

  it('knows which settings are not valid, and uses the others', async () => {
    const { plugin, world } = setUp();
    Object.assign(world.host.settings, { samplelimit: -1, nodeexporterport: 9101 });
    plugin.start();
    await until('scraped', () => (world.dbs[0]?.samples ?? 0) > 0);
    assert.match(plugin.settingsProblems.join(), /^Sample limit \(SampleLimit\) must be .* -1\.$/);
    const { targets } = await askJson<{ targets: { instance: string }[] }>(
      plugin.api,
      'GET',
      '/status',
    );
    assert.ok(targets.some(({ instance }) => instance === '127.0.0.1:9101'));
  });

  it('leaves no snapshot of its head when that is switched off', async () => {
    const { plugin, world } = setUp();
    world.host.settings.enablememorysnapshotonshutdown = false;
    plugin.start();
    await until('open', () => world.dbs.length > 0);
    await plugin.stop();
    assert.equal(world.dbs[0].calls.at(-1), 'close without snapshot');
  });

  it('collects without a file store that it knows, and says so', async () => {
    const { plugin, world } = setUp({ fileDriver: 'tape' });
    plugin.start();
    await until('scraped', () => (world.dbs[0]?.samples ?? 0) > 0);
    assert.deepEqual(await codes(plugin), ['file_store_unsupported']);
    const answer = await plugin.runCommand({
      userId: 'admin',
      channelId: 'c',
      rootId: '',
      text: '/metrics dump',
    });
    assert.match(answer, /dump failed: There is no file store "tape"/);
    assert.equal((await ask(plugin.api, 'GET', '/tsdb/stats')).status, 200);
  });

  it('says that the file store cannot be written to, and recovers', async () => {
    const { plugin, world } = setUp();
    writeFileSync(join(base, 'a-file'), '');
    const good = world.host.config.fileDirectory;
    world.host.config = { ...world.host.config, fileDirectory: join(base, 'a-file/x') };
    plugin.start();
    await until('warned', async () => (await codes(plugin)).includes('file_store_unavailable'));
    world.host.config = { ...world.host.config, fileDirectory: good };
    plugin.reconfigure();
    await until('recovered', async () => (await codes(plugin)).length === 0);
  });

  it('names a server without metrics, and settings that are not valid', async () => {
    const { plugin, world } = setUp({ metricsEnabled: false, metricsListenAddress: '127.0.0.1:1' });
    world.host.settings.samplelimit = 'many';
    plugin.start();
    await until('warned', async () => {
      const all = await codes(plugin);
      return all.includes('settings_invalid') && all.includes('metrics_disabled');
    });
    world.host.config = { ...world.host.config, metricsEnabled: true };
    delete world.host.settings.samplelimit;
    world.host.settings.dbpath = 'elsewhere';
    plugin.reconfigure();
    await until('others', async () => {
      const all = await codes(plugin);
      return all.includes('restart_needed') && all.includes('license_missing');
    });
    const body = JSON.stringify(await status(plugin));
    assert.match(body, /no licence/);
    assert.ok(!(await codes(plugin)).includes('settings_invalid'));
  });

  it('can be stopped at any moment of its start', async () => {
    for (let delayMs = 0; delayMs < 30; delayMs += 5) {
      const { plugin, world } = setUp();
      plugin.start();
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      await plugin.stop();
      for (const db of world.dbs) assert.equal(db.calls.at(-1), 'close');
    }
  });
});

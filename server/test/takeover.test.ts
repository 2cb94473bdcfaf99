// The plugin on what the Go plugin left behind: nothing is lost, nothing is made twice.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { TestContext } from 'node:test';

import type { Clock } from '../src/base/clock.ts';
import { systemClock } from '../src/platform/system-clock.ts';
import type { MetricsPlugin } from '../src/plugin/metrics-plugin.ts';
import type { DumpJob } from '../src/services/jobs/job.ts';
import { ask, askJson, until } from './support/ask.ts';
import { FakeHost } from './support/fake-host.ts';
import { endedJob, startRealPlugin } from './support/real-plugin.ts';
import { hasTool } from './support/tools.ts';

const ARCHIVE = join(import.meta.dirname, 'testdata', 'takeover', 'go-plugin-0.7.0.tar.gz');
const SAMPLES = 218_558;
const LAST_SAMPLE_MS = 1795381461338;
const SHA256 = 'daef3cdad090f462626c8e6e4b019f241da2c7cc4dfd7c255b76c125f6d1c54e';
const INTERRUPTED = 'icufji84mbnnidu5xagaxnscuw';
const FINISHED = ['5m3sm4obspdxm8rcu934wkgw8a', 'ucbn7hyc1tdn3pdetgydcf3g5c'];
const JOB_MAP_KEY = 'mattermost-plugin-metrics_finished_jobs';
const DETAILS_KEY = 'job_details';
/** The Go plugin was killed 12 s before its lock on the job would end. */
const KILLED_MS = 1795381465000;

/** A clock that went on from the kill, however long ago that is. */
function clockFrom(startMs: number): Clock {
  const offsetMs = startMs - systemClock.nowMs();
  return { ...systemClock, nowMs: () => systemClock.nowMs() + offsetMs };
}

interface Row {
  readonly key: string;
  readonly expireAt: number;
  readonly valueBase64: string;
}

describe('what the Go plugin left', () => {
  const base = mkdtempSync(join(tmpdir(), 'takeover-'));
  const start = process.cwd();
  execFileSync('tar', ['xzf', ARCHIVE, '-C', base]);
  const left = join(base, 'go-plugin');
  const running: MetricsPlugin[] = [];
  after(async () => {
    for (const plugin of running) await plugin.stop();
    process.chdir(start);
    rmSync(base, { recursive: true, force: true });
  });

  /** Puts the server's working directory together, as it was, and goes there. */
  function layOut(state: 'killed' | 'stopped', nowMs: number): { host: FakeHost; clock: Clock } {
    const dir = mkdtempSync(join(base, `${state}-`));
    const blocks = readdirSync(join(left, 'tsdb')).filter((name) => name.length === 26);
    cpSync(join(left, 'tsdb'), join(dir, 'mattermost-plugin-metrics/data'), { recursive: true });
    const remote = join(dir, 'data/plugin-data/mattermost-plugin-metrics');
    cpSync(join(left, 'dumps'), join(remote, 'dump'), { recursive: true });
    const wreck = join(dir, 'dump', INTERRUPTED, 'data');
    for (const block of blocks) {
      cpSync(join(left, 'tsdb', block), join(remote, 'data', block), { recursive: true });
      cpSync(join(left, 'tsdb', block), join(wreck, block), { recursive: true });
    }
    mkdirSync(join(wreck, 'wal'));
    writeFileSync(join(wreck, 'wal/00000000'), '');
    if (state === 'stopped') {
      cpSync(join(left, 'stopped'), join(dir, 'mattermost-plugin-metrics/data'), {
        recursive: true,
      });
    }
    chmodSync(dir, 0o755);
    process.chdir(dir);
    const clock = clockFrom(nowMs);
    const host = new FakeHost(
      {
        metricsListenAddress: '127.0.0.1:1',
        fileDirectory: './data/',
      },
      { enablenodeexportertargets: false },
    );
    host.nowMs = () => clock.nowMs();
    const rows = JSON.parse(readFileSync(join(left, `${state}-kv.json`), 'utf8')) as Row[];
    for (const { key, expireAt, valueBase64 } of rows) {
      host.values.set(key, Buffer.from(valueBase64, 'base64').toString());
      if (expireAt > 0) host.ends.set(key, expireAt);
    }
    return { host, clock };
  }

  function startPlugin(host: FakeHost, clock: Clock): MetricsPlugin {
    const plugin = startRealPlugin(host, clock);
    running.push(plugin);
    return plugin;
  }

  async function finished(plugin: MetricsPlugin, id: string): Promise<DumpJob> {
    const job = await endedJob(plugin, id, 60_000);
    assert.equal(job.status, 'success', job.error);
    return job;
  }

  async function unpack(plugin: MetricsPlugin, id: string): Promise<string> {
    const answer = await ask(plugin.api, 'GET', `/jobs/download/${id}`);
    assert.equal(answer.status, 200);
    const dir = mkdtempSync(join(base, 'unpacked-'));
    execFileSync('tar', ['xz', '-C', dir], { input: answer.body, stdio: ['pipe', 'pipe', 'pipe'] });
    return dir;
  }

  /** Of the samples that the Go plugin had; the failing scrapes of this test are later. */
  function assertAllSamples(dir: string): void {
    const text = execFileSync('promtool', ['tsdb', 'dump', `--max-time=${LAST_SAMPLE_MS}`, dir], {
      maxBuffer: 2 ** 30,
    });
    const lines = text.toString().trimEnd().split('\n');
    lines.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    assert.equal(lines.length, SAMPLES);
    const hash = createHash('sha256').update(lines.join('\n') + '\n');
    assert.equal(hash.digest('hex'), SHA256);
  }

  function storedJobs(host: FakeHost): Record<string, Record<string, unknown>> {
    return JSON.parse(host.values.get(JOB_MAP_KEY) ?? '{}');
  }

  /** `encoding/json` of the Go plugin: field types as its DumpJob has them. */
  function assertReadableByGo(host: FakeHost): void {
    for (const [id, job] of Object.entries(storedJobs(host))) {
      assert.equal(job.id, id);
      for (const name of ['status', 'dump_location']) assert.equal(typeof job[name], 'string');
      for (const name of ['create_at', 'min_t', 'max_t']) {
        assert.ok(Number.isSafeInteger(job[name]), `${name} of ${id}`);
      }
    }
  }

  it('after a kill: dumps are there, the job is made again, its wreck goes, no sample is lost', async (t: TestContext) => {
    const { host, clock } = layOut('killed', KILLED_MS);
    const before = storedJobs(host);
    const plugin = startPlugin(host, clock);
    const jobs = await askJson<DumpJob[]>(plugin.api, 'GET', '/jobs');
    assert.deepEqual(jobs.map(({ id }) => id).sort(), [...FINISHED, INTERRUPTED].sort());
    // A node that holds the lock may still be at it.
    assert.ok(existsSync(join('dump', INTERRUPTED)));
    const job = await finished(plugin, INTERRUPTED);
    assert.ok(clock.nowMs() > 1795381477175, 'the lock of the Go plugin was not respected');
    await until('the wreck is gone', () => !existsSync('dump'), 20_000);
    assert.deepEqual([...host.values.keys()].sort(), [DETAILS_KEY, JOB_MAP_KEY]);
    for (const id of FINISHED) assert.deepEqual(storedJobs(host)[id], before[id]);
    assertReadableByGo(host);
    for (const id of FINISHED) {
      const { body } = await ask(plugin.api, 'GET', `/jobs/download/${id}`);
      assert.ok(body.equals(readFileSync(join(left, 'dumps', id, 'tsdb_dump.tar.gz'))));
    }
    assert.match(job.dump_location, new RegExp(`/dump/${INTERRUPTED}/tsdb_dump\\.tar\\.gz$`));
    const dir = await unpack(plugin, INTERRUPTED);
    if (hasTool(t, 'promtool')) assertAllSamples(dir);
  });

  it('after a clean stop: the job that nobody would finish is made, with its snapshot read', async (t: TestContext) => {
    const { host, clock } = layOut('stopped', KILLED_MS + 3_600_000);
    const plugin = startPlugin(host, clock);
    await finished(plugin, INTERRUPTED);
    assertReadableByGo(host);
    const dir = await unpack(plugin, INTERRUPTED);
    if (hasTool(t, 'promtool')) assertAllSamples(dir);
    const { status } = await ask(plugin.api, 'DELETE', `/jobs/delete/${FINISHED[0]}`);
    assert.equal(status, 200);
    const dumps = 'data/plugin-data/mattermost-plugin-metrics/dump';
    assert.deepEqual(readdirSync(dumps).sort(), [INTERRUPTED, FINISHED[1]].sort());
  });
});

// Secrets in every place where an administrator can put one, and everything that people read.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import type { ServerConfig } from '../src/plugin/host.ts';
import { HostLogger } from '../src/plugin/host-logger.ts';
import type { HostLog } from '../src/plugin/host-logger.ts';
import type { MetricsPlugin } from '../src/plugin/metrics-plugin.ts';
import { toLogPairs } from '../src/protocol/mattermost/log-fields.ts';
import { validateSettings } from '../src/services/config/parse-settings.ts';
import { ask, askJson, until } from './support/ask.ts';
import { FakeHost } from './support/fake-host.ts';
import { systemClock } from '../src/platform/system-clock.ts';
import { startRealPlugin } from './support/real-plugin.ts';

const SECRET = 'S3cretMarker';
/** As it stands in an Authorization header. */
const FORMS = [SECRET, Buffer.from(`user:${SECRET}`).toString('base64')];
const CALLS_ID = 'com.mattermost.calls';

interface Status {
  targets: { job: string; up: boolean; last_scrape_ms: number; last_error: string }[];
  warnings: { code: string; message: string }[];
}

describe('secrets', () => {
  const base = mkdtempSync(join(tmpdir(), 'secrets-'));
  const seen: (string | undefined)[] = [];
  const exporter = http.createServer(({ url = '', headers }, response) => {
    if (url.startsWith('/auth')) seen.push(headers.authorization);
    if (url.startsWith('/redirect')) {
      response.writeHead(302, { Location: `http://127.0.0.1:1/?token=${SECRET}` }).end();
    } else if (url.startsWith('/echo')) {
      const [, , said = ''] =
        /^(\S*) ?(.*)$/.exec(headers.authorization ?? url.split('=')[1] ?? '') ?? [];
      const words = said === '' ? (url.split('=')[1] ?? '') : said;
      if (url.startsWith('/echo-status')) response.writeHead(401, `no ${words}`).end();
      else if (url.startsWith('/echo-type'))
        response.writeHead(200, { 'Content-Type': `a/${words}` }).end('?');
      else response.end(`${words} is ${'no '.repeat(40)}${words}\n`);
    } else if (url.startsWith('/ok')) response.end('x 1\n');
    else response.writeHead(401).end();
  });
  let origin = '';

  before(async () => {
    await new Promise<void>((resolve) => exporter.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(exporter.address() as AddressInfo).port}`;
  });
  after(() => {
    exporter.close();
    exporter.closeAllConnections();
    rmSync(base, { recursive: true, force: true });
  });

  function settings(): Record<string, string | number> {
    return {
      dbpath: join(base, 'tsdb'),
      scrapeintervalseconds: 1,
      scrapetimeoutseconds: 1,
      callsoffloaderhosts: `user:${SECRET}@off1 http://${SECRET}/`,
      extratargets: [
        `http://user:${SECRET}@127.0.0.1/metrics a`,
        `http://user:${SECRET}/x@127.0.0.1/metrics a`,
        `http://127.0.0.1/metrics a credential=${SECRET}`,
        `http://127.0.0.1/metrics a bearer ${SECRET}=`,
        `http://127.0.0.1/metrics a password="${SECRET}`,
        SECRET,
        `${origin}/ok?token=${SECRET}#${SECRET} ok`,
        `${origin}/denied?token=${SECRET}&${SECRET} denied`,
        `${origin}/redirect?token=${SECRET} redirect`,
        `http://127.0.0.1:1/?token=${SECRET} refused`,
        `${origin}/auth bearer credential=bearer`,
        `${origin}/auth?a basic credential=basic`,
        ...['status', 'type', 'body'].flatMap((way) => [
          `${origin}/echo-${way}?token=${SECRET} echo-${way}`,
          `${origin}/echo-${way} echo-${way}-bearer credential=bearer`,
          `${origin}/echo-${way} echo-${way}-basic credential=basic`,
        ]),
      ].join('\n'),
      targetcredentials: [
        `bearer bearer ${SECRET}`,
        `basic basic user ${SECRET}`,
        SECRET,
        `${SECRET} ${SECRET} ${SECRET}`,
        `c bearer ${SECRET} ${SECRET}`,
        `d basic ${SECRET}`,
      ].join('\n'),
      targetca: SECRET,
    };
  }

  const config = (): Partial<ServerConfig> => ({
    metricsListenAddress: `user:${SECRET}@:1`,
    rtcdServiceUrl: `http://id:${SECRET}@rtcd.invalid:8045`,
    fileDriver: 'amazons3',
    s3: {
      accessKeyId: 'key',
      secretAccessKey: SECRET,
      bucket: 'bucket',
      pathPrefix: '',
      region: 'us-east-1',
      endpoint: '127.0.0.1:1',
      ssl: false,
      signV2: false,
      sse: false,
      isComplianceLicensed: false,
      requestTimeoutMs: 1_000,
      uploadPartSizeBytes: 5_000_000,
      storageClass: '',
      acceptsAnyCertificate: false,
    },
  });

  /** Everything that the plugin says, in any place, once all of the targets were scraped. */
  async function allWords(host: FakeHost, plugin: MetricsPlugin, lines: string[]): Promise<string> {
    await until('scraped', async () => {
      const { targets } = await askJson<Status>(plugin.api, 'GET', '/status');
      return targets.length >= 15 && targets.every((target) => target.last_scrape_ms > 0);
    });
    const call = { userId: 'admin', channelId: 'c', rootId: '' };
    const words = [
      await plugin.runCommand({ ...call, text: '/metrics status' }),
      await plugin.runCommand({ ...call, text: '/metrics dump 1h' }),
    ];
    for (const path of ['/status', '/tsdb/stats', '/jobs']) {
      words.push((await ask(plugin.api, 'GET', path)).body.toString());
    }
    for (const { name, bytes } of await plugin.supportFiles()) {
      words.push(name, Buffer.from(bytes).toString('latin1'));
    }
    words.push(...host.values.keys(), ...host.values.values(), JSON.stringify(host.posts));
    words.push(...host.events.map(({ data }) => new TextDecoder().decode(data)));
    await plugin.stop();
    return [...words, ...lines].join('\n');
  }

  it('are shown nowhere, and sent where they belong', async () => {
    const host = new FakeHost({ ...config(), isCluster: true }, settings());
    const { log, lines } = recordingLog();
    host.log = log;
    host.runningPlugins.add(CALLS_ID);
    host.query = () => Promise.reject(new Error(`dial postgres://mm:${SECRET}@db/mm failed`));
    const plugin = startRealPlugin(host);
    const words = await allWords(host, plugin, lines);
    await log.flush();
    // They were looked for where they could be.
    for (const said of ['line 3', '?token=…', 'ListenAddress', 'postgres://…@db', 'Target CA']) {
      assert.ok(words.includes(said), said);
    }
    for (const form of FORMS) {
      const at = words.indexOf(form);
      assert.equal(at, -1, words.slice(Math.max(0, at - 300), at + 100));
    }
    assert.ok(seen.includes(`Bearer ${FORMS[0]}`) && seen.includes(`Basic ${FORMS[1]}`));
  });

  it('are not quoted where settings are checked before they are saved', () => {
    const problems = validateSettings(settings());
    assert.ok(problems.length >= 12, String(problems.length));
    assert.ok(!JSON.stringify(problems).includes(SECRET), JSON.stringify(problems));
  });
});

function recordingLog(): { log: HostLogger; lines: string[] } {
  const lines: string[] = [];
  const write = (message: string, fields = {}): Promise<void> => {
    lines.push(message, JSON.stringify(toLogPairs(fields)));
    return Promise.resolve();
  };
  const host: HostLog = { logDebug: write, logInfo: write, logWarn: write, logError: write };
  return { log: new HostLogger(host, systemClock), lines };
}

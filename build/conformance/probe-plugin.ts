/**
 * A plugin on our protocol tower that knows nothing about metrics. Each route shows one ability of
 * the host; probe.test.ts asks from the other side and compares.
 */
import { createHash } from 'node:crypto';

import { queryDatabaseTime } from '../../server/src/services/cluster/database-time.ts';
import { queryLockEnd } from '../../server/src/services/cluster/lock-end.ts';
import { queryNodes } from '../../server/src/services/cluster/nodes.ts';
import {
  ephemeralResponse,
  type HttpRequest,
  type HttpResponse,
  type PluginHooks,
  type PluginHost,
} from '../../server/src/protocol/mattermost/index.ts';

/** What `/cluster` asks the database: for the end of a lock, for its time, or for nodes. */
interface ClusterQuestion {
  readonly driver: string;
  readonly nowMs: number;
  readonly lock?: string;
  readonly time?: true;
  readonly clusterName?: string;
}

type Route = (host: PluginHost, request: HttpRequest, response: HttpResponse) => Promise<void>;

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

async function answerJson(response: HttpResponse, value: unknown): Promise<void> {
  response.header.set('Content-Type', 'application/json');
  await response.write(text(JSON.stringify(value)));
}

async function readAll(request: HttpRequest): Promise<string> {
  const chunks: Uint8Array[] = [];
  for (let chunk = await request.body.read(); chunk; chunk = await request.body.read()) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Bytes of a stored value as text; null where the key is absent. */
function shown(value: Uint8Array | undefined): string | null {
  return value ? Buffer.from(value).toString('utf8') : null;
}

const routes: Record<string, Route> = {
  async '/request'(_host, request, response) {
    response.header.set('X-Probe', 'yes');
    await response.writeHead(201);
    const user = request.header.get('Mattermost-User-Id') ?? null;
    const seen = { method: request.method, url: request.url, user, host: request.host };
    await response.write(text(JSON.stringify({ ...seen, body: await readAll(request) })));
  },

  async '/nothing'(_host, _request, response) {
    await response.writeHead(204);
  },

  async '/echo'(_host, request, response) {
    for (let chunk = await request.body.read(); chunk; chunk = await request.body.read()) {
      await response.write(chunk);
    }
  },

  async '/digest'(_host, request, response) {
    const digest = createHash('sha256');
    for (let chunk = await request.body.read(); chunk; chunk = await request.body.read()) {
      digest.update(chunk);
    }
    await response.write(text(digest.digest('hex')));
  },

  async '/unread'(_host, _request, response) {
    await response.write(text('not interested'));
  },

  async '/fails'() {
    await Promise.reject(new Error('the route fails on purpose'));
  },

  async '/forever'({ api }, _request, response) {
    const chunk = new Uint8Array(64 * 1024).fill(120);
    let written = 0;
    try {
      for (;;) {
        await response.write(chunk);
        written += chunk.length;
      }
    } catch (error) {
      await api.logInfo('client went away', { written, why: String(error) });
    }
  },

  async '/log'({ api }, _request, response) {
    const fields = { text: 'ä"\n', count: 42, isGood: true };
    await api.logDebug('a debug line', fields);
    await api.logInfo('an info line', fields);
    await api.logWarn('a warning', fields);
    await api.logError('an error', fields);
    await response.writeHead(204);
  },

  async '/kv'({ api }, _request, response) {
    const key = 'probe';
    const [one, two] = [text('one'), text('two')];
    await answerJson(response, {
      absent: shown(await api.kvGet(key)),
      inserted: await api.kvSetWithOptions(key, one, { Atomic: true }),
      insertedAgain: await api.kvSetWithOptions(key, two, { Atomic: true }),
      stored: shown(await api.kvGet(key)),
      swappedWrongly: await api.kvCompareAndSet(key, two, one),
      swapped: await api.kvCompareAndSet(key, one, two),
      listed: await api.kvList(0, 10),
      deletedWrongly: await api.kvCompareAndDelete(key, one),
      deleted: await api.kvCompareAndDelete(key, two),
      gone: shown(await api.kvGet(key)),
    });
  },

  async '/kv-big'({ api }, request, response) {
    const size = Number(new URL(request.url, 'http://x').searchParams.get('size'));
    const value = new Uint8Array(size).map((_, i) => i % 251);
    await api.kvSet('big', value);
    const back = await api.kvGet('big');
    await api.kvDelete('big');
    await answerJson(response, Buffer.compare(value, back ?? new Uint8Array()) === 0);
  },

  async '/rows'({ driver }, request, response) {
    const { sql, args } = JSON.parse(await readAll(request)) as { sql: string; args: string[] };
    try {
      const { columns, rows } = await driver.query(sql, args);
      await answerJson(response, { columns, rows: rows.map((row) => row.map(plainValue)) });
    } catch (error) {
      await answerJson(response, { error: String(error) });
    }
  },

  async '/cluster'({ driver }, request, response) {
    const body = JSON.parse(await readAll(request)) as ClusterQuestion;
    const query = driver.query.bind(driver);
    if (body.lock !== undefined) {
      const endMs = await queryLockEnd(query, body.driver, 'test.probe', body.lock);
      await answerJson(response, { endMs });
      return;
    }
    if (body.time === true) {
      await answerJson(response, { timeMs: await queryDatabaseTime(query, body.driver) });
      return;
    }
    const nodes = await queryNodes(query, body.driver, body.clusterName ?? '', body.nowMs);
    await answerJson(response, { nodes });
  },

  async '/facts'({ api }, request, response) {
    const user = request.header.get('Mattermost-User-Id') ?? '';
    const config = await api.getUnsanitizedConfig();
    await answerJson(response, {
      serverVersion: await api.getServerVersion(),
      telemetryId: await api.getTelemetryId(),
      bundlePath: await api.getBundlePath(),
      isAdmin: await api.hasPermissionTo(user, 'manage_system'),
      isLicensed: (await api.getLicense()) !== undefined,
      settings: await api.loadPluginConfiguration(),
      metricsAddress: config.MetricsSettings?.ListenAddress,
      isMetricsEnabled: config.MetricsSettings?.Enable,
    });
  },
};

/** Values of the database as JSON can show them. */
function plainValue(value: unknown): unknown {
  if (typeof value === 'bigint') return `int ${value}`;
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('hex')}`;
  return value;
}

/** The hooks of the probe. */
export function probeHooks(): PluginHooks {
  let host: PluginHost | undefined;
  return {
    async onActivate(given) {
      host = given;
      await given.api.registerCommand({
        Trigger: 'probe',
        AutoComplete: true,
        AutoCompleteDesc: 'Echoes',
      });
      await given.api.logInfo('probe activated');
    },
    async onDeactivate() {
      await host?.api.logInfo('probe deactivated');
    },
    async onConfigurationChange({ api }) {
      const settings = JSON.stringify(await api.loadPluginConfiguration());
      await api.logInfo('configuration changed', { settings });
    },
    configurationWillBeSaved(config) {
      const [settings] = Object.values(config.PluginSettings.Plugins ?? {});
      const refusal = settings?.['refuse'];
      return Promise.resolve(typeof refusal === 'string' ? refusal : undefined);
    },
    async serveHttp(_context, request, response) {
      const route = routes[new URL(request.url, 'http://x').pathname];
      if (host && route) return route(host, request, response);
      await response.writeHead(404);
    },
    async serveMetrics(_context, request, response) {
      await response.write(text(`probe_up{path="${request.url}"} 1\n`));
    },
    executeCommand(_context, args) {
      return Promise.resolve(ephemeralResponse(`you said ${args.Command}`));
    },
    generateSupportData() {
      return Promise.resolve([{ Filename: 'probe.txt', Body: text('support') }]);
    },
    async onPluginClusterEvent(_context, event) {
      await host?.api.logInfo('cluster event', { id: event.Id, size: event.Data.length });
    },
  };
}

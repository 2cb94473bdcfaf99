// The plugin API, over the store and the configuration of this host.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { CodedError } from '../../server/src/base/errors.ts';
import { fill } from '../../server/src/protocol/gob/index.ts';
import { api } from '../../server/src/protocol/mattermost/api-table.ts';
import { serveMethod } from '../../server/src/protocol/mattermost/method.ts';
import type { Command } from '../../server/src/protocol/mattermost/model/command.ts';
import type { Post } from '../../server/src/protocol/mattermost/model/post.ts';
import {
  licenseSchema,
  PLUGIN_STATE_RUNNING,
  type PluginClusterEvent,
} from '../../server/src/protocol/mattermost/model/server.ts';
import {
  fromGoMap,
  fromGoValue,
  toGoMap,
} from '../../server/src/protocol/mattermost/model/values.ts';
import { EMPTY, RpcServer } from '../../server/src/protocol/netrpc/index.ts';
import { type Manifest, record, rootDir, text } from '../manifest.ts';
import { type NodeConfig, toWireConfig } from './config.ts';
import type { Documents } from './documents.ts';
import type { NodeLink } from './node-link.ts';
import type { Store } from './store.ts';

/** The version that this host says it is: the newest one that the plugin is tested with. */
const serverVersion = '11.8.0';

/** What the API reads and changes. */
export interface ApiContext {
  readonly manifest: Manifest;
  readonly pluginDir: string;
  readonly store: Store;
  readonly documents: Documents;
  readonly config: NodeConfig;
  readonly link: NodeLink;
  /** The only user of this host, who may do everything. */
  readonly administratorId: string;
  readonly log: (level: string, message: string, fields: readonly string[]) => void;
  /** Takes what the plugin tells a user. */
  readonly onPost: (post: Post) => void;
  /** Ids of plugins that run beside this one, as far as it is told. */
  readonly otherPlugins: ReadonlySet<string>;
  /** Hands an event to the plugin on all other nodes. */
  readonly publish: (event: PluginClusterEvent) => void;
  /** Commands by trigger. */
  readonly commands: Map<string, Command>;
}

/** An id as Mattermost makes them: 26 characters of its base32 alphabet. */
export function newId(): string {
  const alphabet = 'ybndrfg8ejkmcpqxot1uwisza345h769';
  return Array.from(randomBytes(26), (byte) => alphabet[byte % alphabet.length]).join('');
}

/** Serves the API methods that the plugin uses; others answer that they don't exist. */
export function makeApiServer(context: ApiContext): RpcServer {
  const server = new RpcServer();
  serveConfiguration(server, context);
  serveFacts(server, context);
  serveLog(server, context);
  serveKeyValues(server, context);
  serveMessages(server, context);
  return server;
}

function serveConfiguration(server: RpcServer, { config }: ApiContext): void {
  const wholeConfig = () => ({ A: toWireConfig(config.config) });
  serveMethod(server, api.LoadPluginConfiguration, () => {
    const settings = { ...schemaDefaults(), ...config.pluginSettings() };
    return { A: new TextEncoder().encode(JSON.stringify(settings)) };
  });
  serveMethod(server, api.GetConfig, wholeConfig);
  serveMethod(server, api.GetUnsanitizedConfig, wholeConfig);
  serveMethod(server, api.GetPluginConfig, () => ({ A: toGoMap(config.pluginSettings()) }));
  serveMethod(server, api.SavePluginConfig, ({ A }) => {
    config.savePluginSettings(fromGoMap(A));
    return { A: null };
  });
}

/** Settings of the manifest with their defaults; one without a default is null, as in Mattermost. */
function schemaDefaults(): Record<string, unknown> {
  const file = path.join(rootDir, 'plugin.json');
  const schema = record(
    record(JSON.parse(readFileSync(file, 'utf8')), file).settings_schema,
    'settings_schema',
  );
  const settings = Array.isArray(schema.settings) ? schema.settings : [];
  return Object.fromEntries(
    settings.map((value: unknown) => {
      const setting = record(value, 'setting');
      return [text(setting.key, 'key of a setting').toLowerCase(), setting.default ?? null];
    }),
  );
}

function serveFacts(server: RpcServer, context: ApiContext): void {
  const { manifest, pluginDir, documents, administratorId } = context;
  const serverId = (): { A: string } => ({ A: persistentId(documents) });
  serveMethod(server, api.GetServerVersion, () => ({ A: serverVersion }));
  serveMethod(server, api.GetDiagnosticId, serverId);
  serveMethod(server, api.GetTelemetryId, serverId);
  serveMethod(server, api.GetPluginID, () => ({ A: manifest.id }));
  serveMethod(server, api.GetBundlePath, () => ({ A: pluginDir, B: null }));
  serveMethod(server, api.GetSystemInstallDate, () => ({ A: Date.now(), B: null }));
  serveMethod(server, api.GetLicense, () => ({
    A: fill(licenseSchema, {
      Id: serverId().A,
      Features: { Users: 100, Cluster: true, Metrics: true, Cloud: false, Compliance: false },
      SkuShortName: 'enterprise',
    }),
  }));
  serveMethod(server, api.HasPermissionTo, ({ A: userId }) => ({ A: userId === administratorId }));
  serveMethod(server, api.PublishPluginClusterEvent, ({ A: event }) => {
    if (!context.link.areEventsCut) context.publish(event);
    return { A: null };
  });
  serveMethod(server, api.GetPluginStatus, ({ A: id }) => {
    if (id !== manifest.id && !context.otherPlugins.has(id)) {
      throw new CodedError('ERR_MATTERMOST_API', `the plugin ${id} is not installed`, {
        statusCode: 404,
      });
    }
    const status = {
      PluginId: id,
      ClusterId: '',
      PluginPath: pluginDir,
      State: PLUGIN_STATE_RUNNING,
      Error: '',
      Name: id,
      Description: '',
      Version: manifest.version,
    };
    return { A: status, B: null };
  });
}

/** The id of this server, the same for all its life. */
function persistentId(documents: Documents): string {
  const saved = documents.read('server_id');
  if (typeof saved === 'string') return saved;
  const id = newId();
  documents.write('server_id', id);
  return id;
}

function serveLog(server: RpcServer, { log }: ApiContext): void {
  const methods = {
    debug: api.LogDebug,
    info: api.LogInfo,
    warn: api.LogWarn,
    error: api.LogError,
  };
  for (const [level, method] of Object.entries(methods)) {
    serveMethod(server, method, ({ A, B }) => {
      log(
        level,
        A,
        B.map((item) => String(fromGoValue(item))),
      );
      return EMPTY;
    });
  }
}

function serveKeyValues(server: RpcServer, { store }: ApiContext): void {
  const empty = new Uint8Array();
  serveMethod(server, api.KVGet, async ({ A: key }) => ({
    A: (await store.kvGet(key)) ?? empty,
    B: null,
  }));
  serveMethod(server, api.KVSet, async ({ A: key, B: value }) => {
    await store.kvSet(key, value);
    return { A: null };
  });
  serveMethod(server, api.KVSetWithExpiry, async ({ A: key, B: value, C: expireInSeconds }) => {
    await store.kvSet(key, value, expireInSeconds);
    return { A: null };
  });
  serveMethod(server, api.KVSetWithOptions, async ({ A: key, B: value, C: options }) => ({
    A: await store.kvSetWithOptions(key, value, {
      atomic: options.Atomic,
      oldValue: options.OldValue.length === 0 ? null : options.OldValue,
      expireInSeconds: options.ExpireInSeconds,
    }),
    B: null,
  }));
  const compareAndSet = async (key: string, oldValue: Uint8Array, value: Uint8Array) => ({
    A: await store.kvSetWithOptions(key, value, { atomic: true, oldValue, expireInSeconds: 0 }),
    B: null,
  });
  serveMethod(server, api.KVCompareAndSet, ({ A, B, C }) => compareAndSet(A, B, C));
  serveMethod(server, api.KVCompareAndDelete, ({ A, B }) => compareAndSet(A, B, empty));
  serveMethod(server, api.KVDelete, async ({ A: key }) => {
    await store.kvDelete(key);
    return { A: null };
  });
  serveMethod(server, api.KVDeleteAll, async () => {
    await store.kvDeleteAll();
    return { A: null };
  });
  serveMethod(server, api.KVList, async ({ A: page, B: perPage }) => ({
    A: await store.kvList(page, perPage),
    B: null,
  }));
}

function serveMessages(server: RpcServer, { commands, onPost }: ApiContext): void {
  const post = (given: Post | null): Post => {
    if (given === null) throw new Error('the post is missing');
    const saved = { ...given, Id: newId(), CreateAt: Date.now() };
    onPost(saved);
    return saved;
  };
  serveMethod(server, api.RegisterCommand, ({ A: command }) => {
    if (command === null || command.Trigger === '') throw new Error('the command has no trigger');
    commands.set(command.Trigger, command);
    return { A: null };
  });
  serveMethod(server, api.UnregisterCommand, ({ B: trigger }) => {
    commands.delete(trigger);
    return { A: null };
  });
  serveMethod(server, api.SendEphemeralPost, ({ B: given }) => ({ A: post(given) }));
  serveMethod(server, api.CreatePost, ({ A: given }) => ({ A: post(given), B: null }));
  serveMethod(server, api.EnsureBotUser, () => ({ A: newId(), B: null }));
}

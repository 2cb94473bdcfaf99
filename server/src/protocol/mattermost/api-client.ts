import { CodedError } from '../../base/errors.ts';
import type { LogFields } from '../../base/log.ts';
import type { Duplex } from '../../base/ports/duplex.ts';
import type { Broker } from '../goplugin/broker.ts';
import { fill } from '../gob/index.ts';
import { RpcClient } from '../netrpc/index.ts';
import { api } from './api-table.ts';
import type { MattermostApi, PluginHttpRequest, PluginHttpResponse } from './api.ts';
import { serveBody, type ByteSource } from './body-stream.ts';
import { toLogPairs } from './log-fields.ts';
import { parseObject } from './json.ts';
import { callMethod, type Method } from './method.ts';
import { commandSchema, type Command } from './model/command.ts';
import type { Config } from './model/config.ts';
import {
  botSchema,
  postSchema,
  uploadSessionSchema,
  type Bot,
  type FileInfo,
  type Post,
  type UploadSession,
} from './model/post.ts';
import {
  clusterEventOptionsSchema,
  kvSetOptionsSchema,
  permissionSchema,
  type ClusterEventOptions,
  type KvSetOptions,
  type License,
  type PluginClusterEvent,
  type PluginStatus,
} from './model/server.ts';
import { fromGoMap, toGoMap } from './model/values.ts';
import { PluginHttpClient } from './plugin-http.ts';

const NOTHING = {};

/** The host's API over its stream; see api-table.ts. */
export class ApiClient implements MattermostApi {
  readonly #client: RpcClient;
  readonly #broker: Broker;
  readonly #pluginHttp: PluginHttpClient;

  /** @param broker where streams that go along with calls are accepted */
  constructor(stream: Duplex, broker: Broker) {
    this.#client = new RpcClient(stream);
    this.#broker = broker;
    this.#pluginHttp = new PluginHttpClient(this.#client, broker);
  }

  /** Resolves when the connection has ended, with the reason unless `close` was called. */
  get closed(): Promise<CodedError | undefined> {
    return this.#client.closed;
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  async loadPluginConfiguration(): Promise<Record<string, unknown>> {
    const { A } = await this.#call(api.LoadPluginConfiguration, NOTHING);
    return parseObject(new TextDecoder().decode(A));
  }

  async getConfig(): Promise<Config> {
    return this.#required(api.GetConfig, NOTHING);
  }

  async getUnsanitizedConfig(): Promise<Config> {
    return this.#required(api.GetUnsanitizedConfig, NOTHING);
  }

  async getPluginConfig(): Promise<Record<string, unknown>> {
    return fromGoMap((await this.#call(api.GetPluginConfig, NOTHING)).A);
  }

  async savePluginConfig(settings: Record<string, unknown>): Promise<void> {
    await this.#call(api.SavePluginConfig, { A: toGoMap(settings) });
  }

  async getLicense(): Promise<License | undefined> {
    return (await this.#call(api.GetLicense, NOTHING)).A ?? undefined;
  }

  async getServerVersion(): Promise<string> {
    return (await this.#call(api.GetServerVersion, NOTHING)).A;
  }

  async getDiagnosticId(): Promise<string> {
    return (await this.#call(api.GetDiagnosticId, NOTHING)).A;
  }

  async getTelemetryId(): Promise<string> {
    return (await this.#call(api.GetTelemetryId, NOTHING)).A;
  }

  async getSystemInstallDate(): Promise<number> {
    return (await this.#call(api.GetSystemInstallDate, NOTHING)).A;
  }

  async getBundlePath(): Promise<string> {
    return (await this.#call(api.GetBundlePath, NOTHING)).A;
  }

  async getPluginStatus(pluginId: string): Promise<PluginStatus> {
    return this.#required(api.GetPluginStatus, { A: pluginId });
  }

  async hasPermissionTo(userId: string, permissionId: string): Promise<boolean> {
    const permission = fill(permissionSchema, { Id: permissionId });
    return (await this.#call(api.HasPermissionTo, { A: userId, B: permission })).A;
  }

  async publishPluginClusterEvent(
    event: PluginClusterEvent,
    options: Partial<ClusterEventOptions>,
  ): Promise<void> {
    const B = fill(clusterEventOptionsSchema, options);
    await this.#call(api.PublishPluginClusterEvent, { A: event, B });
  }

  async kvGet(key: string): Promise<Uint8Array | undefined> {
    // The store has no empty values: setting one deletes.
    const { A } = await this.#call(api.KVGet, { A: key });
    return A.length === 0 ? undefined : A;
  }

  async kvSet(key: string, value: Uint8Array): Promise<void> {
    await this.#call(api.KVSet, { A: key, B: value });
  }

  async kvSetWithExpiry(key: string, value: Uint8Array, expireInSeconds: number): Promise<void> {
    await this.#call(api.KVSetWithExpiry, { A: key, B: value, C: expireInSeconds });
  }

  async kvSetWithOptions(
    key: string,
    value: Uint8Array,
    options: Partial<KvSetOptions>,
  ): Promise<boolean> {
    const C = fill(kvSetOptionsSchema, options);
    return (await this.#call(api.KVSetWithOptions, { A: key, B: value, C })).A;
  }

  async kvCompareAndSet(key: string, oldValue: Uint8Array, newValue: Uint8Array): Promise<boolean> {
    return (await this.#call(api.KVCompareAndSet, { A: key, B: oldValue, C: newValue })).A;
  }

  async kvCompareAndDelete(key: string, oldValue: Uint8Array): Promise<boolean> {
    return (await this.#call(api.KVCompareAndDelete, { A: key, B: oldValue })).A;
  }

  async kvDelete(key: string): Promise<void> {
    await this.#call(api.KVDelete, { A: key });
  }

  async kvDeleteAll(): Promise<void> {
    await this.#call(api.KVDeleteAll, NOTHING);
  }

  async kvList(page: number, perPage: number): Promise<string[]> {
    return (await this.#call(api.KVList, { A: page, B: perPage })).A;
  }

  async registerCommand(command: Partial<Command>): Promise<void> {
    await this.#call(api.RegisterCommand, { A: fill(commandSchema, command) });
  }

  async unregisterCommand(teamId: string, trigger: string): Promise<void> {
    await this.#call(api.UnregisterCommand, { A: teamId, B: trigger });
  }

  async sendEphemeralPost(userId: string, post: Partial<Post>): Promise<Post | undefined> {
    const B = fill(postSchema, post);
    return (await this.#call(api.SendEphemeralPost, { A: userId, B })).A ?? undefined;
  }

  async createPost(post: Partial<Post>): Promise<Post> {
    return this.#required(api.CreatePost, { A: fill(postSchema, post) });
  }

  async ensureBotUser(bot: Partial<Bot>): Promise<string> {
    return (await this.#call(api.EnsureBotUser, { A: fill(botSchema, bot) })).A;
  }

  async uploadFile(content: Uint8Array, channelId: string, fileName: string): Promise<FileInfo> {
    return this.#required(api.UploadFile, { A: content, B: channelId, C: fileName });
  }

  async createUploadSession(session: Partial<UploadSession>): Promise<UploadSession> {
    return this.#required(api.CreateUploadSession, { A: fill(uploadSessionSchema, session) });
  }

  async getUploadSession(id: string): Promise<UploadSession> {
    return this.#required(api.GetUploadSession, { A: id });
  }

  async uploadData(session: UploadSession, content: ByteSource): Promise<FileInfo | undefined> {
    const PluginStreamID = this.#broker.nextId();
    const serving = this.#broker
      .accept(PluginStreamID)
      .then((stream) => serveBody(content, stream));
    const call = this.#call(api.UploadData, { A: session, PluginStreamID });
    // The answer tells how it went; the failure of the stream alone would only hide it.
    const [answer] = await Promise.allSettled([call, serving]);
    if (answer.status === 'rejected') throw answer.reason;
    return answer.value.A ?? undefined;
  }

  pluginHttp(request: PluginHttpRequest): Promise<PluginHttpResponse> {
    return this.#pluginHttp.send(request);
  }

  logDebug(message: string, fields?: LogFields): Promise<void> {
    return this.#log(api.LogDebug, message, fields);
  }

  logInfo(message: string, fields?: LogFields): Promise<void> {
    return this.#log(api.LogInfo, message, fields);
  }

  logWarn(message: string, fields?: LogFields): Promise<void> {
    return this.#log(api.LogWarn, message, fields);
  }

  logError(message: string, fields?: LogFields): Promise<void> {
    return this.#log(api.LogError, message, fields);
  }

  async #log(method: typeof api.LogInfo, message: string, fields: LogFields = {}): Promise<void> {
    await this.#call(method, { A: message, B: toLogPairs(fields) });
  }

  #call<A, R>(method: Method<A, R>, args: A): Promise<R> {
    return callMethod(this.#client, method, args);
  }

  /** The first result, which is not nil where there is no error. */
  async #required<A, V>(method: Method<A, { A: V | null }>, args: A): Promise<V> {
    const { A } = await this.#call(method, args);
    if (A !== null) return A;
    throw new CodedError('ERR_MATTERMOST_API', 'the host sent no result', { method: method.name });
  }
}

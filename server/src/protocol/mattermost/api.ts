import type { LogFields } from '../../base/log.ts';
import type { ByteSource } from './body-stream.ts';
import type { HttpHeader } from './http-header.ts';
import type { Command } from './model/command.ts';
import type { Config } from './model/config.ts';
import type { Bot, FileInfo, Post, UploadSession } from './model/post.ts';
import type {
  ClusterEventOptions,
  KvSetOptions,
  License,
  PluginClusterEvent,
  PluginStatus,
} from './model/server.ts';

/** A request to another plugin; the path begins with `/<plugin id>/`. */
export interface PluginHttpRequest {
  readonly method: string;
  readonly path: string;
  readonly header?: HttpHeader;
  readonly body?: ByteSource;
}

export interface PluginHttpResponse {
  readonly status: number;
  readonly header: HttpHeader;
  /** To be read to the end or closed. */
  readonly body: ByteSource & { close(): Promise<void> };
}

/**
 * Methods of the Mattermost server, named after the Go ones. All reject with `ERR_MATTERMOST_API`
 * (details `id`, `where`, `statusCode`) when the server refuses, and with `ERR_RPC_CLOSED` when it
 * is gone. Parts of models that are not given are empty. Times are milliseconds since 1970.
 */
export interface MattermostApi {
  /** The plugin's settings as JSON has them: keys in lower case, null where there is no default. */
  loadPluginConfiguration(): Promise<Record<string, unknown>>;
  /** The server's config without its secrets. */
  getConfig(): Promise<Config>;
  getUnsanitizedConfig(): Promise<Config>;
  getPluginConfig(): Promise<Record<string, unknown>>;
  savePluginConfig(settings: Record<string, unknown>): Promise<void>;

  /** Undefined without a license. */
  getLicense(): Promise<License | undefined>;
  getServerVersion(): Promise<string>;
  /** The id of the server, under its two names. */
  getDiagnosticId(): Promise<string>;
  getTelemetryId(): Promise<string>;
  getSystemInstallDate(): Promise<number>;
  /** Absolute path of the folder where the plugin is unpacked. */
  getBundlePath(): Promise<string>;
  /** Of a plugin on this node; rejects with `statusCode` 404 when it is not installed. */
  getPluginStatus(pluginId: string): Promise<PluginStatus>;
  hasPermissionTo(userId: string, permissionId: string): Promise<boolean>;
  /** Nothing happens on a server without a cluster. */
  publishPluginClusterEvent(
    event: PluginClusterEvent,
    options: Partial<ClusterEventOptions>,
  ): Promise<void>;

  /** Undefined when nothing is stored. It may lag behind a write through another node. */
  kvGet(key: string): Promise<Uint8Array | undefined>;
  /** An empty value deletes. */
  kvSet(key: string, value: Uint8Array): Promise<void>;
  kvSetWithExpiry(key: string, value: Uint8Array, expireInSeconds: number): Promise<void>;
  /** Whether the value was set. An empty `value` with `Atomic` deletes. */
  kvSetWithOptions(
    key: string,
    value: Uint8Array,
    options: Partial<KvSetOptions>,
  ): Promise<boolean>;
  kvCompareAndSet(key: string, oldValue: Uint8Array, newValue: Uint8Array): Promise<boolean>;
  kvCompareAndDelete(key: string, oldValue: Uint8Array): Promise<boolean>;
  kvDelete(key: string): Promise<void>;
  kvDeleteAll(): Promise<void>;
  /** Keys in order; `page` counts from 0. */
  kvList(page: number, perPage: number): Promise<string[]>;

  registerCommand(command: Partial<Command>): Promise<void>;
  unregisterCommand(teamId: string, trigger: string): Promise<void>;
  sendEphemeralPost(userId: string, post: Partial<Post>): Promise<Post | undefined>;
  createPost(post: Partial<Post>): Promise<Post>;
  /** The user id of the plugin's bot, which is made if need be. */
  ensureBotUser(bot: Partial<Bot>): Promise<string>;
  /** The whole file travels in one message: for large ones, use an upload session. */
  uploadFile(content: Uint8Array, channelId: string, fileName: string): Promise<FileInfo>;
  createUploadSession(session: Partial<UploadSession>): Promise<UploadSession>;
  getUploadSession(id: string): Promise<UploadSession>;
  /** Undefined while parts of the file are missing. */
  uploadData(session: UploadSession, content: ByteSource): Promise<FileInfo | undefined>;

  /** Calls another plugin of this server. */
  pluginHttp(request: PluginHttpRequest): Promise<PluginHttpResponse>;

  logDebug(message: string, fields?: LogFields): Promise<void>;
  logInfo(message: string, fields?: LogFields): Promise<void>;
  logWarn(message: string, fields?: LogFields): Promise<void>;
  logError(message: string, fields?: LogFields): Promise<void>;
}

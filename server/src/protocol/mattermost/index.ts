export type { MattermostApi, PluginHttpRequest, PluginHttpResponse } from './api.ts';
export type { ByteSource } from './body-stream.ts';
export type { DatabaseDriver, QueryResult } from './driver.ts';
export { HookServer } from './hook-server.ts';
export type { PluginHooks, PluginHost } from './hooks.ts';
export { HttpHeader } from './http-header.ts';
export type { HttpRequest, HttpResponse } from './http.ts';
export {
  autocomplete,
  ephemeralResponse,
  fetchedListArgument,
  listArgument,
  textArgument,
  type AutocompleteArg,
  type AutocompleteData,
  type Command,
  type CommandArgs,
  type CommandResponse,
} from './model/command.ts';
export type { Config } from './model/config.ts';
export type { Bot, FileInfo, Post, UploadSession } from './model/post.ts';
export {
  PLUGIN_STATE_RUNNING,
  type ClusterEventOptions,
  type FileData,
  type KvSetOptions,
  type License,
  type PluginClusterEvent,
  type PluginContext,
  type PluginStatus,
} from './model/server.ts';
export {
  HOOKS_PLUGIN,
  MATTERMOST_HANDSHAKE,
  servePlugin,
  type ServePluginOptions,
} from './serve-plugin.ts';

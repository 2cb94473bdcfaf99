import type { MattermostApi } from './api.ts';
import type { DatabaseDriver } from './driver.ts';
import type { HttpRequest, HttpResponse } from './http.ts';
import type { CommandArgs, CommandResponse } from './model/command.ts';
import type { Config } from './model/config.ts';
import type { FileData, PluginClusterEvent, PluginContext } from './model/server.ts';

/** What the host offers to a plugin, from activation on. */
export interface PluginHost {
  readonly api: MattermostApi;
  readonly driver: DatabaseDriver;
}

/**
 * What a plugin may do when the host says so. The host only calls the hooks that are present when
 * the plugin starts. Hooks may run at the same time. What a hook rejects with, the host is told.
 */
export interface PluginHooks {
  /** The API exists from here on. `onConfigurationChange` was run just before. */
  onActivate?(host: PluginHost): Promise<void>;
  onDeactivate?(): Promise<void>;
  /** Also run before `onActivate`, where an error of it is only logged. */
  onConfigurationChange?(host: PluginHost): Promise<void>;
  /** A text refuses the config that an administrator wants to save. */
  configurationWillBeSaved?(config: Config): Promise<string | undefined>;
  /** When it rejects, the host answers with status 500 unless the head was sent. */
  serveHttp?(context: PluginContext, request: HttpRequest, response: HttpResponse): Promise<void>;
  /** The same for `/plugins/<id>/metrics` of the metrics listener. */
  serveMetrics?(
    context: PluginContext,
    request: HttpRequest,
    response: HttpResponse,
  ): Promise<void>;
  executeCommand?(context: PluginContext, args: CommandArgs): Promise<Partial<CommandResponse>>;
  generateSupportData?(context: PluginContext): Promise<FileData[]>;
  onPluginClusterEvent?(context: PluginContext, event: PluginClusterEvent): Promise<void>;
}

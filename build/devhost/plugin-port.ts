import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Config } from './config.ts';

/** What a slash command answered: the text for the person who typed it. */
export interface CommandAnswer {
  readonly text: string;
}

/** The running plugin, as the web side of the stand-in host sees it. */
export interface PluginPort {
  /** One sentence about the state of the process, for the page. */
  readonly state: string;
  /** Whether it was activated and answers hooks. */
  readonly isActive: boolean;
  /** Starts or stops the process, when that is a change. */
  setEnabled(enabled: boolean): Promise<void>;
  /**
   * Has the plugin answer a request. Resolves when the answer is complete.
   *
   * @param url path and query without the plugin's prefix
   */
  serveHttp(request: IncomingMessage, response: ServerResponse, url: string): Promise<void>;
  /** A sentence when the plugin refuses the configuration. */
  configurationWillBeSaved(config: Config): Promise<string | undefined>;
  configurationChanged(): Promise<void>;
  executeCommand(command: string): Promise<CommandAnswer>;
}

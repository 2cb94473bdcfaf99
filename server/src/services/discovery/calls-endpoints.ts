/** The plugin of Mattermost for calls, whose metrics the app nodes serve. */
export const CALLS_PLUGIN_ID = 'com.mattermost.calls';

/** Where the Calls plugin and its helpers have metrics. */
export interface CallsEndpoints {
  /** Whether Calls runs on this server; without it, nothing of the rest is looked for. */
  readonly isRunning: boolean;
  /** Each machine behind the address of RTCD, the service that carries the media. */
  readonly rtcd: readonly RtcdEndpoint[];
}

export interface RtcdEndpoint {
  readonly protocol: string;
  readonly address: string;
  readonly port: number;
}

export const NO_CALLS: CallsEndpoints = { isRunning: false, rtcd: [] };

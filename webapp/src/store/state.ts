import type { Failure } from '../client/client.ts';
import type { Job, PluginStatus, TsdbStats } from '../types/api.ts';

/** One answer of the plugin. The newest good one stays while later requests fail. */
export interface Loadable<T> {
  data?: T;
  failure?: Failure;
  /** How old the data was when it came; not there when it was fresh. */
  ageMs?: number;
  /** The request whose answer counts; answers to older ones come too late. */
  requestId: number;
  loading: boolean;
}

/** What is loaded, by the name it has in the state. */
export interface Resources {
  stats: TsdbStats;
  status: PluginStatus;
  jobs: Job[];
}

export type ResourceName = keyof Resources;

export type PanelState = { [Name in ResourceName]: Loadable<Resources[Name]> } & {
  /** How far the server's clock is ahead of the browser's. */
  clockAheadMs: number;
};

const NOTHING = { requestId: 0, loading: false };

export const initialState: PanelState = {
  stats: NOTHING,
  status: NOTHING,
  jobs: NOTHING,
  clockAheadMs: 0,
};

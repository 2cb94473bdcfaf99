import type { Failure } from '../client/client.ts';
import { pluginId } from '../manifest.ts';
import type { ResourceName, Resources } from './state.ts';

// The store is the web app's own and shared with all plugins, hence the prefix.
const PREFIX = `${pluginId}/`;

export const REQUESTED = `${PREFIX}requested` as const;
export const RECEIVED = `${PREFIX}received` as const;
export const FAILED = `${PREFIX}failed` as const;

export interface RequestedAction {
  type: typeof REQUESTED;
  resource: ResourceName;
  requestId: number;
}

type ReceivedActionOf<Name extends ResourceName> = {
  type: typeof RECEIVED;
  resource: Name;
  requestId: number;
  data: Resources[Name];
  clockAheadMs: number | undefined;
  ageMs?: number;
};
export type ReceivedAction = { [Name in ResourceName]: ReceivedActionOf<Name> }[ResourceName];

export interface FailedAction {
  type: typeof FAILED;
  resource: ResourceName;
  requestId: number;
  failure: Failure;
}

export type PanelAction = RequestedAction | ReceivedAction | FailedAction;

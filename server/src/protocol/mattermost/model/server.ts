// What the host says of itself and of plugins; mirrors server/public/{model,plugin}.
import {
  bool,
  bytes,
  int,
  optional,
  pointer,
  string,
  struct,
  type ValueOf,
} from '../../gob/index.ts';

export const contextSchema = struct('Context', {
  SessionId: string,
  ConnectionId: string,
  RequestId: string,
  IPAddress: string,
  AcceptLanguage: string,
  UserAgent: string,
});
/** Who and where a request or hook comes from; empty where it comes from the server itself. */
export type PluginContext = ValueOf<typeof contextSchema>;

const customerSchema = struct('Customer', {
  Id: string,
  Name: string,
  Email: string,
  Company: string,
});

// A feature that the host knows is false when it is off, and undefined when it is too old for it.
const featuresSchema = struct('Features', {
  Users: optional(int),
  Cluster: optional(bool),
  Metrics: optional(bool),
  Cloud: optional(bool),
  Compliance: optional(bool),
});

export const licenseSchema = struct('License', {
  Id: string,
  IssuedAt: int,
  StartsAt: int,
  ExpiresAt: int,
  Customer: pointer(customerSchema),
  Features: pointer(featuresSchema),
  SkuName: string,
  SkuShortName: string,
  IsTrial: bool,
});
export type License = ValueOf<typeof licenseSchema>;

export const pluginStatusSchema = struct('PluginStatus', {
  PluginId: string,
  ClusterId: string,
  PluginPath: string,
  State: int,
  Error: string,
  Name: string,
  Description: string,
  Version: string,
});
/** The state of a plugin on this node. */
export type PluginStatus = ValueOf<typeof pluginStatusSchema>;

/** `PluginStatus.State` of a plugin that is running. */
export const PLUGIN_STATE_RUNNING = 2;

export const permissionSchema = struct('Permission', {
  Id: string,
  Name: string,
  Description: string,
  Scope: string,
});

export const kvSetOptionsSchema = struct('PluginKVSetOptions', {
  Atomic: bool,
  OldValue: bytes,
  ExpireInSeconds: int,
});
/** With `Atomic`, the value is only set where `OldValue` (empty: nothing) is stored. */
export type KvSetOptions = ValueOf<typeof kvSetOptionsSchema>;

export const clusterEventSchema = struct('PluginClusterEvent', { Id: string, Data: bytes });
export type PluginClusterEvent = ValueOf<typeof clusterEventSchema>;

export const clusterEventOptionsSchema = struct('PluginClusterEventSendOptions', {
  SendType: string,
  TargetId: string,
});
/** `SendType` is `reliable` or `best_effort`; `TargetId` empty means all other nodes. */
export type ClusterEventOptions = ValueOf<typeof clusterEventOptionsSchema>;

export const fileDataSchema = struct('FileData', { Filename: string, Body: bytes });
/** A file of the support packet. */
export type FileData = ValueOf<typeof fileDataSchema>;

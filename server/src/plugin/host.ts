import type { Logger } from '../base/log.ts';
import type { AzureFileSettings } from '../filestore/azureblob/azure-settings.ts';
import type { S3FileSettings } from '../filestore/s3/s3-settings.ts';
import type { ServerIdentity } from '../services/dump/dump-service.ts';
import type { LeaseKeyValueStore } from '../services/cluster/lease.ts';
import type { Query } from '../services/cluster/nodes.ts';
import type { JobKeyValueStore } from '../services/jobs/key-value-store.ts';

/** The Mattermost server, reduced to what the plugin asks it for; `host-adapter.ts` is the real one. */
export interface Host {
  readonly log: Logger;
  /** Keys and values as an administrator saved them, keys in any case. */
  loadSettings(): Promise<Record<string, unknown>>;
  serverConfig(): Promise<ServerConfig>;
  /** Whether a plugin is installed on this node and running. */
  isPluginRunning(pluginId: string): Promise<boolean>;
  /** Whether the server's licence covers performance metrics. */
  hasMetricsLicense(): Promise<boolean>;
  readonly kv: JobKeyValueStore & LeaseKeyValueStore;
  readonly query: Query;
  /** Tells all other instances of the plugin; nobody hears it on a server without a cluster licence. */
  publish(event: ClusterEvent): Promise<void>;
  /** Whether the user has the permission `manage_system`. */
  isAdministrator(userId: string): Promise<boolean>;
  identity(): Promise<Omit<ServerIdentity, 'pluginId' | 'pluginVersion'>>;
  registerCommand(command: SlashCommand): Promise<void>;
  /** Shows a message to one user in one channel (and thread), kept nowhere. */
  sendEphemeral(post: EphemeralPost): Promise<void>;
}

/** What one instance tells the others through the server. */
export interface ClusterEvent {
  readonly id: string;
  readonly data: Uint8Array;
}

/** The server settings that matter here, with the server's own defaults filled in. */
export interface ServerConfig {
  /** Without a slash at the end; '' when it is not set. */
  readonly siteUrl: string;
  /** How long the server lets an answer of the plugin take; 0: as long as it likes. */
  readonly writeTimeoutSeconds: number;
  readonly isCluster: boolean;
  readonly clusterName: string;
  /** How this server calls itself in the cluster; '' when that is left to the machine's name. */
  readonly nodeName: string;
  /** `postgres` or `mysql`. */
  readonly sqlDriver: string;
  readonly metricsEnabled: boolean;
  /** Such as `:8067`. */
  readonly metricsListenAddress: string;
  /** `local`, `amazons3` or `azureblob`. */
  readonly fileDriver: string;
  readonly fileDirectory: string;
  /** Set when the driver is `amazons3`. */
  readonly s3?: S3FileSettings;
  /** Set when the driver is `azureblob`. */
  readonly azure?: AzureFileSettings;
  /** Where the Calls plugin finds RTCD; '' when it does not use it. May hold a key. */
  readonly rtcdServiceUrl: string;
}

export interface SlashCommand {
  readonly trigger: string;
  readonly description: string;
  readonly subcommands: readonly {
    readonly trigger: string;
    readonly hint: string;
    readonly helpText: string;
    /** What autocomplete offers as the argument. */
    readonly suggestions: readonly { readonly item: string; readonly helpText: string }[];
  }[];
}

export interface EphemeralPost {
  readonly userId: string;
  readonly channelId: string;
  readonly rootId: string;
  readonly message: string;
}

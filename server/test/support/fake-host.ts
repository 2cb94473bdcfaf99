import { silentLogger } from '../../src/base/log.ts';
import type { Logger } from '../../src/base/log.ts';
import type {
  ClusterEvent,
  EphemeralPost,
  Host,
  ServerConfig,
  SlashCommand,
} from '../../src/plugin/host.ts';

export const SINGLE_SERVER: ServerConfig = {
  siteUrl: '',
  writeTimeoutSeconds: 300,
  rtcdServiceUrl: '',
  isCluster: false,
  clusterName: '',
  nodeName: '',
  sqlDriver: 'postgres',
  metricsEnabled: true,
  metricsListenAddress: ':8067',
  fileDriver: 'local',
  fileDirectory: '',
};

/** A Mattermost server that answers from memory; tests change what it says as they go. */
export class FakeHost implements Host {
  log: Logger = silentLogger;
  readonly commands: SlashCommand[] = [];
  readonly posts: EphemeralPost[] = [];
  readonly runningPlugins = new Set<string>();
  readonly values = new Map<string, string>();
  config: ServerConfig;
  settings: Record<string, unknown>;

  /** A server without a cluster and with local files, unless `config` says otherwise. */
  constructor(config: Partial<ServerConfig>, settings: Record<string, unknown>) {
    this.config = { ...SINGLE_SERVER, ...config };
    this.settings = settings;
  }

  /** When values end, Unix milliseconds; others stay. */
  readonly ends = new Map<string, number>();
  nowMs = (): number => Date.now();

  readonly kv = {
    get: (key: string): Promise<Uint8Array | undefined> => {
      this.#expire();
      const value = this.values.get(key);
      return Promise.resolve(value === undefined ? undefined : new TextEncoder().encode(value));
    },
    compareAndSet: (
      key: string,
      old: Uint8Array | undefined,
      next: Uint8Array,
    ): Promise<boolean> => {
      const expected = old === undefined ? undefined : new TextDecoder().decode(old);
      if (this.values.get(key) !== expected) return Promise.resolve(false);
      this.values.set(key, new TextDecoder().decode(next));
      return Promise.resolve(true);
    },
    createFor: async (key: string, value: Uint8Array, seconds: number): Promise<boolean> => {
      this.#expire();
      if (this.values.has(key)) return false;
      await this.kv.setFor(key, value, seconds);
      return true;
    },
    setFor: (key: string, value: Uint8Array, seconds: number): Promise<void> => {
      this.values.set(key, new TextDecoder().decode(value));
      this.ends.set(key, this.nowMs() + seconds * 1000);
      return Promise.resolve();
    },
    renewFor: async (key: string, value: Uint8Array, seconds: number): Promise<boolean> => {
      this.#expire();
      if (this.values.get(key) !== new TextDecoder().decode(value)) return false;
      await this.kv.setFor(key, value, seconds);
      return true;
    },
    set: (key: string, value: Uint8Array): Promise<void> => {
      this.values.set(key, new TextDecoder().decode(value));
      this.ends.delete(key);
      return Promise.resolve();
    },
    delete: (key: string): Promise<void> => {
      this.values.delete(key);
      this.ends.delete(key);
      return Promise.resolve();
    },
    keys: (prefix: string): Promise<string[]> => {
      this.#expire();
      return Promise.resolve([...this.values.keys()].filter((key) => key.startsWith(prefix)));
    },
  };

  readonly events: ClusterEvent[] = [];
  /** Rows of ClusterDiscovery as the query for nodes has them. */
  nodes: [hostname: string, lastPingMs: number][] = [];

  query(): Promise<{ rows: unknown[][] }> {
    return Promise.resolve({ rows: this.nodes });
  }

  publish(event: ClusterEvent): Promise<void> {
    this.events.push(event);
    return Promise.resolve();
  }

  #expire(): void {
    for (const [key, endMs] of this.ends) {
      if (endMs > this.nowMs()) continue;
      this.values.delete(key);
      this.ends.delete(key);
    }
  }

  loadSettings(): Promise<Record<string, unknown>> {
    return Promise.resolve({ ...this.settings });
  }

  serverConfig(): Promise<ServerConfig> {
    return Promise.resolve(this.config);
  }

  isPluginRunning(pluginId: string): Promise<boolean> {
    return Promise.resolve(this.runningPlugins.has(pluginId));
  }

  hasMetricsLicense(): Promise<boolean> {
    return Promise.resolve(false);
  }

  isAdministrator(userId: string): Promise<boolean> {
    return Promise.resolve(userId === 'admin');
  }

  identity(): ReturnType<Host['identity']> {
    return Promise.resolve({
      serverVersion: '11.8.0',
      serverId: 'serveridserveridserverid12',
      licenseId: '',
      customerId: '',
    });
  }

  registerCommand(command: SlashCommand): Promise<void> {
    this.commands.push(command);
    return Promise.resolve();
  }

  sendEphemeral(post: EphemeralPost): Promise<void> {
    this.posts.push(post);
    return Promise.resolve();
  }
}

import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { ArchivePacker } from '../base/ports/archive.ts';
import type { Fs } from '../base/ports/fs.ts';
import type { HttpClient } from '../base/ports/http-client.ts';
import type { ProcessStats } from '../base/ports/process-stats.ts';
import type { Resolver } from '../base/ports/resolver.ts';
import type { TaskPool } from '../base/ports/task-runner.ts';
import type { MetricsDb } from './database-keeper.ts';

/** What the machine offers; `main.ts` has the real things, tests their own. */
export interface Platform {
  readonly fs: Fs;
  /**
   * The disk for one file store, which may be a network mount, or for the folder of the database as
   * sync and dumps see it: calls that hang are left behind.
   */
  readonly makeStoreFs: () => Fs;
  readonly clock: Clock;
  readonly http: HttpClient;
  readonly resolver: Resolver;
  readonly process: ProcessStats;
  readonly packer: ArchivePacker;
  readonly tasks: TaskPool;
  readonly randomBytes: (count: number) => Uint8Array;
  /** Names this machine over restarts. */
  readonly hostname: string;
  readonly openDb: (dir: string, logger: Logger) => Promise<MetricsDb>;
}

export interface PluginInfo {
  readonly id: string;
  readonly version: string;
}

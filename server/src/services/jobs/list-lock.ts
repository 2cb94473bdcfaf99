import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { Backoff } from '../../base/sync/backoff.ts';
import { GoLock } from './go-lock.ts';
import type { JobKeyValueStore } from './key-value-store.ts';

const RETRY_FIRST_MS = 20;
const RETRY_MAX_MS = 1_000;
/** Longer than a holder that died keeps it; after that the lock is a clock's mistake. */
const PATIENCE_MS = 20_000;

export interface ListLockOptions {
  readonly kv: JobKeyValueStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly pluginId: string;
  /** Whether there may be other nodes, with the Go plugin. */
  readonly isCluster: () => boolean;
}

/**
 * The Go plugin's lock around its list of jobs (its server/job.go). Go nodes write the list without a
 * look at what they write over, so that only this lock keeps what we write in between.
 */
export class ListLock {
  readonly #options: ListLockOptions;
  readonly #lock: GoLock;

  constructor(options: ListLockOptions) {
    this.#options = options;
    const { kv, clock, pluginId } = options;
    this.#lock = new GoLock(kv, clock, `${pluginId}mattermost-plugin-metrics_job_lock`);
  }

  /**
   * Runs `work` with the lock, as soon as nobody else has it. One that stays for 20 s is passed over:
   * among nodes of this plugin nothing is lost without it.
   */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const { clock, logger, isCluster } = this.#options;
    if (!isCluster()) return work();
    const backoff = new Backoff(RETRY_FIRST_MS, RETRY_MAX_MS);
    const startMs = clock.monotonicMs();
    do {
      const done = await this.#lock.tryRun(work);
      if (done !== undefined) return done.result;
      await clock.sleep(backoff.nextMs());
    } while (clock.monotonicMs() - startMs < PATIENCE_MS);
    logger.warn('The lock of the list of dump jobs stays held; it is passed over');
    return work();
  }
}

import type { Clock } from '../base/clock.ts';
import { CodedError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { withTimeout } from '../base/sync/timeout.ts';
import type { DatabaseKeeper } from './database-keeper.ts';
import type { Syncing } from './syncing.ts';

/** The host gives up after 10 s; the rest is for its own calls. */
const BUDGET_MS = 8_000;
/** Time kept for closing the database, which syncs the log. */
const CLOSE_MS = 1_000;
const PART_MS = 2_500;
const FLUSH_MS = 5_000;

interface Stoppable {
  stop(): Promise<void>;
}

export interface Parts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly jobs: Stoppable;
  readonly scraping: Stoppable;
  /** Ends the scraping before it lets another instance take over. */
  readonly cluster: Stoppable & {
    /** Takes note of it when the file store has everything. */
    settle(): Promise<void>;
  };
  readonly syncing: Stoppable & Pick<Syncing, 'upload'>;
  readonly upkeep: Stoppable;
  readonly database: Pick<DatabaseKeeper, 'current' | 'stopTrying' | 'close'> | undefined;
}

/**
 * Ends the parts in their order: first whoever asks for work, then the scraper with its last samples
 * and stale markers, then the head becomes a block that goes to the file store, at last the database
 * with its log synced. A step that takes too long is left behind: what it would have done happens at
 * the next start, since all that was scraped is in the log already.
 */
export async function deactivate(parts: Parts): Promise<void> {
  const { clock, logger, database } = parts;
  const endMs = clock.monotonicMs() + BUDGET_MS;
  const leftMs = (keepMs: number): number => Math.max(1, endMs - keepMs - clock.monotonicMs());
  const step = async (name: string, limitMs: number, work: () => Promise<unknown>) => {
    try {
      await withTimeout(clock, limitMs, work(), () => {
        return new CodedError('ERR_STOP_TIMEOUT', 'it took too long', { step: name, limitMs });
      });
    } catch (error) {
      logger.warn('A part of the plugin did not stop as it should', { step: name, error });
    }
  };

  await step('jobs, sync, scraper', Math.min(PART_MS, leftMs(CLOSE_MS)), () =>
    Promise.all([
      parts.upkeep.stop(),
      parts.jobs.stop(),
      parts.syncing.stop(),
      parts.cluster.stop(),
      parts.scraping.stop(),
    ]),
  );
  if (database === undefined) return;
  await step('database start', leftMs(CLOSE_MS), () => database.stopTrying());
  const open = database.current;
  if (open !== undefined) {
    await step('head', Math.min(FLUSH_MS, leftMs(CLOSE_MS)), () => open.db.flush());
    const cancel = new AbortController();
    await step('upload', leftMs(CLOSE_MS), () => parts.syncing.upload(cancel.signal));
    cancel.abort(new CodedError('ERR_STOP_TIMEOUT', 'the plugin is stopping'));
    await step('cluster', leftMs(CLOSE_MS), () => parts.cluster.settle());
  }
  await step('database', leftMs(0), () => database.close());
}

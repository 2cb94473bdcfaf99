import type { Clock } from '../base/clock.ts';
import { RepeatingTask } from '../base/sync/repeating-task.ts';
import type { Cluster } from './cluster.ts';
import { METRICS_COMMAND } from './dump-command.ts';
import type { FileStoreKeeper } from './file-store-keeper.ts';
import type { Host } from './host.ts';
import type { OwnMetrics } from './own-metrics.ts';
import type { Syncing } from './syncing.ts';
import type { LoopWatch, Watches } from './watches.ts';

export interface UpkeepOptions {
  readonly clock: Clock;
  readonly host: Pick<Host, 'log' | 'registerCommand'>;
  readonly watches: Watches;
  readonly syncing: Pick<Syncing, 'noticeNewBlocks'>;
  readonly cluster: Pick<Cluster, 'tend'>;
  readonly ownMetrics: Pick<OwnMetrics, 'measure'>;
  readonly fileStore: Pick<FileStoreKeeper, 'check'>;
}

/** How often the parts look after themselves between the events that wake them. */
const UPKEEP_PERIOD_MS = 30_000;

/** What is looked after now and then: each part in a loop of its own, since any of them may hang. */
export function upkeepTasks(options: UpkeepOptions): readonly RepeatingTask[] {
  const { clock, host, watches, syncing, cluster, ownMetrics, fileStore } = options;
  const task = (loop: LoopWatch, what: string, run: () => Promise<unknown>): RepeatingTask =>
    new RepeatingTask({
      clock,
      periodMs: () => UPKEEP_PERIOD_MS,
      watch: loop.watch,
      run: async () => {
        await run();
      },
      onError: (error) => host.log.warn(`${what} failed; trying again`, { error }),
    });
  let isRegistered = false;
  const registerCommand = async (): Promise<void> => {
    if (isRegistered) return;
    await host.registerCommand(METRICS_COMMAND);
    isRegistered = true;
  };
  return [
    task(watches.sync, 'Noticing new blocks', async () => syncing.noticeNewBlocks()),
    task(watches.roles, 'Looking after the role of this node', () => cluster.tend()),
    task(watches.ownMetrics, 'Measuring the log on the disk', () => ownMetrics.measure()),
    task(watches.command, 'Registering the slash command', registerCommand),
    task(watches.storeCheck, 'Looking after the file store', () => fileStore.check('due')),
  ];
}

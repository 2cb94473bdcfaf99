// Our side of the comparison, in a process of its own: the scrape manager on the whole database, as
// the plugin runs them. Arguments: the TSDB's directory, the interval in ms, the ports of the targets.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

import { silentLogger } from '../../../server/src/base/log.ts';
import { ScrapeManager } from '../../../server/src/ingest/index.ts';
import { diskFs } from '../../../server/src/platform/disk-fs.ts';
import { NodeHttpClient } from '../../../server/src/platform/http-client.ts';
import { systemClock } from '../../../server/src/platform/system-clock.ts';
import { WorkerPool } from '../../../server/src/platform/worker-pool.ts';
import { Db } from '../../../server/src/tsdb/index.ts';

/** So long blocks are cut at most. */
const CUT_MS_MAX = 10_000;

const delay = monitorEventLoopDelay({ resolution: 1 });

/** How late the event loop was since `delay` was enabled; its own millisecond is not the loop's. */
function takeDelayMs(): number {
  const delayMs = delay.percentile(99.9) / 1e6 - 1;
  delay.disable();
  delay.reset();
  return Math.max(0, delayMs);
}

type Question = 'watch' | 'delay' | 'cut' | 'stop';

async function main(): Promise<void> {
  const [dir, interval, worker, ...ports] = process.argv.slice(2);
  const intervalMs = Number(interval);
  const common = { clock: systemClock, logger: silentLogger };
  const tasks = new WorkerPool({ createWorker: () => new Worker(worker) });
  const db = await Db.open({ fs: diskFs, dir, tasks, ...common });
  const http = new NodeHttpClient();
  const manager = new ScrapeManager({ http, appendable: db, ...common });
  const targets = ports.map((port) => {
    const instance = `127.0.0.1:${port}`;
    return { url: `http://${instance}/metrics`, labels: { job: 'prometheus', instance } };
  });
  manager.apply(
    {
      intervalMs,
      timeoutMs: Math.min(intervalMs, 10_000),
      bodyLimitBytes: 1024 ** 3,
      sampleLimit: 0,
      honorTimestamps: true,
    },
    targets,
  );
  const answers: Record<Question, () => Promise<object>> = {
    watch: async () => ({ isWatching: delay.enable() }),
    delay: async () => ({ delayMs: takeDelayMs() }),
    cut: async () => {
      delay.enable();
      // What arrives while a block is written makes another: on a slow machine there is no end.
      await Promise.race([db.flush(), setTimeout(CUT_MS_MAX)]);
      return { delayMs: takeDelayMs() };
    },
    stop: async () => {
      const down = manager.targets().filter(({ up }) => !up).length;
      await manager.stop();
      http.close();
      await db.close();
      return { down };
    },
  };
  process.on('message', (question: Question) => {
    void answers[question]().then((answer) => {
      process.send?.(answer, () => question === 'stop' && process.exit());
    });
  });
  process.send?.({});
}

void main();

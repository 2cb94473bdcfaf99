// What the plugin does for a dump and for the upkeep of the store, without a host around it. Run with
// `make ROOT WORK` or `upkeep ROOT WORK`, where ROOT is a local file store; prints a line of JSON.
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

import { silentLogger } from '../../../server/src/base/log.ts';
import { LocalFileStore } from '../../../server/src/filestore/local-file-store.ts';
import { ThreadedPacker } from '../../../server/src/platform/archive/archive-packer.ts';
import { diskFs } from '../../../server/src/platform/disk-fs.ts';
import { LeavableFs } from '../../../server/src/platform/leavable-fs.ts';
import { systemClock } from '../../../server/src/platform/system-clock.ts';
import { WorkerPool } from '../../../server/src/platform/worker-pool.ts';
import { BlockCatalog } from '../../../server/src/services/blocksync/block-catalog.ts';
import { DumpService } from '../../../server/src/services/dump/dump-service.ts';
import { StoreUpkeep } from '../../../server/src/services/upkeep/store-upkeep.ts';

const JOB = 'benchbenchbenchbenchbench1';

const [command = '', root = '', work = ''] = process.argv.slice(2);
const workerFile = process.env['BENCH_WORKER'] ?? '';
const tasks = new WorkerPool({
  workersMax: Number(process.env['BENCH_THREADS'] ?? availableParallelism()),
  createWorker: () => new Worker(workerFile),
});
const nowMs = (): number => systemClock.nowMs();
const store = new LocalFileStore({ fs: new LeavableFs(diskFs), root, nowMs });
const local = new LocalFileStore({ fs: diskFs, root: work, nowMs });
const catalog = new BlockCatalog();
const common = { catalog, tasks, clock: systemClock, logger: silentLogger };

async function make(): Promise<object> {
  const dumps = new DumpService({
    ...common,
    database: () => ({ store: local, blocks: () => [], writeHeadBlock: async () => undefined }),
    fileStore: () => store,
    askScraper: async () => undefined,
    missingSamples: async () => [],
    identity: async () => ({
      serverVersion: '11.4.0',
      serverId: 'bench',
      licenseId: '',
      customerId: '',
      pluginId: 'bench',
      pluginVersion: '0.0.0',
    }),
    packer: new ThreadedPacker(tasks),
    sizeLimitBytes: () => 0,
  });
  const restBytes = process.memoryUsage.rss();
  forgetPeak();
  const startMs = performance.now();
  const { sizeBytes, sampleCount } = await dumps.make({
    jobId: JOB,
    minTimeMs: 0,
    maxTimeMs: Number.MAX_SAFE_INTEGER - 1,
    format: 'tar.gz',
    signal: new AbortController().signal,
    onProgress: () => undefined,
    ownsFiles: async () => true,
  });
  const seconds = (performance.now() - startMs) / 1000;
  const growthBytes = peakBytes() - restBytes;
  await dumps.remove(JOB);
  return { seconds, cpuSeconds: cpuSeconds(), archiveBytes: sizeBytes, growthBytes, sampleCount };
}

async function upkeep(): Promise<object> {
  const keeper = new StoreUpkeep({ ...common, isDumping: async () => false });
  const startMs = performance.now();
  const made = await keeper.run(store, local, 0, new AbortController().signal);
  return { seconds: (performance.now() - startMs) / 1000, cpuSeconds: cpuSeconds(), made };
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Linux sets the peak back to what is resident now. */
function forgetPeak(): void {
  writeFileSync('/proc/self/clear_refs', '5');
}

function peakBytes(): number {
  const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return Number(peak) * 1024;
}

(command === 'upkeep' ? upkeep() : make()).then(
  (measured) => {
    process.stdout.write(`${JSON.stringify(measured)}\n`);
    void tasks.close();
  },
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);

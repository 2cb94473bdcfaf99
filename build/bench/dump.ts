/**
 * `make bench-dump`: a dump of 15 days by the plugin beside the same by the steps of the Go plugin
 * (build/bench/go/dump, on Prometheus' own module), in turn, in one run, medians of three. The store
 * has 180 blocks of two hours with 50,000 series and is made anew, which takes some minutes.
 *
 * Each line `RATIO <name> <ours divided by theirs>` is a cost, so lower is better. The goals:
 * dump_cold_wall 0.25, dump_cold_cpu 0.4, dump_cold_size 1.3, dump_merged_wall 0.2,
 * dump_merged_size 1.1, dump_temp_disk 0.1, dump_rss_growth 0.5, store_bytes 0.75, download_time 0.5.
 * "Cold" is the store as the Go plugin leaves it, "merged" the same after our own upkeep; theirs is
 * always the cold one, since the Go plugin does not merge its store. Ours uses all cores; the plugin's
 * default is half. Downloads go through the real server of `make e2e`.
 *
 * BENCH_SCALE=0.1 shrinks the number of blocks and of series, BENCH_RUNS=1 the number of runs, and
 * BENCH_STORE=folder keeps the store for the next run of the same scale.
 */
import type { ChildProcess } from 'node:child_process';
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

import { STORE_BLOCKS_DIR } from '../../server/src/filestore/layout.ts';
import { bundleServer } from '../bundle.ts';
import { v8Limits } from '../executable.ts';
import { goBuild } from '../support/go.ts';
import { ended, spawnTied } from '../support/processes.ts';
import { repositoryRoot } from '../support/repository.ts';
import { temporaryDir } from '../support/temporary.ts';
import { missingTools, tools } from '../support/tools.ts';
import { Downloads } from './dump/download.ts';
import { TargetLoad } from './load.ts';
import { median, print, ratioLine, runs, scale } from './support.ts';

const BLOCKS = Math.max(12, Math.round(180 * scale));
const TARGETS = 10;
const SERIES_PER_TARGET = Math.max(50, Math.round(5000 * scale));
/** How often the size of a folder for temporary data is looked at. */
const LOOK_MS = 200;
const STAT_BLOCK_BYTES = 512;

interface Ours {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly archiveBytes: number;
  readonly growthBytes: number;
  readonly sampleCount: number;
}

interface Theirs {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly archiveBytes: number;
  readonly peakRssBytes: number;
  readonly sampleCount: number;
}

interface Programs {
  readonly theirs: string;
  readonly ours: string;
  readonly worker: string;
}

async function prepare(work: string): Promise<Programs> {
  const theirs = goBuild({
    dir: join(import.meta.dirname, 'go'),
    name: 'bench-dump',
    package: './dump',
  });
  const main = join(import.meta.dirname, 'dump', 'ours.ts');
  const worker = join(repositoryRoot, 'server', 'src', 'worker.ts');
  const bundle = await bundleServer({ main, worker });
  const programs = { theirs, ours: join(work, 'ours.cjs'), worker: join(work, 'worker.cjs') };
  writeFileSync(programs.ours, bundle.main);
  writeFileSync(programs.worker, bundle.worker);
  return programs;
}

/** A local file store with the blocks; half of them are made by each of two processes. */
async function makeStore(root: string, work: string, { theirs }: Programs): Promise<void> {
  const blocks = join(root, STORE_BLOCKS_DIR);
  if (existsSync(blocks) && readdirSync(blocks).length === BLOCKS) return;
  const labels = join(work, 'labels.jsonl');
  const lines: string[] = [];
  for (let target = 1; target <= TARGETS; target++) {
    for (const series of new TargetLoad(target, SERIES_PER_TARGET).series) {
      const pairs = series.map(({ name, value }) => [name, value] as const);
      lines.push(JSON.stringify(Object.fromEntries(pairs)));
    }
  }
  writeFileSync(labels, `${lines.join('\n')}\n`);
  const half = Math.ceil(BLOCKS / 2);
  const parts = [
    [0, half],
    [half, BLOCKS - half],
  ];
  await Promise.all(
    parts.map(([first, count]) => run(theirs, ['generate', labels, blocks, first, count])),
  );
}

/** Runs a program to its end; what it says about itself, and how large `temporary` was at most. */
async function run<T>(
  command: string,
  args: readonly (string | number)[],
  temporary?: string,
  env: NodeJS.ProcessEnv = {},
): Promise<T & { temporaryBytes: number }> {
  const child: ChildProcess = spawnTied(command, args.map(String), {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  let output = '';
  child.stdout?.on('data', (piece: Buffer) => (output += piece.toString()));
  let temporaryBytes = 0;
  const look = setInterval(() => {
    if (temporary !== undefined) temporaryBytes = Math.max(temporaryBytes, sizeOf(temporary));
  }, LOOK_MS);
  await ended(child);
  clearInterval(look);
  const line = output.trim().split('\n').at(-1) ?? '';
  if (child.exitCode !== 0 || !line.startsWith('{')) {
    throw new Error(`${command} ${args.join(' ')} ended with ${child.exitCode}: ${output}`);
  }
  return { ...(JSON.parse(line) as T), temporaryBytes };
}

/** Bytes on the disk of all files below a folder that others change meanwhile. */
function sizeOf(path: string): number {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  if (!stat.isDirectory()) return stat.blocks * STAT_BLOCK_BYTES;
  try {
    return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
  } catch {
    return 0;
  }
}

const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;

class DumpBench {
  readonly #programs: Programs;
  readonly #work: string;

  constructor(programs: Programs, work: string) {
    this.#programs = programs;
    this.#work = work;
  }

  async ours(root: string): Promise<Ours & { temporaryBytes: number }> {
    const one = await this.#runOurs<Ours>('make', root);
    print(
      `  ours: ${one.seconds.toFixed(1)} s, ${one.cpuSeconds.toFixed(1)} CPU s, ` +
        `${mib(one.archiveBytes)}, RSS +${mib(one.growthBytes)}, ` +
        `temporary ${mib(one.temporaryBytes)}`,
    );
    return one;
  }

  upkeep(root: string): Promise<{ seconds: number; cpuSeconds: number; made: number }> {
    return this.#runOurs('upkeep', root);
  }

  async theirs(root: string): Promise<Theirs & { temporaryBytes: number }> {
    const temporary = join(this.#work, 'theirs');
    const dest = join(this.#work, 'theirs.tar.gz');
    const args = ['make', join(root, STORE_BLOCKS_DIR), temporary, dest];
    const one = await run<Theirs>(this.#programs.theirs, args, temporary);
    rmSync(dest);
    print(
      `  theirs: ${one.seconds.toFixed(1)} s, ${one.cpuSeconds.toFixed(1)} CPU s, ` +
        `${mib(one.archiveBytes)}, RSS ${mib(one.peakRssBytes)}, ` +
        `temporary ${mib(one.temporaryBytes)}`,
    );
    return one;
  }

  #runOurs<T>(command: string, root: string): Promise<T & { temporaryBytes: number }> {
    const temporary = join(this.#work, 'ours');
    mkdirSync(temporary, { recursive: true });
    const args = [...v8Limits, this.#programs.ours, command, root, temporary];
    const env = { BENCH_WORKER: this.#programs.worker };
    return run<T>(process.execPath, args, temporary, env);
  }
}

const missing = missingTools([tools.go, tools.postgres, tools.setpriv]);
if (missing.length > 0) {
  console.error(missing.join('\n'));
  process.exit(1);
}
const work = temporaryDir('bench-dump');
const programs = await prepare(work);
const kept = process.env['BENCH_STORE'];
const root = kept ?? join(work, 'store');
await makeStore(root, work, programs);
const plainBytes = sizeOf(join(root, STORE_BLOCKS_DIR));
print(
  `${BLOCKS} blocks of ${TARGETS * SERIES_PER_TARGET} series, ${mib(plainBytes)}, ` +
    `${availableParallelism()} cores`,
);
const bench = new DumpBench(programs, work);
const merged = join(work, 'merged');
cpSync(root, merged, { recursive: true });
const { seconds, cpuSeconds, made } = await bench.upkeep(merged);
const mergedBytes = sizeOf(join(merged, STORE_BLOCKS_DIR));
print(
  `upkeep: ${made} blocks in ${seconds.toFixed(1)} s, ${cpuSeconds.toFixed(1)} CPU s, ` +
    `${mib(mergedBytes)}`,
);

const cold: Awaited<ReturnType<DumpBench['ours']>>[] = [];
const warm: typeof cold = [];
const theirs: Awaited<ReturnType<DumpBench['theirs']>>[] = [];
for (let each = 1; each <= runs; each++) {
  print(`run ${each}: cold, merged, theirs`);
  cold.push(await bench.ours(root));
  warm.push(await bench.ours(merged));
  theirs.push(await bench.theirs(root));
}
const counts = new Set([...cold, ...warm, ...theirs].map(({ sampleCount }) => sampleCount));
if (counts.size !== 1) throw new Error(`the dumps hold different samples: ${[...counts].join()}`);

const line = <T>(
  name: string,
  unit: string,
  [mine, ofOurs]: readonly [readonly T[], (one: T) => number],
  ofTheirs: (one: (typeof theirs)[number]) => number,
): void => print(ratioLine(name, unit, median(mine.map(ofOurs)), median(theirs.map(ofTheirs))));
const size = (one: { archiveBytes: number }): number => one.archiveBytes / 2 ** 20;
const wall = (one: { seconds: number }): number => one.seconds;
line('dump_cold_wall', 's', [cold, wall], wall);
line('dump_cold_cpu', 's', [cold, (one) => one.cpuSeconds], (one) => one.cpuSeconds);
line('dump_cold_size', 'MiB', [cold, size], size);
line('dump_merged_wall', 's', [warm, wall], wall);
line('dump_merged_size', 'MiB', [warm, size], size);
const temporaryMib = (one: { temporaryBytes: number }): number => one.temporaryBytes / 2 ** 20;
line('dump_temp_disk', 'MiB', [cold, temporaryMib], temporaryMib);
const growthMib = (one: Ours): number => one.growthBytes / 2 ** 20;
line('dump_rss_growth', 'MiB', [cold, growthMib], (one) => one.peakRssBytes / 2 ** 20);
print(ratioLine('store_bytes', 'MiB', mergedBytes / 2 ** 20, plainBytes / 2 ** 20));

const downloadBytes = Math.max(1, Math.round(2048 * scale)) * 2 ** 20;
const downloads = await Downloads.prepare(downloadBytes);
const times: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] };
for (let each = 1; each <= runs; each++) {
  const [ours, theirs] = [await downloads.ours(), await downloads.theirs()];
  times.ours.push(ours);
  times.theirs.push(theirs);
  print(
    `  download of ${mib(downloadBytes)}, run ${each}: ${ours.toFixed(1)} s / ${theirs.toFixed(1)} s`,
  );
}
await downloads.stop();
print(ratioLine('download_time', 's', median(times.ours), median(times.theirs)));

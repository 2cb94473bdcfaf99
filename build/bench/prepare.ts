// What the cases of `make bench` work on: both sides' programs, and inputs that are made when a case
// asks for them.
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { bundleServer } from '../bundle.ts';
import { v8Limits } from '../executable.ts';
import { goBuild } from '../support/go.ts';
import { run } from '../support/processes.ts';
import { repositoryRoot } from '../support/repository.ts';
import { temporaryDir } from '../support/temporary.ts';
import { requireTool, tools } from '../support/tools.ts';
import { cloneBlock } from './clone-block.ts';
import { writeLoad, type LoadShape } from './load.ts';
import { writeOpenMetrics } from './open-metrics.ts';
import {
  type CommandCost,
  measureProcess,
  scale,
  timeCommand,
  watchCommand,
  type Measurement,
} from './support.ts';

const TWO_HOURS_MS = 2 * 60 * 60 * 1000;
/** A Mattermost cluster of ten nodes over two hours: 6 million samples in one block. */
export const SHAPE: LoadShape = {
  targets: 10,
  seriesPerTarget: Math.max(20, Math.round(5000 * scale)),
  scrapes: 120,
  intervalMs: 60_000,
  startMs: Math.floor(1_700_000_000_000 / TWO_HOURS_MS) * TWO_HOURS_MS,
};

/** What `promtool tsdb bench write` is to do: 10,000 series, as it has by default. */
export const WRITE_SERIES = Math.max(100, Math.round(10_000 * scale));
export const WRITE_SCRAPES = 600;

/** Half of the nodes, as the anchors have them. */
const HALF: LoadShape = { ...SHAPE, targets: SHAPE.targets / 2 };

export type Side = (command: string, ...args: string[]) => Measurement;

export interface Bench {
  readonly work: string;
  readonly ours: Side;
  readonly theirs: Side;
  /** Scrapes of two hours. */
  readonly load: string;
  /** A database with nothing but the write-ahead log of these scrapes. */
  readonly log: string;
  /** The command-line tools, from start to end of the process. */
  readonly ourTool: Side;
  readonly promtool: Side;
  /** `promtool tsdb bench write` with the series of the load; it syncs nothing before its end. */
  promtoolBenchWrite(load: string, out: string): Measurement;
  /** What making blocks of a text costs: 18 million samples of 25,000 series over 12 hours. */
  createBlocks(side: 'ours' | 'theirs', run: number): Promise<CommandCost>;
  /** Folder of a block: 3 million samples of 25,000 series. */
  oneBlock(): string;
  /** Folders of three blocks that follow one another: 9 million samples of 25,000 series. */
  threeBlocks(): readonly string[];
  /** A folder of 180 blocks, 15 days, of 50,000 series each. */
  manyBlocks(): string;
  /** An empty folder, or a copy of `from`. */
  fresh(from?: string): string;
}

/** Builds the programs of both sides. */
export async function prepare(): Promise<Bench> {
  const work = temporaryDir('bench');
  const program = goBuild({ dir: join(import.meta.dirname, 'go'), name: 'bench' });
  const ours = await bundleOurs(work);
  const tool = await bundleTool(work);
  const load = join(work, 'load');
  const log = join(work, 'log');
  mkdirSync(load);
  writeLoad(load, SHAPE);
  ours('append', load, log);
  const fresh = (from?: string): string => {
    const dir = join(work, 'db');
    rmSync(dir, { recursive: true, force: true });
    if (from === undefined) mkdirSync(dir);
    else cpSync(from, dir, { recursive: true });
    rmSync(join(work, 'blocks'), { recursive: true, force: true });
    mkdirSync(join(work, 'blocks'));
    return dir;
  };
  const theirs: Side = (command, ...args) => measureProcess(program, [command, ...args]);
  return {
    work,
    ours,
    theirs,
    ourTool: (...args) => timeCommand(process.execPath, [...tool, ...args]),
    promtool: (...args) => timeCommand(requireTool(tools.promtool), ['tsdb', ...args]),
    promtoolBenchWrite: (from, out) => {
      const args = ['tsdb', 'bench', 'write', `--out=${out}`, `--metrics=${WRITE_SERIES}`];
      const file = join(from, 'labels.jsonl');
      const output = run(requireTool(tools.promtool), [
        ...args,
        `--scrapes=${WRITE_SCRAPES}`,
        file,
      ]);
      const samples = Number(/total samples: (\d+)/.exec(output)?.[1]);
      const perSecond = Number(/samples\/sec: (\S+)/.exec(output)?.[1]);
      return { cost: 1e6 / perSecond, checks: { samples } };
    },
    createBlocks: blockCreation(work, tool, fresh),
    load,
    log,
    fresh,
    ...stores(work, theirs),
  };
}

/** Both figures of a run come from the same one. */
function blockCreation(
  work: string,
  tool: readonly string[],
  fresh: () => string,
): Bench['createBlocks'] {
  const text = once(() => {
    const path = join(work, 'text');
    writeOpenMetrics(path, { ...HALF, scrapes: SHAPE.scrapes * 6 });
    return path;
  });
  const runs = new Map<string, Promise<CommandCost>>();
  return (side, run) => {
    const known = runs.get(`${side} ${run}`);
    if (known !== undefined) return known;
    const args = ['create-blocks-from', '--quiet', 'openmetrics', text(), fresh()];
    const running =
      side === 'ours'
        ? watchCommand(process.execPath, [...tool, ...args])
        : watchCommand(requireTool(tools.promtool), ['tsdb', ...args]);
    runs.set(`${side} ${run}`, running);
    return running;
  };
}

function stores(
  work: string,
  theirs: Side,
): Pick<Bench, 'oneBlock' | 'threeBlocks' | 'manyBlocks'> {
  return {
    oneBlock: once(() => {
      writeBlocks(work, 'half', HALF, theirs);
      // promtool insists on a log.
      mkdirSync(join(work, 'half', 'wal'));
      return join(work, 'half');
    }),
    threeBlocks: once(() =>
      writeBlocks(work, 'three', { ...HALF, scrapes: SHAPE.scrapes * 3 }, theirs),
    ),
    manyBlocks: once(() => {
      const [block = ''] = writeBlocks(work, 'one', SHAPE, theirs);
      const dir = join(work, 'many');
      for (let i = 0; i < 180; i++) cloneBlock(block, dir, i * TWO_HOURS_MS);
      return dir;
    }),
  };
}

/** Lets Prometheus write blocks of two hours; returns their folders in the order of time. */
function writeBlocks(work: string, name: string, shape: LoadShape, theirs: Side): string[] {
  const load = join(work, `${name}-load`);
  const dir = join(work, name);
  mkdirSync(load);
  mkdirSync(dir);
  writeLoad(load, shape);
  theirs('write-blocks', load, dir);
  rmSync(load, { recursive: true });
  return readdirSync(dir)
    .sort()
    .map((block) => join(dir, block));
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

/** Our side runs as it does in the plugin: bundled, and with the limits of the executable. */
async function bundleOurs(work: string): Promise<Side> {
  const main = join(import.meta.dirname, 'ours.ts');
  const worker = join(repositoryRoot, 'server', 'src', 'worker.ts');
  const bundle = await bundleServer({ main, worker });
  const files = { main: join(work, 'ours.cjs'), worker: join(work, 'worker.cjs') };
  writeFileSync(files.main, bundle.main);
  writeFileSync(files.worker, bundle.worker);
  const env = { ...process.env, BENCH_WORKER: files.worker };
  const flags = [...v8Limits, '--expose-gc', files.main];
  return (command, ...args) => measureProcess(process.execPath, [...flags, command, ...args], env);
}

/** Node's arguments for the command-line tool, bundled as well. */
async function bundleTool(work: string): Promise<string[]> {
  const main = join(repositoryRoot, 'server', 'src', 'tool.ts');
  const worker = join(repositoryRoot, 'server', 'src', 'worker.ts');
  const bundle = await bundleServer({ main, worker });
  writeFileSync(join(work, 'tool.cjs'), bundle.main);
  const start = join(work, 'start-tool.cjs');
  writeFileSync(start, "void require('./tool.cjs').main(process.argv.slice(2));\n");
  return [...v8Limits, start];
}

/**
 * `make bench`: our TSDB beside Prometheus' own, in one run, in turn, medians of three. Each case
 * ends with a line `RATIO <name> <ours divided by theirs> (...)`: a cost, so lower is better.
 *
 *     make bench                        everything
 *     node build/bench/run.ts append    the cases whose name contains one of the arguments
 *
 * BENCH_SCALE=0.1 shrinks the input, BENCH_RUNS=1 the number of runs.
 */
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { bundleServer } from '../bundle.ts';
import { v8Limits } from '../executable.ts';
import { goBuild } from '../support/go.ts';
import { repositoryRoot } from '../support/repository.ts';
import { temporaryDir } from '../support/temporary.ts';
import { missingTools, requireTool, tools } from '../support/tools.ts';
import { writeLoad, type LoadShape } from './load.ts';
import { compare, measureProcess, print, scale, timeCommand, type Measurement } from './support.ts';

import { cloneBlock } from './clone-block.ts';

const TWO_HOURS_MS = 2 * 60 * 60 * 1000;
/** A Mattermost cluster of ten nodes over two hours: 6 million samples in one block. */
const SHAPE: LoadShape = {
  targets: 10,
  seriesPerTarget: Math.max(20, Math.round(5000 * scale)),
  scrapes: 120,
  intervalMs: 60_000,
  startMs: Math.floor(1_700_000_000_000 / TWO_HOURS_MS) * TWO_HOURS_MS,
};

type Side = (command: string, ...args: string[]) => Measurement;

interface Bench {
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
  /** Folder of a block: 3 million samples of 25,000 series. */
  oneBlock(): string;
  /** Folders of three blocks that follow one another: 9 million samples of 25,000 series. */
  threeBlocks(): readonly string[];
  /** A folder of 180 blocks, 15 days, of 50,000 series each. */
  manyBlocks(): string;
  /** An empty folder, or a copy of `from`. */
  fresh(from?: string): string;
}

const cases: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  append_wal: ({ ours, theirs, load, fresh }) =>
    compare({
      name: 'append_wal',
      unit: 's per million samples',
      ours: () => ours('append', load, fresh()),
      theirs: () => theirs('append', load, fresh()),
    }),
  wal_replay: ({ ours, theirs, log, fresh }) =>
    compare({
      name: 'wal_replay',
      unit: 's',
      ours: () => ours('replay', fresh(log)),
      theirs: () => theirs('replay', fresh(log)),
    }),
  head_to_block: ({ ours, theirs, log, fresh, work }) =>
    compare({
      name: 'head_to_block',
      unit: 's',
      ours: () => ours('head-to-block', fresh(log), join(work, 'blocks')),
      theirs: () => theirs('head-to-block', fresh(log), join(work, 'blocks')),
    }),
  block_bytes: ({ ours, theirs, log, fresh, work }) =>
    compare({
      name: 'block_bytes',
      unit: 'bytes',
      ours: () => ours('block-bytes', fresh(log), join(work, 'blocks')),
      theirs: () => theirs('block-bytes', fresh(log), join(work, 'blocks')),
    }),
  head_bytes_per_series: ({ ours, theirs, load, fresh }) =>
    compare({
      name: 'head_bytes_per_series',
      unit: 'bytes',
      ours: () => ours('head-bytes', load, fresh()),
      theirs: () => theirs('head-bytes', load, fresh()),
    }),
  merge_3x2h: ({ ours, theirs, fresh, threeBlocks }) =>
    compare({
      name: 'merge_3x2h',
      unit: 's',
      ours: () => ours('merge', fresh(), ...threeBlocks()),
      theirs: () => theirs('merge', fresh(), ...threeBlocks()),
    }),
  open_180_blocks: ({ ours, theirs, manyBlocks }) =>
    compare({
      name: 'open_180_blocks',
      unit: 's',
      ours: () => ours('open', manyBlocks()),
      theirs: () => theirs('open', manyBlocks()),
    }),
  lookup_180_blocks: ({ ours, theirs, manyBlocks }) =>
    compare({
      name: 'lookup_180_blocks',
      unit: 's',
      ours: () => ours('lookup', manyBlocks(), '10.0.0.1:8067'),
      theirs: () => theirs('lookup', manyBlocks(), '10.0.0.1:8067'),
    }),
  tsdb_dump: ({ ourTool, promtool, oneBlock }) =>
    compare({
      name: 'tsdb_dump',
      unit: 's',
      ours: () => ourTool('dump', oneBlock()),
      theirs: () => promtool('dump', oneBlock()),
    }),
  analyze: ({ ourTool, promtool, oneBlock }) =>
    compare({
      name: 'analyze',
      unit: 's',
      ours: () => ourTool('analyze', oneBlock()),
      theirs: () => promtool('analyze', oneBlock()),
    }),
};

async function prepare(): Promise<Bench> {
  const work = temporaryDir('bench');
  const program = goBuild({ dir: join(import.meta.dirname, 'go'), name: 'bench' });
  const ours = await bundleOurs(work);
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
  const threeBlocks = once(() => {
    const shape = { ...SHAPE, targets: SHAPE.targets / 2, scrapes: SHAPE.scrapes * 3 };
    return writeBlocks(work, 'three', shape, theirs);
  });
  const oneBlock = once(() => {
    writeBlocks(work, 'half', { ...SHAPE, targets: SHAPE.targets / 2 }, theirs);
    // promtool insists on a log.
    mkdirSync(join(work, 'half', 'wal'));
    return join(work, 'half');
  });
  const ourTool = await bundleTool(work);
  const promtool: Side = (...args) => timeCommand(requireTool(tools.promtool), ['tsdb', ...args]);
  const manyBlocks = once(() => {
    const [block = ''] = writeBlocks(work, 'one', SHAPE, theirs);
    const dir = join(work, 'many');
    for (let i = 0; i < 180; i++) cloneBlock(block, dir, i * TWO_HOURS_MS);
    return dir;
  });
  return {
    work,
    ours,
    theirs,
    ourTool,
    promtool,
    load,
    log,
    fresh,
    oneBlock,
    threeBlocks,
    manyBlocks,
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

/** The command-line tool, bundled as well. */
async function bundleTool(work: string): Promise<Side> {
  const main = join(repositoryRoot, 'server', 'src', 'tool.ts');
  const worker = join(repositoryRoot, 'server', 'src', 'worker.ts');
  const bundle = await bundleServer({ main, worker });
  writeFileSync(join(work, 'tool.cjs'), bundle.main);
  const start = join(work, 'start-tool.cjs');
  writeFileSync(start, "void require('./tool.cjs').main(process.argv.slice(2));\n");
  return (...args) => timeCommand(process.execPath, [...v8Limits, start, ...args]);
}

const missing = missingTools([tools.go, tools.promtool]);
if (missing.length > 0) {
  console.error(missing.join('\n'));
  process.exit(1);
}
const wanted = process.argv.slice(2);
const names = Object.keys(cases).filter(
  (name) => wanted.length === 0 || wanted.some((part) => name.includes(part)),
);
if (names.length === 0) throw new Error(`no case is called ${wanted.join(' or ')}`);
print(`${SHAPE.targets} targets x ${SHAPE.seriesPerTarget} series x ${SHAPE.scrapes} scrapes`);
const bench = await prepare();
for (const name of names) await cases[name]?.(bench);

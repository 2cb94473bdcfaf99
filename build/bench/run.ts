/**
 * `make bench`: our TSDB beside Prometheus' own, in one run, in turn, medians of three. Each case
 * ends with a line `RATIO <name> <ours divided by theirs> (...)`: a cost, so lower is better.
 *
 *     make bench                        everything
 *     node build/bench/run.ts append    the cases whose name contains one of the arguments
 *
 * BENCH_SCALE=0.1 shrinks the input, BENCH_RUNS=1 the number of runs.
 */
import { join } from 'node:path';

import { missingTools, tools } from '../support/tools.ts';
import { type Bench, prepare, SHAPE, WRITE_SCRAPES, WRITE_SERIES } from './prepare.ts';
import { compare, print } from './support.ts';

const cases: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  append_wal: ({ ours, promtoolBenchWrite, load, fresh }) =>
    compare({
      name: 'append_wal',
      unit: 's per million samples',
      ours: () => ours('bench-write', load, fresh(), String(WRITE_SERIES), String(WRITE_SCRAPES)),
      theirs: () => promtoolBenchWrite(load, fresh()),
    }),
  append_scrapes: ({ ours, theirs, load, fresh }) =>
    compare({
      name: 'append_scrapes',
      unit: 's per million samples',
      ours: () => ours('append', load, fresh()),
      theirs: () => theirs('append', load, fresh()),
    }),
  create_blocks_wall: ({ createBlocks }) =>
    compare({
      name: 'create_blocks_wall',
      unit: 's',
      ours: async (run) => ({ cost: (await createBlocks('ours', run)).seconds }),
      theirs: async (run) => ({ cost: (await createBlocks('theirs', run)).seconds }),
    }),
  create_blocks_anon: ({ createBlocks }) =>
    compare({
      name: 'create_blocks_anon',
      unit: 'bytes',
      ours: async (run) => ({ cost: (await createBlocks('ours', run)).anonymousBytes }),
      theirs: async (run) => ({ cost: (await createBlocks('theirs', run)).anonymousBytes }),
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

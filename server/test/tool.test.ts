import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { silentLogger } from '../src/base/log.ts';
import { makeLabels } from '../src/model/labels.ts';
import { diskFs } from '../src/platform/disk-fs.ts';
import { systemClock } from '../src/platform/system-clock.ts';
import { Db, tsdbTasks } from '../src/tsdb/index.ts';
import { inlineTasks } from './support/inline-tasks.ts';
import { makeBlock, type SeriesToWrite, testUlid } from './support/make-block.ts';
import { Random } from './support/random.ts';
import { hasTool } from './support/tools.ts';

// The command-line tool side by side with promtool.

const HOUR_MS = 60 * 60 * 1000;
const START_MS = 1795334400000;
const TOOL = join(import.meta.dirname, '..', 'src', 'tool.ts');
const MAX_BUFFER = 2 ** 28;

let root = '';
/** Three blocks, the last two of which overlap and differ. */
let store = '';

before(async () => {
  root = mkdtempSync(join(tmpdir(), 'tool-'));
  store = join(root, 'store');
  mkdirSync(join(store, 'wal'), { recursive: true });
  for (const [i, [from, to]] of [
    [0, 2],
    [2, 4],
    [3, 5],
  ].entries()) {
    const range = [START_MS + from * HOUR_MS, START_MS + to * HOUR_MS] as const;
    await makeBlock(diskFs, store, testUlid(i), range, randomSeries(new Random(i), ...range));
  }
});
after(() => rmSync(root, { recursive: true, force: true }));

function randomSeries(random: Random, fromMs: number, toMs: number): SeriesToWrite[] {
  const odd = [0, -0, NaN, Infinity, -Infinity, 1e6, 1e21, 1e-5, 123456.75, 5e-324, -1234567.5];
  const series: SeriesToWrite[] = [];
  for (let s = 0; s < 300; s++) {
    if (random.below(6) === 0) continue;
    const samples: [number, number][] = [];
    const count = s % 13 === 0 ? 1 : 20 + random.below(100);
    const stepMs = Math.floor((toMs - fromMs) / count);
    for (let i = 0; i < count; i++) {
      const value = s % 5 === 0 ? odd[random.below(odd.length)] : random.below(10000) / 8;
      samples.push([fromMs + i * stepMs, value]);
    }
    const labels = {
      __name__: `metric_${s % 23}`,
      id: String(s),
      job: `job-${s % 3}`,
      ...(s % 7 === 0 && { zone: 'größer "🎈"\n\\\u00a0' }),
    };
    series.push({ labels, samples });
  }
  return series;
}

function ours(...args: string[]): string {
  return outputOf(process.execPath, [TOOL, ...args]);
}

function theirs(...args: string[]): string {
  return outputOf('promtool', ['tsdb', ...args]);
}

function outputOf(program: string, args: readonly string[]): string {
  return execFileSync(program, args, {
    maxBuffer: MAX_BUFFER,
    stdio: ['ignore', 'pipe', 'ignore'],
  }).toString();
}

function failure(...args: string[]): { status: number | null; stderr: string } {
  const { status, stderr } = spawnSync(process.execPath, [TOOL, ...args]);
  return { status, stderr: stderr.toString() };
}

function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [TOOL, ...args], { encoding: 'utf8' });
}

/** Blocks of two hours with one sample each, one behind the other. */
async function makeBlocks(dir: string, count: number): Promise<string[]> {
  for (let i = 0; i < count; i++) {
    const range = [START_MS + i * 2 * HOUR_MS, START_MS + (i + 1) * 2 * HOUR_MS] as const;
    const samples: [number, number][] = [[range[0], i]];
    await makeBlock(diskFs, dir, testUlid(i), range, [{ labels: { __name__: 'a' }, samples }]);
  }
  return Array.from({ length: count }, (_, i) => testUlid(i));
}

function cutEnd(path: string, count: number): void {
  truncateSync(path, statSync(path).size - count);
}

/** @param place from 0 to 1 */
function flip(path: string, place: number): void {
  const bytes = readFileSync(path);
  const at = Math.max(12, Math.floor(bytes.length * place));
  bytes[at] ^= 0x10;
  writeFileSync(path, bytes);
}

function isInSecondBlock(line: string): boolean {
  const timeMs = Number(line.slice(line.lastIndexOf(' ') + 1));
  return timeMs >= START_MS + 3 * HOUR_MS && timeMs < START_MS + 5 * HOUR_MS;
}

describe('the tool', () => {
  const range = [
    '--min-time',
    String(START_MS + HOUR_MS + 1),
    `--max-time=${START_MS + 3 * HOUR_MS}`,
  ];
  const same: string[][] = [
    ['list'],
    ['list', '-r'],
    ['list', '--human-readable'],
    ['dump'],
    ['dump', ...range],
    ['dump', '--match', 'metric_7'],
    ['dump', '--match={__name__=~"metric_(1|2.*)",job!="job-1"}', ...range],
    ['dump', '--match={zone!=""}'],
    ['dump', '--match={zone="",id!~"1.*"}'],
    ['dump', '--match={nothing="x"}'],
    ['dump', '--match={}'],
    ['dump', '--match={zone="gr\\xc3\\xb6\\303\\237er \\"🎈\\"\\n\\\\\\u00a0"}'],
    ['dump', '--match={id=~"(1|11)+(.|a)[[:^alpha:]]?"}'],
  ];
  for (const args of same) {
    it(`prints what promtool prints: ${args.join(' ')}`, (t) => {
      if (!hasTool(t, 'promtool')) return;
      assert.equal(ours(...args, store), theirs(...args, store));
    });
  }

  it('analyzes a block as promtool does, up to the order of equals', (t) => {
    if (!hasTool(t, 'promtool')) return;
    for (const args of [[store], [store, testUlid(0)]]) {
      const limit = ['analyze', '--extended', '--limit=100000'];
      const sections = (text: string): string[][] =>
        text.split('\n\n').map((section) => section.split('\n').sort());
      assert.deepEqual(sections(ours(...limit, ...args)), sections(theirs(...limit, ...args)));
      const numbers = (text: string): string[] =>
        text.split('\n').map((line) => (/^\d+ /.exec(line) ?? [line])[0]);
      assert.deepEqual(numbers(ours('analyze', ...args)), numbers(theirs('analyze', ...args)));
    }
  });

  it('dumps what one of several selectors wants, each sample once', () => {
    const both = ours('dump', '--match=metric_7', '--match={id="7"}', '--match', 'metric_8', store);
    const lines = ['metric_7', 'metric_8', '{id="7"}'].flatMap((selector) =>
      ours('dump', `--match=${selector}`, store).trimEnd().split('\n'),
    );
    assert.deepEqual(both.trimEnd().split('\n').sort(), [...new Set(lines)].sort());
  });

  it('dumps the log behind the blocks', async (t) => {
    if (!hasTool(t, 'promtool')) return;
    const dir = join(root, 'log');
    cpSync(store, dir, { recursive: true });
    const db = await Db.open({
      fs: diskFs,
      dir,
      clock: systemClock,
      logger: silentLogger,
      tasks: inlineTasks(tsdbTasks(diskFs)),
      maintenanceIntervalMs: 0,
    });
    const appender = db.appender();
    for (let s = 0; s < 50; s++) {
      const ref = appender.series(
        makeLabels([
          ['__name__', `metric_${s}`],
          ['id', String(s)],
        ]),
      );
      for (let i = 0; i < 30; i++) appender.append(ref, START_MS + 6 * HOUR_MS + i * 1000, s + i);
    }
    await appender.commit();
    // As Prometheus' own, the command works while somebody else writes.
    const text = ours('dump', dir);
    await db.close();
    assert.equal(text, theirs('dump', dir));
  });

  it('dumps OpenMetrics text that promtool makes the same blocks of', async (t) => {
    if (!hasTool(t, 'promtool')) return;
    const dir = join(root, 'simple');
    mkdirSync(join(dir, 'wal'), { recursive: true });
    const samples = Array.from({ length: 50 }, (_, i): [number, number] => [
      START_MS + i * 1001,
      i / 4,
    ]);
    const series = [1, 2, 3].map((i) => ({ labels: { __name__: `m${i}`, id: `${i}` }, samples }));
    await makeBlock(diskFs, dir, testUlid(0), [START_MS, START_MS + HOUR_MS], series);
    const back = join(root, 'back');
    const input = join(root, 'dump.om');
    const text = ours('dump-openmetrics', dir);
    assert.match(text, /^m1\{id="1"\} 0 1795334400\.000\n/);
    assert.match(text, /\n# EOF\n$/);
    await diskFs.open(input, 'create').then(async (file) => {
      await file.write(new TextEncoder().encode(text));
      await file.close();
    });
    execFileSync('promtool', ['tsdb', 'create-blocks-from', 'openmetrics', input, back], {
      stdio: 'ignore',
    });
    assert.equal(ours('dump', back), ours('dump', dir));
  });

  it('merges a folder, which then holds the same', () => {
    const dir = join(root, 'merged');
    cpSync(store, dir, { recursive: true });
    const dumped = ours('dump', dir);
    const output = ours('merge', '--max-range=6h', dir);
    assert.match(output, /^\w{26} \w{26} -> \w{26}\n$/);
    assert.deepEqual(readdirSync(dir).filter((name) => name.startsWith('0')).length, 2);
    assert.equal(ours('dump', dir), dumped);
    assert.equal(ours('verify', dir).match(/ ok: /g)?.length, 2);
    assert.equal(ours('merge', dir), '');
  });

  it('keeps blocks whose samples a merge would lose, since their times are wrong', async () => {
    const dir = mkdtempSync(join(root, 'wrong-times-'));
    mkdirSync(join(dir, 'wal'));
    const [first] = await makeBlocks(dir, 5);
    const dumped = ours('dump', dir);
    const path = join(dir, first, 'meta.json');
    const later = (_: string, minTime: string): string => `"minTime": ${Number(minTime) + 1}`;
    writeFileSync(path, readFileSync(path, 'utf8').replace(/"minTime": (\d+)/, later));
    const merged = run('merge', '--max-range=4h', dir);
    assert.equal(merged.status, 1);
    assert.match(merged.stderr, new RegExp(`not merged: .*${first}`));
    assert.ok(readdirSync(dir).includes(first));
    assert.equal(readdirSync(dir).filter((name) => name.startsWith('0')).length, 5);
    assert.equal(ours('dump', dir), dumped);
  });

  it('leaves a folder alone that somebody else uses', async () => {
    const lock = await diskFs.lockDir(store);
    try {
      const { status, stderr } = failure('merge', store);
      assert.equal(status, 1);
      assert.match(stderr, /in use by/);
    } finally {
      await lock.release();
    }
  });

  it('finds damage, and says so in its exit code', () => {
    const dir = join(root, 'damaged');
    cpSync(store, dir, { recursive: true });
    truncateSync(join(dir, testUlid(1), 'chunks', '000001'), 100);
    const { status, stderr } = failure('verify', dir);
    assert.equal(status, 1);
    assert.match(stderr, /1 blocks are damaged/);
  });

  /** Folders of five blocks, the third of which is damaged; `lists`: it can still be listed. */
  const bad: [what: string, lists: boolean, damage: (block: string) => void][] = [
    ['an empty meta.json', false, (block) => truncateSync(join(block, 'meta.json'), 0)],
    ['half a meta.json', false, (block) => cutEnd(join(block, 'meta.json'), 60)],
    ['an index without its end', false, (block) => cutEnd(join(block, 'index'), 60)],
    ['no index', false, (block) => rmSync(join(block, 'index'))],
    ['no chunks', true, (block) => rmSync(join(block, 'chunks'), { recursive: true })],
    ['damaged tombstones', true, (block) => cutEnd(join(block, 'tombstones'), 1)],
  ];
  for (const [what, lists, damage] of bad) {
    it(`goes on without a block that has ${what}, and says so`, async () => {
      const dir = mkdtempSync(join(root, 'bad-'));
      mkdirSync(join(dir, 'wal'));
      const [first, second, third, fourth] = await makeBlocks(dir, 5);
      damage(join(dir, third));
      const lines = (text: string): string[] => text.trimEnd().split('\n');
      const listed = run('list', dir);
      assert.equal(listed.status, 0);
      assert.equal(lines(listed.stdout).length, lists ? 6 : 5);
      const dumped = run('dump', dir);
      const kept = [0, 1, 3, 4].map((i) => `{__name__="a"} ${i} ${START_MS + i * 2 * HOUR_MS}`);
      assert.deepEqual([dumped.status, lines(dumped.stdout)], [1, kept]);
      assert.match(dumped.stderr, new RegExp(`^block ${third} is left out, .*\\n.*: ${third}\\n$`));
      assert.match(run('dump-openmetrics', dir).stdout, /\n# EOF\n$/);
      assert.equal(run('analyze', dir, second).status, 0);
      if (!lists) {
        assert.equal(run('analyze', dir, third).status, 1);
        assert.match(listed.stderr, new RegExp(`^block ${third} is left out, [^\\n]+\\n$`));
      }
      const merged = run('merge', '--max-range=4h', dir);
      assert.equal(merged.status, 1, merged.stderr);
      assert.match(merged.stdout, new RegExp(`^${first} ${second} -> `, 'm'));
      assert.ok(readdirSync(dir).includes(third), 'the damaged block stays');
      assert.ok(readdirSync(dir).includes(fourth), 'its neighbour is merged with nothing');
      assert.deepEqual(lines(run('dump', dir).stdout), kept);
    });
  }

  it('names a block that is unfinished, which is no fault', async () => {
    const dir = mkdtempSync(join(root, 'unfinished-'));
    mkdirSync(join(dir, 'wal'));
    const [, , third] = await makeBlocks(dir, 5);
    rmSync(join(dir, third, 'meta.json'));
    for (const command of ['list', 'dump', 'analyze', 'merge']) {
      const { status, stdout, stderr } = run(command, dir);
      assert.equal(status, 0, command);
      assert.notEqual(stdout, '');
      assert.match(stderr, new RegExp(`^block ${third} is left out: it is unfinished.*\\n$`));
    }
  });

  const damages: [what: string, lost: string, damage: (block: string) => void][] = [
    ['no meta.json', 'samples, 0 chunks lost', (block) => rmSync(join(block, 'meta.json'))],
    [
      'a short chunk file',
      'chunks lost',
      (block) => truncateSync(join(block, 'chunks', '000001'), 5000),
    ],
    ['an index without its end', ', 0 chunks lost', (block) => cutEnd(join(block, 'index'), 60)],
    ['a flipped bit in a series', ', 0 chunks lost', (block) => flip(join(block, 'index'), 0.3)],
    [
      'a flipped bit in a chunk',
      ', 1 chunks lost',
      (block) => flip(join(block, 'chunks', '000001'), 0.5),
    ],
    ['damaged tombstones', ', 0 chunks lost', (block) => cutEnd(join(block, 'tombstones'), 1)],
    ['no symbols', 'nothing: 0 of', (block) => flip(join(block, 'index'), 0.001)],
  ];
  for (const [what, lost, damage] of damages) {
    it(`repairs a block with ${what}, and keeps the damaged one`, () => {
      const dir = mkdtempSync(join(root, 'repair-'));
      cpSync(store, dir, { recursive: true });
      damage(join(dir, testUlid(1)));
      const before = new Set(ours('dump', store).split('\n'));
      assert.equal(failure('verify', dir).status, 1);
      const output = ours('repair', dir);
      assert.match(
        output,
        new RegExp(`${testUlid(0)} ok\n${testUlid(1)} DAMAGED: .*\n  -> .*${lost}`),
      );
      assert.match(output, /kept as .*\.damaged-\d+\n/);
      assert.match(output, /wal ok\n$/);
      assert.equal(ours('verify', dir).match(/ DAMAGED/g), null);
      const after = ours('dump', dir).trimEnd().split('\n');
      // The last two blocks overlap and differ: where one sample is gone, the other one shows.
      const invented = after.filter((line) => !before.has(line) && !isInSecondBlock(line));
      assert.deepEqual(invented, []);
      assert.ok(after.length > before.size / 3);
    });
  }

  it('repairs a log, and keeps what lay behind the damage', async () => {
    const dir = mkdtempSync(join(root, 'repair-log-'));
    const db = await Db.open({
      fs: diskFs,
      dir,
      clock: systemClock,
      logger: silentLogger,
      tasks: inlineTasks(tsdbTasks(diskFs)),
      maintenanceIntervalMs: 0,
    });
    for (let i = 0; i < 10; i++) {
      const appender = db.appender();
      appender.append(appender.series(makeLabels([['__name__', 'a']])), START_MS + i, i);
      await appender.commit();
    }
    cpSync(dir, `${dir}-copy`, { recursive: true });
    await db.close();
    flip(join(`${dir}-copy`, 'wal', '00000000'), 0.5);
    const { stdout, stderr } = spawnSync(process.execPath, [TOOL, 'repair', `${dir}-copy`]);
    assert.match(stdout.toString(), /wal ended before its damage/);
    assert.match(stderr.toString(), /kept aside.*00000000\.corrupt-/);
    assert.equal(ours('repair', `${dir}-copy`), 'wal ok\n');
  });

  it('explains wrong arguments', () => {
    assert.match(failure('huh').stderr, /unknown command huh\ntry tsdb --help/);
    assert.match(failure('list', '--huh').stderr, /unknown flag --huh/);
    assert.match(failure('list', 'a', 'b').stderr, /unexpected b/);
    assert.match(failure('dump', '--min-time').stderr, /--min-time needs a value/);
    assert.match(failure('dump', '--min-time=x', 'a').stderr, /--min-time is no whole number/);
    assert.match(failure('merge', '--max-range=6', 'a').stderr, /--max-range is no length of time/);
    assert.match(failure('analyze', store, 'x').stderr, /block x not found/);
    assert.match(failure('dump', '--match={', store).stderr, /selector/);
    assert.match(failure('list', join(root, 'missing')).stderr, /missing/);
    assert.match(ours('tsdb', '--help'), /^usage: tsdb <command>/);
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`is ended by ${signal} while nobody reads its output`, async () => {
      const tool = spawn(process.execPath, [TOOL, 'dump', store], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      await new Promise((resolve) => tool.stdout.once('readable', resolve));
      const ended = new Promise((resolve) => tool.once('exit', (_, by) => resolve(by)));
      tool.kill(signal);
      assert.equal(await ended, signal);
      tool.stdout.destroy();
    });
  }

  it('is ended by a signal while it computes', async () => {
    const dir = join(root, 'long-values');
    mkdirSync(dir);
    const series = Array.from({ length: 300 }, (_, i) => ({
      labels: { __name__: 'm', id: `${'y'.repeat(4000)}${i}` },
      samples: [[0, 1]] as const,
    }));
    await makeBlock(diskFs, dir, testUlid(0), [0, 1], series);
    // Linear, but with so many states that values of this length take minutes.
    const match = `--match={id=~"${'.?'.repeat(30_000)}x"}`;
    const tool = spawn(process.execPath, [TOOL, 'dump', match, dir], { stdio: 'ignore' });
    const ended = new Promise((resolve) => tool.once('exit', (_, by) => resolve(by)));
    setTimeout(() => tool.kill('SIGTERM'), 2000);
    assert.equal(await ended, 'SIGTERM');
  });

  it('ends quietly when its reader has read enough', async () => {
    const tool = spawn(process.execPath, [TOOL, 'dump', store], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stderr = '';
    tool.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
    await new Promise((resolve) => tool.stdout.once('data', resolve));
    tool.stdout.destroy();
    const status = await new Promise((resolve) => tool.once('exit', resolve));
    assert.deepEqual([status, stderr], [0, '']);
  });
});

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { makeLabels } from '../src/model/labels.ts';
import { BlockImport } from '../src/tsdb/index.ts';
import { FakeClock } from './support/fake-clock.ts';
import { MemoryFs } from './support/memory-fs.ts';
import { Random } from './support/random.ts';
import { hasTool } from './support/tools.ts';
import { bitsOfNumber, readBlockSamples } from './support/tsdb-samples.ts';

// Blocks that are made of OpenMetrics text, beside those that promtool makes of it.

const HOUR_MS = 60 * 60 * 1000;
const START_S = 1795334400;
const TOOL = join(import.meta.dirname, '..', 'src', 'tool.ts');
const COMMAND = ['create-blocks-from', 'openmetrics'];

let root = '';
before(() => {
  root = mkdtempSync(join(tmpdir(), 'create-blocks-'));
});
after(() => rmSync(root, { recursive: true, force: true }));

interface Line {
  readonly series: string;
  readonly value: string;
  readonly timeS: number;
}

/** Five hours of series of many shapes, scrape by scrape. */
function makeLines(): Line[] {
  const random = new Random(7);
  const lines: Line[] = [];
  for (let scrape = 0; scrape < 5 * 60; scrape++) {
    for (let s = 0; s < 60; s++) {
      if (s % 9 === 0 && scrape % 50 > 30) continue;
      const odd = random.pick(['NaN', '+Inf', '-Inf', '0', '-1.5e-300']);
      const value = s % 10 === 0 ? odd : String(s % 3 === 0 ? scrape : random.below(1000) / 8);
      const series = `metric_${s % 7}{id="${s}"${s % 5 === 0 ? ',zone="größer \\"🎈\\"\\n"' : ''}}`;
      lines.push({ series, value, timeS: START_S + scrape * 60 + (s % 4) / 4 });
    }
  }
  return lines;
}

function textOf(lines: readonly Line[]): string {
  const text = lines.map(({ series, value, timeS }) => `${series} ${value} ${timeS}\n`).join('');
  return `# HELP metric_1 Help.\n# TYPE metric_1 gauge\n${text}# EOF\n`;
}

function write(name: string, text: string): string {
  const path = join(root, name);
  writeFileSync(path, text);
  return path;
}

function ours(...args: string[]): string {
  return execFileSync(process.execPath, [TOOL, ...args]).toString();
}

function filesOf(dir: string): string[] {
  return readdirSync(dir)
    .filter((name) => /^[0-9A-Z]{26}$/.test(name))
    .sort()
    .flatMap((name) => ['index', 'chunks/000001'].map((file) => join(dir, name, file)));
}

const withoutUlids = (text: string): string => text.replace(/[0-9A-Z]{26}/g, 'ULID');

describe('create-blocks-from openmetrics', () => {
  const orders: Record<string, (a: Line, b: Line) => number> = {
    'scrape by scrape': () => 0,
    'series by series': (a, b) => (a.series < b.series ? -1 : a.series > b.series ? 1 : 0),
  };
  for (const [order, compare] of Object.entries(orders)) {
    it(`makes promtool's blocks, byte for byte, and says the same: ${order}`, (t) => {
      if (!hasTool(t, 'promtool')) return;
      const input = write('input', textOf(makeLines().toSorted(compare)));
      const dirs = ['ours', 'theirs'].map((name) => mkdtempSync(join(root, name)));
      const [mine = '', others = ''] = dirs;
      const printed = ours(...COMMAND, input, mine);
      const expected = execFileSync('promtool', ['tsdb', ...COMMAND, input, others]).toString();
      assert.equal(withoutUlids(printed), withoutUlids(expected));
      const theirs = filesOf(others);
      assert.equal(theirs.length, 6);
      for (const [i, file] of filesOf(mine).entries()) {
        assert.ok(readFileSync(file).equals(readFileSync(theirs[i])), file);
      }
    });
  }

  it('lists times of any year as promtool does', (t) => {
    if (!hasTool(t, 'promtool')) return;
    for (const timeS of [1_750_000_000_000, 8_640_000_000_000, 253_402_300_800, 0]) {
      const dir = mkdtempSync(join(root, 'years-'));
      ours(...COMMAND, write('years', `a 1 ${timeS}\n# EOF\n`), dir);
      const expected = execFileSync('promtool', ['tsdb', 'list', '-r', dir]).toString();
      assert.equal(ours('list', '-r', dir), expected);
    }
  });

  it('adds labels, and can be quiet', () => {
    const input = write('labels', `up{job="a"} 1 ${START_S}\ndown 2 ${START_S}\n# EOF\n`);
    const dir = join(root, 'labels-out');
    assert.equal(
      ours(
        'create-blocks-from',
        '-q',
        'openmetrics',
        '--label=job=b',
        '--label',
        'x=y',
        input,
        dir,
      ),
      '',
    );
    assert.equal(
      ours('dump', dir),
      `{__name__="down", job="b", x="y"} 2 ${START_S}000\n` +
        `{__name__="up", job="b", x="y"} 1 ${START_S}000\n`,
    );
  });

  it('reads a text again when its blocks do not fit into memory', async () => {
    const fs = new MemoryFs();
    await fs.makeDir('blocks');
    const blocks = new BlockImport({
      fs,
      clock: new FakeClock(START_S * 1000),
      parentDir: 'blocks',
      rangeMs: 2 * HOUR_MS,
      bytesMax: 100_000,
    });
    const samples: [series: string, timeMs: number, value: number][] = [];
    for (let minute = 0; minute < 24 * 60; minute++) {
      // Some come early, into a block that was given up.
      for (let s = 0; s < 20; s++) {
        samples.push([`${s}`, (START_S + minute * 60) * 1000 + (s === 19 ? 9 * HOUR_MS : 0), s]);
      }
    }
    const float = new DataView(new ArrayBuffer(8));
    let passes = 0;
    for (let position: number | undefined = 0; position !== undefined; passes++) {
      for (let at = position; at < samples.length; at++) {
        const [id, timeMs, value] = samples[at];
        const series = blocks.series(makeLabels([['id', id]]));
        float.setFloat64(0, value);
        const hi = float.getInt32(0);
        assert.equal(blocks.append(series, timeMs, hi, float.getInt32(4), at), 'appended');
        if (at % 100 === 0) blocks.limitMemory();
      }
      position = (await blocks.write(new AbortController().signal, async () => {}))?.position;
    }
    assert.ok(passes > 1, 'memory was short');
    const dirs = (await fs.list('blocks')).map(({ name }) => `blocks/${name}`);
    assert.equal(dirs.length, 17);
    const found = await readBlockSamples(fs, dirs);
    for (const [id, timeMs, value] of samples) {
      assert.equal(found.get(`{id="${id}"}`)?.get(timeMs), bitsOfNumber(value));
    }
    assert.equal(
      [...found.values()].reduce((sum, { size }) => sum + size, 0),
      samples.length,
    );
  });

  const faults: [what: string, text: string, message: RegExp][] = [
    ['a text without an end', 'a 1 1\n', /line 2: the text does not end with "# EOF"/],
    ['an empty text', '', /line 1: the text does not end with "# EOF"/],
    ['a sample without a time', 'a 1 1\na 1\n# EOF\n', /line 2: a sample has no timestamp/],
    ['a label that comes twice', 'a{b="1",b="2"} 1 2\n# EOF\n', /line 1: a label comes twice/],
    ['text behind the end', 'a 1 2\n# EOF\na 1 3\n', /line 3: something follows "# EOF"/],
    [
      'a fault far behind',
      `${Array.from({ length: 200_000 }, (_, i) => `a{x="y"} 1 ${i}\n`).join('')}!\n# EOF\n`,
      /line 200001: expected a metric name/,
    ],
  ];
  for (const [what, text, message] of faults) {
    it(`refuses ${what}, and makes no block`, () => {
      const dir = mkdtempSync(join(root, 'fault'));
      const args = [TOOL, ...COMMAND, write('fault', text), dir];
      const { status, stderr } = spawnSync(process.execPath, args);
      assert.equal(status, 1);
      assert.match(stderr.toString(), message);
      assert.deepEqual(readdirSync(dir), []);
    });
  }

  it('leaves out what goes back or comes twice as promtool does, and counts it', (t) => {
    if (!hasTool(t, 'promtool')) return;
    const random = new Random(11);
    for (let round = 0; round < 3; round++) {
      const lines: string[] = [];
      for (let i = 0; i < 200; i++) {
        const timeS = START_S + i * 60 - (random.below(5) === 0 ? random.below(4) * 1800 : 0);
        const value = random.below(3);
        for (let copies = 1 + random.below(2); copies > 0; copies--) {
          lines.push(`a{x="${random.below(3)}"} ${value + copies} ${timeS}\n`);
        }
      }
      const input = write('backward', `${lines.join('')}# EOF\n`);
      const [mine = '', others = ''] = ['a', 'b'].map((name) => mkdtempSync(join(root, name)));
      const { status, stderr } = spawnSync(process.execPath, [TOOL, ...COMMAND, input, mine]);
      assert.equal(status, 0);
      execFileSync('promtool', ['tsdb', ...COMMAND, input, others], { stdio: 'ignore' });
      const dumped = ours('dump', mine);
      assert.equal(dumped, ours('dump', others));
      const [, total, conflicts, older] =
        /^(\d+) samples were left out: (\d+) .* (\d+) older than/.exec(stderr.toString()) ?? [];
      assert.equal(Number(total), Number(conflicts) + Number(older));
      const same = lines.length - dumped.trimEnd().split('\n').length - Number(total);
      assert.ok(same >= 0 && same < Number(total), 'the rest came twice with one value');
    }
  });

  const strict: [what: string, text: string, message: RegExp][] = [
    ['a sample that goes back', 'a 1 2\na 1 1\n# EOF\n', /line 2: .* has a later one already/],
    ['two values at one time', 'a 1 2\na 2 2\n# EOF\n', /line 2: .* another value at the same/],
  ];
  for (const [what, text, message] of strict) {
    it(`refuses ${what} with --strict alone`, () => {
      const dir = mkdtempSync(join(root, 'strict'));
      const args = [TOOL, 'create-blocks-from', '-q', 'openmetrics', write('strict', text), dir];
      const refused = spawnSync(process.execPath, [...args, '--strict']);
      assert.equal(refused.status, 1);
      assert.match(refused.stderr.toString(), message);
      assert.deepEqual(readdirSync(dir), []);
      const { status, stderr } = spawnSync(process.execPath, args);
      assert.equal(status, 0);
      assert.match(stderr.toString(), /^1 samples were left out: /);
      assert.equal(ours('dump', dir), '{__name__="a"} 1 2000\n');
    });
  }

  it('explains wrong arguments', () => {
    const failure = (...args: string[]): string =>
      spawnSync(process.execPath, [TOOL, 'create-blocks-from', ...args]).stderr.toString();
    mkdirSync(join(root, 'empty'));
    assert.match(failure('csv', 'x'), /blocks cannot be made from csv/);
    assert.match(failure('openmetrics'), /input file is missing/);
    assert.match(failure('openmetrics', join(root, 'missing'), join(root, 'empty')), /missing/);
    assert.match(failure('openmetrics', '--label=x', 'y'), /--label wants NAME=VALUE/);
  });
});

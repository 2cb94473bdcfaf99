import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';

import { makeBlock, xorChunk } from '../../../test/support/make-block.ts';
import { MemoryFs } from '../../../test/support/memory-fs.ts';
import { Random, seedFromEnvironment } from '../../../test/support/random.ts';
import { CodedError } from '../../base/errors.ts';
import { IndexWriter } from '../index/index-writer.ts';
import { encodeTombstones } from '../tombstones/tombstones.ts';
import { writeBlock } from './block-writer.ts';
import { formatBlockMeta, parseBlockMeta } from './meta.ts';
import { BlockStreamCheck, INDEX_TAIL_BYTES } from './stream-check.ts';

const ULID = '01M82H1M1AKNSAH96G4139ASBH';
const OTHER = '01M82H1M1AKNSAH96G4139ASBJ';
type Files = Map<string, Uint8Array>;
type Split = (bytes: Uint8Array) => Iterable<Uint8Array>;

const inOne: Split = (bytes) => [bytes];
const bytewise: Split = (bytes) => Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));

function randomly(random: Random): Split {
  return function* (bytes) {
    for (let at = 0; at < bytes.length;) {
      const end = at + 1 + random.below(40);
      yield bytes.subarray(at, end);
      at = end;
    }
  };
}

function check(files: Files, split: Split = inOne, ulid = ULID): void {
  const block = new BlockStreamCheck(ulid);
  for (const [path, bytes] of files) {
    const tail = Buffer.from(bytes.subarray(-INDEX_TAIL_BYTES));
    const file = block.file(path, bytes.length, tail);
    tail.fill(0xff);
    for (const piece of split(bytes)) {
      // As an object store hands them out: Node's own kind of bytes, whose memory is used again.
      const lent = Buffer.from(piece);
      file?.push(lent);
      lent.fill(0xff);
    }
    file?.end();
  }
  block.finish();
}

async function filesOf(fs: MemoryFs, dir: string): Promise<Files> {
  const files: Files = new Map();
  for (const { name } of await fs.list(`${dir}/chunks`)) {
    files.set(`chunks/${name}`, await fs.readFile(`${dir}/chunks/${name}`));
  }
  for (const name of ['index', 'meta.json', 'tombstones']) {
    files.set(name, await fs.readFile(`${dir}/${name}`));
  }
  return files;
}

/** Two segments, series that begin at all alignments, one series with many chunks. */
async function someBlock(): Promise<Files> {
  const fs = new MemoryFs();
  await fs.makeDir('b');
  const symbols = ['', ...Array.from({ length: 30 }, (_, i) => `v${String(i).padStart(2, '0')}`)];
  let at = 0;
  const chunkOf = (index: number) =>
    xorChunk([
      [1000 * index, index],
      [1000 * index + 10, 0.1],
    ]);
  await writeBlock(
    fs,
    'b',
    {
      ulid: ULID,
      minTimeMs: 0,
      maxTimeMs: 100_000,
      compaction: { level: 1, sources: [ULID] },
      segmentBytesMax: 500,
    },
    {
      symbols,
      next: () => ++at < 30,
      get labelRefs() {
        return [at, at + 1];
      },
      get chunks() {
        return at === 3 ? [1, 2, 3, 4, 5].map(chunkOf) : [chunkOf(at)];
      },
    },
  );
  return filesOf(fs, `b/${ULID}`);
}

function changed(files: Files, path: string, bytes: Uint8Array): Files {
  return new Map(files).set(path, bytes);
}

function without(files: Files, path: string): Files {
  const rest = new Map(files);
  rest.delete(path);
  return rest;
}

function editMeta(files: Files, edit: (text: string) => string): Files {
  const text = new TextDecoder().decode(files.get('meta.json'));
  return changed(files, 'meta.json', new TextEncoder().encode(edit(text)));
}

describe('the check of a block whose bytes pass', () => {
  let files: Files = new Map();
  before(async () => {
    files = await someBlock();
  });

  it('finds nothing wrong with a whole block, however its bytes are cut and files are ordered', () => {
    assert.ok(files.has('chunks/000002'));
    check(files);
    check(files, bytewise);
    check(new Map([...files].reverse()));
    for (let i = 0; i < 20; i++) check(files, randomly(new Random(i)));
  });

  it('finds any changed byte of index, chunks and tombstones', () => {
    const random = new Random(seedFromEnvironment());
    for (const [path, bytes] of files) {
      if (path === 'meta.json') continue;
      for (let at = 0; at < bytes.length; at++) {
        const flipped = bytes.slice();
        flipped[at] ^= 1 << random.below(8);
        const what = `byte ${at} of ${path}`;
        assert.throws(() => check(changed(files, path, flipped)), CodedError, what);
      }
    }
  });

  it('finds a file that was cut or grew, at any length', () => {
    for (const [path, bytes] of files) {
      for (let length = 0; length < bytes.length; length++) {
        const what = `${length} bytes of ${path}`;
        const cut = changed(files, path, bytes.slice(0, length));
        assert.throws(() => check(cut), CodedError, what);
      }
      if (path === 'meta.json') continue;
      for (const more of [1, 16, 64]) {
        const grown = new Uint8Array(bytes.length + more);
        grown.set(bytes);
        const what = `${path} and ${more} bytes`;
        assert.throws(() => check(changed(files, path, grown)), CodedError, what);
      }
    }
  });

  it('finds sizes that are not those that were listed', () => {
    for (const difference of [-1, 1]) {
      const block = new BlockStreamCheck(ULID);
      const bytes = files.get('tombstones') ?? new Uint8Array(0);
      const file = block.file('tombstones', bytes.length + difference);
      assert.throws(() => {
        file?.push(bytes);
        file?.end();
      }, CodedError);
    }
  });

  it('finds files that are missing', () => {
    for (const path of files.keys()) {
      if (path === 'tombstones') continue;
      assert.throws(() => check(without(files, path)), CodedError, path);
    }
  });

  it('takes a block without tombstones unless meta.json counts some', () => {
    const rest = without(files, 'tombstones');
    check(rest);
    const counted = editMeta(rest, (text) =>
      text.replace('"numChunks": 33', '"numChunks": 33,"numTombstones": 1'),
    );
    assert.throws(() => check(counted), { code: 'ERR_BLOCK', message: /tombstones is missing/ });
    const stones = encodeTombstones([{ seriesRef: 1, minTimeMs: 0, maxTimeMs: 5 }]);
    check(changed(counted, 'tombstones', stones));
  });

  it('does not mind files that are no part of a block', () => {
    check(changed(files, 'no-compact-mark.json', Uint8Array.of(1, 2, 3)));
    check(changed(files, 'chunks/000001.tmp', Uint8Array.of(1, 2, 3)));
  });

  it('finds files and folders that Prometheus takes for parts of the block', () => {
    for (const path of ['chunks/1', 'chunks/2024000000000', 'chunks/000003/x', 'tombstones/x']) {
      const strange = changed(files, path, Uint8Array.of(1, 2, 3));
      assert.throws(() => check(strange), { code: 'ERR_BLOCK' }, path);
    }
  });

  it('finds parts of an index that are zeroed', () => {
    const index = files.get('index') ?? new Uint8Array(0);
    const toc = new DataView(index.buffer, index.byteOffset + index.length - INDEX_TAIL_BYTES);
    const starts = [0, 1, 2, 4, 3, 5].map((part) => Number(toc.getBigUint64(part * 8)));
    const ends = [...starts.slice(1), index.length - INDEX_TAIL_BYTES];
    for (const [i, start] of starts.entries()) {
      for (const split of [inOne, bytewise]) {
        const zeroed = index.slice().fill(0, start, ends[i]);
        // Eight zeros have the form and the checksum of an empty section.
        const cut = zeroed.fill(0, start, start + Math.floor((ends[i] - start) / 8) * 8);
        if (start === ends[i]) continue;
        assert.throws(() => check(changed(files, 'index', cut), split), CodedError, `part ${i}`);
      }
    }
  });

  it('finds a block without chunks, whose folder no archive would have', async () => {
    const meta = parseBlockMeta(new TextDecoder().decode(files.get('meta.json')), '');
    const fs = new MemoryFs();
    await fs.makeDir('d');
    const index = await IndexWriter.create(fs, 'd/index');
    await index.addSymbols(['']);
    await index.finish();
    const stats = { numSamples: 0, numSeries: 0, numChunks: 0 };
    const empty: Files = new Map([
      ['index', await fs.readFile('d/index')],
      ['meta.json', new TextEncoder().encode(formatBlockMeta({ ...meta, stats }))],
    ]);
    assert.throws(() => check(empty), { code: 'ERR_BLOCK', message: /segment 1/ });
  });

  it('finds files of another block', async () => {
    const fs = new MemoryFs();
    await fs.makeDir('b');
    const samples: [number, number][] = [[1, 1]];
    await makeBlock(fs, 'b', OTHER, [0, 100_000], [{ labels: { a: 'b' }, samples }]);
    const other = await filesOf(fs, `b/${OTHER}`);
    check(other, inOne, OTHER);
    for (const path of ['index', 'meta.json', 'chunks/000001']) {
      const mixed = changed(files, path, other.get(path) ?? new Uint8Array(0));
      assert.throws(() => check(mixed), CodedError, path);
    }
    const first = files.get('chunks/000001') ?? new Uint8Array(0);
    assert.throws(() => check(changed(files, 'chunks/000002', first)), { code: 'ERR_BLOCK' });
  });

  const text = 'meta.json that';
  const lies: [what: string, edit: (text: string) => string, code: string][] = [
    [`${text} is empty`, () => '', 'ERR_BLOCK_META'],
    [`${text} is zeros`, (old) => '\0'.repeat(old.length), 'ERR_BLOCK_META'],
    [`${text} is of another block`, (old) => old.replaceAll(ULID, OTHER), 'ERR_BLOCK'],
    [
      `${text} has another version`,
      (old) => old.replace('"version": 1', '"version": 2'),
      'ERR_BLOCK_META',
    ],
    [
      `${text} begins too late`,
      (old) => old.replace('"minTime": 0', '"minTime": 1001'),
      'ERR_BLOCK',
    ],
    [`${text} ends too early`, (old) => old.replace('100000', '5000'), 'ERR_BLOCK'],
    [
      `${text} counts other series`,
      (old) => old.replace('"numSeries": 29', '"numSeries": 28'),
      'ERR_BLOCK_STATS',
    ],
    [
      `${text} counts other chunks`,
      (old) => old.replace('"numChunks": 33', '"numChunks": 34'),
      'ERR_BLOCK_STATS',
    ],
    [
      `${text} counts other samples`,
      (old) => old.replace('"numSamples": 66', '"numSamples": 6'),
      'ERR_BLOCK_STATS',
    ],
  ];
  // What Go does not read, Prometheus passes over, and its samples are missing.
  for (const [from, to] of [
    ['{', '\ufeff{'],
    ['"version": 1', '"version": 1.0'],
    ['100000', '1e5'],
    ['"numSamples": 66', '"numSamples": 66.0'],
    ['"numSamples"', '"numTombstones": -1, "numSamples"'],
    ['"level"', '"deletable": "x", "level"'],
    ['"level"', '"failed": 1, "level"'],
    ['"level"', '"hints": [1], "level"'],
    ['"level"', '"parents": [{"ulid":"x","minTime":1,"maxTime":2}], "level"'],
    [`[\n\t\t\t"0`, `[\n\t\t\t"8`],
    [`[\n\t\t\t"01`, `[\n\t\t\t"0`],
  ] as const) {
    lies.push([
      `${text} has ${JSON.stringify(to)}`,
      (old) => old.replace(from, to),
      'ERR_BLOCK_META',
    ]);
  }
  for (const [what, edit, code] of lies) {
    it(`finds a ${what}`, () => {
      const edited = editMeta(files, edit);
      assert.notDeepEqual(edited.get('meta.json'), files.get('meta.json'));
      assert.throws(() => check(edited), { code });
    });
  }

  it('reads what the writer of meta.json writes', () => {
    const meta = parseBlockMeta(new TextDecoder().decode(files.get('meta.json')), '');
    check(editMeta(files, () => formatBlockMeta(meta)));
  });
});

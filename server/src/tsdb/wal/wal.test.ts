import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { MemoryFs } from '../../../test/support/memory-fs.ts';
import { fuzzMs, Random, seedFromEnvironment } from '../../../test/support/random.ts';
import { crc32c } from '../../base/bytes/crc32c.ts';
import { CodedError } from '../../base/errors.ts';
import type { Fs } from '../../base/ports/fs.ts';
import { setAsideFrom } from './repair.ts';
import { WalSegmentReader } from './segment-reader.ts';
import { listSegments, PAGE_BYTES, segmentFileName } from './segments.ts';
import { WalWriter } from './wal-writer.ts';

const DIR = 'wal';
const SEGMENT_BYTES = 128 * 1024 * 1024;

async function newFs(): Promise<MemoryFs> {
  const fs = new MemoryFs();
  await fs.makeDir(DIR);
  return fs;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

async function writeFile(fs: Fs, path: string, bytes: Uint8Array): Promise<void> {
  const file = await fs.open(path, 'create');
  await file.write(bytes);
  await file.close();
}

/** The records of one segment, and the error that ended them. */
async function readSegment(
  fs: Fs,
  index = 0,
): Promise<{ records: string[]; error: CodedError | undefined }> {
  const reader = await WalSegmentReader.open(fs, `${DIR}/${segmentFileName(index)}`);
  const records: string[] = [];
  try {
    while (await reader.load()) while (reader.next()) records.push(hex(reader.record));
    return { records, error: undefined };
  } catch (error) {
    assert.ok(error instanceof CodedError, String(error));
    return { records, error };
  } finally {
    await reader.close();
  }
}

/** A segment with these records, as bytes. */
async function segmentOf(records: readonly Uint8Array[]): Promise<Uint8Array<ArrayBuffer>> {
  const fs = await newFs();
  const writer = new WalWriter(fs, DIR, 0, SEGMENT_BYTES);
  await writer.append(records);
  await writer.close();
  return fs.readFile(`${DIR}/00000000`);
}

describe('the log', () => {
  it('has the bytes that Prometheus writes', async () => {
    const segment = await segmentOf([Uint8Array.of(1, 2, 3)]);
    //  0  01        a whole record
    //  1  0003      its length
    //  3  f130f21e  CRC-32C of 01 02 03
    //  7  010203    the record
    assert.equal(hex(segment), '010003f130f21e010203');
  });

  it('gives back a record that begins anywhere near the end of a page', async () => {
    const random = new Random(8);
    for (let room = 0; room <= 9; room++) {
      const records = [PAGE_BYTES - 7 - room, 100, 5].map((length) => random.bytes(length));
      const fs = await newFs();
      await writeFile(fs, `${DIR}/00000000`, await segmentOf(records));
      const { records: found, error } = await readSegment(fs);
      assert.equal(error, undefined, `${room} bytes left`);
      assert.deepEqual(found, records.map(hex), `${room} bytes left`);
    }
  });

  it('splits records at pages and pads the end of a page', async () => {
    const random = new Random(7);
    // The first leaves six bytes in its page: too few for a header.
    const first = random.bytes(PAGE_BYTES - 7 - 6);
    const second = random.bytes(3 * PAGE_BYTES);
    const segment = await segmentOf([first, second]);
    assert.equal(segment[0], 1, 'whole');
    assert.equal(hex(segment.subarray(PAGE_BYTES - 6, PAGE_BYTES)), '000000000000');
    assert.equal(segment[PAGE_BYTES], 2, 'first');
    assert.equal(segment[2 * PAGE_BYTES], 3, 'middle');
    assert.equal(segment[4 * PAGE_BYTES], 4, 'last');
    const fs = await newFs();
    await writeFile(fs, `${DIR}/00000000`, segment);
    const { records, error } = await readSegment(fs);
    assert.equal(error, undefined);
    assert.deepEqual(records, [hex(first), hex(second)]);
  });

  it('gives back records of any length', async (t) => {
    const random = new Random(seedFromEnvironment());
    t.diagnostic(`SEED=${random.seed}`);
    const records = Array.from({ length: 300 }, () =>
      random.bytes(1 + random.below(random.pick([10, 1000, 5000, 2 * PAGE_BYTES]))),
    );
    const fs = await newFs();
    await writeFile(fs, `${DIR}/00000000`, await segmentOf(records));
    const { records: found, error } = await readSegment(fs);
    assert.equal(error, undefined);
    assert.deepEqual(found, records.map(hex));
  });

  it('begins a new segment when the old one is full, padded to whole pages', async () => {
    const fs = await newFs();
    const writer = new WalWriter(fs, DIR, 3, 2 * PAGE_BYTES);
    for (let i = 0; i < 5; i++) await writer.append([new Uint8Array(20_000).fill(i + 1)]);
    await writer.close();
    assert.deepEqual(await listSegments(fs, DIR), [3, 4]);
    assert.equal((await fs.stat(`${DIR}/00000003`))?.sizeBytes, 2 * PAGE_BYTES);
    assert.equal((await readSegment(fs, 3)).records.length, 3);
    assert.equal((await readSegment(fs, 4)).records.length, 2);
  });

  it('keeps a record that is longer than a segment in one', async () => {
    const fs = await newFs();
    const writer = new WalWriter(fs, DIR, 0, PAGE_BYTES);
    const records = [100, 3 * PAGE_BYTES, 100].map((length) => new Uint8Array(length).fill(length));
    for (const record of records) await writer.append([record]);
    await writer.close();
    assert.deepEqual(await listSegments(fs, DIR), [0, 1, 2]);
    for (const [i, record] of records.entries()) {
      assert.deepEqual((await readSegment(fs, i)).records, [hex(record)]);
    }
  });

  it('takes one write for all that wait', async () => {
    const fs = await newFs();
    const writer = new WalWriter(fs, DIR, 0, SEGMENT_BYTES);
    await writer.append([Uint8Array.of(1)]);
    fs.log.length = 0;
    await writer.append([Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)]);
    assert.deepEqual(fs.log, ['write wal/00000000']);
  });

  for (const failing of ['only', 'second']) {
    it(`leaves no half record behind when the ${failing} write fails, and goes on`, async () => {
      const fs = await newFs();
      const writer = new WalWriter(fs, DIR, 0, 128 * PAGE_BYTES);
      await writer.append([Uint8Array.of(1, 1)]);
      fs.fault = { atCall: fs.calls + (failing === 'only' ? 1 : 2), kind: 'fail' };
      const large = new Uint8Array(1024 * 1024);
      await assert.rejects(writer.append(failing === 'only' ? [large] : [large, large]));
      assert.deepEqual((await readSegment(fs)).records, ['0101']);
      await writer.append([Uint8Array.of(3, 3)]);
      assert.deepEqual(await readSegment(fs), { records: ['0101', '0303'], error: undefined });
    });
  }
});

describe('a damaged log', () => {
  const RECORDS = [1, 2, 3].map((n) => new Uint8Array(100).fill(n));
  const FRAME = 107;

  async function readDamaged(
    damage: (segment: Uint8Array<ArrayBuffer>) => Uint8Array,
  ): Promise<{ count: number; code: string | undefined; offset: unknown; message: string }> {
    const fs = await newFs();
    await writeFile(fs, `${DIR}/00000000`, damage(await segmentOf(RECORDS)));
    const { records, error } = await readSegment(fs);
    return {
      count: records.length,
      code: error?.code,
      offset: error?.details.offset,
      message: error?.message ?? '',
    };
  }

  function patched(segment: Uint8Array<ArrayBuffer>, at: number, ...bytes: number[]): Uint8Array {
    segment.set(bytes, at);
    return segment;
  }

  const CASES: readonly [
    title: string,
    damage: (segment: Uint8Array<ArrayBuffer>) => Uint8Array,
    count: number,
    code: string | undefined,
    offset: number | undefined,
    message: RegExp,
  ][] = [
    ['whole', (s) => s, 3, undefined, undefined, /^$/],
    ['empty', () => new Uint8Array(0), 0, undefined, undefined, /^$/],
    [
      'cut in a header',
      (s) => s.subarray(0, FRAME + 3),
      1,
      'ERR_WAL_TORN',
      FRAME,
      /ends within a fragment/,
    ],
    [
      'cut in a record',
      (s) => s.subarray(0, 2 * FRAME + 50),
      2,
      'ERR_WAL_TORN',
      2 * FRAME,
      /ends within a fragment/,
    ],
    [
      'with a flipped bit in a record',
      (s) => patched(s, FRAME + 50, 99),
      1,
      'ERR_WAL_CORRUPT',
      FRAME,
      /checksum/,
    ],
    [
      'with a flipped bit in a checksum',
      (s) => patched(s, 4, 99),
      0,
      'ERR_WAL_CORRUPT',
      0,
      /checksum/,
    ],
    [
      'with an unknown flag',
      (s) => patched(s, FRAME, 0x21),
      1,
      'ERR_WAL_CORRUPT',
      FRAME,
      /unexpected type/,
    ],
    [
      'with an unknown type',
      (s) => patched(s, FRAME, 7),
      1,
      'ERR_WAL_CORRUPT',
      FRAME,
      /unexpected type/,
    ],
    [
      'with a middle without a first',
      (s) => patched(s, FRAME, 3),
      1,
      'ERR_WAL_CORRUPT',
      FRAME,
      /unexpected type/,
    ],
    [
      'that ends behind a first fragment',
      (s) => patched(s, 2 * FRAME, 2),
      2,
      'ERR_WAL_TORN',
      2 * FRAME,
      /ends within a record/,
    ],
    [
      'with rubbish where a page should end',
      (s) => patched(s, FRAME, 0),
      1,
      'ERR_WAL_TORN',
      FRAME,
      /ends within a fragment/,
    ],
    [
      'with zeros to the end',
      (s) => new Uint8Array(PAGE_BYTES).fill(0).map((_, i) => s[i] ?? 0),
      3,
      undefined,
      undefined,
      /^$/,
    ],
  ];

  for (const [title, damage, count, code, offset, message] of CASES) {
    it(`${title}: ${code ?? 'no error'} after ${count} records`, async () => {
      const found = await readDamaged(damage);
      assert.equal(found.count, count);
      assert.equal(found.code, code);
      assert.equal(found.offset, offset);
      assert.match(found.message, message);
    });
  }

  it('names a fragment longer than its page', async () => {
    const fs = await newFs();
    const segment = await segmentOf([new Uint8Array(2 * PAGE_BYTES).fill(1)]);
    segment.set([0xff, 0xff], 1);
    await writeFile(fs, `${DIR}/00000000`, segment);
    const { error } = await readSegment(fs);
    assert.equal(error?.code, 'ERR_WAL_CORRUPT');
    assert.match(error.message, /longer than its page/);
  });

  it('skips what is packed with zstd', async () => {
    const fs = await newFs();
    const segment = await segmentOf(RECORDS);
    segment[FRAME] |= 0x10;
    await writeFile(fs, `${DIR}/00000000`, segment);
    assert.equal((await readSegment(fs)).records.length, 2);
  });

  it('names a record that snappy cannot have made', async () => {
    const record = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
    const crc = crc32c(record);
    const fs = await newFs();
    const header = [0x09, 0, 6, crc >>> 24, crc >>> 16, crc >>> 8, crc];
    await writeFile(fs, `${DIR}/00000000`, Uint8Array.from([...header, ...record]));
    const { error } = await readSegment(fs);
    assert.equal(error?.code, 'ERR_WAL_CORRUPT');
    assert.match(error.message, /cannot be unpacked/);
  });

  it('never hangs, grows or crashes, whatever is flipped or cut', async (t) => {
    const random = new Random(seedFromEnvironment());
    t.diagnostic(`SEED=${random.seed}`);
    const records = Array.from({ length: 40 }, () => random.bytes(1 + random.below(5000)));
    const good = await segmentOf(records);
    const expected = records.map(hex);
    const end = performance.now() + fuzzMs();
    for (let run = 0; run < 50 || performance.now() < end; run++) {
      const bad = good.slice(0, random.below(good.length + 1));
      for (let flips = random.below(4); flips > 0 && bad.length > 0; flips--) {
        bad[random.below(bad.length)] ^= 1 << random.below(8);
      }
      const fs = await newFs();
      await writeFile(fs, `${DIR}/00000000`, bad);
      const { records: found, error } = await readSegment(fs);
      if (error !== undefined) assert.match(error.code, /^ERR_WAL_(TORN|CORRUPT)$/);
      // What is given back is what was written: a checksum stands before each record.
      const isPrefix = found.every((record, i) => record === expected[i] || record.length === 0);
      const isKnown = found.every((record) => expected.includes(record));
      assert.ok(isPrefix || isKnown, `SEED=${random.seed} run ${run}`);
    }
  });

  it('moves aside what lies behind the damage', async () => {
    const fs = await newFs();
    for (const index of [0, 1, 2]) {
      await writeFile(fs, `${DIR}/${segmentFileName(index)}`, await segmentOf(RECORDS));
    }
    const kept = await setAsideFrom(fs, DIR, [1, 2], FRAME, 5);
    assert.deepEqual(kept, ['wal/00000001.corrupt-5', 'wal/00000002.corrupt-5']);
    assert.deepEqual(await listSegments(fs, DIR), [0, 1]);
    assert.equal((await readSegment(fs, 1)).records.length, 1);
    assert.equal((await fs.stat('wal/00000001.corrupt-5'))?.sizeBytes, 3 * FRAME);
  });
});

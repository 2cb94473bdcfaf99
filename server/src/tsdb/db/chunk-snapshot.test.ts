import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { inlineTasks } from '../../../test/support/inline-tasks.ts';
import { MemoryFs } from '../../../test/support/memory-fs.ts';
import { bitsOfNumber, readBlockSamples } from '../../../test/support/tsdb-samples.ts';
import { silentLogger } from '../../base/log.ts';
import { makeLabels } from '../../model/labels.ts';
import { HEAD_CHUNKS_HEADER_BYTES, readHeadChunkFile } from '../chunks/head-chunks.ts';
import { tsdbTasks } from '../tasks.ts';
import { Db } from './db.ts';

const DIR = 'tsdb';
const START_MS = Date.UTC(2026, 10, 22, 8);
const SEGMENT = `${DIR}/wal/00000000`;
const SERIES = 20;

interface Setup {
  readonly fs: MemoryFs;
  readonly warnings: string[];
  open(): Promise<Db>;
}

function setup(): Setup {
  const fs = new MemoryFs();
  const warnings: string[] = [];
  const logger = {
    ...silentLogger,
    warn: (text: string) => void warnings.push(text),
    error: (text: string) => void warnings.push(text),
  };
  const open = (): Promise<Db> =>
    Db.open({
      fs,
      dir: DIR,
      clock: new FakeClock(START_MS + 24 * 60 * 60_000),
      logger,
      tasks: inlineTasks(tsdbTasks(fs)),
      maintenanceIntervalMs: 0,
    });
  return { fs, warnings, open };
}

/** Scrapes `[from, to)`, one a minute. */
async function append(db: Db, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++) {
    const appender = db.appender();
    for (let s = 0; s < SERIES; s++) {
      const labels = makeLabels([
        ['__name__', 'm'],
        ['id', `größer ${s}`],
      ]);
      const result = appender.append(appender.series(labels), START_MS + i * 60_000, s * i);
      assert.equal(result, 'appended');
    }
    await appender.commit();
  }
}

async function assertHolds(fs: MemoryFs, db: Db, scrapes: number): Promise<void> {
  await db.flush();
  const found = await readBlockSamples(
    fs,
    db.blocks().map(({ dir }) => dir),
  );
  for (let s = 0; s < SERIES; s++) {
    const samples = found.get(`{__name__="m", id="größer ${s}"}`);
    assert.equal(samples?.size, scrapes);
    for (let i = 0; i < scrapes; i++) {
      assert.equal(samples.get(START_MS + i * 60_000), bitsOfNumber(s * i));
    }
  }
}

async function snapshots(fs: MemoryFs): Promise<string[]> {
  const names = (await fs.list(DIR)).map(({ name }) => name);
  return names.filter((name) => name.startsWith('chunk_snapshot.'));
}

async function overwrite(fs: MemoryFs, path: string, byte: number, offset: number): Promise<void> {
  const file = await fs.open(path, 'update');
  await file.write(Uint8Array.of(byte), offset);
  await file.close();
}

describe('a clean restart', () => {
  it('reads head chunks and a snapshot in place of the log, again and again', async () => {
    const { fs, warnings, open } = setup();
    for (let run = 0; run < 4; run++) {
      const db = await open();
      assert.equal(db.walStats().corruptions, 0);
      assert.equal(db.headStats().sampleCount, run * 150 * SERIES);
      await append(db, run * 150, (run + 1) * 150);
      await db.close();
      const [name = '', ...more] = await snapshots(fs);
      assert.match(name, new RegExp(`^chunk_snapshot\\.00000${run}\\.\\d{10}$`));
      assert.deepEqual(more, []);
      // Nobody looks at what the snapshot stands for.
      await overwrite(fs, SEGMENT, 0xff, 20);
    }
    const db = await open();
    assert.equal(db.walStats().corruptions, 0);
    await assertHolds(fs, db, 600);
    assert.deepEqual(warnings, []);
    assert.deepEqual(await snapshots(fs), []);
    await db.close();
    assert.deepEqual(await fs.list(`${DIR}/chunks_head`), []);
  });

  it('keeps the snapshot when nothing was appended, and removes it with the first scrape', async () => {
    const { fs, open } = setup();
    const first = await open();
    await append(first, 0, 200);
    await first.close();
    const [name] = await snapshots(fs);
    await (await open()).close();
    assert.deepEqual(await snapshots(fs), [name]);
    const db = await open();
    await append(db, 200, 201);
    await db.close();
    assert.notDeepEqual(await snapshots(fs), [name]);
  });

  const damages: [what: string, damage: (fs: MemoryFs, snapshot: string) => Promise<void>][] = [
    ['a flipped bit', (fs, path) => overwrite(fs, `${path}/00000000`, 0xff, 100)],
    ['a missing file', (fs, path) => fs.remove(`${path}/00000000`)],
    [
      'a missing end',
      async (fs, path) => {
        const file = await fs.open(`${path}/00000000`, 'update');
        // The last record: a header, its type, and an empty list.
        await file.truncate((await file.size()) - 10);
        await file.close();
      },
    ],
    ['no head chunks', (fs) => fs.removeTree(`${DIR}/chunks_head`)],
    ['a damaged head chunk', (fs) => overwrite(fs, `${DIR}/chunks_head/000001`, 0xff, 60)],
  ];
  const endOfChunk = async (fs: MemoryFs, path: string): Promise<number> => {
    const [first, second] = (await readHeadChunkFile(fs, path)).chunks;
    assert.ok(second !== undefined, 'there are two');
    const bytes = await fs.readFile(path);
    return Buffer.from(bytes).indexOf(first.data) + first.data.length + 4;
  };
  const cut: typeof overwrite = async (fs, path, _, offset) => {
    const file = await fs.open(path, 'update');
    await file.truncate(offset);
    await file.close();
  };
  for (const number of ['000001', '000002']) {
    const path = `${DIR}/chunks_head/${number}`;
    damages.push(
      [`no head chunks ${number}`, (fs) => fs.remove(path)],
      [`head chunks ${number} that are damaged`, (fs) => overwrite(fs, path, 0xff, 60)],
      [
        `head chunks ${number} cut to the header`,
        (fs) => cut(fs, path, 0, HEAD_CHUNKS_HEADER_BYTES),
      ],
      [
        `head chunks ${number} cut between two`,
        async (fs) => cut(fs, path, 0, await endOfChunk(fs, path)),
      ],
      [
        `head chunks ${number} with zeros behind one`,
        async (fs) => {
          const sizeBytes = (await fs.readFile(path)).length;
          const end = await endOfChunk(fs, path);
          for (let at = end; at < sizeBytes; at++) await overwrite(fs, path, 0, at);
        },
      ],
    );
  }
  for (const [what, damage] of damages) {
    it(`reads the whole log when it finds a snapshot with ${what}`, async () => {
      const { fs, open } = setup();
      for (const run of [0, 1]) {
        const before = await open();
        await append(before, run * 200, (run + 1) * 200);
        await before.close();
      }
      const [name = ''] = await snapshots(fs);
      await damage(fs, `${DIR}/${name}`);
      // What was made of the log lies beside what was left, also for the starts that follow.
      for (const run of [2, 3]) {
        const db = await open();
        assert.equal(db.headStats().sampleCount, run * 200 * SERIES);
        await append(db, run * 200, (run + 1) * 200);
        await db.close();
      }
      const db = await open();
      await assertHolds(fs, db, 800);
      await db.close();
    });
  }

  for (const [what, damage] of [
    ['gone', (fs: MemoryFs) => fs.remove(SEGMENT)],
    ['cut', (fs: MemoryFs) => cut(fs, SEGMENT, 0, 100)],
  ] as const) {
    it(`says so when the log that a snapshot stands for is ${what}`, async () => {
      const { fs, open } = setup();
      const before = await open();
      await append(before, 0, 200);
      await before.close();
      await damage(fs);
      const db = await open();
      assert.match(db.walStats().damage?.reason ?? '', /a segment is missing/);
      await db.close();
    });
  }

  it('reads the log when no snapshot is wanted', async () => {
    const { fs, open } = setup();
    const db = await open();
    await append(db, 0, 30);
    await db.close(false);
    assert.deepEqual(await snapshots(fs), []);
    const again = await open();
    await assertHolds(fs, again, 30);
    await again.close();
  });

  it('goes on without a snapshot when the disk has no room for one', async () => {
    const { fs, warnings, open } = setup();
    const db = await open();
    await append(db, 0, 200);
    fs.fault = { atCall: fs.calls + 4, kind: 'fail', code: 'ERR_FS_FULL' };
    await db.close();
    assert.match(warnings.join(), /no chunk snapshot was written/);
    assert.deepEqual(await snapshots(fs), []);
    const again = await open();
    await assertHolds(fs, again, 200);
    await again.close();
  });
});

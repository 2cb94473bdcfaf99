import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { inlineTasks } from '../../../test/support/inline-tasks.ts';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { makeBlock } from '../../../test/support/make-block.ts';
import { MemoryFileStore } from '../../../test/support/memory-file-store.ts';
import { MemoryFs } from '../../../test/support/memory-fs.ts';
import { CodedError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import type { ArchiveEntry, ArchivePacker } from '../../base/ports/archive.ts';
import type { BlockMeta } from '../../tsdb/index.ts';
import { BlockCatalog } from '../blocksync/block-catalog.ts';
import { DumpService } from './dump-service.ts';
import type { DumpDatabase } from './dump-service.ts';
import { formatMetadata } from './metadata.ts';
import { planDump } from './plan.ts';

const JOB = 'aaaaaaaaaaaaaaaaaaaaaaaaaa';
const BLOCKS = 'plugin-data/mattermost-plugin-metrics/data';
const DUMP_DIR = `plugin-data/mattermost-plugin-metrics/dump/${JOB}`;
const DUMP = `${DUMP_DIR}/tsdb_dump.tar.gz`;

function ulid(letter: string): string {
  return `01${letter.repeat(24)}`;
}

function meta(letter: string, minTime: number, maxTime: number): BlockMeta {
  return {
    ulid: ulid(letter),
    minTime,
    maxTime,
    stats: { numSamples: 1, numSeries: 1, numChunks: 1 },
    compaction: { level: 1, sources: [ulid(letter)] },
    version: 1,
  };
}

/** A block of one sample, at its first millisecond. */
async function putBlock(store: MemoryFileStore, dir: string, block: BlockMeta): Promise<void> {
  const fs = new MemoryFs();
  await fs.makeDir('made');
  const { ulid: name, minTime, maxTime } = block;
  const samples = [[minTime, 1]] as const;
  await makeBlock(fs, 'made', name, [minTime, maxTime], [{ labels: { a: 'b' }, samples }]);
  for (const file of ['chunks/000001', 'index', 'meta.json']) {
    store.put(`${dir}/${file}`, await fs.readFile(`made/${name}/${file}`));
  }
}

/** A plain list of what would be in the archive. */
const listPacker: ArchivePacker = {
  async *pack(entries: AsyncIterable<ArchiveEntry>) {
    for await (const entry of entries) {
      yield new TextEncoder().encode(`${entry.path} ${entry.sizeBytes}\n`);
      let sizeBytes = 0;
      for await (const piece of entry.open()) sizeBytes += piece.length;
      assert.equal(sizeBytes, entry.sizeBytes);
    }
  },
};

interface Setting {
  readonly head?: BlockMeta;
  readonly local?: BlockMeta[];
  readonly noDatabase?: boolean;
  readonly sizeLimitBytes?: number;
  /** What happens just before the head is written. */
  readonly beforeHead?: () => Promise<void>;
}

async function setUp(options: Setting = {}) {
  const store = new MemoryFileStore();
  const folder = new MemoryFileStore();
  for (const block of options.local ?? []) await putBlock(folder, block.ulid, block);
  const headRanges: unknown[] = [];
  const database: DumpDatabase = {
    store: folder,
    blocks: () => options.local ?? [],
    writeHeadBlock: async (parentDir, range) => {
      headRanges.push(range);
      await options.beforeHead?.();
      if (options.head !== undefined) {
        await putBlock(folder, `${parentDir}/${options.head.ulid}`, options.head);
      }
      return options.head;
    },
  };
  const clock = new FakeClock();
  let storeFailure: Error | undefined;
  const cluster = {
    askScraper: async (): Promise<{ ulid: string | undefined } | undefined> => undefined,
    missingSamples: async (): Promise<string[]> => [],
    ownsFiles: async (): Promise<boolean> => true,
  };
  const dumps = new DumpService({
    askScraper: () => cluster.askScraper(),
    missingSamples: () => cluster.missingSamples(),
    database: () => (options.noDatabase === true ? undefined : database),
    fileStore: () => {
      if (storeFailure !== undefined) throw storeFailure;
      return store;
    },
    identity: async () => ({
      serverVersion: '11.8.0',
      serverId: 's',
      licenseId: '',
      customerId: '',
      pluginId: 'p',
      pluginVersion: '0.8.0',
    }),
    catalog: new BlockCatalog(),
    packer: listPacker,
    tasks: inlineTasks([]),
    sizeLimitBytes: () => options.sizeLimitBytes ?? 0,
    clock,
    logger: silentLogger,
  });
  const cancel = new AbortController();
  const progress: number[] = [];
  return {
    clock,
    store,
    folder,
    dumps,
    cluster,
    cancel,
    progress,
    headRanges,
    failStore: (error: Error) => (storeFailure = error),
    make: (minTimeMs: number, maxTimeMs: number) =>
      dumps.make({
        jobId: JOB,
        minTimeMs,
        maxTimeMs,
        format: 'tar.gz',
        signal: cancel.signal,
        onProgress: (fraction) => progress.push(fraction),
        ownsFiles: () => cluster.ownsFiles(),
      }),
  };
}

function assertNothingLeft(store: MemoryFileStore, folder: MemoryFileStore): void {
  const left = [...store.files.keys(), ...folder.files.keys()].filter((path) => /dump/.test(path));
  assert.deepEqual(left, []);
}

describe('a dump', () => {
  it('holds the blocks of the store, local ones that are not there, and the head', async () => {
    const { store, folder, make, headRanges, progress } = await setUp({
      local: [meta('B', 200, 300), meta('C', 300, 400)],
      head: meta('D', 400, 451),
    });
    for (const block of [meta('A', 100, 200), meta('B', 200, 300), meta('E', 900, 999)]) {
      await putBlock(store, `${BLOCKS}/${block.ulid}`, block);
    }
    const result = await make(150, 500);
    const paths = (store.text(DUMP) ?? '')
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0]);
    const blocksInside = [...new Set(paths.map((path) => path.split('/')[0]))];
    assert.deepEqual(blocksInside, ['metadata.yaml', 'wal', ...['A', 'B', 'C', 'D'].map(ulid)]);
    assert.ok(paths.includes(`${ulid('D')}/chunks/000001`));
    assert.deepEqual(result, {
      location: DUMP,
      sizeBytes: (store.text(DUMP) ?? '').length,
      minTimeMs: 150,
      maxTimeMs: 450,
      sampleCount: 4,
      seriesMax: 1,
    });
    assert.deepEqual(headRanges, [{ minTimeMs: 150, maxTimeMs: 501 }]);
    assert.deepEqual(
      [...progress],
      [...progress].sort((a, b) => a - b),
    );
    assert.equal(progress.at(-1), 1);
    assert.deepEqual(
      [...folder.files.keys()].filter((path) => path.startsWith('dump-work')),
      [],
    );
  });

  it('holds what is cut from the head while it is being made', async () => {
    const local: BlockMeta[] = [];
    const cut = meta('C', 300, 400);
    const { store, folder, make } = await setUp({
      local,
      head: meta('D', 400, 451),
      beforeHead: async () => {
        await putBlock(folder, cut.ulid, cut);
        local.push(cut);
      },
    });
    await make(0, 1000);
    for (const letter of ['C', 'D']) {
      assert.ok(store.text(DUMP)?.includes(`${ulid(letter)}/index`), letter);
    }
  });

  it('ends as it would when its remains cannot be removed, which go later', async () => {
    const { store, folder, dumps, make } = await setUp({ head: meta('D', 400, 451) });
    let isStuck = true;
    const keep = (verb: string): void => {
      if (isStuck && verb === 'removeTree') throw new Error('nothing is removed');
    };
    store.check = keep;
    folder.check = keep;
    assert.equal((await make(0, 1000)).sampleCount, 1);
    assert.ok([...folder.files.keys()].some((path) => path.startsWith('dump-work')));
    isStuck = false;
    await dumps.removeLeftovers();
    assert.deepEqual([...folder.files.keys()], []);

    store.check = (verb) => {
      keep(verb);
      if (verb === 'write') throw new Error('the store is full');
    };
    await dumps.remove(JOB);
    isStuck = true;
    await assert.rejects(make(0, 1000), /the store is full/);
  });

  it('of a head alone works: there need not be any block yet', async () => {
    const { make } = await setUp({ head: meta('D', 400, 451) });
    assert.deepEqual(
      (({ minTimeMs, maxTimeMs }) => [minTimeMs, maxTimeMs])(await make(0, 1000)),
      [400, 450],
    );
  });

  it('of a range without samples is an error that says so', async () => {
    const { store, folder, make } = await setUp();
    await assert.rejects(make(0, 86_400_000), {
      code: 'ERR_DUMP_EMPTY',
      message: 'there are no samples between 1970-01-01T00:00:00Z and 1970-01-02T00:00:00Z',
    });
    assertNothingLeft(store, folder);
  });

  it('that would be larger than the limit is refused before anything is written', async () => {
    const { store, folder, make } = await setUp({ sizeLimitBytes: 40 });
    await putBlock(store, `${BLOCKS}/${ulid('A')}`, meta('A', 0, 10));
    await assert.rejects(make(0, 10), { code: 'ERR_DUMP_SIZE' });
    assert.ok(!store.log.some((line) => line.startsWith('write ')));
    assertNothingLeft(store, folder);
  });

  it('that turns out larger than the limit is ended', async () => {
    const { store, folder, make } = await setUp({ sizeLimitBytes: 500 });
    await putBlock(store, `${BLOCKS}/${ulid('A')}`, meta('A', 0, 10));
    // Of many small files, whose names take more room in the list than they have contents.
    for (let i = 0; i < 20; i++) store.put(`${BLOCKS}/${ulid('A')}/notes/1${i}`, 'x');
    await assert.rejects(make(0, 10), { code: 'ERR_DUMP_SIZE' });
    assertNothingLeft(store, folder);
  });

  it('that the store has no room for is refused before anything is written', async () => {
    const { store, folder, make } = await setUp();
    await putBlock(store, `${BLOCKS}/${ulid('A')}`, meta('A', 0, 10));
    store.freeBytes = async () => 200 * 1024 * 1024;
    await assert.rejects(make(0, 10), { code: 'ERR_FILESTORE_FULL', message: /room for 0 MB/ });
    assertNothingLeft(store, folder);
    store.freeBytes = async () => 300 * 1024 * 1024;
    await make(0, 10);
  });

  it('says what is missing: without a database, with damaged blocks', async () => {
    const { store, make } = await setUp({ noDatabase: true });
    await putBlock(store, `${BLOCKS}/${ulid('A')}`, meta('A', 0, 10));
    store.put(`${BLOCKS}/${ulid('B')}/meta.json`, 'garbage');
    store.put(`${BLOCKS}/${ulid('C')}/index`, 'an upload under way');
    const { leftOut } = await make(0, 10);
    assert.match(leftOut ?? '', /newest samples are missing.*database/);
    assert.match(leftOut ?? '', new RegExp(ulid('B')));
    assert.doesNotMatch(leftOut ?? '', new RegExp(ulid('C')));
  });

  it('of a node that does not scrape has the head of the one that does', async () => {
    const { store, folder, cluster, make } = await setUp({ head: meta('D', 400, 420) });
    await putBlock(store, `${BLOCKS}/${ulid('A')}`, meta('A', 100, 200));
    cluster.askScraper = async () => {
      await putBlock(store, `${DUMP_DIR}/head/${ulid('H')}`, meta('H', 450, 480));
      return { ulid: ulid('H') };
    };
    const { maxTimeMs, leftOut } = await make(100, 500);
    assert.deepEqual([maxTimeMs, leftOut], [479, undefined]);
    for (const letter of ['A', 'D', 'H']) {
      assert.ok(store.text(DUMP)?.includes(`${ulid(letter)}/index`), letter);
    }
    const left = [...store.files.keys(), ...folder.files.keys()].filter((path) =>
      /\/head\/|dump-work/.test(path),
    );
    assert.deepEqual(left, []);
  });

  it('goes without the newest samples when they cannot be had, and says so', async () => {
    const { store, cluster, make } = await setUp();
    await putBlock(store, `${BLOCKS}/${ulid('A')}`, meta('A', 100, 200));
    cluster.askScraper = async () => {
      throw new CodedError('ERR_HEAD_UNANSWERED', 'the node that scrapes has not answered in time');
    };
    cluster.missingSamples = async () => ['What app1 has collected is missing.'];
    const { leftOut } = await make(100, 500);
    assert.equal(
      leftOut,
      'The newest minutes are missing: the node that scrapes has not answered in time. ' +
        'What app1 has collected is missing.',
    );
    await assert.rejects(
      make(600, 700),
      /no samples between .* What app1 has collected is missing/,
    );
  });

  it('ends with the reason when the disk of the database hangs', async () => {
    const { clock, make, store } = await setUp({ beforeHead: () => new Promise(() => {}) });
    await putBlock(store, `${BLOCKS}/${ulid('A')}`, meta('A', 100, 200));
    let failure: unknown;
    make(100, 500).catch((error: unknown) => (failure = error));
    for (let s = 0; s < 301 && failure === undefined; s++) await clock.advance(1_000);
    assert.match(String(failure), /the disk of the TSDB Path does not answer/);
  });

  it('says why it cannot be made without a file store', async () => {
    const { make, failStore } = await setUp();
    failStore(new CodedError('ERR_FILESTORE_DRIVER', 'no such driver'));
    await assert.rejects(make(0, 1), { code: 'ERR_FILESTORE_DRIVER' });
  });

  it('is planned anew when a block goes away on the way', async () => {
    const { store, make } = await setUp();
    await putBlock(store, `${BLOCKS}/${ulid('A')}`, meta('A', 0, 10));
    await putBlock(store, `${BLOCKS}/${ulid('B')}`, meta('B', 10, 20));
    let isFirst = true;
    store.check = (verb, path) => {
      if (!isFirst || verb !== 'read' || !path.endsWith(`${ulid('A')}/index`)) return;
      isFirst = false;
      for (const file of store.files.keys()) {
        if (file.startsWith(`${BLOCKS}/${ulid('A')}/`)) store.files.delete(file);
      }
    };
    const result = await make(0, 100);
    assert.deepEqual([result.minTimeMs, result.maxTimeMs], [10, 19]);
    assert.doesNotMatch(store.text(DUMP) ?? '', new RegExp(ulid('A')));
  });

  for (const verb of ['write', 'list', 'read', 'stat']) {
    it(`leaves nothing behind when the store fails to ${verb}`, async () => {
      const { store, folder, make } = await setUp({ head: meta('D', 400, 451) });
      await putBlock(store, `${BLOCKS}/${ulid('A')}`, meta('A', 0, 10));
      store.check = (called, path) => {
        if (called === verb && !path.endsWith('meta.json')) throw new Error(`cannot ${verb}`);
      };
      await assert.rejects(make(0, 1000), new RegExp(`cannot ${verb}`));
      assertNothingLeft(store, folder);
    });
  }

  it('that is cancelled stops and leaves nothing behind', async () => {
    const { store, folder, make, cancel } = await setUp({ head: meta('D', 400, 451) });
    await putBlock(store, `${BLOCKS}/${ulid('A')}`, meta('A', 0, 10));
    const reason = new Error('deleted');
    store.check = (verb) => {
      if (verb === 'read') cancel.abort(reason);
    };
    await assert.rejects(make(0, 1000), (error) => error === reason);
    assertNothingLeft(store, folder);
  });

  it('that another instance has made meanwhile is left alone', async () => {
    const { store, cluster, cancel, make } = await setUp({ local: [meta('A', 100, 200)] });
    cluster.askScraper = async () => {
      store.put(DUMP, 'the dump of the other');
      cancel.abort(new CodedError('ERR_JOB_CANCELLED', 'the job is not ours'));
      return undefined;
    };
    cluster.ownsFiles = async () => false;
    await assert.rejects(make(100, 500), { code: 'ERR_JOB_CANCELLED' });
    assert.equal(store.text(DUMP), 'the dump of the other');
  });

  it('removes what killed runs left, in the store and on the disk', async () => {
    const { store, folder, make, dumps } = await setUp({ head: meta('D', 400, 451) });
    store.put(`plugin-data/mattermost-plugin-metrics/dump/${JOB}/.tsdb_dump.tar.gz.tmp-1`, 'x');
    folder.put('dump-work/bbbbbbbbbbbbbbbbbbbbbbbbbb/x/index', 'x');
    await dumps.removeLeftovers();
    assert.deepEqual([...folder.files.keys()], []);
    await make(0, 1000);
    assert.deepEqual([...store.files.keys()], [DUMP]);
    await dumps.remove(JOB);
    assert.deepEqual([...store.files.keys()], []);
  });
});

describe('the plan of a dump', () => {
  const inside = (block: BlockMeta, minTimeMs: number, maxTimeMs: number): boolean =>
    planDump([block], [], { minTimeMs, maxTimeMs }).length === 1;

  it('takes every block that shares a millisecond with the range', () => {
    const block = meta('A', 100, 200);
    assert.ok(inside(block, 0, 100), 'its first millisecond');
    assert.ok(!inside(block, 0, 99));
    assert.ok(inside(block, 199, 300), 'its last millisecond');
    assert.ok(!inside(block, 200, 300), 'maxTime is exclusive');
    assert.ok(inside(block, 120, 130), 'a range within the block');
  });
});

describe('metadata.yaml', () => {
  it('has the keys of Mattermost’s packet metadata', () => {
    const text = formatMetadata({
      generatedAtMs: 1,
      serverVersion: '11.8.0',
      serverId: 'x"y',
      licenseId: '',
      customerId: '',
      minTimeMs: 2,
      maxTimeMs: 3,
      pluginId: 'p',
      pluginVersion: '0.8.0',
    });
    assert.equal(
      text,
      [
        'version: 1',
        'type: plugin-packet',
        'generated_at: 1',
        'server_version: "11.8.0"',
        'server_id: "x\\"y"',
        'license_id: ""',
        'customer_id: ""',
        'extras:',
        '  max: 3',
        '  min: 2',
        '  plugin_id: "p"',
        '  plugin_version: "0.8.0"',
        '',
      ].join('\n'),
    );
  });
});

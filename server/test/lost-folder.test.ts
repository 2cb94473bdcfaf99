import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, it } from 'node:test';

import { hasCode } from '../src/base/errors.ts';
import { silentLogger } from '../src/base/log.ts';
import { diskFs } from '../src/platform/disk-fs.ts';
import { DatabaseKeeper } from '../src/plugin/database-keeper.ts';
import type { MetricsDb } from '../src/plugin/database-keeper.ts';
import { WarningBoard } from '../src/services/health/warning-board.ts';
import { until } from './support/ask.ts';
import { hasNamespaces } from './support/tools.ts';
import { WatchedDb } from './support/watched-db.ts';

// Files of an open database go away under it. What it acknowledged before and after must be there for
// a process that starts when this one was killed.

const root = fs.mkdtempSync(join(tmpdir(), 'lost-folder-'));
after(() => fs.rmSync(root, { recursive: true, force: true }));
let folders = 0;
let watched: WatchedDb | undefined;
afterEach(async () => watched?.db.close());

const ON_MOUNTS = join(import.meta.dirname, 'support', 'lost-mounts.ts');
const LOCK_FILE = 'mattermost-plugin-metrics.lock';

/** A database with some hours in blocks and some in its head. */
async function running(): Promise<WatchedDb> {
  watched = new WatchedDb(join(root, String(folders++), 'data', 'tsdb'));
  await watched.open();
  await watched.scrape(400);
  await watched.db.cut();
  await watched.scrape(50);
  assert.ok(watched.db.blocks().length > 0);
  return watched;
}

describe('files of an open database that go away', () => {
  const cases: [what: string, kind: string, harm: (dir: string) => void][] = [
    ['the folder, renamed', 'folder', (dir) => fs.renameSync(dir, `${dir}-elsewhere`)],
    [
      'the folder, and somebody else made an empty one',
      'folder',
      (dir) => {
        fs.renameSync(dir, `${dir}-elsewhere`);
        fs.mkdirSync(dir);
      },
    ],
    [
      'the folder’s parent, renamed',
      'folder',
      (dir) => fs.renameSync(join(dir, '..'), join(dir, '../../elsewhere')),
    ],
    ['the open segment', 'log', (dir) => fs.rmSync(lastSegment(dir))],
    [
      'the open segment, and another file is there',
      'log',
      (dir) => {
        fs.rmSync(lastSegment(dir));
        fs.writeFileSync(lastSegment(dir), '');
      },
    ],
    ['an older part of the log', 'log', (dir) => fs.rmSync(firstOfLog(dir), { recursive: true })],
    ['the log', 'log', (dir) => fs.rmSync(join(dir, 'wal'), { recursive: true })],
  ];

  for (const [what, kind, harm] of cases) {
    it(`${what}: noticed, and nothing in memory is lost`, async () => {
      const it = await running();
      // The first look learns which files there are.
      assert.deepEqual(await it.db.keepPlace(), []);
      const inBlocks = it.db.blocks().map(({ meta }) => meta.maxTime);
      harm(it.dir);
      // Nobody has noticed yet.
      await it.scrape(3);
      assert.deepEqual(
        (await it.db.keepPlace()).map((loss) => loss.kind),
        [kind],
      );
      await it.scrape(5);
      const found = await it.afterKill();
      // Where the whole folder went, its blocks went along.
      const sinceMs = kind === 'folder' ? Math.max(...inBlocks) : 0;
      let expected = 0;
      for (const [series, samples] of it.stored) {
        for (const [timeMs, bits] of samples) {
          if (timeMs < sinceMs) continue;
          expected++;
          assert.equal(found.get(series)?.get(timeMs), bits, `${series} at ${timeMs}`);
        }
      }
      assert.ok(expected > 20 * 58);
      assert.deepEqual(await it.db.keepPlace(), []);
    });
  }

  it('the folder, removed: what was in memory is a block in the new one', async () => {
    const it = await running();
    fs.rmSync(it.dir, { recursive: true });
    await it.scrape();
    await it.db.keepPlace();
    assert.equal(it.db.headStats().sampleCount, 0);
    assert.ok(it.db.blocks().every(({ dir }) => fs.existsSync(join(dir, 'meta.json'))));
    assert.ok(it.db.blocks().length > 0);
  });

  it('a renamed folder stays locked until its files are written no more', async () => {
    const it = await running();
    fs.renameSync(it.dir, `${it.dir}-elsewhere`);
    await assert.rejects(diskFs.lockDir(`${it.dir}-elsewhere`), (error) =>
      hasCode(error, 'ERR_FS_LOCKED'),
    );
    await it.db.keepPlace();
    await assert.rejects(diskFs.lockDir(it.dir), (error) => hasCode(error, 'ERR_FS_LOCKED'));
    await (await diskFs.lockDir(`${it.dir}-elsewhere`)).release();
  });

  it('chunks_head and a block: the rest is kept, and the block is named', async () => {
    const it = await running();
    await it.db.close();
    await it.open();
    assert.ok(fs.existsSync(join(it.dir, 'chunks_head')));
    await it.scrape(2);
    const [block] = it.db.blocks();
    fs.rmSync(join(it.dir, 'chunks_head'), { recursive: true });
    fs.rmSync(block.dir, { recursive: true });
    const losses = await it.db.keepPlace();
    assert.deepEqual(losses, [{ kind: 'block', path: block.dir }]);
    assert.ok(!it.db.blocks().includes(block));
    const found = await it.afterKill();
    for (const [series, samples] of it.stored) {
      for (const [timeMs, bits] of samples) {
        if (timeMs < block.meta.maxTime) continue;
        assert.equal(found.get(series)?.get(timeMs), bits, `${series} at ${timeMs}`);
      }
    }
  });

  it('what another database has at the path becomes blocks beside our own', async () => {
    const it = await running();
    const other = new WatchedDb(`${it.dir}-other`);
    await other.open();
    await other.scrape(30);
    fs.renameSync(it.dir, `${it.dir}-elsewhere`);
    // As after a kill: with its log, and without its lock.
    fs.cpSync(other.dir, it.dir, { recursive: true, filter: (path) => !path.endsWith('.lock') });
    await other.db.close();
    await it.db.keepPlace();
    await it.scrape(3);
    const found = await it.afterKill();
    for (const [series, samples] of other.stored) {
      for (const [timeMs, bits] of samples) assert.equal(found.get(series)?.get(timeMs), bits);
    }
  });

  it('the lock’s file: taken again, and nothing is written once another process has it', async () => {
    const it = await running();
    fs.rmSync(join(it.dir, LOCK_FILE));
    assert.equal((await it.db.keepPlace())[0]?.kind, 'lock');
    await assert.rejects(diskFs.lockDir(it.dir), (error) => hasCode(error, 'ERR_FS_LOCKED'));
    fs.rmSync(join(it.dir, LOCK_FILE));
    const thief = await diskFs.lockDir(it.dir);
    await assert.rejects(it.db.keepPlace(), (error) => hasCode(error, 'ERR_FS_LOCKED'));
    await assert.rejects(it.scrape(), (error) => hasCode(error, 'ERR_FS_LOCKED'));
    await thief.release();
    await it.db.keepPlace();
    await it.scrape(2);
    const found = await it.afterKill();
    assert.deepEqual(found, it.stored);
  });

  it('are said on the warning board, and that it cannot be made good until it can', async () => {
    const it = await running();
    const board = new WarningBoard(silentLogger);
    const { db, clock } = it;
    /** From the end of a look to the beginning of the next, by the clock. */
    const waitsMs: number[] = [];
    let lookedMs = clock.monotonicMs();
    const looked = async <T>(look: () => Promise<T>): Promise<T> => {
      waitsMs.push(clock.monotonicMs() - lookedMs);
      return look().finally(() => (lookedMs = clock.monotonicMs()));
    };
    const watched: MetricsDb = {
      dir: db.dir,
      appender: () => db.appender(),
      blocks: () => db.blocks(),
      headStats: () => db.headStats(),
      walStats: () => db.walStats(),
      writeHeadBlock: (dir, range) => db.writeHeadBlock(dir, range),
      flush: () => db.flush(),
      keepPlace: () => looked(() => db.keepPlace()),
      exposedTo: () => db.exposedTo(),
      close: () => db.close(),
    };
    const keeper = new DatabaseKeeper({
      fs: diskFs,
      clock,
      logger: silentLogger,
      board,
      dir: it.dir,
      openDb: async () => watched,
      onOpen: () => undefined,
    });
    fs.chmodSync(it.dir, 0o777);
    keeper.start();
    await keeper.tried;
    assert.match(board.list()[0]?.message ?? '', /can be written to by every user/);
    fs.chmodSync(it.dir, 0o750);
    await until('no longer said', async () => {
      await clock.advance(1_000);
      return board.list().length === 0;
    });
    fs.renameSync(it.dir, `${it.dir}-elsewhere`);
    fs.writeFileSync(it.dir, 'no folder');
    const says = async (text: RegExp): Promise<void> => {
      const looks = waitsMs.length;
      await until(String(text), async () => {
        await clock.advance(1_000);
        return text.test(board.list()[0]?.message ?? '');
      });
      // Two looks at most, half a minute apart, however long the disk takes for each.
      assert.ok(waitsMs.length - looks <= 2, `${waitsMs.length - looks} looks`);
    };
    await says(/cannot be written there again/);
    fs.rmSync(it.dir);
    await says(/made good/);
    assert.equal(board.list().length, 1);
    assert.ok(Math.max(...waitsMs) <= 31_000, `looks after ${waitsMs.join(', ')} ms`);
    await keeper.stopTrying();
  });

  it('a volume mounted over it, taken away, or read-only for a while', (t) => {
    const spaces = ['--map-root-user', '--mount'];
    if (!hasNamespaces(t, spaces)) return;
    const dir = join(root, String(folders++));
    fs.mkdirSync(dir);
    const run = spawnSync('unshare', [...spaces, process.execPath, ON_MOUNTS, dir]);
    assert.equal(run.status, 0, String(run.stdout) + String(run.stderr));
  });
});

function lastSegment(dir: string): string {
  const names = fs.readdirSync(join(dir, 'wal')).filter((name) => /^\d+$/.test(name));
  return join(dir, 'wal', names.sort().at(-1) ?? '');
}

function firstOfLog(dir: string): string {
  return join(dir, 'wal', fs.readdirSync(join(dir, 'wal')).sort()[0] ?? '');
}

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';

import { inlineTasks } from '../../../test/support/inline-tasks.ts';
import { hasTool } from '../../../test/support/tools.ts';
import type { ArchiveEntry, ArchiveFormat } from '../../base/ports/archive.ts';
import { WorkerPool } from '../worker-pool.ts';
import { ThreadedPacker } from './archive-packer.ts';
import { archiveTasks } from './deflate-task.ts';

const MIB = 1024 * 1024;

function entry(path: string, ...pieces: Uint8Array[]): ArchiveEntry {
  const sizeBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return {
    path,
    sizeBytes,
    modifiedMs: Date.UTC(2026, 0, 2),
    async *open() {
      yield* pieces;
    },
  };
}

async function* list(...entries: ArchiveEntry[]): AsyncGenerator<ArchiveEntry> {
  yield* entries;
}

/** Pieces are valid until the next one only, so they are copied. */
async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(piece.slice());
  return Buffer.concat(pieces);
}

const NAME = '01ARZ3NDEKTSV4RRFFQ69G5FAV/chunks/000001';
/** More than the header of a tar holds, and not only ASCII. */
const LONG_NAME = `${'long-'.repeat(30)}/${'ä'.repeat(20)}`;
const formats: readonly ArchiveFormat[] = ['tar.gz', 'zip'];
const threads = new WorkerPool({ workersMax: 2 });
const threaded = new ThreadedPacker(threads);
after(() => threads.close());

/** Unpacks with the system's own tools; fails when these find fault with the archive. */
function unpack(format: ArchiveFormat, archive: Buffer, dir: string): void {
  writeFileSync(join(dir, 'archive'), archive);
  if (format === 'zip') {
    execFileSync('unzip', ['-t', '-q', 'archive'], { cwd: dir });
    execFileSync('unzip', ['-q', 'archive'], { cwd: dir });
  } else {
    execFileSync('gzip', ['-t'], { input: archive });
    execFileSync('tar', ['xzf', 'archive'], { cwd: dir });
  }
}

for (const format of formats) {
  describe(`the packer of ${format}`, () => {
    const pack = (...entries: ArchiveEntry[]): Promise<Buffer> =>
      collect(threaded.pack(list(...entries), format));

    it('makes an archive that other tools unpack to the same files', async (test) => {
      if (format === 'zip' && !hasTool(test, 'unzip')) return;
      const dir = mkdtempSync(join(tmpdir(), 'archive-'));
      try {
        const big = new Uint8Array(5 * MIB + 5).map((_, i) => (i * i) >> 7);
        const random = randomBytes(2 * MIB);
        const archive = await pack(
          entry('metadata.yaml', Buffer.from('version: 1\n')),
          entry('01ARZ3NDEKTSV4RRFFQ69G5FAV/empty'),
          entry(NAME, big.subarray(0, MIB), big.subarray(MIB)),
          entry('random', random),
          entry('exactly-one-stretch', big.subarray(0, MIB)),
          entry(LONG_NAME, Buffer.from('long')),
        );
        unpack(format, archive, dir);
        assert.equal(readFileSync(join(dir, 'metadata.yaml'), 'utf8'), 'version: 1\n');
        assert.ok(readFileSync(join(dir, NAME)).equals(Buffer.from(big)));
        assert.ok(readFileSync(join(dir, 'random')).equals(random));
        assert.equal(statSync(join(dir, '01ARZ3NDEKTSV4RRFFQ69G5FAV/empty')).size, 0);
        assert.equal(statSync(join(dir, 'exactly-one-stretch')).size, MIB);
        assert.equal(readFileSync(join(dir, LONG_NAME), 'utf8'), 'long');
        assert.equal(statSync(join(dir, NAME)).mtimeMs, Date.UTC(2026, 0, 2));
      } finally {
        rmSync(dir, { recursive: true });
      }
    });

    it('makes the same bytes however many threads there are', async () => {
      const big = new Uint8Array(9 * MIB + 1).map((_, i) => (i * 7) >> 3);
      const one = new ThreadedPacker(inlineTasks(archiveTasks()));
      const other = await collect(one.pack(list(entry('x', big)), format));
      assert.ok((await pack(entry('x', big))).equals(other));
    });

    it('makes an archive without entries', async () => {
      assert.ok((await pack()).length > 0);
    });

    it('opens one entry at a time and holds no large file in memory', async () => {
      let open = 0;
      let openMax = 0;
      const piece = new Uint8Array(MIB);
      const large = (path: string): ArchiveEntry => ({
        path,
        sizeBytes: 200 * MIB,
        modifiedMs: 0,
        async *open() {
          openMax = Math.max(openMax, ++open);
          for (let i = 0; i < 200; i++) yield piece;
          open--;
        },
      });
      const before = process.memoryUsage().rss;
      let rssMax = before;
      let sizeBytes = 0;
      for await (const piece of threaded.pack(list(large('a'), large('b')), format)) {
        sizeBytes += piece.length;
        rssMax = Math.max(rssMax, process.memoryUsage().rss);
      }
      assert.equal(openMax, 1);
      assert.ok(sizeBytes > 0);
      const growthMib = (rssMax - before) / MIB;
      assert.ok(growthMib < 64, `400 MiB of entries took ${growthMib.toFixed(0)} MiB of memory`);
    });

    const failing: [string, ArchiveEntry, RegExp][] = [
      [
        'cannot be read',
        {
          ...entry('x', new Uint8Array(10)),
          async *open() {
            yield new Uint8Array(4);
            throw new Error('the disk broke');
          },
        },
        /the disk broke/,
      ],
      ['is shorter than it said', { ...entry('x', new Uint8Array(9)), sizeBytes: 10 }, /size/i],
      ['is longer than it said', { ...entry('x', new Uint8Array(11)), sizeBytes: 10 }, /size/i],
    ];
    for (const [what, bad, message] of failing) {
      it(`fails when an entry ${what}`, async () => {
        const good = entry('good', new Uint8Array(100));
        await assert.rejects(pack(good, bad, good), message);
      });
    }

    it('ends when its consumer leaves', async () => {
      let closed = false;
      const endless: ArchiveEntry = {
        path: 'endless',
        sizeBytes: 1e12,
        modifiedMs: 0,
        async *open() {
          try {
            for (;;) yield new Uint8Array(MIB).map(() => Math.random() * 256);
          } finally {
            closed = true;
          }
        },
      };
      let pieces = 0;
      for await (const piece of threaded.pack(list(endless), format)) {
        assert.ok(piece.length > 0);
        if (++pieces === 3) break;
      }
      for (let i = 0; i < 100 && !closed; i++) await new Promise((done) => setTimeout(done, 10));
      assert.ok(closed, 'the source was left open');
    });
  });
}

it('fails when a thread does', async () => {
  const lost = new WorkerPool({ workersMax: 1 });
  await lost.close();
  const packed = new ThreadedPacker(lost).pack(list(entry('x', new Uint8Array(9))), 'tar.gz');
  await assert.rejects(collect(packed), { code: 'ERR_WORKER_LOST' });
});

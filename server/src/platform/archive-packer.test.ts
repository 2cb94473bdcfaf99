import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import type { ArchiveEntry } from '../base/ports/archive.ts';
import { archivePacker } from './archive-packer.ts';

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

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(piece);
  return Buffer.concat(pieces);
}

describe('the archive packer', () => {
  it('makes a gzip tar that tar unpacks to the same files', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'archive-packer-'));
    try {
      const big = new Uint8Array(3 * MIB + 5).map((_, i) => (i * i) >> 7);
      const archive = await collect(
        archivePacker.pack(
          list(
            entry('metadata.yaml', Buffer.from('version: 1\n')),
            entry('01ARZ3NDEKTSV4RRFFQ69G5FAV/empty'),
            entry(
              '01ARZ3NDEKTSV4RRFFQ69G5FAV/chunks/000001',
              big.subarray(0, MIB),
              big.subarray(MIB),
            ),
          ),
        ),
      );
      writeFileSync(join(dir, 'a.tar.gz'), archive);
      const names = execFileSync('tar', ['tzf', 'a.tar.gz'], { cwd: dir, encoding: 'utf8' });
      assert.deepEqual(names.trim().split('\n'), [
        'metadata.yaml',
        '01ARZ3NDEKTSV4RRFFQ69G5FAV/empty',
        '01ARZ3NDEKTSV4RRFFQ69G5FAV/chunks/000001',
      ]);
      execFileSync('tar', ['xzf', 'a.tar.gz'], { cwd: dir });
      assert.equal(readFileSync(join(dir, 'metadata.yaml'), 'utf8'), 'version: 1\n');
      const unpacked = readFileSync(join(dir, '01ARZ3NDEKTSV4RRFFQ69G5FAV/chunks/000001'));
      assert.ok(unpacked.equals(Buffer.from(big)));
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it('makes an archive without entries', async () => {
    assert.ok((await collect(archivePacker.pack(list()))).length > 0);
  });

  it('opens one entry at a time and holds no large file in memory', async () => {
    let open = 0;
    let openMax = 0;
    const large = (path: string): ArchiveEntry => ({
      path,
      sizeBytes: 200 * MIB,
      modifiedMs: 0,
      async *open() {
        openMax = Math.max(openMax, ++open);
        for (let i = 0; i < 200; i++) yield new Uint8Array(MIB);
        open--;
      },
    });
    const before = process.memoryUsage().rss;
    let rssMax = before;
    let sizeBytes = 0;
    for await (const piece of archivePacker.pack(list(large('a'), large('b')))) {
      sizeBytes += piece.length;
      rssMax = Math.max(rssMax, process.memoryUsage().rss);
    }
    assert.equal(openMax, 1);
    assert.ok(sizeBytes > 0);
    const growthMib = (rssMax - before) / MIB;
    assert.ok(growthMib < 150, `400 MiB of entries took ${growthMib.toFixed(0)} MiB of memory`);
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
      await assert.rejects(collect(archivePacker.pack(list(good, bad, good))), message);
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
    for await (const piece of archivePacker.pack(list(endless))) {
      assert.ok(piece.length > 0);
      break;
    }
    for (let i = 0; i < 100 && !closed; i++) await new Promise((done) => setTimeout(done, 10));
    assert.ok(closed, 'the source was left open');
  });
});

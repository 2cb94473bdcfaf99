/**
 * Blocks of Prometheus are whole by our check, and a dump of a store in which some are damaged is opened
 * by Prometheus, in the version of the Go plugin and in the newest one, and by promtool.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';

import { silentLogger } from '../../../server/src/base/log.ts';
import { STORE_BLOCKS_DIR } from '../../../server/src/filestore/layout.ts';
import { LocalFileStore } from '../../../server/src/filestore/local-file-store.ts';
import { ThreadedPacker } from '../../../server/src/platform/archive/archive-packer.ts';
import { archiveTasks } from '../../../server/src/platform/archive/deflate-task.ts';
import { diskFs } from '../../../server/src/platform/disk-fs.ts';
import { systemClock } from '../../../server/src/platform/system-clock.ts';
import { BlockCatalog } from '../../../server/src/services/blocksync/block-catalog.ts';
import { checkBlock } from '../../../server/src/services/blocksync/check-block.ts';
import { DumpService } from '../../../server/src/services/dump/dump-service.ts';
import type { DumpResult } from '../../../server/src/services/jobs/dump-maker.ts';
import { tsdbTasks } from '../../../server/src/tsdb/index.ts';
import { inlineTasks } from '../../../server/test/support/inline-tasks.ts';
import { goBuild } from '../../support/go.ts';
import { temporaryDir } from '../../support/temporary.ts';
import { missingTools, tools } from '../../support/tools.ts';
import { goSkip } from '../gob/skip.ts';

const VERSIONS = {
  'v0.48.1': ['-modfile=plugin.mod', '-tags=plugin'],
  'v0.316.0': [],
} as const;
/** Each makes several blocks of two hours. */
const SHAPES: Record<string, readonly string[]> = {
  floats: ['-blocks', '-samples=900'],
  histograms: ['-blocks', '-samples=400', '-histograms'],
  'deleted samples': ['-blocks', '-delete', '-samples=400'],
  'many series': ['-blocks', '-series=5000', '-samples=130'],
};

const NEWEST_SHAPES: typeof SHAPES = {
  'optional encodings': ['-blocks', '-samples=400', '-histograms', '-newest'],
};

const root = temporaryDir('damage');
const newDir = (): string => mkdtempSync(join(root, 'db-'));
const signal = new AbortController().signal;

const blocksIn = (dir: string): string[] =>
  readdirSync(dir).filter((name) => /^[0-9A-Z]{26}$/.test(name));

/** Makes a dump of the blocks of `dir` and unpacks it; its folder. */
async function dumpOf(dir: string): Promise<{ unpacked: string; result: DumpResult }> {
  const storeDir = newDir();
  mkdirSync(join(storeDir, STORE_BLOCKS_DIR), { recursive: true });
  for (const name of blocksIn(dir)) {
    cpSync(join(dir, name), join(storeDir, STORE_BLOCKS_DIR, name), { recursive: true });
  }
  const storeAt = (at: string): LocalFileStore =>
    new LocalFileStore({ fs: diskFs, root: at, nowMs: Date.now });
  const target = storeAt(storeDir);
  const tasks = inlineTasks([...tsdbTasks(diskFs), ...archiveTasks()]);
  const database = storeAt(newDir());
  const dumps = new DumpService({
    database: () => ({ store: database, blocks: () => [], writeHeadBlock: async () => undefined }),
    fileStore: () => target,
    askScraper: async () => undefined,
    missingSamples: async () => [],
    identity: async () => ({
      serverVersion: '11.8.0',
      serverId: 's',
      licenseId: '',
      customerId: '',
      pluginId: 'p',
      pluginVersion: '0.8.0',
    }),
    catalog: new BlockCatalog(),
    packer: new ThreadedPacker(tasks),
    tasks,
    sizeLimitBytes: () => 0,
    clock: systemClock,
    logger: silentLogger,
  });
  const result = await dumps.make({
    jobId: 'a'.repeat(26),
    minTimeMs: -1e15,
    maxTimeMs: 1e15,
    format: 'tar.gz',
    signal,
    onProgress: () => undefined,
    ownsFiles: async () => true,
  });
  const unpacked = newDir();
  execFileSync('tar', ['-xzf', join(storeDir, result.location), '-C', unpacked]);
  return { unpacked, result };
}

function flip(path: string, share: number): void {
  const bytes = readFileSync(path);
  const start = Math.min(Math.floor(bytes.length * share), Math.max(0, bytes.length - 16));
  for (let i = start; i < Math.min(start + 16, bytes.length); i++) bytes[i] ^= 0xff;
  writeFileSync(path, bytes);
}

const HARM: Record<string, (block: string) => void> = {
  'an index with 16 other bytes at its beginning': (block) => flip(join(block, 'index'), 0),
  'an index with 16 other bytes in the middle': (block) => flip(join(block, 'index'), 0.5),
  'an index with 16 other bytes at its end': (block) => flip(join(block, 'index'), 1),
  'chunks with 16 other bytes': (block) => flip(join(block, 'chunks', '000001'), 0.5),
  'an index that was cut': (block) => {
    const bytes = readFileSync(join(block, 'index'));
    writeFileSync(join(block, 'index'), bytes.subarray(0, bytes.length / 2));
  },
  'no chunks': (block) => rmSync(join(block, 'chunks', '000001')),
  'no index': (block) => rmSync(join(block, 'index')),
  'a meta.json of 0 bytes': (block) => writeFileSync(join(block, 'meta.json'), ''),
  'damaged tombstones': (block) => flip(join(block, 'tombstones'), 0),
};

for (const [version, flags] of Object.entries(VERSIONS)) {
  describe(`Prometheus ${version}`, { skip: goSkip }, () => {
    let program = '';
    before(() => {
      const dir = join(import.meta.dirname, 'prometheus');
      program = goBuild({ dir, name: `prometheus-${version}`, flags });
    });
    const theirs = (...args: string[]): string[] =>
      execFileSync(program, args, { timeout: 60_000, maxBuffer: 2 ** 28 })
        .toString()
        .split('\n')
        .slice(0, -1);

    const shapes = version === 'v0.316.0' ? { ...SHAPES, ...NEWEST_SHAPES } : SHAPES;
    for (const [shape, options] of Object.entries(shapes)) {
      test(`its blocks with ${shape} are whole`, async () => {
        const dir = join(newDir(), 'tsdb');
        theirs('write', dir, ...options);
        const blocks = blocksIn(dir);
        assert.ok(blocks.length >= 2, `${blocks.length} blocks`);
        const store = new LocalFileStore({ fs: diskFs, root: dir, nowMs: Date.now });
        for (const name of blocks) await checkBlock({ store, dir: name }, name, signal);
      });
    }

    for (const [harm, damage] of Object.entries(HARM)) {
      test(`it opens a dump of a store with ${harm}`, async () => {
        const dir = join(newDir(), 'tsdb');
        const written = theirs('write', dir, '-blocks', '-samples=400');
        const blocks = blocksIn(dir).sort();
        for (const name of [blocks[0], blocks[blocks.length >> 1], blocks[blocks.length - 1]]) {
          const harmed = newDir();
          cpSync(dir, harmed, { recursive: true });
          damage(join(harmed, name));
          const { unpacked, result } = await dumpOf(harmed);
          assert.ok(result.leftOut?.includes(name), result.leftOut);
          const found = theirs('dump', unpacked);
          assert.equal(found.length, result.sampleCount);
          assert.ok(found.length > 0 && found.length <= written.length);
          const known = new Set(written);
          assert.ok(
            found.every((line) => known.has(line)),
            'a sample that was never written',
          );
          if (missingTools([tools.promtool]).length === 0) {
            const listed = execFileSync('promtool', ['tsdb', 'list', unpacked]).toString();
            assert.equal(listed.trim().split('\n').length - 1, blocksIn(unpacked).length);
            execFileSync('promtool', ['tsdb', 'analyze', unpacked]);
          }
          // Opened for writing, as a server does.
          assert.equal(theirs('reopen', unpacked).length, found.length);
        }
      });
    }
  });
}

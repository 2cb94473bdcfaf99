// Sync, a dump and its deletion with a fault at every single request to the store.
import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { after, afterEach, before, describe, it } from 'node:test';

import { CodedError } from '../../../server/src/base/errors.ts';
import { silentLogger } from '../../../server/src/base/log.ts';
import { BucketFileStore } from '../../../server/src/filestore/bucket/bucket-file-store.ts';
import type { FileStore } from '../../../server/src/filestore/file-store.ts';
import {
  PLUGIN_DIR,
  STORE_BLOCKS_DIR,
  STORE_DUMPS_DIR,
} from '../../../server/src/filestore/layout.ts';
import { LocalFileStore } from '../../../server/src/filestore/local-file-store.ts';
import { ThreadedPacker } from '../../../server/src/platform/archive/archive-packer.ts';
import { archiveTasks } from '../../../server/src/platform/archive/deflate-task.ts';
import { diskFs } from '../../../server/src/platform/disk-fs.ts';
import { openS3Bucket } from '../../../server/src/platform/s3/s3-bucket.ts';
import { systemClock } from '../../../server/src/platform/system-clock.ts';
import { BlockCatalog } from '../../../server/src/services/blocksync/block-catalog.ts';
import { BlockSync } from '../../../server/src/services/blocksync/block-sync.ts';
import { DumpService } from '../../../server/src/services/dump/dump-service.ts';
import { tsdbTasks } from '../../../server/src/tsdb/index.ts';
import type { BlockMeta } from '../../../server/src/tsdb/index.ts';
import { inlineTasks } from '../../../server/test/support/inline-tasks.ts';
import { makeBlock, testUlid } from '../../../server/test/support/make-block.ts';
import { temporaryDir } from '../../support/temporary.ts';
import { waitUntil } from '../../support/wait.ts';
import { goSkip } from '../gob/skip.ts';
import { bytesOf } from './bytes.ts';
import { startFaultProxy } from './fault-proxy.ts';
import type { Fault, FaultProxy } from './fault-proxy.ts';
import { REGION, bucketSettings, startS3Server } from './s3-server.ts';
import type { S3Server } from './s3-server.ts';

const HOUR_MS = 3_600_000;
const RETENTION_MS = 15 * 24 * HOUR_MS;
const JOB = 'a'.repeat(26);
const START_MS = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 6 * HOUR_MS;
/** Those that show at once; waits for silent stores are tried in filestore-faults.test.ts. */
const FAULTS: readonly Fault[] = [
  'drop request',
  'drop answer',
  'cut request',
  'cut answer',
  'status 500',
  'status 503',
];

describe('sync and dumps over a network that fails', { skip: goSkip }, () => {
  const base = temporaryDir('services-faults');
  const blocks: BlockMeta[] = [];
  let server: S3Server;
  let proxy: FaultProxy;
  let runs = 0;

  before(async () => {
    server = await startS3Server();
    proxy = await startFaultProxy(server.endpoint);
    await diskFs.makeDir(join(base, 'db'));
    for (let i = 0; i < 2; i++) {
      const from = START_MS + i * 2 * HOUR_MS;
      const samples = Array.from({ length: 50 }, (_, k) => [from + k * 60_000, k] as const);
      const series = [{ labels: { __name__: 'x', i: String(i) }, samples }];
      const range = [from, from + 2 * HOUR_MS] as const;
      blocks.push(await makeBlock(diskFs, join(base, 'db'), testUlid(i), range, series));
    }
  });
  afterEach(() => proxy.reset());
  after(async () => {
    await proxy.close();
    await server.stop();
  });

  function storeAt(endpoint: string, prefix: string): FileStore {
    return new BucketFileStore({
      bucket: openS3Bucket(bucketSettings(endpoint, { region: REGION, requestTimeoutMs: 5_000 })),
      description: 'the server of this test',
      prefix,
      partSizeBytes: 5 * 1024 * 1024,
      clock: systemClock,
      retryFirstMs: 5,
    });
  }

  /** Services that know nothing yet, over an empty part of the bucket. */
  function setUp() {
    const prefix = `run-${runs++}/`;
    const store = storeAt(proxy.endpoint, prefix);
    const direct = storeAt(server.endpoint, prefix);
    const catalog = new BlockCatalog();
    const root = join(base, 'db');
    const database = new LocalFileStore({ fs: diskFs, root, nowMs: Date.now });
    const local = { blocks: () => blocks, store: database };
    const tasks = inlineTasks([...tsdbTasks(diskFs), ...archiveTasks()]);
    const common = { catalog, tasks, clock: systemClock, logger: silentLogger };
    const sync = new BlockSync(common);
    const work = mkdtempSync(join(base, 'work-'));
    const workStore = new LocalFileStore({ fs: diskFs, root: work, nowMs: Date.now });
    const dumps = new DumpService({
      ...common,
      database: () => ({
        store: workStore,
        blocks: () => [],
        writeHeadBlock: async () => undefined,
      }),
      fileStore: () => store,
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
      packer: new ThreadedPacker(tasks),
      tasks,
      sizeLimitBytes: () => 0,
    });
    const { signal } = new AbortController();
    const range = { minTimeMs: START_MS + HOUR_MS / 2, maxTimeMs: START_MS + 3 * HOUR_MS };
    return {
      direct,
      work,
      upload: () => sync.upload(local, store, RETENTION_MS, signal),
      make: () =>
        dumps.make({
          ...range,
          jobId: JOB,
          format: 'tar.gz',
          signal,
          onProgress: () => undefined,
          ownsFiles: async () => true,
        }),
      remove: () => dumps.remove(JOB),
    };
  }

  type World = ReturnType<typeof setUp>;

  async function run({ upload, make, remove, direct }: World): Promise<void> {
    await upload();
    const { location, sizeBytes } = await make();
    const archive = await bytesOf(direct.read(location));
    assert.equal(archive.length, sizeBytes);
    assert.match(gunzipSync(archive).toString('latin1'), /metadata\.yaml/);
    await remove();
  }

  /** Whatever happened: only whole blocks are blocks, no half dump, nothing on the local disk. */
  async function judge({ direct, work }: World, isDone: boolean, what: string): Promise<void> {
    const { whole } = await new BlockCatalog().list(direct);
    for (const { ulid } of whole) {
      for (const file of ['index', 'chunks/000001', 'tombstones']) {
        const stored = await bytesOf(direct.read(`${STORE_BLOCKS_DIR}/${ulid}/${file}`));
        const own = await diskFs.readFile(join(base, 'db', ulid, file));
        assert.ok(stored.equals(Buffer.from(own)), `${what}: ${ulid}/${file} is not whole`);
      }
    }
    if (isDone) {
      assert.equal(whole.length, 2, what);
      assert.deepEqual(await direct.list(STORE_DUMPS_DIR), [], what);
    }
    assert.deepEqual(await diskFs.list(join(work, 'dump-work')).catch(() => []), [], what);
  }

  async function countRequests(): Promise<number> {
    const world = setUp();
    await run(world);
    await judge(world, true, 'without a fault');
    return proxy.requests.length;
  }

  it('a fault at each request is not noticed', async (test) => {
    const count = await countRequests();
    for (const fault of FAULTS) {
      for (let at = 0; at < count; at++) {
        const world = setUp();
        proxy.reset();
        proxy.fault = (index) => (index === at ? fault : undefined);
        const what = `${fault} at request ${at}`;
        await run(world).catch((error: unknown) => {
          throw new Error(`${what}, ${proxy.requests[at]}`, { cause: error });
        });
        await judge(world, true, what);
      }
    }
    test.diagnostic(`${count} requests, ${FAULTS.length} faults at each`);
  });

  it('a store that refuses from any request on is told with a reason, and all is well later', async () => {
    const count = await countRequests();
    for (let from = 0; from < count; from++) {
      const world = setUp();
      proxy.reset();
      proxy.fault = (index) => (index >= from ? 'status 403' : undefined);
      const what = `refused from request ${from}`;
      for (const step of [world.upload, world.make, world.remove]) {
        const error: unknown = await step().catch((reason: unknown) => reason);
        if (error instanceof Error)
          assert.ok(error instanceof CodedError, `${what}: ${String(error)}`);
      }
      await waitUntil('all requests have ended', () => proxy.openCount() === 0);
      await judge(world, false, what);
      proxy.reset();
      await run(world);
      await judge(world, true, what);
    }
  });

  it('a store that was away takes everything when it is back', async () => {
    const world = setUp();
    await server.stop();
    await assert.rejects(world.upload());
    await assert.rejects(world.make());
    await server.start();
    await run(world);
    await judge(world, true, 'after the server was away');
    assert.deepEqual(
      (await world.direct.list(PLUGIN_DIR)).map(({ name }) => name),
      ['data'],
    );
  });
});

/** A dump of 2 GB, made into each kind of file store and downloaded, in little memory. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createReadStream, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { STORE_BLOCKS_DIR } from '../../server/src/filestore/layout.ts';
import { makeUlid } from '../../server/src/model/ulid.ts';
import { diskFs } from '../../server/src/platform/disk-fs.ts';
import { writeBlock } from '../../server/src/tsdb/index.ts';
import { digestOf } from '../support/digest.ts';
import { forgetPeak, memoryOf } from '../support/processes.ts';
import { temporaryDir } from '../support/temporary.ts';
import { builtBundle } from './bundle-folder.ts';
import { Exporter } from './exporter.ts';
import { goSkip } from './gob/skip.ts';
import { runningPlugin, startHost } from './lifecycle.ts';
import type { OfficialHost } from './official-host.ts';
import { PluginRoutes } from './plugin-routes.ts';
import type { Job } from './plugin-routes.ts';
import { ACCESS_KEY_ID, BUCKET, SECRET_ACCESS_KEY, startS3Server } from './s3/s3-server.ts';
import type { S3Server } from './s3/s3-server.ts';

const user = 'the-admin';
const DAY_MS = 24 * 3_600_000;
const MIB = 2 ** 20;
const BLOCKS = 4;
/** Of a MiB each, in each block; together 2 GB. Prometheus' own segments are as large. */
const SERIES = 510;
/** Longer than what deflate looks back, or it would find them again. */
const CHUNKS_PER_SERIES = 16;
const UNKNOWN_ENCODING = 77;
const GROWTH_BYTES_MAX = 64 * MIB;
/** So long only on a machine that is busy with other things. */
const DUMP_TIMEOUT_MS = 15 * 60_000;

/**
 * Blocks whose chunks nothing can compress, so that the dump is as large as they are: a dump copies the
 * files of a block as they are. Their encoding is none that anybody knows. Each lies in a day of its
 * own, so that none is merged meanwhile.
 */
async function putBlocks(root: string): Promise<void> {
  const data = randomBytes(Math.floor(MIB / CHUNKS_PER_SERIES));
  const parentDir = join(root, STORE_BLOCKS_DIR);
  mkdirSync(parentDir, { recursive: true });
  for (let i = 1; i <= BLOCKS; i++) {
    const minTimeMs = Math.floor(Date.now() / DAY_MS - 2 * i) * DAY_MS;
    const maxTimeMs = minTimeMs + 2 * 3_600_000;
    const ulid = makeUlid(minTimeMs);
    const compaction = { level: 1, sources: [ulid] };
    const stepMs = (maxTimeMs - minTimeMs) / CHUNKS_PER_SERIES;
    const chunks = Array.from({ length: CHUNKS_PER_SERIES }, (_, n) => {
      const fromMs = minTimeMs + n * stepMs;
      return { minTimeMs: fromMs, maxTimeMs: fromMs + 1, encoding: UNKNOWN_ENCODING, data };
    });
    const symbols = Array.from({ length: SERIES }, (_, n) => String(n).padStart(4, '0'));
    let at = -1;
    const source = {
      symbols,
      next: () => ++at < SERIES,
      get labelRefs() {
        return [0, at];
      },
      chunks,
    };
    await writeBlock(diskFs, parentDir, { ulid, minTimeMs, maxTimeMs, compaction }, source);
  }
}

interface Place {
  readonly settings: object;
  /** The store's root on this machine's disk. */
  readonly root: string;
  readonly stop?: () => Promise<void>;
}

async function inBucket(): Promise<Place> {
  const server: S3Server = await startS3Server();
  const settings = {
    DriverName: 'amazons3',
    AmazonS3AccessKeyId: ACCESS_KEY_ID,
    AmazonS3SecretAccessKey: SECRET_ACCESS_KEY,
    AmazonS3Bucket: BUCKET,
    AmazonS3Endpoint: server.endpoint,
    AmazonS3SSL: false,
  };
  return { settings, root: server.dir, stop: () => server.stop() };
}

async function onDisk(): Promise<Place> {
  const root = temporaryDir('large-dump');
  return { settings: { DriverName: 'local', Directory: root }, root };
}

for (const [driver, makePlace] of Object.entries({ amazons3: inBucket, local: onDisk })) {
  describe(`a dump of 2 GB in a file store of the kind ${driver}`, { skip: goSkip }, () => {
    let exporter: Exporter;
    let place: Place;
    let host: OfficialHost;
    let routes: PluginRoutes;
    let job: Job;

    before(async () => {
      exporter = await Exporter.start();
      place = await makePlace();
      await putBlocks(place.root);
      host = await startHost('v0.4.2', builtBundle(), {
        admins: [user],
        config: {
          MetricsSettings: { Enable: true, ListenAddress: exporter.address },
          FileSettings: place.settings,
        },
        plugin_config: { scrapeintervalseconds: 1, enablenodeexportertargets: false },
      });
      routes = new PluginRoutes(host, user);
      await host.perform('activate');
      // The blocks of before end days ago, and this host has no database to ask for the time.
      await routes.scraped(['clock_wrong', 'blocks_set_aside']);
    });

    after(async () => {
      await host?.stop();
      await place?.stop?.();
      await exporter?.stop();
    });

    /** Does it, and fails when the plugin took more memory meanwhile than it may. */
    async function inLittleMemory<T>(what: string, work: () => Promise<T>): Promise<T> {
      const pid = runningPlugin(host);
      forgetPeak(pid);
      const restBytes = memoryOf(pid).rssBytes;
      const beganMs = performance.now();
      const result = await work();
      const seconds = (performance.now() - beganMs) / 1000;
      const grownBytes = memoryOf(pid).peakRssBytes - restBytes;
      const [rest, grown] = [restBytes, grownBytes].map((bytes) => (bytes / MIB).toFixed(1));
      console.log(`# ${driver}, ${what}: ${seconds.toFixed(1)} s, RSS ${rest} MiB, +${grown} MiB`);
      assert.ok(grownBytes < GROWTH_BYTES_MAX, `${what}: the plugin grew by ${grown} MiB`);
      return result;
    }

    test('is made and stored', async () => {
      job = await inLittleMemory('made', () => routes.makeDump(14 * DAY_MS, DUMP_TIMEOUT_MS));
      assert.ok(job.size_bytes > BLOCKS * SERIES * 0.99 * MIB, `it has ${job.size_bytes} bytes`);
      assert.equal(statSync(join(place.root, job.dump_location)).size, job.size_bytes);
    });

    test('is downloaded as it was stored', async () => {
      const { bytes, sha256 } = await inLittleMemory('downloaded', async () =>
        digestOf(await routes.download(job.id)),
      );
      assert.equal(bytes, job.size_bytes);
      const stored = await digestOf(createReadStream(join(place.root, job.dump_location)));
      assert.equal(sha256, stored.sha256, 'other bytes came');
    });
  });
}

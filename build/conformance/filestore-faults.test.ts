// After every fault at every request: no half object, an error with a code, or success.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';

import { CodedError } from '../../server/src/base/errors.ts';
import type { Bucket } from '../../server/src/base/ports/bucket.ts';
import { BucketFileStore } from '../../server/src/filestore/bucket/bucket-file-store.ts';
import { AzureBucket } from '../../server/src/platform/azureblob/azure-bucket.ts';
import { openS3Bucket } from '../../server/src/platform/s3/s3-bucket.ts';
import { systemClock } from '../../server/src/platform/system-clock.ts';
import { waitUntil } from '../support/wait.ts';
import { containerSettings, startAzurite } from './azure/azurite.ts';
import { goSkip } from './gob/skip.ts';
import { bytesOf, patterned } from './s3/bytes.ts';
import { PASSING_FAULTS, startFaultProxy } from './s3/fault-proxy.ts';
import type { Fault, FaultProxy } from './s3/fault-proxy.ts';
import { REGION, bucketSettings, startS3Server } from './s3/s3-server.ts';

const MIB = 1024 * 1024;
const PART_BYTES = 5 * MIB;
/** Longer than any honest request here takes, also on a busy machine. */
const TIMEOUT_MS = 1_500;
const OLD = patterned(3_000, 1);
const BIG = patterned(2 * PART_BYTES + 12_345, 2);
const SMALL = patterned(7_000, 3);

/** A server that the suite starts, stops and speaks to, with a proxy between. */
interface StoreServer {
  /** Host and port. */
  readonly endpoint: string;
  start(): Promise<void>;
  stop(): Promise<void>;
}

interface Driver {
  /** The name of the driver. */
  readonly name: string;
  readonly skip: string | false;
  readonly startServer: () => Promise<StoreServer>;
  /** The bucket of the server at an endpoint, which may be the proxy's. */
  readonly open: (endpoint: string, requestTimeoutMs: number) => Bucket;
}

interface Scenario {
  readonly name: string;
  /** Runs against the store with faults; throws what the store throws. */
  readonly run: (store: BucketFileStore) => Promise<void>;
  /** Looks at what is there after a success, and after an error. */
  readonly check: (direct: BucketFileStore, failed: boolean) => Promise<void>;
}

const read = async (store: BucketFileStore, path: string): Promise<Buffer> =>
  bytesOf(store.read(path));

async function isOldOrNew(store: BucketFileStore, next: Buffer, failed: boolean): Promise<void> {
  const found = await read(store, 'd/f');
  assert.ok(
    found.equals(next) || (failed && found.equals(OLD)),
    'neither the old file nor the new',
  );
}

const scenarios: Scenario[] = [
  {
    name: 'a small file is stored',
    run: async (store) => {
      assert.equal(await store.write('d/f', pieces(SMALL)), SMALL.length);
    },
    check: (store, failed) => isOldOrNew(store, SMALL, failed),
  },
  {
    name: 'a large file is stored in parts',
    run: async (store) => {
      assert.equal(await store.write('d/f', pieces(BIG)), BIG.length);
    },
    check: (store, failed) => isOldOrNew(store, BIG, failed),
  },
  {
    name: 'a large file is read',
    run: async (store) => {
      assert.ok((await read(store, 'big')).equals(BIG), 'other bytes than stored');
      const range = { start: 1_000, end: BIG.length - 7 };
      const part = await bytesOf(store.read('big', range));
      assert.ok(part.equals(BIG.subarray(range.start, range.end)), 'another part');
    },
    check: async () => {},
  },
  {
    name: 'a folder is listed and looked up',
    run: async (store) => {
      const names = (await store.list('d')).map(({ name }) => name);
      assert.deepEqual(names, ['f', 'x']);
      assert.equal((await store.stat('d/f'))?.sizeBytes, OLD.length);
      assert.equal(await store.stat('d/nope'), undefined);
    },
    check: async () => {},
  },
  {
    name: 'a folder is removed',
    run: (store) => store.removeTree('d'),
    check: async (store, failed) => {
      const left = await store.list('d');
      assert.ok(failed || left.length === 0, 'something is left');
      assert.ok((await read(store, 'dd')).equals(OLD), 'a neighbour went away');
    },
  },
];

const drivers: readonly Driver[] = [
  {
    name: 'amazons3',
    skip: goSkip,
    startServer: () => startS3Server(),
    open: (endpoint, requestTimeoutMs) =>
      openS3Bucket(bucketSettings(endpoint, { region: REGION, requestTimeoutMs })),
  },
  {
    name: 'azureblob',
    skip: false,
    startServer: () => startAzurite(),
    open: (endpoint, requestTimeoutMs) =>
      new AzureBucket(containerSettings(endpoint, { requestTimeoutMs })),
  },
];

for (const { name, skip, startServer, open } of drivers) {
  describe(`${name} behind a network that fails`, { skip }, () => {
    let server: StoreServer;
    let proxy: FaultProxy;
    let direct: BucketFileStore;

    before(async () => {
      server = await startServer();
      proxy = await startFaultProxy(server.endpoint);
      direct = storeOf(open(server.endpoint, 30_000));
      await direct.write('big', pieces(BIG));
    });
    afterEach(() => proxy.reset());
    after(async () => {
      await proxy.close();
      await server.stop();
    });

    function faulty(): BucketFileStore {
      return storeOf(open(proxy.endpoint, TIMEOUT_MS));
    }

    async function prepare(): Promise<void> {
      await direct.write('d/f', pieces(OLD));
      await direct.write('d/x/y', pieces(OLD));
      await direct.write('dd', pieces(OLD));
      proxy.reset();
    }

    /** Runs with a fault at some requests; the error, if any. */
    async function runWith(
      scenario: Scenario,
      fault: (index: number, request: string) => Fault | undefined,
    ): Promise<unknown> {
      await prepare();
      proxy.fault = fault;
      try {
        await scenario.run(faulty());
        return undefined;
      } catch (error) {
        return error;
      } finally {
        proxy.fault = () => undefined;
        // What the fault left under way must not change what is looked at next.
        await waitUntil('all requests have ended', () => proxy.openCount() === 0);
      }
    }

    async function requestsOf(scenario: Scenario): Promise<number> {
      const error = await runWith(scenario, () => undefined);
      assert.equal(error, undefined);
      return proxy.requests.length;
    }

    for (const scenario of scenarios) {
      it(`${scenario.name}, with one fault at each request`, async (test) => {
        const count = await requestsOf(scenario);
        for (const fault of PASSING_FAULTS) {
          for (let at = 0; at < count; at++) {
            const error = await runWith(scenario, (index) => (index === at ? fault : undefined));
            assert.equal(error, undefined, `${fault} at ${proxy.requests[at]}: ${String(error)}`);
            await scenario.check(direct, false);
          }
        }
        test.diagnostic(`${count} requests, ${PASSING_FAULTS.length} faults at each`);
      });

      it(`${scenario.name}, or an error says why not, when a fault stays`, async () => {
        const count = await requestsOf(scenario);
        const codes: Partial<Record<Fault, RegExp>> = {
          'status 403': /^ERR_FILESTORE_DENIED$/,
          'status 503': /^ERR_FILESTORE_BUSY$/,
          'drop request': /^ERR_FILESTORE_UNREACHABLE$/,
          'drop answer': /^ERR_FILESTORE_(UNREACHABLE|UPLOAD_LOST)$/,
        };
        for (const [fault, code] of Object.entries(codes) as [Fault, RegExp][]) {
          for (let from = 0; from < count; from++) {
            const error = await runWith(scenario, (index) => (index >= from ? fault : undefined));
            // The clean run may have repeated a request that this one had no reason to.
            if (error === undefined && proxy.requests.length <= from) continue;
            const where = `${fault} from ${proxy.requests[from]}`;
            assert.ok(error instanceof CodedError, `${where}: ${String(error)}`);
            assert.match(error.code, code, where);
            await scenario.check(direct, true);
          }
        }
      });
    }

    it('goes on after the server was away', async () => {
      await prepare();
      const store = faulty();
      assert.equal((await store.stat('d/f'))?.sizeBytes, OLD.length);
      await server.stop();
      await assert.rejects(store.write('d/f', pieces(BIG)), { code: 'ERR_FILESTORE_UNREACHABLE' });
      await server.start();
      assert.ok((await read(store, 'd/f')).equals(OLD));
      await store.write('d/f', pieces(BIG));
      assert.ok((await read(store, 'd/f')).equals(BIG));
    });

    it('is not hurried by a slow reader, and reads one version of a file only', async () => {
      await prepare();
      const store = faulty();
      const reader = store.read('big')[Symbol.asyncIterator]();
      const got: Uint8Array[] = [];
      let replaced = false;
      try {
        for (;;) {
          const next = await reader.next();
          if (next.done === true) break;
          got.push(next.value);
          if (got.length !== 2) continue;
          // Longer than a request may take: only the waits for the store count.
          await new Promise((resolve) => setTimeout(resolve, TIMEOUT_MS + 500));
        }
        assert.ok(Buffer.concat(got).equals(BIG));
        const second = store.read('big')[Symbol.asyncIterator]();
        await second.next();
        await direct.write('big', pieces(patterned(BIG.length, 9)));
        replaced = true;
        const rest: Uint8Array[] = [];
        const outcome = await drain(second, rest).catch((error: unknown) => error);
        // The old file to its end, or an error: never a mixture.
        if (outcome instanceof CodedError) assert.equal(outcome.code, 'ERR_FILESTORE_CHANGED');
        else assert.equal(outcome, undefined);
      } finally {
        if (replaced) await direct.write('big', pieces(BIG));
      }
    });
  });
}

async function drain(from: AsyncIterator<Uint8Array>, into: Uint8Array[]): Promise<undefined> {
  for (let next = await from.next(); next.done !== true; next = await from.next()) {
    into.push(next.value);
  }
  return undefined;
}

function storeOf(bucket: Bucket): BucketFileStore {
  return new BucketFileStore({
    bucket,
    description: 'the server of this test',
    prefix: 'files/',
    partSizeBytes: PART_BYTES,
    clock: systemClock,
    retryFirstMs: 5,
  });
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < bytes.length; i += MIB) yield bytes.subarray(i, i + MIB);
}

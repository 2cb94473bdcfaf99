import assert from 'node:assert/strict';
import net from 'node:net';
import { suite, test } from 'node:test';

import { FakeClock } from '../../test/support/fake-clock.ts';
import { SINGLE_SERVER } from '../../test/support/fake-host.ts';
import { MemoryFs } from '../../test/support/memory-fs.ts';
import { until } from '../../test/support/ask.ts';
import type { Clock } from '../base/clock.ts';
import { CodedError } from '../base/errors.ts';
import { silentLogger } from '../base/log.ts';
import { systemClock } from '../platform/system-clock.ts';
import { WarningBoard } from '../services/health/warning-board.ts';
import { Watchdog } from '../services/health/watchdog.ts';
import { FileStoreKeeper } from './file-store-keeper.ts';
import type { ServerConfig } from './host.ts';

const REQUEST_TIMEOUT_MS = 1_000;

function setUp(clock: Clock, onWarning: () => void = () => {}) {
  const fs = new MemoryFs();
  const board = new WarningBoard({ ...silentLogger, warn: onWarning });
  const watchdog = new Watchdog(clock, silentLogger);
  watchdog.start();
  const keeper = new FileStoreKeeper({
    makeStoreFs: () => fs,
    clock,
    board,
    watchdog,
    onChange: () => {},
  });
  const said = (): string => JSON.stringify(board.list());
  return { keeper, board, fs, watchdog, said };
}

const LOCAL = { ...SINGLE_SERVER, fileDirectory: 'files' };

function remote(kind: 's3' | 'azure', port: number): ServerConfig {
  const endpoint = `127.0.0.1:${port}`;
  const common = { pathPrefix: '', ssl: false, requestTimeoutMs: REQUEST_TIMEOUT_MS };
  if (kind === 's3') {
    return {
      ...SINGLE_SERVER,
      fileDriver: 'amazons3',
      s3: {
        ...common,
        accessKeyId: 'key',
        secretAccessKey: 'secret',
        bucket: 'files',
        region: 'us-east-1',
        endpoint,
        signV2: false,
        sse: false,
        isComplianceLicensed: false,
        uploadPartSizeBytes: 0,
        storageClass: '',
        acceptsAnyCertificate: false,
      },
    };
  }
  return {
    ...SINGLE_SERVER,
    fileDriver: 'azureblob',
    azure: {
      ...common,
      account: 'account',
      authMode: 'shared_key',
      accessKey: 'c2VjcmV0',
      container: 'files',
      cloud: 'custom',
      endpoint: `http://${endpoint}`,
      acceptsAnyCertificate: false,
    },
  };
}

suite('the file store', () => {
  for (const kind of ['s3', 'azure'] as const) {
    test(`${kind} that accepts and stays silent is named after the first time-out`, async () => {
      let requests = 0;
      const sockets: net.Socket[] = [];
      const endpoint = net.createServer((socket) => {
        sockets.push(socket);
        socket.on('error', () => {});
        socket.on('data', () => requests++);
      });
      await new Promise<void>((resolve) => endpoint.listen(0, '127.0.0.1', resolve));
      const address = endpoint.address();
      assert.ok(typeof address === 'object' && address !== null);
      const triesAtWarning: number[] = [];
      const { keeper, board, said, watchdog } = setUp(systemClock, () => {
        triesAtWarning.push(sockets.length);
      });
      keeper.configure(remote(kind, address.port));
      const checked = keeper.check('now');
      await until('warned', () => board.list().length > 0);
      assert.equal(triesAtWarning[0], 1, 'the first request is not yet made again');
      assert.match(said(), /file_store_unavailable.*127\.0\.0\.1.*did not answer in time/);
      endpoint.close();
      for (const socket of sockets) socket.destroy();
      assert.equal(await checked, false);
      assert.ok(requests > 0);
      await watchdog.stop();
    });
  }

  test('that hangs is named after 30 s, asked by one call only, and fine when it goes on', async () => {
    const clock = new FakeClock();
    const { keeper, board, fs, said } = setUp(clock);
    const { open } = fs;
    const waiting: (() => void)[] = [];
    let opened = 0;
    fs.open = async (path, mode) => {
      opened++;
      await new Promise<void>((resolve) => waiting.push(resolve));
      return open.call(fs, path, mode);
    };
    keeper.configure(LOCAL);
    for (let i = 0; i < 10; i++) {
      let outcome: boolean | undefined;
      void keeper.check('now').then((found) => (outcome = found));
      for (let s = 0; s < 31; s++) await clock.advance(1_000);
      assert.equal(outcome, false);
      assert.match(said(), /file_store_unavailable.*files/);
    }
    assert.equal(opened, 1);
    fs.open = open;
    for (const go of waiting) go();
    for (let s = 0; s < 10; s++) await clock.advance(1_000);
    assert.equal(await keeper.check('due'), true);
    assert.deepEqual(board.list(), []);
  });

  test('one call that hangs is named although others are answered', async () => {
    const clock = new FakeClock();
    const { keeper, board, fs, said } = setUp(clock);
    keeper.configure(LOCAL);
    assert.equal(await keeper.check('now'), true);
    const { list } = fs;
    fs.list = () => new Promise(() => {});
    keeper
      .require()
      .list('blocks')
      .catch(() => undefined);
    fs.list = list;
    for (let s = 0; s < 36; s++) {
      if (s % 5 === 0) assert.equal(await keeper.check('now'), true);
      await clock.advance(1_000);
    }
    assert.match(said(), /has not answered since 2026-01-01 00:00 UTC/);
    assert.equal(board.list().length, 1);
  });

  test('a slow source or a slow reader is not its fault', async () => {
    const clock = new FakeClock();
    const { keeper, board } = setUp(clock);
    keeper.configure(LOCAL);
    const store = keeper.require();
    async function* slow(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 3; i++) {
        await clock.sleep(100_000);
        yield new Uint8Array(10);
      }
    }
    const written = store.write('file', slow());
    for (let s = 0; s < 310; s++) await clock.advance(1_000);
    assert.equal(await written, 30);
    const pieces = store.read('file')[Symbol.asyncIterator]();
    await pieces.next();
    for (let s = 0; s < 310; s++) await clock.advance(1_000);
    await pieces.next();
    assert.deepEqual(board.list(), []);
  });

  test('a folder that takes no files any more is noticed within a minute, without a use', async () => {
    const clock = new FakeClock();
    const { keeper, fs, said, board } = setUp(clock);
    keeper.configure(LOCAL);
    assert.equal(await keeper.check('due'), true);
    const { open } = fs;
    fs.open = () => Promise.reject(new CodedError('ERR_FS_DENIED', 'read-only file system'));
    for (let s = 0; s < 60; s += 30) {
      await clock.advance(30_000);
      await keeper.check('due');
    }
    assert.match(said(), /file_store_unavailable.*read-only/);
    fs.open = open;
    assert.equal(await keeper.check('due'), true);
    assert.deepEqual(board.list(), []);
  });
});

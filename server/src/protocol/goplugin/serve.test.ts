import assert from 'node:assert/strict';
import { test } from 'node:test';

import { duplexPair, type MemoryDuplex } from '../../../test/support/duplex-pair.ts';
import { FakeClock, settle } from '../../../test/support/fake-clock.ts';
import { silentLogger } from '../../base/log.ts';
import type { Duplex } from '../../base/ports/duplex.ts';
import type { PluginProcess, ProcessSignal } from '../../base/ports/plugin-process.ts';
import { GoPluginHostConnection } from './host-connection.ts';
import { CONNECT_TIMEOUT_MS, type EndReason, STOP_TIMEOUT_MS, serveGoPlugin } from './serve.ts';

/** A process in memory, and the host that started it. */
class FakeProcess implements PluginProcess {
  readonly env = { COOKIE: 'yes', PLUGIN_PROTOCOL_VERSIONS: '1' };
  parent = 7;
  stdout = '';
  isListening = false;
  readonly #handlers = new Map<ProcessSignal, () => void>();
  readonly takers = new Map<string, (bytes: Uint8Array) => boolean>();
  #deliver: (connection: Duplex | undefined) => void = () => {};

  parentId(): number {
    return this.parent;
  }

  writeStdout(text: string): Promise<void> {
    this.stdout += text;
    return Promise.resolve();
  }

  writeStderr(): Promise<void> {
    return Promise.resolve();
  }

  listen(): ReturnType<PluginProcess['listen']> {
    this.isListening = true;
    const connection = new Promise<Duplex | undefined>((resolve) => (this.#deliver = resolve));
    return Promise.resolve({
      path: '/tmp/plugin1',
      accept: () => connection,
      close: () => {
        this.isListening = false;
        this.#deliver(undefined);
        return Promise.resolve();
      },
    });
  }

  onSignal(signal: ProcessSignal, handler: () => void): () => void {
    this.#handlers.set(signal, handler);
    return () => this.#handlers.delete(signal);
  }

  captureOutput(output: 'stdout' | 'stderr', take: (bytes: Uint8Array) => boolean): () => void {
    this.takers.set(output, take);
    return () => this.takers.delete(output);
  }

  kill(signal: ProcessSignal): void {
    this.#handlers.get(signal)?.();
  }

  get handledSignals(): ProcessSignal[] {
    return [...this.#handlers.keys()];
  }

  /** The host's end of the connection. */
  connect(): MemoryDuplex {
    const [host, plugin] = duplexPair();
    this.#deliver(plugin);
    return host;
  }
}

function start(onEnd?: (reason: EndReason) => Promise<void>): {
  clock: FakeClock;
  process: FakeProcess;
  reasons: EndReason[];
  exitCode: Promise<number>;
} {
  const clock = new FakeClock();
  const process = new FakeProcess();
  const reasons: EndReason[] = [];
  const exitCode = serveGoPlugin({
    process,
    clock,
    logger: silentLogger,
    handshake: { cookieKey: 'COOKIE', cookieValue: 'yes', protocolVersion: 1 },
    plugins: {},
    startedByHand: '',
    onEnd: (reason) => {
      reasons.push(reason);
      return onEnd?.(reason) ?? Promise.resolve();
    },
  });
  return { clock, process, reasons, exitCode };
}

test('the handshake goes out once the socket is there', async () => {
  const { process } = start();
  await settle();
  assert.equal(process.stdout, '1|1|unix|/tmp/plugin1|netrpc|\n');
  assert.ok(process.isListening);
});

test('a host that never connects is given up', async () => {
  const { clock, process, reasons, exitCode } = start();
  await settle();
  await clock.advance(CONNECT_TIMEOUT_MS);
  assert.equal(await exitCode, 1);
  assert.equal(process.isListening, false);
  assert.deepEqual(process.handledSignals, []);
  assert.deepEqual(reasons, []);
  assert.equal(clock.sleeping, 0);
});

test('a new parent process means that the host has died', async () => {
  const { clock, process, reasons, exitCode } = start();
  await settle();
  await GoPluginHostConnection.connect(process.connect(), { clock });
  await settle();
  process.parent = 1;
  await clock.advance(2_000);
  assert.equal(await exitCode, 1);
  assert.deepEqual(reasons, ['host_lost']);
});

for (const [signal, reason] of [
  ['SIGTERM', 'signal'],
  ['SIGHUP', 'signal'],
] as const) {
  test(`${signal} ends the plugin in order`, async () => {
    const { clock, process, reasons, exitCode } = start();
    await settle();
    const host = await GoPluginHostConnection.connect(process.connect(), { clock });
    await settle();
    process.kill('SIGINT');
    process.kill(signal);
    assert.equal(await exitCode, 0);
    assert.deepEqual(reasons, [reason]);
    assert.equal((await host.closed)?.code, 'ERR_YAMUX_SESSION_LOST');
  });
}

test('a plugin that does not stop is ended all the same', async () => {
  const { clock, process, exitCode } = start(() => new Promise(() => {}));
  await settle();
  const host = await GoPluginHostConnection.connect(process.connect(), { clock });
  await settle();
  await host.close();
  await settle();
  await clock.advance(STOP_TIMEOUT_MS);
  assert.equal(await exitCode, 1);
});

test('a plugin that fails to stop is ended all the same', async () => {
  const { process, exitCode } = start(() => Promise.reject(new Error('no')));
  await settle();
  process.connect().destroy();
  assert.equal(await exitCode, 1);
});

test('output goes to the host while it is there', async () => {
  const { clock, process, exitCode } = start();
  await settle();
  const seen: string[] = [];
  const host = await GoPluginHostConnection.connect(process.connect(), {
    clock,
    onOutput: (output, bytes) => seen.push(`${output} ${new TextDecoder().decode(bytes)}`),
  });
  await settle();
  const bytes = new TextEncoder().encode('hello');
  assert.equal(process.takers.get('stdout')?.(bytes), true);
  assert.equal(process.takers.get('stderr')?.(bytes), true);
  // More than the host takes in time goes the usual way instead of piling up here.
  assert.equal(process.takers.get('stderr')?.(new Uint8Array(300_000)), false);
  await settle();
  assert.deepEqual(seen.sort(), ['stderr hello', 'stdout hello']);
  await host.quit();
  assert.equal(await exitCode, 0);
  assert.equal(process.takers.size, 0);
});

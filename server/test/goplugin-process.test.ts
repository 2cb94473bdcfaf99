// A plugin process from the outside: what a host, a person and the system meet.

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';

import { systemClock } from '../src/platform/system-clock.ts';
import { connectUnixSocket } from '../src/platform/unix-socket.ts';
import { int } from '../src/protocol/gob/index.ts';
import { GoPluginHostConnection, parseHandshake } from '../src/protocol/goplugin/index.ts';
import { RpcClient } from '../src/protocol/netrpc/index.ts';
import { handshake } from './support/small-plugin.ts';

const PLUGIN = join(import.meta.dirname, 'support', 'small-plugin.ts');
const root = mkdtempSync(join(tmpdir(), 'goplugin-'));
after(() => rmSync(root, { recursive: true, force: true }));

interface Started {
  readonly child: ChildProcess;
  readonly dir: string;
  readonly stderr: () => string;
  readonly exit: Promise<[number | null, string | null]>;
  readonly line: Promise<string>;
}

function start(env: Record<string, string> = {}): Started {
  const dir = mkdtempSync(join(root, 'run-'));
  const child = spawn(process.execPath, [PLUGIN], {
    env: {
      PLUGIN_UNIX_SOCKET_DIR: dir,
      [handshake.cookieKey]: handshake.cookieValue,
      END_FILE: join(root, 'end'),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  return {
    child,
    dir,
    stderr: () => stderr,
    exit: once(child, 'close') as Promise<[number | null, string | null]>,
    line: once(createInterface(child.stdout), 'line').then(([line]) => String(line)),
  };
}

async function connect(plugin: Started): Promise<GoPluginHostConnection> {
  const path = parseHandshake(handshake, await plugin.line);
  assert.ok(existsSync(path), 'the socket exists before the host has connected');
  const host = await GoPluginHostConnection.connect(await connectUnixSocket(path), {
    clock: systemClock,
  });
  await host.ping();
  return host;
}

function lastReason(): string | undefined {
  return readFileSync(join(root, 'end'), 'utf8').trim().split('\n').at(-1);
}

test('started by hand it explains itself and fails', async () => {
  const plugin = start({ [handshake.cookieKey]: '' });
  assert.deepEqual(await plugin.exit, [1, null]);
  assert.equal(plugin.stderr(), 'This is a plugin.\n');
  assert.deepEqual(readdirSync(plugin.dir), []);
});

test('a host with other protocol versions is told so', async () => {
  const plugin = start({ PLUGIN_PROTOCOL_VERSIONS: '2,3' });
  assert.deepEqual(await plugin.exit, [1, null]);
  assert.match(plugin.stderr(), /does not speak the plugin protocol.*expected: 1, found: 2,3/);
});

test('a socket folder that is missing is named', async () => {
  const plugin = start({ PLUGIN_UNIX_SOCKET_DIR: '/nonexistent/dir' });
  assert.deepEqual(await plugin.exit, [1, null]);
  assert.match(plugin.stderr(), /cannot start.*\/nonexistent\/dir/);
});

test('nobody else may connect, whatever the rights of new files are', async () => {
  const before = process.umask(0);
  let plugin: Started;
  try {
    plugin = start();
  } finally {
    process.umask(before);
  }
  const { mode } = statSync(parseHandshake(handshake, await plugin.line));
  assert.equal(mode & 0o777, 0o700);
  await (await connect(plugin)).quit();
  await plugin.exit;
});

test('it serves, and quits when asked to', async () => {
  const plugin = start();
  const host = await connect(plugin);
  const service = new RpcClient(await host.dispense('double'));
  assert.equal(await service.call('Plugin.Double', int, 21, int), 42);
  assert.deepEqual(readdirSync(plugin.dir), [], 'the socket file is gone once it is not needed');
  await host.quit();
  assert.deepEqual(await plugin.exit, [0, null]);
  assert.equal(lastReason(), 'quit');
});

test('a host that dies takes the plugin with it', async () => {
  const plugin = start();
  const host = await connect(plugin);
  await host.close();
  assert.deepEqual(await plugin.exit, [1, null]);
  assert.equal(lastReason(), 'host_lost');
});

test('an interrupt is ignored, SIGTERM stops it in order', async () => {
  const plugin = start();
  const host = await connect(plugin);
  plugin.child.kill('SIGINT');
  await host.ping();
  plugin.child.kill('SIGTERM');
  assert.deepEqual(await plugin.exit, [0, null]);
  assert.equal(lastReason(), 'signal');
  await host.closed;
});

test('SIGTERM before the host has connected leaves no socket', async () => {
  const plugin = start();
  await plugin.line;
  plugin.child.kill('SIGTERM');
  await plugin.exit;
  assert.deepEqual(readdirSync(plugin.dir), []);
});

test('SIGKILL after the host has connected leaves no socket', async () => {
  const plugin = start();
  const host = await connect(plugin);
  plugin.child.kill('SIGKILL');
  assert.equal((await host.closed)?.code, 'ERR_YAMUX_SESSION_LOST');
  assert.deepEqual(readdirSync(plugin.dir), []);
});

test('a host that dies before it connects takes the plugin with it', async () => {
  const dir = mkdtempSync(join(root, 'run-'));
  // A host that starts the plugin, passes on its greeting, and waits to be killed.
  const script = `require('node:child_process').spawn(process.execPath, [process.argv[1]], { stdio: 'inherit' });
    setInterval(() => {}, 1000);`;
  const host = spawn(process.execPath, ['-e', script, PLUGIN], {
    env: {
      PLUGIN_UNIX_SOCKET_DIR: dir,
      [handshake.cookieKey]: handshake.cookieValue,
      END_FILE: join(root, 'end'),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(createInterface(host.stdout), 'line');
  host.kill('SIGKILL');
  // The pipe ends when the last process that holds it has ended: that is the plugin.
  await once(host, 'close');
  assert.deepEqual(readdirSync(dir), []);
});

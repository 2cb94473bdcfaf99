import assert from 'node:assert/strict';
import { test } from 'node:test';

import { TestBody, TestHost, TestResponse } from '../../../test/support/plugin-host.ts';
import { fill, zero } from '../gob/index.ts';
import { EMPTY } from '../netrpc/index.ts';
import { hooks as table } from './hooks-table.ts';
import type { PluginHooks } from './hooks.ts';
import { WRITE_BYTES } from './http-response.ts';
import type { HttpRequest, HttpResponse } from './http.ts';
import { serveMethod } from './method.ts';
import { api } from './api-table.ts';
import { commandArgsSchema } from './model/command.ts';
import { configSchema } from './model/config.ts';
import { contextSchema } from './model/server.ts';

type Handler = (request: HttpRequest, response: HttpResponse) => Promise<void>;

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

async function serving(handler: Handler): Promise<TestHost> {
  return TestHost.start({ serveHttp: (_context, request, response) => handler(request, response) });
}

test('only the hooks that are there are announced', async () => {
  const host = await TestHost.start({
    onDeactivate: () => Promise.resolve(),
    executeCommand: () => Promise.resolve({}),
  });
  assert.deepEqual(await host.call(table.Implemented, EMPTY), [
    'OnActivate',
    'OnDeactivate',
    'ExecuteCommand',
  ]);
  await host.close();
});

test('activation configures first; an error of that is logged and keeps nobody', async () => {
  const events: string[] = [];
  const host = await TestHost.start({
    async onConfigurationChange({ api: server }) {
      events.push(`configured by ${await server.getServerVersion()}`);
      throw new Error('odd settings');
    },
    onActivate: () => Promise.resolve(void events.push('activated')),
    onDeactivate: () => Promise.resolve(void events.push('deactivated')),
  });
  serveMethod(host.api, api.GetServerVersion, () => ({ A: '11.8.0' }));
  await assert.rejects(host.call(table.OnConfigurationChange, EMPTY), /not activated/);
  await host.activate();
  await host.call(table.OnDeactivate, EMPTY);
  await host.call(table.OnDeactivate, EMPTY);
  assert.deepEqual(events, ['configured by 11.8.0', 'activated', 'deactivated']);
  assert.match(host.logged.join(), /odd settings/);
  await assert.rejects(host.call(table.OnConfigurationChange, EMPTY), /odd settings/);
  await host.close();
});

test('a failed activation tells the host why', async () => {
  const host = await TestHost.start({
    onActivate: () => Promise.reject(new Error('the folder is read-only', { cause: 'EROFS' })),
  });
  await assert.rejects(host.activate(), {
    code: 'ERR_MATTERMOST_API',
    message: 'the folder is read-only: EROFS',
  });
  await host.close();
});

test('commands, configs, cluster events and support data reach their hooks', async () => {
  const events: string[] = [];
  const hooks: PluginHooks = {
    executeCommand: (context, args) =>
      args.Command === '/fail'
        ? Promise.reject(new Error('no such dump'))
        : Promise.resolve({ Text: `${context.SessionId} ${args.Command}` }),
    configurationWillBeSaved: (config) =>
      Promise.resolve(config.MetricsSettings.Enable === true ? undefined : 'metrics must be on'),
    onPluginClusterEvent: (_context, event) =>
      Promise.resolve(void events.push(`${event.Id} ${event.Data.length}`)),
    generateSupportData: () => Promise.resolve([{ Filename: 'a.txt', Body: text('a') }]),
  };
  const host = await TestHost.start(hooks);
  const A = fill(contextSchema, { SessionId: 's' });
  const B = fill(commandArgsSchema, { Command: '/metrics' });
  assert.equal((await host.call(table.ExecuteCommand, { A, B })).A?.Text, 's /metrics');
  const failing = fill(commandArgsSchema, { Command: '/fail' });
  await assert.rejects(host.call(table.ExecuteCommand, { A, B: failing }), {
    code: 'ERR_MATTERMOST_API',
    message: 'no such dump',
  });
  const config = zero(configSchema);
  config.MetricsSettings.Enable = true;
  const saved = await host.call(table.ConfigurationWillBeSaved, { A: config });
  assert.equal(saved.A, null, 'the config is not replaced');
  config.MetricsSettings.Enable = false;
  await assert.rejects(host.call(table.ConfigurationWillBeSaved, { A: config }), /must be on/);
  await host.call(table.OnPluginClusterEvent, { A, B: { Id: 'flush', Data: text('xyz') } });
  assert.deepEqual(events, ['flush 3']);
  const files = await host.call(table.GenerateSupportData, { A });
  assert.deepEqual(
    files.A.map((file) => file?.Filename),
    ['a.txt'],
  );
  await host.close();
});

test('a request arrives whole, and the headers of the host are kept', async () => {
  const host = await serving(async (request, response) => {
    assert.equal(request.header.get('mattermost-user-id'), 'someone');
    assert.equal(await request.body.read(), undefined);
    assert.equal(response.header.get('x-from-host'), '1');
    response.header.set('content-type', 'text/plain');
    await response.writeHead(201);
    await response.write(text(`${request.method} ${request.url}`));
  });
  const header = { 'Mattermost-User-Id': 'someone' };
  const response = await host.request({ method: 'PUT', url: '/a%20b?c=d', header });
  assert.equal(response.body.toString(), 'PUT /a%20b?c=d');
  assert.equal(response.status, 201);
  assert.deepEqual(
    [...response.header],
    [
      ['X-From-Host', ['1']],
      ['Content-Type', ['text/plain']],
    ],
  );
  assert.deepEqual(response.calls, ['Header', 'SyncHeader', 'WriteHeader', 'Write']);
  await host.close();
});

test('small writes are collected and large ones split, one call at a time', async () => {
  const host = await serving(async (_request, response) => {
    for (let i = 0; i < 10_000; i++) await response.write(text('0123456789'));
    await response.write(new Uint8Array(WRITE_BYTES * 2));
    // Nobody waits for these before the next is made.
    const last = ['a', 'b', 'c'].map((part) => response.write(text(part)));
    await Promise.all([...last, response.flush()]);
    await response.write(text('d'));
  });
  const response = await host.request({});
  assert.equal(response.body.length, 100_000 + WRITE_BYTES * 2 + 4);
  assert.equal(response.body.subarray(-4).toString(), 'abcd');
  assert.ok(response.writes.every((bytes) => bytes.length <= WRITE_BYTES));
  assert.deepEqual(response.calls, ['Header', 'Write', 'Write', 'Write', 'Flush', 'Write']);
  assert.equal(response.mostAtOnce, 1);
  await host.close();
});

test('a response of nothing but headers is sent, and one without anything', async () => {
  const host = await serving(async (request, response) => {
    response.header.set('X-Here', 'yes');
    if (request.url === '/empty') await response.writeHead(204);
  });
  const empty = await host.request({ url: '/empty' });
  assert.deepEqual([empty.status, empty.header.get('X-Here')], [204, ['yes']]);
  const silent = await host.request({});
  assert.deepEqual([silent.status, silent.header.get('X-Here')], [200, ['yes']]);
  await host.close();
});

test('a body is streamed through, in any pieces, and read only as it is asked for', async () => {
  for (const pieceBytes of [undefined, () => 1 + Math.floor(Math.random() * 5000)]) {
    const echo: PluginHooks = {
      async serveHttp(_context, request, response) {
        for (let part = await request.body.read(); part; part = await request.body.read()) {
          await response.write(part);
        }
      },
    };
    const host = await TestHost.start(echo, pieceBytes === undefined ? {} : { pieceBytes });
    const pieces = Array.from({ length: 30 }, (_, i) => Buffer.alloc(33_333, `${i},`));
    const response = await host.request({ method: 'POST', body: new TestBody(pieces) });
    assert.equal(Buffer.compare(response.body, Buffer.concat(pieces)), 0);
    await host.close();
  }
});

test('a body that nobody reads is not sent', async () => {
  const body = new TestBody(Array.from({ length: 1000 }, () => new Uint8Array(100_000)));
  const host = await serving(async (_request, response) => response.write(text('no need')));
  const response = await host.request({ method: 'POST', body });
  assert.equal(response.body.toString(), 'no need');
  assert.equal(body.sentBytes, 0);
  await host.close();
});

test('a client that goes away ends the writes', async () => {
  const response = new TestResponse();
  let failure: unknown;
  let wasAborted = false;
  const host = await serving(async (_request, answer) => {
    answer.aborted.addEventListener('abort', () => (wasAborted = true));
    try {
      for (;;) {
        await answer.write(new Uint8Array(WRITE_BYTES));
        response.isClientGone = response.writes.length > 2;
      }
    } catch (error) {
      failure = error;
      throw error;
    }
  });
  // The server would log whatever else it is told as an error of the plugin.
  await host.request({}, response);
  assert.equal((failure as { code?: string }).code, 'ERR_HTTP_CLIENT_GONE');
  assert.equal(wasAborted, true);
  assert.deepEqual(host.logged, [], 'that is no failure of the plugin');
  await host.close();
});

test('a client that goes away before the last bytes is no failure either', async () => {
  const response = new TestResponse();
  const host = await serving(async (_request, answer) => {
    await answer.writeHead(200);
    response.isClientGone = true;
    await answer.write(text('too late'));
  });
  await host.request({}, response);
  assert.deepEqual(response.writes, []);
  assert.deepEqual(host.logged, []);
  await host.close();
});

test('a deactivation ends the answers under way, and closes what was taken over', async () => {
  for (const takesOver of [true, false]) {
    const failures: unknown[] = [];
    const response = new TestResponse();
    response.isStalled = true;
    const host = await TestHost.start({
      async serveHttp(_context, _request, answer) {
        if (takesOver) assert.ok(await answer.takeOver());
        await answer.writeHead(200);
        try {
          for (;;) await answer.write(new Uint8Array(WRITE_BYTES));
        } catch (error) {
          failures.push(error);
          throw error;
        }
      },
    });
    await host.activate();
    const answered = host.request({}, response);
    await response.stalled;
    await host.call(table.OnDeactivate, EMPTY);
    await answered;
    assert.equal((failures[0] as { code?: string }).code, 'ERR_HTTP_CLIENT_GONE');
    assert.equal(response.isConnectionClosed, takesOver);
    assert.deepEqual(host.logged, []);
    await host.close();
  }
});

test('a failing route is logged and told to the host, which answers 500', async () => {
  const host = await serving(() => Promise.reject(new Error('index is damaged')));
  await assert.rejects(host.request({ url: '/x' }), { message: 'index is damaged' });
  assert.match(host.logged.join(), /A request failed GET \/x index is damaged/);
  await host.close();
});

test('a host without Flush, and a status that is sent twice', async () => {
  const host = await serving(async (_request, response) => {
    await response.writeHead(200);
    await assert.rejects(response.writeHead(404), { code: 'ERR_HTTP_HEAD_SENT' });
    await response.write(text('a'));
    await response.flush();
    await response.write(text('b'));
  });
  const old = new TestResponse();
  old.hasFlush = false;
  await host.request({}, old);
  assert.deepEqual(
    old.writes.map((bytes) => Buffer.from(bytes).toString()),
    ['a', 'b'],
  );
  await host.close();
});

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { TestBody, TestHost } from '../../../test/support/plugin-host.ts';
import { CodedError, hasCode } from '../../base/errors.ts';
import { fill, zero, type InterfaceValue, type ValueOf } from '../gob/index.ts';
import { EMPTY, RpcServer } from '../netrpc/index.ts';
import { api as table } from './api-table.ts';
import type { MattermostApi } from './api.ts';
import { RemoteBody } from './body-stream.ts';
import { driver as driverTable } from './driver-table.ts';
import type { DatabaseDriver } from './driver.ts';
import { HttpHeader } from './http-header.ts';
import { serveMethod } from './method.ts';
import { autocomplete, listArgument, textArgument, type Command } from './model/command.ts';
import { configSchema } from './model/config.ts';
import { appErrorSchema } from './model/error.ts';
import { fileInfoSchema, postSchema, uploadSessionSchema } from './model/post.ts';
import { licenseSchema, pluginStatusSchema } from './model/server.ts';

let host: TestHost;
let api: MattermostApi;
let driver: DatabaseDriver;

before(async () => {
  host = await TestHost.start({
    onActivate(given) {
      ({ api, driver } = given);
      return Promise.resolve();
    },
  });
  await host.activate();
});
after(() => host.close());

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const plain = (value: Uint8Array | undefined) => value && Buffer.from(value).toString();

test('settings come as JSON; a plugin that was never configured has none', async () => {
  const answers = ['{"dbpath":"x","n":null}', 'null', '[1]', '{'];
  serveMethod(host.api, table.LoadPluginConfiguration, () => ({ A: text(answers.shift() ?? '') }));
  assert.deepEqual(await api.loadPluginConfiguration(), { dbpath: 'x', n: null });
  assert.deepEqual(await api.loadPluginConfiguration(), {});
  await assert.rejects(api.loadPluginConfiguration(), { code: 'ERR_MATTERMOST_JSON' });
  await assert.rejects(api.loadPluginConfiguration(), { code: 'ERR_MATTERMOST_JSON' });
});

test('plugin settings keep every kind of JSON value', async () => {
  const settings = { a: 'x', b: [1, 'two', null, { c: true }], d: { e: 0.5, f: {} }, g: false };
  let stored = new Map<string, InterfaceValue | null>();
  serveMethod(host.api, table.SavePluginConfig, ({ A }) => {
    stored = A;
    return { A: null };
  });
  serveMethod(host.api, table.GetPluginConfig, () => ({ A: stored }));
  await api.savePluginConfig(settings);
  assert.deepEqual(await api.getPluginConfig(), settings);
});

test('config and license', async () => {
  const config = zero(configSchema);
  config.FileSettings.AmazonS3SSL = true;
  config.PluginSettings.Plugins = { 'com.example': { Key: ['v'] } };
  serveMethod(host.api, table.GetUnsanitizedConfig, () => ({ A: config }));
  const found = await api.getUnsanitizedConfig();
  assert.equal(found.FileSettings.AmazonS3SSL, true);
  assert.equal(found.FileSettings.AmazonS3SSE, false, 'known to the host, but not sent');
  assert.deepEqual(found.PluginSettings.Plugins, { 'com.example': { Key: ['v'] } });
  const license = fill(licenseSchema, { Id: 'l', Features: { ...emptyFeatures, Metrics: true } });
  const answers = [license, null];
  serveMethod(host.api, table.GetLicense, () => ({ A: answers.shift() ?? null }));
  assert.equal((await api.getLicense())?.Features?.Metrics, true);
  assert.equal(await api.getLicense(), undefined);
  serveMethod(host.api, table.GetConfig, () => ({ A: null }));
  await assert.rejects(api.getConfig(), { code: 'ERR_MATTERMOST_API' });
});

const emptyFeatures = { Users: 0, Cluster: false, Metrics: false, Cloud: false, Compliance: false };

test('an AppError keeps its id, place and status', async () => {
  const error = fill(appErrorSchema, {
    Id: 'app.plugin.not_installed',
    Message: 'Plugin is not installed.',
    Where: 'GetPluginStatus',
    StatusCode: 404,
  });
  serveMethod(host.api, table.GetPluginStatus, () => ({ A: null, B: error }));
  await assert.rejects(api.getPluginStatus('x'), (found) => {
    assert.ok(found instanceof CodedError);
    assert.equal(found.code, 'ERR_MATTERMOST_API');
    assert.equal(found.message, 'Plugin is not installed.');
    const { id, where, statusCode } = found.details;
    assert.deepEqual(
      { id, where, statusCode },
      { id: 'app.plugin.not_installed', where: 'GetPluginStatus', statusCode: 404 },
    );
    return true;
  });
  const status = fill(pluginStatusSchema, { PluginId: 'x', State: 2 });
  serveMethod(host.api, table.GetPluginStatus, () => ({ A: status, B: null }));
  assert.equal((await api.getPluginStatus('x')).State, 2);
});

test('a method that the host does not have says so', async () => {
  await assert.rejects(api.getBundlePath(), {
    code: 'ERR_RPC_REMOTE',
    message: "rpc: can't find method Plugin.GetBundlePath",
  });
});

test('the key-value methods', async () => {
  const calls: unknown[] = [];
  const note = <A>(args: A): A => {
    calls.push(args);
    return args;
  };
  serveMethod(host.api, table.KVGet, ({ A }) => ({ A: A === 'k' ? text('v') : text(''), B: null }));
  serveMethod(host.api, table.KVSetWithOptions, ({ C }) => ({ A: note(C).Atomic, B: null }));
  serveMethod(host.api, table.KVCompareAndSet, ({ B, C }) => ({ A: B.length < C.length, B: null }));
  serveMethod(host.api, table.KVList, ({ A, B }) => ({ A: [`${A}`, `${B}`], B: null }));
  assert.equal(plain(await api.kvGet('k')), 'v');
  assert.equal(await api.kvGet('none'), undefined);
  assert.equal(await api.kvSetWithOptions('k', text('x'), { Atomic: true }), true);
  assert.equal(await api.kvSetWithOptions('k', text('x'), { ExpireInSeconds: 15 }), false);
  assert.equal(await api.kvCompareAndSet('k', text(''), text('x')), true);
  assert.deepEqual(await api.kvList(2, 1000), ['2', '1000']);
  assert.deepEqual(calls, [
    { Atomic: true, OldValue: new Uint8Array(0), ExpireInSeconds: 0 },
    { Atomic: false, OldValue: new Uint8Array(0), ExpireInSeconds: 15 },
  ]);
});

test('a log line has its fields as text, errors with their causes', async () => {
  let line: { A: string; B: Array<InterfaceValue | null> } | undefined;
  serveMethod(host.api, table.LogError, (args) => {
    line = args;
    return EMPTY;
  });
  const error = new CodedError('ERR_X', 'no', { path: '/p' }, new Error('disk'));
  await api.logError('failed', { error, count: 3, list: ['a'], none: undefined, big: 2n ** 60n });
  assert.equal(line?.A, 'failed');
  assert.ok(line.B.every((item) => item?.type === 'string'));
  assert.deepEqual(
    line.B.map((item) => item?.value),
    ['error', 'no (path: /p): disk', 'count', '3', 'list', '["a"]', 'big', '1152921504606846976'],
  );
});

test('a command with nested autocompletion arrives as it was given', async () => {
  let found: Command | null = null;
  serveMethod(host.api, table.RegisterCommand, ({ A }) => {
    found = A;
    return { A: null };
  });
  const range = listArgument({ helpText: 'How far back' }, [{ item: '1h' }, { item: '15d' }]);
  const label = textArgument(
    { name: 'label', helpText: 'A name', required: true },
    '[text]',
    '\\w+',
  );
  const dump = autocomplete({ Trigger: 'dump', Arguments: [range, label] });
  const data = autocomplete({ Trigger: 'metrics', RoleID: 'system_admin', SubCommands: [dump] });
  await api.registerCommand({ Trigger: 'metrics', AutoComplete: true, AutocompleteData: data });
  const command = found as Command | null;
  assert.equal(command?.Trigger, 'metrics');
  assert.deepEqual(command.AutocompleteData, data);
});

test('an upload is streamed, and its failure told', async () => {
  const session = fill(uploadSessionSchema, { Id: 'u', FileSize: 200_000 });
  let received = 0;
  serveMethod(host.api, table.UploadData, async ({ PluginStreamID }) => {
    const body = new RemoteBody(await host.connection.broker.dial(PluginStreamID));
    for (let part = await body.read(); part; part = await body.read()) received += part.length;
    await body.close();
    if (received !== 200_000) throw new Error('cut short');
    return { A: fill(fileInfoSchema, { Id: 'f', Size: received }), B: null };
  });
  const pieces = () => new TestBody([new Uint8Array(150_000), new Uint8Array(50_000)]);
  assert.equal((await api.uploadData(session, pieces()))?.Size, 200_000);
  await assert.rejects(api.uploadData(session, pieces()), /cut short/);
});

test('posts', async () => {
  serveMethod(host.api, table.CreatePost, ({ A }) => {
    return { A: fill(postSchema, { ...A, Id: 'p' }), B: null };
  });
  const post = await api.createPost({ Message: 'm', FileIds: ['a', 'b'] });
  assert.deepEqual([post.Id, post.Message, post.FileIds], ['p', 'm', ['a', 'b']]);
});

test('other plugins are asked through a stream, or in one message by older hosts', async () => {
  const request = () => ({
    method: 'POST',
    path: '/com.mattermost.calls/x?y',
    header: new HttpHeader([['x-a', ['1']]]),
    body: new TestBody([text('ab'), text('c')]),
  });
  const read = async (body: { read(): Promise<Uint8Array | undefined> }): Promise<string> => {
    const parts: Uint8Array[] = [];
    for (let part = await body.read(); part; part = await body.read()) parts.push(part);
    return Buffer.concat(parts).toString();
  };
  const Header = new Map([['X-B', ['2']]]);
  let newer: MattermostApi | undefined;
  const streaming = await TestHost.start({
    onActivate(given) {
      newer = given.api;
      return Promise.resolve();
    },
  });
  await streaming.activate();
  serveMethod(streaming.api, table.PluginHTTPStream, async (args) => {
    const { broker } = streaming.connection;
    const sent = await read(new RemoteBody(await broker.dial(args.RequestBodyStream)));
    const answer = await broker.dial(args.ResponseBodyStream);
    void answer.write(text(`${args.Request?.URL} ${sent}`)).then(() => answer.close());
    return { StatusCode: 201, Header };
  });
  const first = await newer?.pluginHttp(request());
  assert.ok(first);
  assert.deepEqual([first.status, first.header.get('x-b')], [201, '2']);
  assert.equal(await read(first.body), '/com.mattermost.calls/x?y abc');
  await first.body.close();
  await streaming.close();

  serveMethod(host.api, table.PluginHTTP, ({ RequestBody }) => ({
    Response: { StatusCode: 404, Header },
    ResponseBody: text(`old ${plain(RequestBody)}`),
  }));
  for (let round = 0; round < 2; round++) {
    const old = await api.pluginHttp(request());
    assert.equal(old.status, 404);
    assert.equal(await read(old.body), 'old abc');
  }
});

/** A database of one table; notes what is open. */
function serveDatabase(server: RpcServer, rows: unknown[][], open: Set<string>): void {
  let next = 0;
  const close = (id: string): { A: null } => {
    open.delete(id);
    return { A: null };
  };
  serveMethod(server, driverTable.Conn, (isMaster) => {
    open.add('c');
    assert.equal(isMaster, true);
    return { A: 'c', B: null };
  });
  serveMethod(server, driverTable.ConnQuery, ({ B: sql, C }) => {
    if (sql === 'bad') throw new CodedError('ERR_DATABASE_BAD_CONN', 'driver: bad connection');
    open.add('r');
    next = 0;
    assert.deepEqual(
      C.map(({ Ordinal, Value }) => [Ordinal, Value?.value]),
      [
        [1, 'mattermost_app'],
        [2, 5],
      ],
    );
    return { A: 'r', B: null };
  });
  serveMethod(server, driverTable.RowsColumns, () => ({ A: ['name', 'port'] }));
  serveMethod(server, driverTable.RowsNext, ({ B }) => {
    assert.deepEqual(B, [null, null], 'one place for each column');
    if (next === rows.length) throw new CodedError('ERR_DATABASE_EOF', 'EOF');
    const [name, port] = rows[next++];
    const value = [
      { type: 'string', value: name },
      { type: 'int64', value: port },
    ];
    return { A: null, B: value };
  });
  serveMethod(server, driverTable.RowsClose, close);
  serveMethod(server, driverTable.ConnClose, close);
}

test('a query gives columns and rows, and gives everything back, failed or not', async () => {
  const open = new Set<string>();
  const rows = [
    ['node1', 8074],
    ['node2', 0],
  ];
  serveDatabase(host.driver, rows, open);
  const args = ['mattermost_app', 5];
  assert.deepEqual(await driver.query('SELECT', args), { columns: ['name', 'port'], rows });
  assert.equal(open.size, 0);
  await assert.rejects(driver.query('bad', args), { code: 'ERR_DATABASE_BAD_CONN' });
  assert.equal(open.size, 0);
});

test('an error of PostgreSQL keeps its state', async () => {
  type Returns = ValueOf<typeof driverTable.ConnExec.returns>;
  const value = {
    ...{ Severity: 'ERROR', Code: '42P01', Message: 'relation "x" does not exist', Detail: '' },
    ...{ Hint: '', Table: '', Column: '', Constraint: '' },
  };
  serveMethod(host.driver, driverTable.ConnExec, (): Returns => {
    return { ...zero(driverTable.ConnExec.returns), B: { type: '*pq.Error', value } };
  });
  await assert.rejects(driver.execute('DELETE FROM x'), (error) => {
    assert.ok(hasCode(error, 'ERR_DATABASE'));
    assert.equal((error as CodedError).details['sqlState'], '42P01');
    return true;
  });
});

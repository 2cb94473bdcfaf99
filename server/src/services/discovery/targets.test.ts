import assert from 'node:assert/strict';
import { test } from 'node:test';

import { buildTargets } from './targets.ts';
import type { TargetInput } from './targets.ts';

const INPUT: TargetInput = {
  listenAddress: ':8067',
  nodes: [],
  enableNodeExporter: false,
  nodeExporterPort: 9100,
  pluginId: 'us',
  calls: { isRunning: false, rtcd: [] },
  callsOffloaderHosts: [],
  extraTargets: [],
};

/** `job instance -> url` per target. */
function allLines(input: Partial<TargetInput>): string[] {
  return buildTargets({ ...INPUT, ...input }).targets.map(
    ({ url, labels }) => `${labels.job} ${labels.instance} -> ${url}`,
  );
}

/** All but our own metrics. */
function lines(input: Partial<TargetInput>): string[] {
  return allLines(input).filter((line) => !line.startsWith('mattermost-plugin-metrics '));
}

const ADDRESSES: [address: string, instance: string, urlHost: string][] = [
  [':8067', 'localhost:8067', 'localhost:8067'],
  ['[]:8067', 'localhost:8067', 'localhost:8067'],
  ['0.0.0.0:8067', '0.0.0.0:8067', 'localhost:8067'],
  ['[::]:8067', '[::]:8067', 'localhost:8067'],
  ['[0:0::0]:8067', '[0:0::0]:8067', 'localhost:8067'],
  ['[::1]:8067', '[::1]:8067', '[::1]:8067'],
  ['[2001:db8::]:8067', '[2001:db8::]:8067', '[2001:db8::]:8067'],
  ['name:8067', 'name:8067', 'name:8067'],
  ['metrics.example.com:80', 'metrics.example.com:80', 'metrics.example.com:80'],
  ['10.1.2.3:1', '10.1.2.3:1', '10.1.2.3:1'],
  ['[fe80::1%eth0]:1', '[fe80::1%eth0]:1', '[fe80::1%25eth0]:1'],
];

for (const [address, instance, urlHost] of ADDRESSES) {
  test(`a server on ${address} is ${instance} at ${urlHost}`, () => {
    const listenAddress = address;
    const app = `prometheus ${instance} -> http://${urlHost}/metrics`;
    assert.deepEqual(lines({ listenAddress }), [app]);
    const exporter = app
      .replace('prometheus', 'node')
      .replaceAll(/:[0-9]+( |\/metrics)/g, ':9200$1');
    const both = lines({ listenAddress, enableNodeExporter: true, nodeExporterPort: 9200 });
    assert.deepEqual(both, [app, exporter]);
  });
}

test('a cluster has its nodes by name, each once', () => {
  const nodes = ['app1', 'app2', 'fd00::1', 'app1'].map((hostname) => ({ hostname }));
  assert.deepEqual(lines({ nodes, enableNodeExporter: true }), [
    'prometheus app1:8067 -> http://app1:8067/metrics',
    'node app1:9100 -> http://app1:9100/metrics',
    'prometheus app2:8067 -> http://app2:8067/metrics',
    'node app2:9100 -> http://app2:9100/metrics',
    'prometheus [fd00::1]:8067 -> http://[fd00::1]:8067/metrics',
    'node [fd00::1]:9100 -> http://[fd00::1]:9100/metrics',
  ]);
});

test('a cluster of one is this machine', () => {
  const nodes = [{ hostname: 'app1' }];
  assert.deepEqual(lines({ nodes }), [
    'prometheus localhost:8067 -> http://localhost:8067/metrics',
  ]);
});

test('our own metrics are there once for each node', () => {
  const own = (input: Partial<TargetInput>): string[] =>
    allLines(input).filter((line) => line.startsWith('mattermost-plugin-metrics '));
  assert.deepEqual(own({ listenAddress: '[::]:8067' }), [
    'mattermost-plugin-metrics [::]:8067 -> http://localhost:8067/plugins/us/metrics',
  ]);
  assert.deepEqual(own({ nodes: [{ hostname: 'app1' }, { hostname: 'app2' }] }), [
    'mattermost-plugin-metrics app1:8067 -> http://app1:8067/plugins/us/metrics',
    'mattermost-plugin-metrics app2:8067 -> http://app2:8067/plugins/us/metrics',
  ]);
});

const RTCD = [
  { protocol: 'http:', address: '10.0.0.1', port: 8045 },
  { protocol: 'http:', address: 'fd00::1', port: 8045 },
];
const CALLS_PATH = '/plugins/com.mattermost.calls/metrics';

test('Calls runs on each node, RTCD on each address, with a node exporter if wanted', () => {
  const calls = { isRunning: true, rtcd: RTCD };
  const rtcd = [
    'calls 10.0.0.1:8045 -> http://10.0.0.1:8045/metrics',
    'calls [fd00::1]:8045 -> http://[fd00::1]:8045/metrics',
  ];
  assert.deepEqual(lines({ listenAddress: '0.0.0.0:8067', calls }).slice(1), [
    `calls 0.0.0.0:8067 -> http://localhost:8067${CALLS_PATH}`,
    ...rtcd,
  ]);
  const nodes = [{ hostname: 'app1' }, { hostname: 'app2' }];
  assert.deepEqual(lines({ nodes, calls }).slice(2), [
    `calls app1:8067 -> http://app1:8067${CALLS_PATH}`,
    `calls app2:8067 -> http://app2:8067${CALLS_PATH}`,
    ...rtcd,
  ]);
  assert.deepEqual(lines({ calls, enableNodeExporter: true }).slice(3), [
    rtcd[0],
    'node 10.0.0.1:9100 -> http://10.0.0.1:9100/metrics',
    rtcd[1],
    'node [fd00::1]:9100 -> http://[fd00::1]:9100/metrics',
  ]);
  assert.equal(lines({ calls: { isRunning: false, rtcd: RTCD } }).length, 1);
});

test('hosts of calls-offloader have a node exporter, whatever holds for the others', () => {
  const callsOffloaderHosts = [
    { host: 'off1', port: undefined },
    { host: 'fd00::3', port: 9200 },
    { host: 'off1', port: 9100 },
  ];
  assert.deepEqual(lines({ callsOffloaderHosts }).slice(1), [
    'node off1:9100 -> http://off1:9100/metrics',
    'node [fd00::3]:9200 -> http://[fd00::3]:9200/metrics',
  ]);
});

const EXTRA = { labels: {}, authorization: undefined, line: 1 };

test('extra targets have the labels that were given, and host and port as instance', () => {
  const extraTargets = [
    { ...EXTRA, url: 'http://db1:9187/metrics', job: 'postgres', labels: { env: 'prod' } },
    {
      ...EXTRA,
      url: 'https://proxy.example.com/stats?x=y',
      job: 'proxy',
      authorization: 'Bearer x',
    },
    { ...EXTRA, url: 'http://[fd00::4]/m', job: 'x', labels: { instance: 'mine' } },
    { ...EXTRA, url: 'http://[fe80::4%25eth0]:9/m', job: 'x' },
  ];
  const { targets, leftOut, alike } = buildTargets({ ...INPUT, extraTargets });
  assert.deepEqual(targets.slice(2), [
    {
      url: 'http://db1:9187/metrics',
      labels: { instance: 'db1:9187', env: 'prod', job: 'postgres' },
    },
    {
      url: 'https://proxy.example.com/stats?x=y',
      labels: { instance: 'proxy.example.com:443', job: 'proxy' },
      authorization: 'Bearer x',
    },
    { url: 'http://[fd00::4]/m', labels: { instance: 'mine', job: 'x' } },
    { url: 'http://[fe80::4%25eth0]:9/m', labels: { instance: '[fe80::4%eth0]:9', job: 'x' } },
  ]);
  assert.deepEqual([leftOut, alike], [[], []]);
});

test('targets are the same when URL and all labels are; whatever else is left out is said', () => {
  const probe = { ...EXTRA, url: 'http://b:9115/probe?target=a', job: 'bb' };
  const extraTargets = [
    { ...probe, line: 1 },
    { ...probe, line: 2, url: 'http://b:9115/probe?target=b' },
    { ...probe, line: 3, labels: { env: 'x' } },
    { ...probe, line: 4 },
    { ...EXTRA, line: 5, url: 'http://localhost:8067/metrics', job: 'prometheus' },
    { ...EXTRA, line: 6, url: 'http://localhost:8067/other', job: 'prometheus' },
  ];
  const { targets, leftOut, alike } = buildTargets({ ...INPUT, extraTargets });
  assert.deepEqual(
    targets.slice(2).map(({ url, labels }) => `${url} ${labels.job} ${labels.env}`),
    [
      'http://b:9115/probe?target=a bb undefined',
      'http://b:9115/probe?target=b bb undefined',
      'http://b:9115/probe?target=a bb x',
      'http://localhost:8067/other prometheus undefined',
    ],
  );
  assert.deepEqual(leftOut, [
    'line 4 of ExtraTargets: it is a target already',
    'line 5 of ExtraTargets: it is a target already',
  ]);
  assert.deepEqual(alike, ['2 of prometheus at localhost:8067', '2 of bb at b:9115']);
});

test('a node exporter is optional until somebody asks for it', () => {
  const isOptional = (input: Partial<TargetInput>): (boolean | undefined)[] =>
    buildTargets({ ...INPUT, enableNodeExporter: true, ...input })
      .targets.filter(({ labels }) => labels.job === 'node')
      .map((target) => target.isOptional);
  assert.deepEqual(isOptional({}), [true]);
  const localhost = [{ host: 'localhost', port: undefined }];
  assert.deepEqual(isOptional({ callsOffloaderHosts: localhost }), [undefined]);
  const extraTargets = [{ ...EXTRA, url: 'http://localhost:9100/metrics', job: 'node' }];
  assert.deepEqual(isOptional({ extraTargets }), [undefined]);
});

test('bad rows of the cluster are named, and the other nodes are scraped', () => {
  const bad = ['a/b', 'node1:8075', 'fe80::1%', 'user:S3cret@node', '', `x y${'z'.repeat(500)}`];
  for (const hostname of bad) {
    const nodes = [{ hostname: 'app1' }, { hostname }, { hostname: 'fe80::1%eth0' }];
    const input = { ...INPUT, nodes, enableNodeExporter: true };
    const { targets, leftOut } = buildTargets(input);
    const own = 'http://app1:8067/plugins/us/metrics';
    assert.deepEqual(
      targets.map(({ url }) => url),
      [
        'http://app1:8067/metrics',
        'http://app1:9100/metrics',
        'http://[fe80::1%25eth0]:8067/metrics',
        'http://[fe80::1%25eth0]:9100/metrics',
        own,
        own.replace('app1', '[fe80::1%25eth0]'),
      ],
    );
    assert.equal(targets[2].labels.instance, '[fe80::1%eth0]:8067');
    assert.equal(leftOut.length, 1);
    assert.match(leftOut[0], /^the cluster node ".*" \(.*\)$/);
    assert.ok(/[@z]/.test(hostname) || leftOut[0].includes(JSON.stringify(hostname)));
    assert.ok(!leftOut[0].includes('S3cret') && leftOut[0].length < 200, leftOut[0]);
  }
});

test('what the server copies from plugins is dropped where we scrape the plugin', () => {
  const [server, own] = buildTargets(INPUT).targets;
  const dropped = (name: string, pluginId?: string): boolean | undefined =>
    server.drops?.([
      ['__name__', name],
      ['x', 'y'],
      ...(pluginId === undefined ? [] : ([['plugin_id', pluginId]] as const)),
    ]);
  assert.equal(dropped('go_goroutines'), false);
  assert.equal(dropped('go_goroutines', 'com.mattermost.calls'), true);
  assert.equal(dropped('mattermost_plugin_metrics_targets', 'us'), true);
  assert.equal(dropped('go_goroutines', 'another'), false);
  assert.equal(dropped('mattermost_plugin_hook_time_bucket', 'com.mattermost.calls'), false);
  assert.equal(dropped('mattermost_plugin_api_time_count', 'us'), false);
  assert.equal(own.drops, undefined);
});

const BAD = [
  '',
  '8067',
  'name',
  'name:',
  ':http',
  ':0',
  ':65536',
  '::1:8067',
  '[::1]',
  'a b:1',
  'a/b:1',
  'a@b:1',
];

for (const listenAddress of BAD) {
  test(`the address ${JSON.stringify(listenAddress)} is named, and all but the server is scraped`, () => {
    const { targets, leftOut } = buildTargets({
      ...INPUT,
      listenAddress,
      enableNodeExporter: true,
      calls: { isRunning: true, rtcd: RTCD.slice(0, 1) },
      callsOffloaderHosts: [{ host: 'off1', port: undefined }],
      extraTargets: [{ ...EXTRA, url: 'http://db1/', job: 'x' }],
    });
    assert.deepEqual(
      targets.map(({ labels }) => `${labels.job} ${labels.instance}`),
      [
        'node localhost:9100',
        'calls 10.0.0.1:8045',
        'node 10.0.0.1:9100',
        'node off1:9100',
        'x db1:80',
      ],
    );
    assert.equal(leftOut.length, 1);
    assert.match(leftOut[0], /^the Mattermost server \(MetricsSettings\.ListenAddress ".*": .*\)$/);
  });
}

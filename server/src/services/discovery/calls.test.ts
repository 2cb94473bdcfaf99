import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FakeClock } from '../../../test/support/fake-clock.ts';
import { silentLogger } from '../../base/log.ts';
import { WarningBoard } from '../health/warning-board.ts';
import { CallsDiscovery } from './calls.ts';

const URL_TEXT = 'http://key:secret@rtcd.example.com:8045';

/** Names with their addresses; what is no list is thrown. */
function setUp(names: Record<string, string[] | Error | 'hangs'> = {}) {
  const clock = new FakeClock();
  const board = new WarningBoard(silentLogger);
  const world = { names, asked: [] as string[], running: true as boolean | Error };
  const calls = new CallsDiscovery({
    isPluginRunning: async (id) => {
      assert.equal(id, 'com.mattermost.calls');
      if (world.running instanceof Error) throw world.running;
      return world.running;
    },
    resolver: {
      resolve: async (host, family) => {
        world.asked.push(`${host} ${family}`);
        const found = world.names[`${host} ${family}`] ?? [];
        if (found === 'hangs') return new Promise(() => {});
        if (found instanceof Error) throw found;
        return found;
      },
    },
    clock,
    board,
  });
  return { calls, clock, world, codes: () => board.list().map(({ code }) => code), board };
}

const endpoints = (calls: CallsDiscovery): string[] =>
  calls.known.rtcd.map(({ protocol, address, port }) => `${protocol} ${address} ${port}`);

test('without Calls nothing else is looked for', async () => {
  const { calls, world, codes } = setUp();
  world.running = false;
  await calls.look(URL_TEXT);
  assert.deepEqual(calls.known, { isRunning: false, rtcd: [] });
  assert.deepEqual([world.asked, codes()], [[], []]);
});

const FOUND: [what: string, url: string, names: Record<string, string[]>, found: string[]][] = [
  ['no RTCD', '', {}, []],
  [
    'several machines behind one name, each once and in order',
    URL_TEXT,
    { 'rtcd.example.com 4': ['10.0.0.2', '10.0.0.1', '10.0.0.2'] },
    ['http: 10.0.0.1 8045', 'http: 10.0.0.2 8045'],
  ],
  [
    'a machine with both kinds of address, scraped once',
    URL_TEXT,
    { 'rtcd.example.com 4': ['10.0.0.1'], 'rtcd.example.com 6': ['fd00::1'] },
    ['http: 10.0.0.1 8045'],
  ],
  [
    'a machine with IPv6 alone',
    URL_TEXT,
    { 'rtcd.example.com 6': ['fd00::1'] },
    ['http: fd00::1 8045'],
  ],
  ['an IPv6 address', 'http://[fd00::2]:1', { 'fd00::2 6': ['fd00::2'] }, ['http: fd00::2 1']],
  [
    'a link-local address with its zone',
    'http://id:key@[fe80::1%25eth0]:1',
    { 'fe80::1%eth0 6': ['fe80::1%eth0'] },
    ['http: fe80::1%eth0 1'],
  ],
  ['a URL without port', 'http://rtcd', { 'rtcd 4': ['10.0.0.1'] }, ['http: 10.0.0.1 80']],
  ['https', 'https://rtcd/', { 'rtcd 4': ['10.0.0.1'] }, ['https: 10.0.0.1 443']],
];

for (const [what, url, names, found] of FOUND) {
  test(what, async () => {
    const { calls, codes } = setUp(names);
    await calls.look(url);
    assert.deepEqual([calls.known.isRunning, endpoints(calls), codes()], [true, found, []]);
  });
}

for (const url of ['rtcd:8045', 'ftp://rtcd', 'nonsense', 'http://']) {
  test(`the URL ${url} is named in a warning`, async () => {
    const { calls, board } = setUp();
    await calls.look(url);
    assert.deepEqual(endpoints(calls), []);
    assert.match(board.list()[0].message, /not of the form http:\/\/rtcd:8045/);
  });
}

test('a name without address is a warning that does not tell the key in the URL', async () => {
  const { calls, board, world } = setUp();
  await calls.look(URL_TEXT);
  assert.match(board.list()[0].message, /no address \(host: rtcd\.example\.com\)/);
  assert.doesNotMatch(JSON.stringify(board.list()), /secret/);
  world.names['rtcd.example.com 4'] = ['10.0.0.1'];
  await calls.look(URL_TEXT);
  assert.deepEqual([endpoints(calls), board.list()], [['http: 10.0.0.1 8045'], []]);
});

test('what is known stays while the resolver fails or hangs, for the same URL alone', async () => {
  const { calls, world, codes, clock } = setUp({ 'rtcd.example.com 4': ['10.0.0.1'] });
  await calls.look(URL_TEXT);
  for (const failure of [new Error('SERVFAIL'), 'hangs'] as const) {
    world.names['rtcd.example.com 4'] = failure;
    const looking = calls.look(URL_TEXT);
    for (let i = 0; i < 60; i++) await clock.advance(100);
    await looking;
    assert.deepEqual([endpoints(calls), codes()], [['http: 10.0.0.1 8045'], ['rtcd_unresolved']]);
  }
  world.names['other 4'] = new Error('SERVFAIL');
  await calls.look('http://other:1');
  assert.deepEqual(endpoints(calls), []);
});

test('an API that fails leaves Calls as it was, with a warning until it works', async () => {
  const { calls, world, codes } = setUp();
  world.running = new Error('the connection is lost');
  await calls.look('');
  assert.deepEqual([calls.known.isRunning, codes()], [false, ['calls_unknown']]);
  world.running = true;
  await calls.look('');
  assert.deepEqual([calls.known.isRunning, codes()], [true, []]);
  world.running = new Error('the connection is lost');
  await calls.look('');
  assert.deepEqual([calls.known.isRunning, codes()], [true, ['calls_unknown']]);
});

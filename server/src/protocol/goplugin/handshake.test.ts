import assert from 'node:assert/strict';
import { test } from 'node:test';

import { checkEnvironment, formatHandshake, parseHandshake } from './handshake.ts';

const config = { cookieKey: 'COOKIE', cookieValue: 'a b', protocolVersion: 1 };

test('the handshake line has six fields, the last one empty', () => {
  assert.equal(formatHandshake(config, '/tmp/plugin1'), '1|1|unix|/tmp/plugin1|netrpc|\n');
});

const environments: ReadonlyArray<readonly [string, Record<string, string>, string | undefined]> = [
  ['the cookie and version 1', { COOKIE: 'a b', PLUGIN_PROTOCOL_VERSIONS: '1' }, undefined],
  ['version 1 among others', { COOKIE: 'a b', PLUGIN_PROTOCOL_VERSIONS: '3, 1' }, undefined],
  ['no list of versions', { COOKIE: 'a b' }, undefined],
  ['no cookie', {}, 'ERR_PLUGIN_NOT_HOSTED'],
  ['a wrong cookie', { COOKIE: 'b' }, 'ERR_PLUGIN_NOT_HOSTED'],
  [
    'other versions only',
    { COOKIE: 'a b', PLUGIN_PROTOCOL_VERSIONS: '11,2' },
    'ERR_PLUGIN_PROTOCOL_VERSION',
  ],
  ['TLS', { COOKIE: 'a b', PLUGIN_CLIENT_CERT: 'PEM' }, 'ERR_PLUGIN_TLS'],
];

for (const [title, env, code] of environments) {
  test(`an environment with ${title} is ${code === undefined ? 'taken' : 'refused'}`, () => {
    if (code === undefined) checkEnvironment(env, config);
    else assert.throws(() => checkEnvironment(env, config), { code });
  });
}

test('hosts read the lines of all go-plugin versions', () => {
  for (const line of [
    '1|1|unix|/tmp/p|netrpc|\n',
    '1|1|unix|/tmp/p|netrpc',
    '1|1|unix|/tmp/p',
    '1|1|unix|/tmp/p|netrpc||true',
  ]) {
    assert.equal(parseHandshake(config, line), '/tmp/p');
  }
});

for (const line of [
  '',
  'hello',
  '2|1|unix|/tmp/p|netrpc|',
  '1|2|unix|/tmp/p|netrpc|',
  '1|1|tcp|127.0.0.1:1|netrpc|',
  '1|1|unix|/tmp/p|grpc|',
  '1|1|unix||netrpc|',
  '1|1|unix',
  `1|1|unix|/${'x'.repeat(2000)}|netrpc|`,
]) {
  test(`hosts refuse the line ${JSON.stringify(line.slice(0, 40))}`, () => {
    assert.throws(() => parseHandshake(config, line), { code: 'ERR_PLUGIN_HANDSHAKE' });
  });
}

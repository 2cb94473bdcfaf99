import assert from 'node:assert/strict';
import { test } from 'node:test';

import { parseExtraTargets, parseHosts } from './target-lists.ts';

test('extra targets: one per line, values in quotes where they have spaces', () => {
  const text = `
    # databases
    http://db1:9187/metrics postgres env=prod  name="the first, = main"

    https://[fd00::1]/m?a=b proxy instance=x:1 credential=dbs\r
  `;
  assert.deepEqual(parseExtraTargets(text), {
    entries: [
      {
        url: 'http://db1:9187/metrics',
        job: 'postgres',
        labels: { env: 'prod', name: 'the first, = main' },
        line: 3,
      },
      {
        url: 'https://[fd00::1]/m?a=b',
        job: 'proxy',
        labels: { instance: 'x:1' },
        credential: 'dbs',
        line: 5,
      },
    ],
    problems: [],
  });
  assert.deepEqual(parseExtraTargets(''), { entries: [], problems: [] });
});

test('extra targets: a zone is taken with or without its percent sign escaped', () => {
  const { entries } = parseExtraTargets('http://[fe80::1%eth0]:1/ a\nhttp://[fe80::1%25eth0]:1/ b');
  assert.deepEqual(
    entries.map(({ url }) => url),
    Array(2).fill('http://[fe80::1%25eth0]:1/'),
  );
});

const SECRET = 'S3cret';
const BAD_TARGETS: [text: string, reason: RegExp][] = [
  ['db1:9187 postgres', /a URL such as/],
  ['ftp://db1/ postgres', /a URL such as/],
  [`http://user:${SECRET}@db1/ postgres`, /belong into TargetCredentials/],
  [`http://${SECRET}@db1/ postgres`, /belong into TargetCredentials/],
  [`http://user:${SECRET}/x@db1/ postgres`, /a URL such as/],
  ['http:// postgres', /a URL such as/],
  [`http:user:${SECRET}@db1/ postgres`, /a URL such as/],
  [`http:/user:${SECRET}@db1/ postgres`, /a URL such as/],
  [`http:///user:${SECRET}@db1/ postgres`, /a URL such as/],
  [`http:\\\\user:${SECRET}@db1/ postgres`, /a URL such as/],
  ['http://[fe80::1%]/ postgres', /a URL such as/],
  ['http://db1/', /a job name/],
  ['http://db1/ env=prod', /a job name/],
  [`http://db1/ postgres ${SECRET}`, /label=value is expected/],
  ['http://db1/ postgres 1x=y', /label=value/],
  ['http://db1/ postgres __name__=y', /label=value/],
  ['http://db1/ postgres job=y', /label=value/],
  [`http://db1/ postgres ${SECRET}=`, /a label has no value/],
  [`http://db1/ postgres a="${SECRET}`, /a label has no value/],
  ['http://db1/ postgres a=b a=c', /a label stands there twice/],
  [`http://db1/ ${'j'.repeat(2000)}`, /a shorter job name/],
  [`http://db1/ postgres a=${'j'.repeat(2000)}`, /too long/],
  ['x'.repeat(9000), /at most 8192 characters/],
];

for (const [text, reason] of BAD_TARGETS) {
  test(`extra targets: ${JSON.stringify(text.slice(0, 50))} is a bad line between good ones`, () => {
    const { entries, problems } = parseExtraTargets(`http://a/ a\n${text}\nhttp://b/ b`);
    assert.deepEqual(
      entries.map(({ job }) => job),
      ['a', 'b'],
    );
    assert.equal(problems.length, 1);
    assert.match(problems[0], /^line 2: /);
    assert.match(problems[0], reason);
    assert.ok(!problems[0].includes(SECRET), problems[0]);
  });
}

test('extra targets: those above the limit are left out, and it is said', () => {
  const { entries, problems } = parseExtraTargets('http://a/ x\n'.repeat(502));
  assert.equal(entries.length, 500);
  assert.deepEqual(problems, ['line 501: at most 500 entries; the rest is left out']);
});

test('hosts stand between commas, spaces or lines, with or without port', () => {
  const text = ' off1,off2.example.com:9200\n10.0.0.1; [fd00::1]:1 [fd00::2] fd00::3 fe80::1%eth0 ';
  assert.deepEqual(parseHosts(`${text} [fe80::1%eth0]:9100`), {
    entries: [
      { host: 'off1', port: undefined },
      { host: 'off2.example.com', port: 9200 },
      { host: '10.0.0.1', port: undefined },
      { host: 'fd00::1', port: 1 },
      { host: 'fd00::2', port: undefined },
      { host: 'fd00::3', port: undefined },
      { host: 'fe80::1%eth0', port: undefined },
      { host: 'fe80::1%eth0', port: 9100 },
    ],
    problems: [],
  });
  assert.deepEqual(parseHosts(''), { entries: [], problems: [] });
});

const BAD_HOSTS = ['off1:', 'off1:x', 'off1:0', 'off1:65536', 'http://off1', '[x]:1', 'a/b', 'u@h'];

for (const text of BAD_HOSTS) {
  test(`hosts: ${text} is left out, the others are not`, () => {
    const { entries, problems } = parseHosts(`a, ${text}, b`);
    assert.deepEqual(
      entries.map(({ host }) => host),
      ['a', 'b'],
    );
    assert.match(problems.join(), /^entry 2: [^,]*expected[^,]*$/);
  });
}

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { parseExtraTargets, parseHosts } from './target-lists.ts';

test('extra targets: one per line, values in quotes where they have spaces', () => {
  const text = `
    # databases
    http://db1:9187/metrics postgres env=prod  name="the first, = main"

    https://[fd00::1]/m?a=b proxy instance=x:1\r
  `;
  assert.deepEqual(parseExtraTargets(text), {
    entries: [
      {
        url: 'http://db1:9187/metrics',
        job: 'postgres',
        labels: { env: 'prod', name: 'the first, = main' },
      },
      { url: 'https://[fd00::1]/m?a=b', job: 'proxy', labels: { instance: 'x:1' } },
    ],
  });
  assert.deepEqual(parseExtraTargets(''), { entries: [] });
});

const BAD_TARGETS: [text: string, reason: RegExp][] = [
  ['db1:9187 postgres', /a URL such as/],
  ['ftp://db1/ postgres', /a URL such as/],
  ['http://user:password@db1/ postgres', /a URL such as/],
  ['http://user@db1/ postgres', /a URL such as/],
  ['http:// postgres', /a URL such as/],
  ['http://db1/', /a job name/],
  ['http://db1/ env=prod', /a job name/],
  ['http://db1/ postgres env', /label=value instead of env/],
  ['http://db1/ postgres 1x=y', /label=value instead of 1x=y/],
  ['http://db1/ postgres __name__=y', /label=value/],
  ['http://db1/ postgres job=y', /label=value/],
  ['http://db1/ postgres a=', /a value for the label a/],
  ['http://db1/ postgres a="b', /a value for the label a/],
  ['http://db1/ postgres a=b a=c', /each label once, not a twice/],
  [`http://db1/ ${'j'.repeat(2000)}`, /a shorter job name/],
  [`http://db1/ postgres a=${'j'.repeat(2000)}`, /a shorter value/],
  ['http://db1/ x\n'.repeat(501), /at most 500 entries/],
  ['#'.repeat(70_000), /at most 65536 characters/],
];

for (const [text, reason] of BAD_TARGETS) {
  test(`extra targets refuse ${JSON.stringify(text.slice(0, 50))}`, () => {
    const parsed = parseExtraTargets(text);
    assert.ok('complaint' in parsed);
    assert.match(parsed.complaint, reason);
    assert.ok(parsed.complaint.length < 200);
  });
}

test('hosts stand between commas, spaces or lines, with or without port', () => {
  assert.deepEqual(parseHosts(' off1,off2.example.com:9200\n10.0.0.1; [fd00::1]:1 [fd00::2]'), {
    entries: [
      { host: 'off1', port: undefined },
      { host: 'off2.example.com', port: 9200 },
      { host: '10.0.0.1', port: undefined },
      { host: 'fd00::1', port: 1 },
      { host: 'fd00::2', port: undefined },
    ],
  });
  assert.deepEqual(parseHosts(''), { entries: [] });
});

for (const text of ['off1:', 'off1:x', 'off1:0', 'off1:65536', 'fd00::1', 'http://off1', '[x]:1']) {
  test(`hosts refuse ${text}`, () => {
    assert.ok('complaint' in parseHosts(text));
  });
}

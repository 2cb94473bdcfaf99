import assert from 'node:assert/strict';
import { test } from 'node:test';

import { csrfToken, failureIn, failureOf, RequestError } from './client.ts';
import { BadAnswerError } from './validate.ts';

test('the token is found among other cookies', () => {
  assert.equal(csrfToken('MMUSERID=u; MMCSRF=a1b2; MMAUTHTOKEN=x'), 'a1b2');
  assert.equal(csrfToken('MMCSRF=a1b2'), 'a1b2');
  assert.equal(csrfToken('OTHERMMCSRF=a1b2'), '');
  assert.equal(csrfToken(''), '');
});

test('what an answer without success means', () => {
  const json = 'application/json';
  const text = 'text/plain; charset=utf-8';
  const table: [number, string, string, ReturnType<typeof failureIn>][] = [
    [404, text, '404 page not found\n', { kind: 'missing', detail: '404 page not found' }],
    [
      404,
      json,
      '{"message":"There is no such job."}',
      { kind: 'refused', detail: 'There is no such job.' },
    ],
    [400, json, '{"message":"Too long."}', { kind: 'refused', detail: 'Too long.' }],
    [401, text, '', { kind: 'session', detail: 'HTTP 401' }],
    [
      403,
      json,
      '{"message":"Only administrators."}',
      { kind: 'forbidden', detail: 'Only administrators.' },
    ],
    [500, json, '{"message":"Disk full."}', { kind: 'server', detail: 'Disk full.' }],
    [500, json, '{"message":7}', { kind: 'server', detail: '{"message":7}' }],
    [502, 'text/html', '<h1>Bad gateway</h1>', { kind: 'server', detail: 'HTTP 502' }],
    [405, text, '', { kind: 'server', detail: 'HTTP 405' }],
  ];
  for (const [status, contentType, body, failure] of table) {
    assert.deepEqual(failureIn(status, contentType, body), failure, `${status} ${body}`);
  }
  assert.equal(failureIn(500, text, 'x'.repeat(9_999)).detail.length, 300);
});

test('whatever was thrown becomes a failure', () => {
  const failure = { kind: 'timeout', detail: '' } as const;
  assert.equal(failureOf(new RequestError(failure)), failure);
  assert.equal(failureOf(new BadAnswerError('jobs')).kind, 'answer');
  assert.equal(failureOf(new TypeError('Failed to fetch')).kind, 'network');
  assert.equal(failureOf('no error at all').detail, 'no error at all');
});

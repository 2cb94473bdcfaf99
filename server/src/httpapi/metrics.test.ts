import assert from 'node:assert/strict';
import { test } from 'node:test';

import { serveMetrics } from './metrics.ts';

async function ask(method: string, url: string) {
  const answer = { status: 0, headers: new Map<string, string>(), body: '' };
  const source = { contentType: 'text/x', render: async () => 'metric 1\n' };
  await serveMetrics(
    source,
    { method, url },
    {
      header: { set: (name, value) => void answer.headers.set(name, value) },
      takeOver: async () => false,
      writeHead: async (status) => void (answer.status = status),
      write: async (bytes) => {
        // As the host does.
        answer.status ||= 200;
        answer.body += new TextDecoder().decode(bytes);
      },
    },
  );
  return answer;
}

test('the metrics listener gets the metrics under each of its names', async () => {
  for (const url of ['', '/', '/metrics', '/?x=y']) {
    const { status, headers, body } = await ask('GET', url);
    assert.deepEqual([status, body], [200, 'metric 1\n'], url);
    assert.equal(headers.get('Content-Type'), 'text/x');
    assert.equal(headers.get('Content-Length'), '9');
  }
  const { status, headers, body } = await ask('HEAD', '/');
  assert.deepEqual([status, headers.get('Content-Length'), body], [200, '9', '']);
});

test('other paths and methods get nothing', async () => {
  assert.equal((await ask('GET', '/jobs')).status, 404);
  const { status, headers } = await ask('POST', '/');
  assert.deepEqual([status, headers.get('Allow')], [405, 'GET, HEAD']);
});

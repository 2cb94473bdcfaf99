/** Methods of the host's API that the probe does not use, under the official host. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { scriptBundle } from './bundle-folder.ts';
import { startHost } from './lifecycle.ts';
import { hostVersions, type HostVersion, type OfficialHost } from './official-host.ts';

const largeBytes = 3_000_001;
const sha256 = createHash('sha256').update(Buffer.alloc(largeBytes, 'upload ')).digest('hex');

function testApi(version: HostVersion): void {
  let host: OfficialHost;

  const run = async (part: string): Promise<Record<string, Record<string, unknown>>> => {
    const { result } = await host.perform('command', { command: `/api ${part}` });
    return JSON.parse((result as { text: string }).text);
  };

  before(async () => {
    const folders = await scriptBundle('test.api', join(import.meta.dirname, 'api-plugin.ts'));
    host = await startHost(version, folders, { licensed: true });
    await host.perform('activate');
  });

  after(() => host?.stop());

  test('a command with every kind of autocomplete argument is valid there', async () => {
    const { result } = await host.perform('commands');
    const text = JSON.stringify(result);
    for (const part of ['The last hour', '[label]', '\\\\w+', 'jobs', 'system_admin']) {
      assert.ok(text.includes(part), `${part} is in ${text}`);
    }
  });

  test('files go up in one message and streamed; a refusal says why', async () => {
    const { file, refused, missing, data, wrongSize } = await run('uploads');
    assert.deepEqual([file['Size'], file['MimeType'], file['Name']], [largeBytes, sha256, 'a.bin']);
    assert.deepEqual([data['Size'], data['MimeType']], [largeBytes, sha256]);
    assert.equal(refused['code'], 'ERR_MATTERMOST_API');
    assert.deepEqual(
      [refused['id'], refused['where'], refused['statusCode']],
      ['api.file.upload.no_channel', 'UploadFile', 400],
    );
    assert.deepEqual(missing, { code: 'ERR_MATTERMOST_API', message: 'no session x' });
    assert.equal(wrongSize['message'], 'the upload has another size');
  });

  test('another plugin is asked, and both bodies are whole', async () => {
    const answer = await run('http');
    const start = 'POST /com.example/path?q=1 sent ';
    assert.equal(answer['status'], 202);
    assert.equal(answer['answer'], 'yes');
    assert.equal(answer['start'], `${start}upload u`.slice(0, 40));
    assert.equal(answer['size'], start.length + largeBytes);
  });

  test('settings, status, bot, post and cluster event', async () => {
    const { saved, status, bot, post, event } = await run('settings');
    assert.deepEqual(saved, { Text: 'x', Number: 1.5, List: [true, null], Deep: { a: 'b' } });
    assert.deepEqual([status['code'], status['statusCode']], ['ERR_MATTERMOST_API', 404]);
    assert.deepEqual([bot, post, event], ['bot-metrics', 'hello', null]);
  });
}

for (const version of hostVersions) {
  describe(`the API of the official host ${version}`, () => testApi(version));
}

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { readAzureSettings } from './azure-settings.ts';
import type { AzureFileSettings } from './azure-settings.ts';

const given: AzureFileSettings = {
  account: 'files1',
  authMode: '',
  accessKey: 'a2V5',
  container: 'mattermost-files',
  pathPrefix: '',
  cloud: '',
  endpoint: '',
  ssl: true,
  requestTimeoutMs: 0,
  acceptsAnyCertificate: false,
};

describe('the settings of azureblob', () => {
  const addresses: [Partial<AzureFileSettings>, string][] = [
    [{}, 'https://files1.blob.core.windows.net'],
    [{ cloud: 'commercial', ssl: false }, 'http://files1.blob.core.windows.net'],
    [{ cloud: 'government' }, 'https://files1.blob.core.usgovcloudapi.net'],
    [{ cloud: 'custom', endpoint: 'http://store:10000/files1/' }, 'http://store:10000/files1'],
    [{ endpoint: 'https://ignored' }, 'https://files1.blob.core.windows.net'],
  ];
  for (const [change, url] of addresses) {
    it(`lead to ${url}`, () => {
      assert.equal(readAzureSettings({ ...given, ...change }).container.url, url);
    });
  }

  it('have the defaults of the server', () => {
    const { container, prefix } = readAzureSettings(given);
    assert.equal(container.requestTimeoutMs, 30_000);
    assert.equal(container.accessKey, 'a2V5');
    assert.equal(prefix, '');
  });

  it('need no key with an identity', () => {
    const change = { authMode: 'default_credential', accessKey: '' };
    assert.equal(readAzureSettings({ ...given, ...change }).container.accessKey, undefined);
  });

  it('have a prefix as the server joins it', () => {
    const prefixes = ['a//b/./', '/a/b', 'a/b/'].map(
      (pathPrefix) => readAzureSettings({ ...given, pathPrefix }).prefix,
    );
    assert.deepEqual(prefixes, ['a/b/', 'a/b/', 'a/b/']);
  });

  const wrong: [Partial<AzureFileSettings>, RegExp][] = [
    [{ account: '' }, /Azure Storage Account/],
    [{ account: 'evil.example/' }, /Azure Storage Account/],
    [{ container: '' }, /Azure Container/],
    [{ container: 'a/b' }, /Azure Container/],
    [{ accessKey: '' }, /Azure Access Key/],
    [{ accessKey: 'no base 64!' }, /Azure Access Key/],
    [{ authMode: 'sas' }, /Azure Auth Mode.*"sas"/],
    [{ cloud: 'moon' }, /Azure Cloud.*"moon"/],
    [{ cloud: 'custom', endpoint: 'store:10000' }, /Azure Endpoint/],
    [{ cloud: 'custom', endpoint: 'https://user@store' }, /Azure Endpoint/],
    [{ pathPrefix: '../x' }, /Azure Path Prefix/],
  ];
  for (const [change, message] of wrong) {
    it(`are refused with a reason: ${JSON.stringify(change)}`, () => {
      assert.throws(() => readAzureSettings({ ...given, ...change }), {
        code: 'ERR_FILESTORE_SETTINGS',
        message,
      });
    });
  }
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { hostFor, isVirtualHosted, regionOfEndpoint } from './s3-address.ts';
import { readS3Settings } from './s3-settings.ts';
import type { S3FileSettings } from './s3-settings.ts';

const MIB = 1024 * 1024;

const plain: S3FileSettings = {
  accessKeyId: 'key',
  secretAccessKey: 'secret',
  bucket: 'files',
  pathPrefix: '',
  region: '',
  endpoint: '',
  ssl: true,
  signV2: false,
  sse: false,
  isComplianceLicensed: false,
  requestTimeoutMs: 30_000,
  uploadPartSizeBytes: 5 * MIB,
  storageClass: '',
  acceptsAnyCertificate: false,
};

describe('the settings of amazons3', () => {
  const read = (change: Partial<S3FileSettings> = {}) => readS3Settings({ ...plain, ...change });

  it('mean what they mean to the server', () => {
    const { bucket, prefix, partSizeBytes } = read();
    assert.deepEqual(
      { ...bucket, hostOf: bucket.hostOf('eu-west-3') },
      {
        bucket: 'files',
        endpoint: 's3.amazonaws.com',
        hostOf: 's3.eu-west-3.amazonaws.com',
        isSecure: true,
        verifiesCertificates: true,
        region: '',
        isPathStyle: false,
        credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
        isEncrypted: false,
        storageClass: '',
        requestTimeoutMs: 30_000,
      },
    );
    assert.equal(prefix, '');
    assert.equal(partSizeBytes, 5 * MIB);
    assert.equal(read({ accessKeyId: '', secretAccessKey: '' }).bucket.credentials, undefined);
    assert.equal(read({ acceptsAnyCertificate: true }).bucket.verifiesCertificates, false);
    assert.equal(read({ requestTimeoutMs: 0 }).bucket.requestTimeoutMs, 30_000);
    assert.equal(read({ endpoint: 's3.us-west-2.amazonaws.com' }).bucket.region, 'us-west-2');
  });

  it('ask for encryption only when the licence allows it', () => {
    assert.equal(read({ sse: true }).bucket.isEncrypted, false);
    assert.equal(read({ isComplianceLicensed: true }).bucket.isEncrypted, false);
    assert.equal(read({ sse: true, isComplianceLicensed: true }).bucket.isEncrypted, true);
  });

  it('join the prefix as Go does, and keep parts within what S3 and memory take', () => {
    const prefixes = { 'a/b': 'a/b/', 'a//b/./': 'a/b/', '/': '/', '/a/': '/a/', './': '' };
    for (const [given, expected] of Object.entries(prefixes)) {
      assert.equal(read({ pathPrefix: given }).prefix, expected, given);
    }
    const sizes = [0, 1, 5 * MIB, 8 * MIB, 100 * MIB];
    assert.deepEqual(
      sizes.map((size) => read({ uploadPartSizeBytes: size }).partSizeBytes / MIB),
      [5, 5, 5, 8, 16],
    );
  });

  it('are refused with the one to correct', () => {
    const wrong: [Partial<S3FileSettings>, RegExp][] = [
      [{ bucket: '' }, /Amazon S3 Bucket is empty/],
      [{ bucket: 'a/b' }, /name without a slash/],
      [{ endpoint: 'https://s3.amazonaws.com' }, /without http/],
      [{ endpoint: 'host/path' }, /without http/],
      [{ signV2: true }, /AmazonS3SignV2 is on/],
      [{ secretAccessKey: '' }, /only one of/],
      [{ pathPrefix: 'a/../..' }, /must not hold/],
    ];
    for (const [change, message] of wrong) {
      assert.throws(() => read(change), { code: 'ERR_FILESTORE_SETTINGS', message });
    }
  });
});

describe('the address of a bucket', () => {
  it('has the bucket in its host where minio-go puts it there', () => {
    const hosts: [string, string, boolean, boolean][] = [
      ['s3.amazonaws.com', 'b', true, true],
      ['s3.dualstack.eu-west-1.amazonaws.com', 'b', true, true],
      ['s3.cn-north-1.amazonaws.com.cn', 'b', true, true],
      ['storage.googleapis.com', 'b', true, true],
      ['oss-cn-hangzhou.aliyuncs.com', 'b', true, true],
      ['s3.amazonaws.com', 'with.dot', true, false],
      ['s3.amazonaws.com', 'with.dot', false, true],
      ['minio.example.com:9000', 'b', true, false],
      ['127.0.0.1:9000', 'b', false, false],
      ['notamazonaws.com', 'b', true, false],
    ];
    for (const [endpoint, bucket, isSecure, expected] of hosts) {
      assert.equal(isVirtualHosted(endpoint, bucket, isSecure), expected, `${bucket} ${endpoint}`);
    }
  });

  it('tells the region where Amazon names it', () => {
    const regions: Record<string, string | undefined> = {
      's3.amazonaws.com': undefined,
      's3-external-1.amazonaws.com': undefined,
      's3-us-gov-west-1.amazonaws.com': 'us-gov-west-1',
      's3.eu-central-1.amazonaws.com': 'eu-central-1',
      's3.dualstack.eu-central-1.amazonaws.com': 'eu-central-1',
      's3-fips.us-east-1.amazonaws.com': 'us-east-1',
      's3-fips.dualstack.us-east-1.amazonaws.com:443': 'us-east-1',
      's3.cn-north-1.amazonaws.com.cn': 'cn-north-1',
      'bucket.vpce-1a2b.s3.us-east-1.vpce.amazonaws.com': 'us-east-1',
      'minio.example.com': undefined,
    };
    for (const [endpoint, region] of Object.entries(regions)) {
      assert.equal(regionOfEndpoint(endpoint), region, endpoint);
    }
    assert.equal(hostFor('s3.amazonaws.com', 'cn-north-1'), 's3.cn-north-1.amazonaws.com.cn');
    assert.equal(hostFor('minio.example.com', 'us-east-1'), 'minio.example.com');
  });
});

import type { Clock } from '../base/clock.ts';
import { CodedError } from '../base/errors.ts';
import type { Fs } from '../base/ports/fs.ts';
import { readAzureSettings } from '../filestore/azureblob/azure-settings.ts';
import type { AzureFileSettings } from '../filestore/azureblob/azure-settings.ts';
import { BucketFileStore } from '../filestore/bucket/bucket-file-store.ts';
import type { FileStore } from '../filestore/file-store.ts';
import { LocalFileStore } from '../filestore/local-file-store.ts';
import { readS3Settings } from '../filestore/s3/s3-settings.ts';
import type { S3FileSettings } from '../filestore/s3/s3-settings.ts';
import { AzureBucket } from '../platform/azureblob/azure-bucket.ts';
import { openS3Bucket } from '../platform/s3/s3-bucket.ts';
import { AZURE_DRIVER, LOCAL_DRIVER, S3_DRIVER } from './file-settings.ts';
import type { ServerConfig } from './host.ts';

interface Machine {
  readonly makeStoreFs: () => Fs;
  readonly clock: Clock;
}

/**
 * The file store that the server's configuration names. Nothing is asked yet: whether it can be
 * reached shows with the first request.
 *
 * Throws `ERR_FILESTORE_DRIVER` or `ERR_FILESTORE_SETTINGS`, which say what to correct.
 */
export function openFileStore(config: ServerConfig, { makeStoreFs, clock }: Machine): FileStore {
  const { fileDriver, fileDirectory, s3, azure } = config;
  if (fileDriver === LOCAL_DRIVER) {
    const fs = makeStoreFs();
    return new LocalFileStore({ fs, root: fileDirectory, nowMs: () => clock.nowMs() });
  }
  if (fileDriver === S3_DRIVER && s3 !== undefined) return openS3(s3, clock);
  if (fileDriver === AZURE_DRIVER && azure !== undefined) return openAzure(azure, clock);
  throw new CodedError(
    'ERR_FILESTORE_DRIVER',
    `there is no file store "${fileDriver}"; this plugin knows ${LOCAL_DRIVER}, ${S3_DRIVER} and ` +
      AZURE_DRIVER,
  );
}

function openS3(given: S3FileSettings, clock: Clock): FileStore {
  const { bucket, prefix, partSizeBytes } = readS3Settings(given);
  return new BucketFileStore({
    bucket: openS3Bucket(bucket),
    description: `S3 bucket ${bucket.bucket} at ${bucket.endpoint}`,
    prefix,
    partSizeBytes,
    clock,
  });
}

function openAzure(given: AzureFileSettings, clock: Clock): FileStore {
  const { container, prefix, partSizeBytes } = readAzureSettings(given);
  return new BucketFileStore({
    bucket: new AzureBucket(container),
    description: `Azure container ${container.container} at ${new URL(container.url).host}`,
    prefix,
    partSizeBytes,
    clock,
  });
}

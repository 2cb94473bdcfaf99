import type { AzureFileSettings } from '../filestore/azureblob/azure-settings.ts';
import type { S3FileSettings } from '../filestore/s3/s3-settings.ts';
import type { Config, MattermostApi } from '../protocol/mattermost/index.ts';

export const LOCAL_DRIVER = 'local';
export const S3_DRIVER = 'amazons3';
export const AZURE_DRIVER = 'azureblob';

/** What the server itself takes when its configuration does not say. */
const DEFAULT_PART_BYTES = 5 * 1024 * 1024;
const DEFAULT_TIMEOUT_MS = 30_000;

/** The settings of a driver that is behind a network; nothing for the others. */
export interface RemoteFileSettings {
  readonly s3?: S3FileSettings;
  readonly azure?: AzureFileSettings;
}

/** Settings with their secrets, which the sanitized configuration lacks; asked for when needed only. */
export async function loadRemoteFileSettings(
  api: MattermostApi,
  driver: string,
): Promise<RemoteFileSettings> {
  if (driver === AZURE_DRIVER) return { azure: toAzureSettings(await api.getUnsanitizedConfig()) };
  if (driver !== S3_DRIVER) return {};
  const [config, license] = await Promise.all([api.getUnsanitizedConfig(), api.getLicense()]);
  return { s3: toS3Settings(config, license?.Features?.Compliance === true) };
}

// A setting that the host has and that is false, 0 or empty arrives as such; the defaults are for a
// host that does not know the setting.

function toS3Settings(config: Config, isComplianceLicensed: boolean): S3FileSettings {
  const settings: Config['FileSettings'] = config.FileSettings;
  return {
    accessKeyId: settings?.AmazonS3AccessKeyId ?? '',
    secretAccessKey: settings?.AmazonS3SecretAccessKey ?? '',
    bucket: settings?.AmazonS3Bucket ?? '',
    pathPrefix: settings?.AmazonS3PathPrefix ?? '',
    region: settings?.AmazonS3Region ?? '',
    endpoint: settings?.AmazonS3Endpoint ?? '',
    ssl: settings?.AmazonS3SSL ?? true,
    signV2: settings?.AmazonS3SignV2 ?? false,
    sse: settings?.AmazonS3SSE ?? false,
    isComplianceLicensed,
    requestTimeoutMs: settings?.AmazonS3RequestTimeoutMilliseconds ?? DEFAULT_TIMEOUT_MS,
    uploadPartSizeBytes: settings?.AmazonS3UploadPartSizeBytes ?? DEFAULT_PART_BYTES,
    storageClass: settings?.AmazonS3StorageClass ?? '',
    acceptsAnyCertificate: config.ServiceSettings?.EnableInsecureOutgoingConnections ?? false,
  };
}

function toAzureSettings(config: Config): AzureFileSettings {
  const settings: Config['FileSettings'] = config.FileSettings;
  return {
    account: settings?.AzureStorageAccount ?? '',
    authMode: settings?.AzureAuthMode ?? '',
    accessKey: settings?.AzureAccessKey ?? '',
    container: settings?.AzureContainer ?? '',
    pathPrefix: settings?.AzurePathPrefix ?? '',
    cloud: settings?.AzureCloud ?? '',
    endpoint: settings?.AzureEndpoint ?? '',
    ssl: settings?.AzureSSL ?? true,
    requestTimeoutMs: settings?.AzureRequestTimeoutMilliseconds ?? DEFAULT_TIMEOUT_MS,
    acceptsAnyCertificate: config.ServiceSettings?.EnableInsecureOutgoingConnections ?? false,
  };
}

import type { S3FileSettings } from '../filestore/s3/s3-settings.ts';
import type { Config, MattermostApi } from '../protocol/mattermost/index.ts';

export const S3_DRIVER = 'amazons3';

/** What the server itself takes when its configuration does not say. */
const DEFAULT_PART_BYTES = 5 * 1024 * 1024;
const DEFAULT_TIMEOUT_MS = 30_000;

/** The settings for S3 with their secrets, which the sanitized configuration lacks. */
export async function loadS3FileSettings(api: MattermostApi): Promise<S3FileSettings> {
  const [config, license] = await Promise.all([api.getUnsanitizedConfig(), api.getLicense()]);
  return toS3FileSettings(config, license?.Features?.Compliance === true);
}

/**
 * A setting that the host has and that is false, 0 or empty arrives as such; the default is for a
 * host that does not know the setting.
 */
function toS3FileSettings(config: Config, isComplianceLicensed: boolean): S3FileSettings {
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

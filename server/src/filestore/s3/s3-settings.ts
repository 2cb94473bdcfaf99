import { CodedError } from '../../base/errors.ts';
import type { BucketSettings } from '../../base/ports/bucket.ts';
import { hostFor, isVirtualHosted, regionOfEndpoint } from './s3-address.ts';

/** The server's settings for S3 as they are, with what the server derives from other settings. */
export interface S3FileSettings {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly bucket: string;
  readonly pathPrefix: string;
  readonly region: string;
  readonly endpoint: string;
  readonly ssl: boolean;
  readonly signV2: boolean;
  /** The setting alone; the licence has its word in {@link isComplianceLicensed}. */
  readonly sse: boolean;
  readonly isComplianceLicensed: boolean;
  readonly requestTimeoutMs: number;
  readonly uploadPartSizeBytes: number;
  readonly storageClass: string;
  /** ServiceSettings.EnableInsecureOutgoingConnections. */
  readonly acceptsAnyCertificate: boolean;
}

export interface S3Settings {
  readonly bucket: BucketSettings;
  /** What all keys begin with: '' or a clean path with a slash at its end. */
  readonly prefix: string;
  readonly partSizeBytes: number;
}

const MIB = 1024 * 1024;
const DEFAULT_ENDPOINT = 's3.amazonaws.com';
const DEFAULT_TIMEOUT_MS = 30_000;
/** Least of S3 for all parts but the last, and the server's default. */
const PART_BYTES_MIN = 5 * MIB;
/** Parts are held in memory while they are sent; the server's 100 MiB for exports are not needed. */
const PART_BYTES_MAX = 16 * MIB;

/** Throws `ERR_FILESTORE_SETTINGS` with the setting to correct. */
export function readS3Settings(settings: S3FileSettings): S3Settings {
  const endpoint = settings.endpoint || DEFAULT_ENDPOINT;
  const reason = whyUnusable(settings, endpoint);
  if (reason !== undefined) {
    throw new CodedError('ERR_FILESTORE_SETTINGS', reason);
  }
  const { accessKeyId, secretAccessKey, ssl } = settings;
  return {
    bucket: {
      bucket: settings.bucket,
      endpoint,
      hostOf: (region) => hostFor(endpoint, region),
      isSecure: ssl,
      verifiesCertificates: !settings.acceptsAnyCertificate,
      region: settings.region || (regionOfEndpoint(endpoint) ?? ''),
      isPathStyle: !isVirtualHosted(endpoint, settings.bucket, ssl),
      credentials: accessKeyId === '' ? undefined : { accessKeyId, secretAccessKey },
      isEncrypted: settings.sse && settings.isComplianceLicensed,
      storageClass: settings.storageClass,
      requestTimeoutMs:
        settings.requestTimeoutMs > 0 ? settings.requestTimeoutMs : DEFAULT_TIMEOUT_MS,
    },
    prefix: cleanPrefix(settings.pathPrefix),
    partSizeBytes: Math.min(
      Math.max(Math.floor(settings.uploadPartSizeBytes), PART_BYTES_MIN),
      PART_BYTES_MAX,
    ),
  };
}

function whyUnusable(settings: S3FileSettings, endpoint: string): string | undefined {
  if (settings.bucket === '') return 'Amazon S3 Bucket is empty';
  if (settings.bucket.includes('/')) return 'Amazon S3 Bucket must be a name without a slash';
  if (!/^[\w.-]+(:\d{1,5})?$|^\[[\da-fA-F:.]+\](:\d{1,5})?$/.test(endpoint)) {
    return 'Amazon S3 Endpoint must be a host with an optional port, without http:// and path';
  }
  if (settings.signV2) {
    return (
      'AmazonS3SignV2 is on, but the signature of version 2 is obsolete, Amazon has turned it off ' +
      'and this plugin cannot make it; turn the setting off'
    );
  }
  if ((settings.accessKeyId === '') !== (settings.secretAccessKey === '')) {
    return (
      'only one of Amazon S3 Access Key ID and Amazon S3 Secret Access Key is set; set both, or ' +
      'none to use the identity of the machine'
    );
  }
  if (settings.pathPrefix.split('/').includes('..')) {
    return 'Amazon S3 Path Prefix must not hold ".."';
  }
  return undefined;
}

/**
 * The server joins prefix and path with Go's filepath.Join; keys must come out the same, or we would
 * not find what the Go plugin stored. A slash at the beginning stays for that reason.
 */
function cleanPrefix(prefix: string): string {
  const parts = prefix.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.length === 0) return prefix.startsWith('/') ? '/' : '';
  return `${prefix.startsWith('/') ? '/' : ''}${parts.join('/')}/`;
}

import type { S3ClientConfig } from '@aws-sdk/client-s3';
import { fromHttp } from '@aws-sdk/credential-provider-http';
import { fromTokenFile } from '@aws-sdk/credential-provider-web-identity';
import { fromInstanceMetadata } from '@smithy/credential-provider-imds';
import http from 'node:http';

import type { BucketSettings } from '../../base/ports/bucket.ts';

const TIMEOUT_MS = 5_000;
const RETRIES_MAX = 3;
/** A service that accepts and stays silent would end all requests of the store, which wait for it. */
const LIMITED = {
  connectionTimeout: TIMEOUT_MS,
  requestTimeout: TIMEOUT_MS,
  throwOnRequestTimeout: true,
};

/**
 * The keys of the settings, or the identity of the pod, container or machine that we run on: what
 * minio-go's NewIAM("") tries, in its order. Keys in the environment or in a home folder belong to
 * other programs; the server does not look at them either.
 */
export function credentialsFor(settings: BucketSettings): S3ClientConfig['credentials'] {
  if (settings.credentials !== undefined) return settings.credentials;
  const { env } = process;
  if (env.AWS_WEB_IDENTITY_TOKEN_FILE && env.AWS_ROLE_ARN) {
    return fromTokenFile({ clientConfig: { requestHandler: LIMITED } });
  }
  if (env.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI || env.AWS_CONTAINER_CREDENTIALS_FULL_URI) {
    return fromHttp({ timeout: TIMEOUT_MS, maxRetries: RETRIES_MAX });
  }
  // It asks over Node's own agent, which NODE_USE_ENV_PROXY of the server sends through a proxy.
  http.globalAgent = new http.Agent({ keepAlive: true });
  return fromInstanceMetadata({ timeout: TIMEOUT_MS, maxRetries: RETRIES_MAX });
}

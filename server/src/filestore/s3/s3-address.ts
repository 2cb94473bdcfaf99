// Which host serves a bucket, as minio-go decides it for the server (pkg/s3utils/utils.go, v7.0.67):
// both must find the same objects.

/** Each with the region as its group. The order matters: the later ones match the earlier ones too. */
const AMAZON_HOSTS: readonly RegExp[] = [
  /^s3-fips\.dualstack\.(.*?)\.amazonaws\.com$/,
  /^s3-fips\.(.*?)\.amazonaws\.com$/,
  /^s3\.dualstack\.(.*?)\.amazonaws\.com$/,
  /^s3-(.*?)\.amazonaws\.com$/,
  /^s3\.(cn.*?)\.amazonaws\.com\.cn$/,
  /^s3\.dualstack\.(cn.*?)\.amazonaws\.com\.cn$/,
  /^s3\.(.*?)\.amazonaws\.com$/,
  /^(?:bucket|accesspoint)\.vpce-.*?\.s3\.(.*?)\.vpce\.amazonaws\.com$/,
];
/** Hosts of all regions; the bucket's own region has its own. */
const GLOBAL_HOSTS = ['s3.amazonaws.com', 's3-external-1.amazonaws.com'];

/** The region that the name of an Amazon host tells; undefined for all others. */
export function regionOfEndpoint(endpoint: string): string | undefined {
  const host = endpoint.replace(/:\d+$/, '');
  if (GLOBAL_HOSTS.includes(host)) return undefined;
  for (const pattern of AMAZON_HOSTS) {
    const region = pattern.exec(host)?.[1];
    if (region !== undefined) return region;
  }
  return undefined;
}

/**
 * Whether requests go to `bucket.host`. Only the large public stores are known to have such names,
 * and a certificate for `*.host` does not cover a bucket with a dot.
 */
export function isVirtualHosted(endpoint: string, bucket: string, isSecure: boolean): boolean {
  if (isSecure && bucket.includes('.')) return false;
  const host = endpoint.replace(/:\d+$/, '');
  if (GLOBAL_HOSTS.includes(host) || regionOfEndpoint(host) !== undefined) return true;
  return host === 'storage.googleapis.com' || host.endsWith('aliyuncs.com');
}

/** The host to ask when the bucket's region is known. */
export function hostFor(endpoint: string, region: string): string {
  if (!GLOBAL_HOSTS.includes(endpoint)) return endpoint;
  return `s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
}

import { CodedError } from '../../base/errors.ts';
import type { ContainerSettings } from '../../base/ports/bucket.ts';

/** The server's settings for Azure as they are, with what the server derives from other settings. */
export interface AzureFileSettings {
  readonly account: string;
  /** `shared_key` or `default_credential`; '' means the first. */
  readonly authMode: string;
  /** In base 64. */
  readonly accessKey: string;
  readonly container: string;
  readonly pathPrefix: string;
  /** `commercial`, `government` or `custom`; '' means the first. */
  readonly cloud: string;
  /** The whole address of the account, for a custom cloud alone. */
  readonly endpoint: string;
  readonly ssl: boolean;
  readonly requestTimeoutMs: number;
  /** ServiceSettings.EnableInsecureOutgoingConnections. */
  readonly acceptsAnyCertificate: boolean;
}

export interface AzureSettings {
  readonly container: ContainerSettings;
  /** What all keys begin with: '' or a clean path with a slash at its end. */
  readonly prefix: string;
  readonly partSizeBytes: number;
}

const DEFAULT_TIMEOUT_MS = 30_000;
/** The server's blocks have 4 MiB; with 10,000 of these a dump ends at 80 GB. */
const PART_BYTES = 8 * 1024 * 1024;
const HOSTS: Readonly<Record<string, string>> = {
  '': 'blob.core.windows.net',
  commercial: 'blob.core.windows.net',
  government: 'blob.core.usgovcloudapi.net',
};
const CUSTOM = 'custom';

/** Throws `ERR_FILESTORE_SETTINGS` with the setting to correct. */
export function readAzureSettings(settings: AzureFileSettings): AzureSettings {
  const reason = whyUnusable(settings);
  if (reason !== undefined) throw new CodedError('ERR_FILESTORE_SETTINGS', reason);
  const { account, authMode, cloud, endpoint, ssl, requestTimeoutMs } = settings;
  const scheme = ssl ? 'https' : 'http';
  const url = cloud === CUSTOM ? endpoint : `${scheme}://${account}.${HOSTS[cloud]}`;
  return {
    container: {
      account,
      container: settings.container,
      url: url.replace(/\/+$/, ''),
      accessKey: authMode === 'default_credential' ? undefined : settings.accessKey,
      verifiesCertificates: !settings.acceptsAnyCertificate,
      requestTimeoutMs: requestTimeoutMs > 0 ? requestTimeoutMs : DEFAULT_TIMEOUT_MS,
    },
    prefix: cleanPrefix(settings.pathPrefix),
    partSizeBytes: PART_BYTES,
  };
}

function whyUnusable(settings: AzureFileSettings): string | undefined {
  const { account, authMode, accessKey, container, pathPrefix, cloud, endpoint } = settings;
  if (!/^[a-z0-9]{3,24}$/.test(account)) {
    return 'Azure Storage Account must be a name of 3 to 24 small letters and digits';
  }
  if (!/^(\$root|\$web|[a-z0-9](-?[a-z0-9]){2,62})$/.test(container)) {
    return 'Azure Container must be the name of a container: small letters, digits and hyphens';
  }
  if (!['', 'shared_key', 'default_credential'].includes(authMode)) {
    return `Azure Auth Mode must be shared_key or default_credential, not "${authMode}"`;
  }
  if (authMode !== 'default_credential' && !/^[A-Za-z0-9+/]+={0,2}$/.test(accessKey)) {
    return 'Azure Access Key must be a key in base 64, as the portal shows it';
  }
  if (cloud !== CUSTOM && HOSTS[cloud] === undefined) {
    return `Azure Cloud must be commercial, government or custom, not "${cloud}"`;
  }
  if (cloud === CUSTOM && !/^https?:\/\/[^/?#\s@]+(\/[^?#\s]*)?$/.test(endpoint)) {
    return 'Azure Endpoint must be an address that begins with http:// or https://';
  }
  if (pathPrefix.split('/').includes('..')) return 'Azure Path Prefix must not hold ".."';
  return undefined;
}

/** The server joins prefix and path with Go's path.Join, and blobs do not begin with a slash. */
function cleanPrefix(prefix: string): string {
  const parts = prefix.split('/').filter((part) => part !== '' && part !== '.');
  return parts.length === 0 ? '' : `${parts.join('/')}/`;
}

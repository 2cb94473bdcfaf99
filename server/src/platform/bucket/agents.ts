import http from 'node:http';
import https from 'node:https';
import { BlockList, isIP } from 'node:net';

import { trustedCertificates } from '../certificates.ts';
import { isLinkLocal } from '../link-local.ts';
import { localLookup } from '../local-lookup.ts';

/** Uploads, downloads and listings at a time; more wait for a connection. */
const SOCKETS_MAX = 32;

/** What decides how connections are made. */
export interface ConnectionSettings {
  readonly isSecure: boolean;
  /** Whether a certificate must be valid for the endpoint. */
  readonly verifiesCertificates: boolean;
}

/**
 * Connections to one store: through the proxy that the environment names, as the server itself does
 * it, and with the certificates that the machine trusts.
 *
 * @param host with an optional port
 */
export function makeAgents(settings: ConnectionSettings, host: string) {
  const common = {
    keepAlive: true,
    maxSockets: SOCKETS_MAX,
    lookup: localLookup,
    ...(isNearby(host) ? {} : { proxyEnv: process.env }),
  };
  return {
    httpAgent: new http.Agent(common),
    httpsAgent: new https.Agent({
      ...common,
      minVersion: 'TLSv1.2',
      ...(settings.isSecure ? { ca: trustedCertificates() } : {}),
      rejectUnauthorized: settings.verifiesCertificates,
    }),
  };
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/**
 * Whether the host is asked directly, whatever proxy the environment names: the machine itself, and
 * what tells it who it is. A proxy would be told the secrets of this machine, or answer with those of
 * its own. Go does so for the machine itself.
 *
 * @param host a name or an address, with an optional port
 */
export function isNearby(host: string): boolean {
  const address = /^\[([^\]%]*)(?:%[^\]]*)?\](?::\d+)?$/.exec(host)?.[1];
  const name = address ?? host.replace(/:\d+$/, '').toLowerCase();
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  const family = isIP(name);
  if (family === 0) return false;
  return LOOPBACK.check(name, family === 6 ? 'ipv6' : 'ipv4') || isLinkLocal(name);
}

import http from 'node:http';
import https from 'node:https';

import { trustedCertificates } from '../certificates.ts';
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
    ...(isLoopback(host) ? {} : { proxyEnv: process.env }),
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

/** Go never uses a proxy for the machine itself. */
function isLoopback(host: string): boolean {
  const name = host.replace(/:\d+$/, '');
  return name === 'localhost' || name === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(name);
}

import http from 'node:http';
import https from 'node:https';

import type { BucketSettings } from '../../base/ports/bucket.ts';
import { trustedCertificates } from '../certificates.ts';

/** Uploads, downloads and listings at a time; more wait for a connection. */
const SOCKETS_MAX = 32;
/** A connection is made in this time or not at all; the server's own client waits as long. */
const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Connections to one store: through the proxy that the environment names, as the server itself does
 * it, and with the certificates that the machine trusts.
 */
export function makeTransport(settings: BucketSettings, host: string) {
  const common = {
    keepAlive: true,
    maxSockets: SOCKETS_MAX,
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
    connectionTimeout: Math.min(CONNECT_TIMEOUT_MS, settings.requestTimeoutMs),
    // A download whose reader is slow leaves its socket idle; waits are limited one by one instead.
    socketTimeout: 0,
  };
}

/** Go never uses a proxy for the machine itself. */
function isLoopback(host: string): boolean {
  const name = host.replace(/:\d+$/, '');
  return name === 'localhost' || name === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(name);
}

import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';

import { redirectError } from './http-errors.ts';
import { isLinkLocal } from './link-local.ts';
import { systemLookups } from './lookups.ts';

const LOOPBACK: readonly LookupAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];

/**
 * Looks up the addresses of a host for a connection. `localhost` is known without asking (RFC 6761):
 * the system answers few questions at a time, and those about hosts whose name server is dead must
 * not keep the scraper from the machine that it runs on.
 */
export const localLookup: LookupFunction = (host, options, callback) => {
  const answer = (found: readonly LookupAddress[]): void => {
    const [{ address, family }] = found;
    if (options.all === true) callback(null, [...found]);
    else callback(null, address, family);
  };
  if (host.toLowerCase() !== 'localhost') {
    systemLookups
      .find(host, options)
      .then(answer, (error: NodeJS.ErrnoException) => callback(error, ''));
    return;
  }
  const found = LOOPBACK.filter(({ family }) => !options.family || family === options.family);
  process.nextTick(answer, found);
};

/** The same for where a redirect leads: link-local addresses are left out. */
export function withoutLinkLocal(lookUp: LookupFunction): LookupFunction {
  return (host, options, callback) => {
    lookUp(host, { ...options, all: true }, (error, found) => {
      if (error !== null) {
        callback(error, '');
        return;
      }
      const all = Array.isArray(found) ? found : [];
      const allowed = all.filter(({ address }) => !isLinkLocal(address));
      if (allowed.length === 0) callback(redirectError(), '');
      else if (options.all === true) callback(null, allowed);
      else callback(null, allowed[0].address, allowed[0].family);
    });
  };
}

import { type LookupAddress, type LookupAllOptions, lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';

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
  if (host.toLowerCase() !== 'localhost') {
    lookup(host, options as LookupAllOptions, callback);
    return;
  }
  const found = LOOPBACK.filter(({ family }) => !options.family || family === options.family);
  const [{ address, family }] = found;
  process.nextTick(() => {
    if (options.all === true) callback(null, found);
    else callback(null, address, family);
  });
};

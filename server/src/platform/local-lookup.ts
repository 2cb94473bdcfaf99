import { type LookupAddress, type LookupAllOptions, lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';

import { redirectError } from './http-errors.ts';
import { isLinkLocal } from './link-local.ts';

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
    sharedLookup(host, options, callback);
    return;
  }
  const found = LOOPBACK.filter(({ family }) => !options.family || family === options.family);
  process.nextTick(() => answer(callback, found, options.all));
};

/**
 * Asks the system about a host once at a time: a question may go on long after the scrape that it was
 * for was given up, and the next scrapes of the same host wait for that answer.
 *
 * @param ask what looks addresses up
 */
export function sharingLookup(ask: AskAll): LookupFunction {
  const waiting = new Map<string, AllCallback[]>();
  return (host, options, callback) => {
    const { family, hints } = options;
    const key = JSON.stringify([host, family, hints]);
    const take: AllCallback = (error, found) => {
      if (error !== null) callback(error, '');
      else answer(callback, found, options.all);
    };
    const others = waiting.get(key);
    if (others !== undefined) {
      others.push(take);
      return;
    }
    const all = [take];
    waiting.set(key, all);
    ask(host, { ...options, all: true }, (error, found) => {
      waiting.delete(key);
      for (const each of all) each(error, found);
    });
  };
}

type AllCallback = (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => void;
type AskAll = (host: string, options: LookupAllOptions, callback: AllCallback) => void;

const sharedLookup = sharingLookup(lookup);

function answer(
  callback: Parameters<LookupFunction>[2],
  found: LookupAddress[],
  wantsAll: boolean | undefined,
): void {
  const [{ address, family }] = found;
  if (wantsAll === true) callback(null, found);
  else callback(null, address, family);
}

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
      else answer(callback, allowed, options.all);
    });
  };
}

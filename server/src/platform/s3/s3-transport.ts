import type { BucketSettings } from '../../base/ports/bucket.ts';
import { makeAgents } from '../bucket/agents.ts';

/** A connection is made in this time or not at all; the server's own client waits as long. */
const CONNECT_TIMEOUT_MS = 5_000;

/** How Amazon's client connects to one host. */
export function makeTransport(settings: BucketSettings, host: string) {
  return {
    ...makeAgents(settings, host),
    connectionTimeout: Math.min(CONNECT_TIMEOUT_MS, settings.requestTimeoutMs),
    // A download whose reader is slow leaves its socket idle; waits are limited one by one instead.
    socketTimeout: 0,
  };
}

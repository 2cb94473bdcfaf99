import { LOOKUPS_MAX } from './lookups.ts';
import { STORES_CALLS_MAX } from './leavable-fs.ts';
import { DATABASE_CALLS_MAX } from './limited-fs.ts';

/** For what comes and goes: streams of zlib, the tokens of an identity, the log of the database. */
const SPARE = 4;

/** Threads of libuv's pool, of which each kind of user that may hang has a share. */
export const POOL_THREADS = DATABASE_CALLS_MAX + STORES_CALLS_MAX + LOOKUPS_MAX + SPARE;

// Read by libuv when the first call needs the pool, so that this module is imported first.
process.env.UV_THREADPOOL_SIZE = String(POOL_THREADS);

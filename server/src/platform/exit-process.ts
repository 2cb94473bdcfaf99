/** Longer than V8 takes to compile nearly any function. */
const SETTLE_MS = 20;
/** How long the threads may take that `process.exit` waits for; a host kills after 2 s. */
const JOIN_MS = 500;
const LOOK_PERIOD_MS = 10;

/** Requests that a thread of libuv's pool is at, as Node names them. */
const POOL_REQUESTS = /^(FSReq|FileHandleCloseReq|GetAddrInfoReq|GetNameInfoReq)/;

/** Threads that the process has started. */
export interface Threads {
  /** Resolves when they have ended. */
  close(): Promise<void>;
}

/**
 * Ends the process within half a second, whatever its threads are at.
 *
 * `process.exit` waits for all threads. A call to a file system that hangs, or a look-up by a dead
 * name server, would keep it for minutes or for ever: then the process ends itself by a signal, which
 * waits for nothing.
 */
export async function exitProcess(
  exitCode: number,
  threads: readonly Threads[] = [],
): Promise<never> {
  const ended = Promise.all([settle(), poolIsIdle(), ...threads.map((each) => each.close())]);
  const late = new Promise<'late'>((resolve) => setTimeout(resolve, JOIN_MS, 'late'));
  if ((await Promise.race([ended, late])) === 'late') process.kill(process.pid, 'SIGKILL');
  process.exit(exitCode);
}

/**
 * A thread of V8 that compiles may want this one to collect garbage first, and `process.exit` waits
 * for that thread without doing so: both would wait for ever (nodejs/node#54918, seen once in some
 * hundred runs of the command-line tool).
 */
function settle(): Promise<void> {
  return sleep(SETTLE_MS);
}

async function poolIsIdle(): Promise<void> {
  while (process.getActiveResourcesInfo().some((name) => POOL_REQUESTS.test(name))) {
    await sleep(LOOK_PERIOD_MS);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

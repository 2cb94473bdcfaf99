import type { Clock } from '../clock.ts';

/**
 * The outcome of `work`, or a rejection with what `makeError` returns when it takes longer. `work`
 * itself goes on then: the caller ends it, and its outcome is dropped.
 */
export async function withTimeout<T>(
  clock: Clock,
  timeoutMs: number,
  work: Promise<T>,
  makeError: () => Error,
): Promise<T> {
  const timer = new AbortController();
  const timeout = clock.sleep(timeoutMs, timer.signal).then(
    () => Promise.reject(makeError()),
    // Aborted below: `work` has won the race already.
    () => work,
  );
  try {
    return await Promise.race([work, timeout]);
  } finally {
    timer.abort();
  }
}

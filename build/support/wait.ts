import { setTimeout as delay } from 'node:timers/promises';

/**
 * Asks `probe` again and again until it answers something other than undefined or false, and returns
 * that. A probe that throws has not succeeded yet; its last error becomes the cause of the time-out.
 */
export async function waitUntil<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = 60_000,
  intervalMs = 50,
): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  let lastError: unknown;
  do {
    try {
      const answer = await probe();
      if (answer !== undefined && answer !== false) return answer;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    await delay(intervalMs);
  } while (performance.now() < deadlineMs);
  throw new Error(`waited ${timeoutMs} ms in vain: ${what}`, { cause: lastError });
}

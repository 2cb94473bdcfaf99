import type { Clock } from '../base/clock.ts';
import { onAbort } from './abort-listeners.ts';

/** The longest delay that a Node timer takes. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** The machine's clocks and timers. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (delayMs, signal) => (delayMs > 0 ? sleep(delayMs, signal) : nextTurn(signal)),
};

async function sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
  for (let leftMs = delayMs; leftMs > 0; leftMs -= TIMER_MS_MAX) {
    await waitOnce(Math.min(leftMs, TIMER_MS_MAX), signal);
  }
}

function waitOnce(delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason);
      return;
    }
    const timer = setTimeout(() => {
      ignore?.();
      resolve();
    }, delayMs).unref();
    const ignore =
      signal &&
      onAbort(signal, () => {
        clearTimeout(timer);
        reject(signal.reason);
      });
  });
}

/** setImmediate, not a timer: a timer of 0 ms waits for one. */
function nextTurn(signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) reject(signal.reason);
    else setImmediate(resolve);
  });
}

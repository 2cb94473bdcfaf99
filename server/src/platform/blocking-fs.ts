import type { Fs } from '../base/ports/fs.ts';
import type { CallMark } from './call-mark.ts';
import { type FsCalls, makeFsCall } from './fs-calls.ts';
import { fsOverCalls } from './fs-over-calls.ts';

/** How long calls may follow each other before the thread looks for messages, such as a cancel. */
const TURN_MS = 20;

/**
 * The disk for a worker thread: each call keeps the thread until it is done, and takes no thread of
 * libuv's pool, which the log and the scrapes need. `mark` tells who waits for the worker.
 */
export function blockingFs(mark: CallMark): Fs {
  let lastTurnMs = performance.now();
  return fsOverCalls({
    async run(name, ...args) {
      if (performance.now() - lastTurnMs > TURN_MS) {
        await new Promise((resolve) => setImmediate(resolve));
        lastTurnMs = performance.now();
      }
      if (name !== 'close') mark.check(args[0]);
      return mark.during(() => makeFsCall(name, args) as ReturnType<FsCalls[typeof name]>);
    },
  });
}

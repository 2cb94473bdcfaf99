import { parentPort, workerData } from 'node:worker_threads';

import { assert } from '../base/errors.ts';
import { type FsCallName, makeFsCall } from './fs-calls.ts';
import { BYTES_ARGUMENT, type FsAnswer, type FsRequest } from './fs-messages.ts';
import { packError } from './worker-messages.ts';

/** The end of `FsThreads` in a thread: makes each call, however long it takes, and answers. */
export function serveFsCalls(): void {
  const port = parentPort;
  assert(port !== null, 'serveFsCalls runs outside a worker thread');
  const memory: unknown = workerData;
  assert(memory instanceof SharedArrayBuffer, 'a thread for file calls has no shared memory');
  port.on('message', ({ name, args, sharedBytes }: FsRequest) => {
    const all = [...args];
    if (sharedBytes !== undefined) all[BYTES_ARGUMENT] = new Uint8Array(memory, 0, sharedBytes);
    port.postMessage(perform(name, all));
  });
}

function perform(name: FsCallName, args: readonly unknown[]): FsAnswer {
  try {
    return { value: makeFsCall(name, args) };
  } catch (error) {
    return { error: packError(error) };
  }
}

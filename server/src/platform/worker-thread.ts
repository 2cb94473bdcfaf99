import { parentPort, workerData } from 'node:worker_threads';

import { assert, CodedError } from '../base/errors.ts';
import type { TaskHandler } from '../base/ports/task-runner.ts';
import { CallMark } from './call-mark.ts';
import { packError, type WorkerAnswer, type WorkerRequest } from './worker-messages.ts';

/** The mark by which the pool sees whether this thread is in a call that does not return. */
export function threadMark(): CallMark {
  const memory: unknown = workerData;
  return new CallMark(memory instanceof SharedArrayBuffer ? memory : undefined);
}

/** The worker's end of the pool: runs what arrives and answers. */
export function serveTasks(handlers: readonly TaskHandler[]): void {
  const port = parentPort;
  assert(port !== null, 'serveTasks runs outside a worker thread');
  const byName = new Map(handlers.map((handler) => [handler.name, handler]));
  const running = new Map<number, AbortController>();
  port.on('message', (request: WorkerRequest) => {
    if (request.kind === 'cancel') {
      running.get(request.id)?.abort(new CodedError('ERR_CANCELLED', 'the task was cancelled'));
      return;
    }
    const { id, task, input } = request;
    const controller = new AbortController();
    running.set(id, controller);
    const result = run(byName.get(task), task, input, controller.signal);
    const answered = result.then(
      (output): WorkerAnswer => ({ id, output }),
      (error: unknown): WorkerAnswer => ({ id, error: packError(error) }),
    );
    void answered.then((answer) => {
      running.delete(id);
      port.postMessage(answer);
    });
  });
}

async function run(
  handler: TaskHandler | undefined,
  task: string,
  input: unknown,
  signal: AbortSignal,
): Promise<unknown> {
  if (handler === undefined) throw new CodedError('ERR_TASK_UNKNOWN', `unknown task ${task}`);
  return handler.run(input, signal);
}

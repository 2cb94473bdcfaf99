import { CodedError } from '../../src/base/errors.ts';
import type { RunOptions, Task, TaskHandler, TaskPool } from '../../src/base/ports/task-runner.ts';

/** Runs tasks on the calling thread, with inputs and outputs cloned as a worker would get them. */
export function inlineTasks(handlers: readonly TaskHandler[]): TaskPool {
  return {
    workersMax: 2,
    limit: () => undefined,
    async run<Input, Output>(
      task: Task<Input, Output>,
      input: Input,
      options: RunOptions = {},
    ): Promise<Output> {
      const handler = handlers.find(({ name }) => name === task.name);
      if (handler === undefined) {
        throw new CodedError('ERR_TASK_UNKNOWN', `unknown task ${task.name}`);
      }
      const { transfer = [], signal = new AbortController().signal } = options;
      const cloned = structuredClone(input, { transfer: [...transfer] });
      return (await handler.run(cloned, signal)) as Output;
    },
  };
}

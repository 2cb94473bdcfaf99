/**
 * Names a piece of work and the types of what goes in and comes out. Made once beside the function
 * that does the work; both cross a thread boundary by structured clone, so they hold plain data,
 * typed arrays and `SharedArrayBuffer`s only.
 */
export interface Task<Input, Output> {
  readonly name: string;
  /** Not called: it ties the types to the name. */
  readonly types?: (input: Input) => Output;
}

export function defineTask<Input, Output>(name: string): Task<Input, Output> {
  return { name };
}

export interface RunOptions {
  /** Buffers that are moved instead of copied; the caller must not use them afterwards. */
  readonly transfer?: readonly ArrayBuffer[];
  /** Ends the task early; `run` rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Runs heavy work away from the thread that answers the host. */
export interface TaskRunner {
  /**
   * Queues the task and resolves with its result. Rejects with the task's own error (code and
   * details kept), `ERR_TASK_UNKNOWN`, or `ERR_WORKER_LOST` when the worker ended on the way.
   */
  run<Input, Output>(
    task: Task<Input, Output>,
    input: Input,
    options?: RunOptions,
  ): Promise<Output>;
}

/** A runner with threads of its own. */
export interface TaskPool extends TaskRunner {
  /** Most tasks that run at a time; at least 1. */
  readonly workersMax: number;
  /** Sets {@link workersMax}; 0 means half of the cores. Threads that are too many end when idle. */
  limit(workersMax: number): void;
}

/** What a worker does when a task of this name arrives. */
export interface TaskHandler {
  readonly name: string;
  run(input: unknown, signal: AbortSignal): Promise<unknown>;
}

/** Ties a function to its task. */
export function handles<Input, Output>(
  task: Task<Input, Output>,
  run: (input: Input, signal: AbortSignal) => Promise<Output>,
): TaskHandler {
  // Both ends name the same task constant, so what arrives is what its type says.
  return { name: task.name, run: (input, signal) => run(input as Input, signal) };
}

import type { FsCallName } from './fs-calls.ts';
import type { PlainError } from './worker-messages.ts';

/** Bytes of the memory that a thread for file calls shares: those of one piece of a file. */
export const SHARED_BYTES = 512 * 1024;

/** One call for a thread, which answers it before it gets the next. */
export interface FsRequest {
  readonly name: FsCallName;
  /** Without the bytes of a read or a write: those are in the shared memory. */
  readonly args: readonly unknown[];
  /** How many bytes of the shared memory are to be filled or written. */
  readonly sharedBytes: number | undefined;
}

export type FsAnswer = { readonly value: unknown } | { readonly error: PlainError };

/** Where the bytes are among the arguments of a read and a write. */
export const BYTES_ARGUMENT = 2;

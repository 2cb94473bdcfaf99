import { defineTask } from '../../base/ports/task-runner.ts';
import type { BlockMeta } from './meta.ts';

/** `verifyBlock` of the folder `dir`, on a worker thread. */
export const verifyBlockTask = defineTask<{ readonly dir: string }, BlockMeta>('tsdb.verify-block');

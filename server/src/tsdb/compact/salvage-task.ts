import { defineTask } from '../../base/ports/task-runner.ts';
import type { BlockMeta } from '../block/meta.ts';
import type { Salvaged } from './salvage.ts';

export interface SalvageInput {
  readonly dir: string;
  /** The ULID of the damaged block. */
  readonly name: string;
  readonly parentDir: string;
  readonly ulid: string;
  /** What its meta.json said when it could be read. */
  readonly known: BlockMeta | undefined;
}

/** `salvageBlock` on a worker thread. */
export const salvageTask = defineTask<SalvageInput, Salvaged>('tsdb.salvage-block');

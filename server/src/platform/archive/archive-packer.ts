import type { ArchiveEntry, ArchiveFormat, ArchivePacker } from '../../base/ports/archive.ts';
import type { TaskPool } from '../../base/ports/task-runner.ts';
import { gzip } from './gzip-frame.ts';
import { tar } from './tar-frame.ts';
import { zip } from './zip-frame.ts';

/** Archives whose contents are compressed by the threads of a pool. */
export class ThreadedPacker implements ArchivePacker {
  readonly #tasks: TaskPool;

  constructor(tasks: TaskPool) {
    this.#tasks = tasks;
  }

  pack(entries: AsyncIterable<ArchiveEntry>, format: ArchiveFormat): AsyncIterable<Uint8Array> {
    return format === 'zip' ? zip(entries, this.#tasks) : gzip(tar(entries), this.#tasks);
  }
}

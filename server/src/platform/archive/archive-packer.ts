import type { ArchiveEntry, ArchiveFormat, ArchivePacker } from '../../base/ports/archive.ts';
import type { TaskPool } from '../../base/ports/task-runner.ts';
import { DEFLATE_LEVEL } from './deflate-task.ts';
import { framed } from './framed.ts';
import { gzip } from './gzip-frame.ts';

/**
 * Archives framed by the npm package archiver. A tar is compressed by the threads of a pool; the files
 * of a zip, each a stream of its own, by one thread of libuv.
 */
export class ThreadedPacker implements ArchivePacker {
  readonly #tasks: TaskPool;

  constructor(tasks: TaskPool) {
    this.#tasks = tasks;
  }

  async *pack(
    entries: AsyncIterable<ArchiveEntry>,
    format: ArchiveFormat,
  ): AsyncGenerator<Uint8Array> {
    // Loaded when the first dump is made: the host counts the time to the handshake line.
    const { TarArchive, ZipArchive } = await import('archiver');
    if (format === 'zip') {
      yield* framed(new ZipArchive({ zlib: { level: DEFLATE_LEVEL } }), entries);
    } else {
      yield* gzip(framed(new TarArchive(), entries), this.#tasks);
    }
  }
}

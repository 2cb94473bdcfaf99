import type { Logger } from '../../base/log.ts';
import type { Fs } from '../../base/ports/fs.ts';
import type { TaskRunner } from '../../base/ports/task-runner.ts';
import { writeHeadChunkSizes } from '../chunks/head-chunk-sizes.ts';
import type { GroupCommit } from '../head/group-commit.ts';
import type { Head } from '../head/head.ts';
import type { HeadChunkFileEnd } from '../head/stored-chunks.ts';
import { checkpointTask } from '../wal/checkpoint.ts';
import { checkpointName, listCheckpoints, listSegments, segmentFileName } from '../wal/segments.ts';

export interface LogTruncationOptions {
  readonly fs: Fs;
  /** The database's folder. */
  readonly dir: string;
  readonly logger: Logger;
  readonly tasks: TaskRunner;
  readonly head: Head;
  readonly commits: GroupCommit;
  readonly headChunkFiles: readonly HeadChunkFileEnd[];
  /** Ends a checkpoint that is being written. */
  readonly signal: AbortSignal;
}

/** Keeps the log short after the head was. Mirrors truncateWAL of Prometheus tsdb/head.go. */
export class LogTruncation {
  readonly #options: LogTruncationOptions;
  readonly #walDir: string;
  #headChunkFiles: readonly HeadChunkFileEnd[];
  /** Series that left the head, with the last segment that may hold samples of theirs. */
  readonly #goneSeries = new Map<number, number>();

  constructor(options: LogTruncationOptions) {
    this.#options = options;
    this.#walDir = `${options.dir}/wal`;
    this.#headChunkFiles = options.headChunkFiles;
  }

  /** To be called for each series that leaves the head. */
  seriesGone(ref: number, segment: number): void {
    this.#goneSeries.set(ref, segment);
  }

  /** After the head was truncated to `minTimeMs`. */
  async run(minTimeMs: number): Promise<void> {
    const { commits, head } = this.#options;
    await this.#removeHeadChunks(minTimeMs);
    const newest = await commits.exclusive(async (wal) => {
      const segment = await wal.cut();
      // Series that wait for their samples are written again, since the log begins anew.
      if (head.sampleCount === 0) this.announceSeries();
      return segment;
    });
    if (head.sampleCount === 0) {
      // Nothing in the log is needed any more.
      await this.#removeUpTo(newest - 1, undefined);
      return;
    }
    const checkpoint = (await listCheckpoints(this.#options.fs, this.#walDir)).at(-1);
    const segments = (await listSegments(this.#options.fs, this.#walDir)).filter(
      (index) => index < newest && index > (checkpoint ?? -1),
    );
    // The lower two thirds hold mostly what was dropped; with fewer than two it does not pay.
    const first = segments[0];
    const last = first + Math.floor(((newest - 1 - first) * 2) / 3);
    if (segments.length < 2 || last <= first) return;
    const keepRefs = this.#refsToKeep(last);
    const input = { dir: this.#walDir, lastSegment: last, minTimeMs, keepRefs };
    await this.#options.tasks.run(checkpointTask, input, { signal: this.#options.signal });
    await this.#removeUpTo(last, last);
  }

  /** The files that were read at the start are not those at their paths any more. */
  forgetFiles(): void {
    this.#headChunkFiles = [];
    this.#goneSeries.clear();
  }

  /** All series are written to the log again, which begins anew. */
  announceSeries(): void {
    const { commits, head } = this.#options;
    for (let slot = 0; slot < head.table.slotEnd; slot++) {
      if (head.table.isUsed(slot)) commits.addSeries(head.table.refOf(slot));
    }
  }

  /** Series in the head, and those that segments behind the checkpoint still speak of. */
  #refsToKeep(lastSegment: number): Uint32Array {
    const { table } = this.#options.head;
    const refs: number[] = [];
    for (let slot = 0; slot < table.slotEnd; slot++) {
      if (table.isUsed(slot)) refs.push(table.refOf(slot));
    }
    for (const [ref, segment] of this.#goneSeries) if (segment > lastSegment) refs.push(ref);
    return Uint32Array.from(refs).sort();
  }

  /** Removes segments up to `lastSegment`, and all checkpoints but `keepCheckpoint`. */
  async #removeUpTo(lastSegment: number, keepCheckpoint: number | undefined): Promise<void> {
    const { fs, logger } = this.#options;
    for (const [ref, segment] of this.#goneSeries) {
      if (segment <= lastSegment) this.#goneSeries.delete(ref);
    }
    try {
      // Oldest first: what a crash leaves is a log without a gap.
      for (const index of await listSegments(fs, this.#walDir)) {
        if (index <= lastSegment) await fs.remove(`${this.#walDir}/${segmentFileName(index)}`);
      }
      for (const index of await listCheckpoints(fs, this.#walDir)) {
        if (index !== keepCheckpoint) {
          await fs.removeTree(`${this.#walDir}/${checkpointName(index)}`);
        }
      }
    } catch (error) {
      // What stays is ignored by readers and removed next time.
      logger.warn('old parts of the log could not be removed', { error });
    }
  }

  async #removeHeadChunks(minTimeMs: number): Promise<void> {
    const { fs, dir } = this.#options;
    const gone = this.#headChunkFiles.filter(({ maxTimeMs }) => maxTimeMs < minTimeMs);
    if (gone.length === 0) return;
    const paths = new Set(gone.map(({ path }) => path));
    await writeHeadChunkSizes(fs, `${dir}/chunks_head`, paths);
    for (const path of paths) await fs.remove(path);
    this.#headChunkFiles = this.#headChunkFiles.filter(({ path }) => !paths.has(path));
  }
}

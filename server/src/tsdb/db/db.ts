import type { Clock } from '../../base/clock.ts';
import { CodedError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { type Fs, makeDirDurably } from '../../base/ports/fs.ts';
import type { TaskRunner } from '../../base/ports/task-runner.ts';
import { Mutex } from '../../base/sync/mutex.ts';
import { makeUlid } from '../../model/ulid.ts';
import type { TimeRange } from '../../model/time-range.ts';
import type { Appendable, Appender, AppendResult } from '../../storage/appender.ts';
import type { BlockMeta, BlockOnDisk } from '../block/meta.ts';
import { removeChunkSnapshots } from '../head/chunk-snapshot-dirs.ts';
import { writeChunkSnapshot } from '../head/chunk-snapshot-writer.ts';
import { GroupCommit } from '../head/group-commit.ts';
import type { Head } from '../head/head.ts';
import { type AppenderOwner, HeadAppender } from '../head/head-appender.ts';
import { headBlockTask } from '../head/head-block-task.ts';
import { takeSnapshot } from '../head/head-snapshot.ts';
import { PendingPool } from '../head/pending-samples.ts';
import {
  BLOCK_RANGE_MS,
  CHUNK_BYTES_MAX,
  CLOCK_JUMP_MS,
  MAINTENANCE_INTERVAL_MS,
  RETENTION_MS,
} from '../limits.ts';
import type { WalWriter } from '../wal/wal-writer.ts';
import { type BadBlock, byTime, listBlocks, removeBlock, splitByPresence } from './block-folder.ts';
import { ClockWatch } from './clock-watch.ts';
import { DbPlace, type PlaceLoss } from './db-place.ts';
import type { DbReference } from './db-reference.ts';
import { headStatsOf, noResults } from './head-stats.ts';
import { LogTruncation } from './log-truncation.ts';
import { openParts, type OpenedParts } from './opened-parts.ts';
import type { DbOptions, HeadStats, LogDamage, WalStats } from './options.ts';
import type { ReferenceTime } from './reference-time.ts';

/** A directory of blocks with a head in front: the whole database. */
export class Db implements Appendable {
  readonly dir: string;
  readonly #fs: Fs;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #tasks: TaskRunner;
  readonly #place: DbPlace;
  readonly #head: Head;
  readonly #wal: WalWriter;
  readonly #commits: GroupCommit;
  readonly #truncation: LogTruncation;
  readonly #corruptions: number;
  readonly #damage: LogDamage | undefined;
  readonly #owner: AppenderOwner;
  readonly #clockWatch: ClockWatch;
  readonly #reference: DbReference;
  readonly #blockRangeMs: number;
  readonly #retentionMs: number;
  /** Work that reads the whole head or changes what it holds, one at a time. */
  readonly #work = new Mutex();
  readonly #closing = new AbortController();
  readonly #loop: Promise<void>;
  readonly #counts = noResults();
  #blocks: readonly BlockOnDisk[];
  #badBlocks: readonly BadBlock[];
  #hasSnapshot: boolean;
  #upkeepFault: unknown;
  /** What {@link keepPlace} has to tell. */
  #losses: PlaceLoss[] = [];
  #closed: Promise<void> | undefined;

  private constructor(options: DbOptions, parts: OpenedParts) {
    this.dir = options.dir;
    this.#fs = options.fs;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#tasks = options.tasks;
    this.#clockWatch = new ClockWatch(options.clock);
    this.#blockRangeMs = options.blockRangeMs ?? BLOCK_RANGE_MS;
    this.#retentionMs = options.retentionMs ?? RETENTION_MS;
    this.#head = parts.head;
    this.#wal = parts.wal;
    this.#reference = parts.reference;
    [this.#blocks, this.#badBlocks] = [parts.found.blocks, parts.found.bad];
    this.#hasSnapshot = parts.hasSnapshot;
    this.#corruptions = parts.replay.corruptions;
    this.#damage = parts.damage;
    const { head, wal } = parts;
    this.#commits = new GroupCommit(head, wal, this.#clock, (result, count) => {
      this.#counts[result] += count;
    });
    this.#truncation = new LogTruncation({
      ...parts.replay,
      ...options,
      head,
      commits: this.#commits,
      signal: this.#closing.signal,
    });
    this.#place = new DbPlace({
      ...options,
      lock: parts.lock,
      commits: this.#commits,
      truncation: this.#truncation,
      absorb: () => flushFolder(options),
    });
    const pool = new PendingPool();
    this.#owner = {
      head,
      commits: this.#commits,
      rewinding: undefined,
      chunkBytesMax: options.chunkBytesMax ?? CHUNK_BYTES_MAX,
      onRefused: (result: AppendResult) => this.#counts[result]++,
      lend: () => pool.lend(),
      giveBack: (samples) => pool.giveBack(samples),
      // From here on the snapshot no longer stands for the end of the log.
      onCommitted: () => {
        this.reference.note();
        if (this.#hasSnapshot) void this.#work.run(() => this.#removeSnapshots());
      },
    };
    this.#loop = this.#runLoop(options.maintenanceIntervalMs ?? MAINTENANCE_INTERVAL_MS);
  }

  /**
   * Locks the directory, replays the write-ahead log and starts the upkeep. Rejects with a
   * `CodedError`; nothing is left open or locked then, so the caller may try again.
   */
  static async open(options: DbOptions): Promise<Db> {
    const { fs, dir } = options;
    await makeDirDurably(fs, `${dir}/wal`);
    const lock = await fs.lockDir(dir);
    try {
      return new Db(options, await openParts(options, lock));
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** The time by which it is judged what may be removed. */
  get reference(): ReferenceTime {
    return this.#reference.time;
  }

  appender(): Appender {
    if (this.#closing.signal.aborted) throw closedError(this.dir);
    if (this.#place.refusal !== undefined) throw this.#place.refusal;
    if (this.#clockWatch.hasGoneBack()) this.#rewindWhenAhead();
    return new HeadAppender(this.#owner);
  }

  /** Whole blocks on disk, oldest first. */
  blocks(): readonly BlockOnDisk[] {
    return this.#blocks;
  }

  /** Why the last upkeep broke off; undefined when it did not. */
  get upkeepFault(): unknown {
    return this.#upkeepFault;
  }

  /** Those that could not be read when the database was opened. */
  badBlocks(): readonly BadBlock[] {
    return this.#badBlocks;
  }

  headStats(): HeadStats {
    return headStatsOf(this.#head, this.#counts);
  }

  walStats(): WalStats {
    const { syncs, writtenBytes } = this.#wal;
    return { syncs, writtenBytes, corruptions: this.#corruptions, damage: this.#damage };
  }

  /**
   * Writes what the head holds within `range` as a block under `parentDir`; the head stays as it
   * is. undefined when there is no sample.
   */
  writeHeadBlock(parentDir: string, range: TimeRange): Promise<BlockMeta | undefined> {
    return this.#exclusively(() => this.#writeBlock(parentDir, range));
  }

  /** Turns complete windows of the head into blocks and drops what lies before them. */
  cut(): Promise<readonly BlockMeta[]> {
    return this.#exclusively(async () => {
      const metas: BlockMeta[] = [];
      while (this.#isWindowComplete()) {
        // What comes late for this window from here on would be in no block.
        const endMs = this.#windowEnd(this.#head.minTimeMs);
        this.#head.raiseMinValidTime(endMs);
        metas.push(...(await this.#cutBefore(endMs)));
        await this.#truncateBefore(endMs);
      }
      const { minValidTimeMs } = this.#head;
      if (this.#reference.hasCaughtUp(this.#blocks, minValidTimeMs)) {
        await this.#reference.setRewound(false);
      }
      return metas;
    });
  }

  /**
   * Turns the whole head into blocks and empties it: the last act of a scraper that stops. What is
   * appended meanwhile, behind all that was there, stays.
   */
  flush(): Promise<readonly BlockMeta[]> {
    return this.#exclusively(() => this.#flush());
  }

  /**
   * Looks whether folder, log and blocks still are where they were. If not, the path is taken again and
   * all that the head holds is written there, before any other work. Returns what was gone since the
   * last call; rejects when it cannot be written again, which the next call tries, and while the folder
   * takes no new file.
   */
  async keepPlace(): Promise<readonly PlaceLoss[]> {
    await this.#exclusively(async () => {
      const { present, gone } = await splitByPresence(this.#fs, this.#blocks);
      for (const { dir } of gone) this.#losses.push({ kind: 'block', path: dir });
      if (gone.length > 0) this.#blocks = present;
      await this.#place.tryToWrite();
    });
    return this.#losses.splice(0);
  }

  /** Who else may put files into the folder, in words; undefined when nobody but its group. */
  exposedTo(): Promise<string | undefined> {
    return this.#place.exposedTo();
  }

  /** Waits for running work, syncs the log and releases the directory. */
  close(writesSnapshot = true): Promise<void> {
    return (this.#closed ??= this.#close(writesSnapshot));
  }

  async #close(writesSnapshot: boolean): Promise<void> {
    this.#closing.abort(closedError(this.dir));
    await this.#loop;
    await this.#work.run(async () => {});
    try {
      await this.#commits.idle();
      await this.#wal.close();
      if (writesSnapshot) await this.#writeSnapshot();
      await this.#reference.close();
    } finally {
      await this.#place.release();
    }
  }

  /** Makes the next start fast, unless nothing has changed since the last snapshot. */
  async #writeSnapshot(): Promise<void> {
    if (this.#hasSnapshot || this.#head.sampleCount === 0) return;
    try {
      if (!(await this.#place.isHeld())) return;
      await writeChunkSnapshot(this.#fs, this.dir, this.#head);
    } catch (error) {
      this.#logger.warn('no chunk snapshot was written; the next start reads the log', { error });
    }
  }

  #exclusively<T>(section: () => Promise<T>): Promise<T> {
    return this.#work.run(async () => {
      if (this.#closing.signal.aborted) throw closedError(this.dir);
      await this.#stayInPlace();
      return section();
    });
  }

  async #stayInPlace(): Promise<void> {
    const lost = await this.#place.restore();
    if (lost !== undefined) this.#losses.push(lost);
    if (lost?.kind === 'folder') {
      this.#hasSnapshot = false;
      const { blocks, bad } = await listBlocks(this.#fs, this.dir, this.#logger);
      [this.#blocks, this.#badBlocks] = [blocks, bad];
    }
    if (!this.#place.isUnwritten) return;
    await this.#flush();
    this.#place.noteWritten();
  }

  async #flush(): Promise<readonly BlockMeta[]> {
    await this.#commits.idle();
    const metas: BlockMeta[] = [];
    const head = this.#head;
    const lastMs = head.maxTimeMs;
    while (head.sampleCount > 0 && head.minTimeMs <= lastMs) {
      const endMs = Math.min(this.#windowEnd(head.minTimeMs), lastMs + 1);
      head.raiseMinValidTime(endMs);
      metas.push(...(await this.#cutBefore(endMs)));
      await head.truncate(endMs, (ref) => this.#seriesGone(ref));
    }
    await this.#truncateBefore(head.minValidTimeMs);
    return metas;
  }

  /**
   * After the wall clock went back: samples that are ahead of it become blocks, so that the head is
   * empty and takes those that follow. Appenders wait until then.
   */
  #rewindWhenAhead(): void {
    const nowMs = this.#clock.nowMs();
    const aheadMs = Math.max(this.#head.maxTimeMs, this.#head.minValidTimeMs) - nowMs;
    if (this.#owner.rewinding !== undefined || aheadMs <= CLOCK_JUMP_MS) return;
    this.#logger.warn('the clock went back; what it had run ahead becomes blocks', { aheadMs });
    const rewind = async (): Promise<void> => {
      try {
        await this.#exclusively(async () => {
          await this.#flush();
          await this.#reference.setRewound(true);
          this.#head.rewind(nowMs - CLOCK_JUMP_MS);
        });
      } catch (error) {
        this.#clockWatch.reset();
        this.#logger.error('the head could not be emptied after the clock went back', { error });
      } finally {
        this.#owner.rewinding = undefined;
      }
    };
    this.#owner.rewinding = rewind();
  }

  /** Whether the oldest window is over for good: half a window more has passed since, as Prometheus waits. */
  #isWindowComplete(): boolean {
    const { minTimeMs, maxTimeMs, sampleCount } = this.#head;
    if (sampleCount === 0) return false;
    // A sample from the future must not close the present window.
    const newestMs = Math.min(maxTimeMs, this.#clock.nowMs());
    return newestMs - minTimeMs > this.#blockRangeMs * 1.5;
  }

  #windowEnd(timeMs: number): number {
    return Math.floor(timeMs / this.#blockRangeMs) * this.#blockRangeMs + this.#blockRangeMs;
  }

  async #cutBefore(endMs: number): Promise<BlockMeta[]> {
    const range = { minTimeMs: this.#head.minTimeMs, maxTimeMs: endMs };
    const meta = await this.#writeBlock(this.dir, range);
    if (meta === undefined) return [];
    this.#blocks = [...this.#blocks, { meta, dir: `${this.dir}/${meta.ulid}` }].sort(byTime);
    return [meta];
  }

  async #truncateBefore(endMs: number): Promise<void> {
    await this.#head.truncate(endMs, (ref) => this.#seriesGone(ref));
    // A snapshot stands for a part of the log that is about to go.
    await this.#removeSnapshots();
    this.#place.noteTruncation();
    await this.#truncation.run(endMs);
  }

  #seriesGone(ref: number): void {
    this.#truncation.seriesGone(ref, this.#wal.segment);
  }

  async #writeBlock(parentDir: string, range: TimeRange): Promise<BlockMeta | undefined> {
    const head = this.#head;
    if (head.sampleCount === 0) return undefined;
    const minTimeMs = Math.max(range.minTimeMs, head.minTimeMs);
    const maxTimeMs = Math.min(range.maxTimeMs, head.maxTimeMs + 1);
    if (minTimeMs >= maxTimeMs) return undefined;
    const snapshot = await takeSnapshot(head, { minTimeMs, maxTimeMs }, this.#clock);
    if (snapshot.seriesCount === 0) return undefined;
    const ulid = makeUlid(this.reference.namingMs);
    const plan = { ulid, minTimeMs, maxTimeMs, compaction: { level: 1, sources: [ulid] } };
    const transfer = snapshot.buffers
      .filter((buffer): buffer is ArrayBuffer => buffer instanceof ArrayBuffer)
      .concat(snapshot.symbols.buffer, snapshot.series.buffer);
    const { signal } = this.#closing;
    return this.#tasks.run(headBlockTask, { parentDir, plan, snapshot }, { transfer, signal });
  }

  async #removeSnapshots(): Promise<void> {
    if (!this.#hasSnapshot) return;
    this.#hasSnapshot = false;
    try {
      await removeChunkSnapshots(this.#fs, this.dir);
    } catch (error) {
      this.#logger.warn('an old chunk snapshot could not be removed', { error });
    }
  }

  async #runLoop(intervalMs: number): Promise<void> {
    const { signal } = this.#closing;
    while (intervalMs > 0) {
      await this.#clock.sleep(intervalMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      try {
        await this.cut();
        await this.#exclusively(() => this.#removeExpired());
        await this.#reference.save();
        this.#upkeepFault = undefined;
      } catch (error) {
        if (signal.aborted) return;
        this.#upkeepFault = error;
        this.#logger.error('the database could not be tidied up; it is tried again', { error });
      }
    }
  }

  async #removeExpired(): Promise<void> {
    const due = this.#reference.takeDue(this.#blocks, this.#retentionMs, this.#blockRangeMs);
    for (const block of due) {
      this.#blocks = this.#blocks.filter((other) => other !== block);
      await removeBlock(this.#fs, block.dir);
    }
  }
}

/** Opens the database at a path that was another's, and makes what it has in memory blocks. */
async function flushFolder(options: DbOptions): Promise<void> {
  const db = await Db.open({ ...options, maintenanceIntervalMs: 0 });
  try {
    await db.flush();
  } finally {
    await db.close();
  }
}

function closedError(dir: string): CodedError {
  return new CodedError('ERR_DB_CLOSED', 'the database is closed', { dir });
}

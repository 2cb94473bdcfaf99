import type { Clock } from '../../base/clock.ts';
import { CodedError, describeError, hasCode } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { ArchiveEntry, ArchivePacker } from '../../base/ports/archive.ts';
import type { TaskRunner } from '../../base/ports/task-runner.ts';
import { formatUtc } from '../../base/utc-time.ts';
import type { ByteSource, FileStore } from '../../filestore/file-store.ts';
import { dumpDirOf, dumpHeadDirOf, dumpPathOf } from '../../filestore/layout.ts';
import type { BadBlock, BlockMeta, TimeRange } from '../../tsdb/index.ts';
import type { BlockCatalog } from '../blocksync/block-catalog.ts';
import type { DumpMaker, DumpResult, DumpRun } from '../jobs/dump-maker.ts';
import { collectBlocks } from './collect.ts';
import { listEntries } from './contents.ts';
import type { DumpContext } from './context.ts';
import { DamageBook } from './damage-book.ts';
import { formatMetadata } from './metadata.ts';
import type { DumpMetadata } from './metadata.ts';
import { coveredRange } from './plan.ts';
import type { DumpRange } from './plan.ts';
import { readAhead } from './read-ahead.ts';
import { checkLimit, checkSize } from './size-check.ts';

/** The local database as dumps need it. */
export interface DumpDatabase {
  blocks(): readonly BlockMeta[];
  /** Folders of blocks without a readable meta.json. */
  badBlocks?(): readonly BadBlock[];
  /** See `Db.writeHeadBlock`; `parentDir` is below the folder of {@link store}. */
  writeHeadBlock(parentDir: string, range: TimeRange): Promise<BlockMeta | undefined>;
  /** The database's folder. */
  readonly store: FileStore;
}

/** What a dump says about the server that it is from. */
export type ServerIdentity = Pick<
  DumpMetadata,
  'serverVersion' | 'serverId' | 'licenseId' | 'customerId' | 'pluginId' | 'pluginVersion'
>;

export interface DumpServiceOptions {
  /** undefined while the database cannot be opened: dumps then hold what the file store has. */
  readonly database: () => DumpDatabase | undefined;
  /**
   * Has the instance that scrapes bring its newest samples to `dumpHeadDirOf(jobId)`; undefined when
   * that is this instance. Rejects, with a reason for people, when they cannot be had.
   */
  readonly askScraper: (run: DumpRun) => Promise<{ readonly ulid: string | undefined } | undefined>;
  /** What a dump lacks because a node of the cluster is away, as sentences for people. */
  readonly missingSamples: () => Promise<readonly string[]>;
  /** Throws a `CodedError` that says why when there is no usable file store. */
  readonly fileStore: () => FileStore;
  readonly identity: () => Promise<ServerIdentity>;
  readonly catalog: BlockCatalog;
  readonly packer: ArchivePacker;
  readonly tasks: TaskRunner;
  /** Largest archive; 0: no limit. */
  readonly sizeLimitBytes: () => number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Head blocks of dumps under way, in the database's folder: a disk that is known to be writable. */
const WORK_DIR = 'dump-work';
/**
 * A block may be removed by retention or merged while a dump reads it, or turn out to be damaged; then
 * the plan is made anew. After the first damage blocks are read before they are taken, so that more
 * tries are needed only where things change all the time.
 */
const PLANS_MAX = 5;

/** Makes dumps: plans from metadata, then streams from the stores through an archive to the store. */
export class DumpService implements DumpMaker {
  readonly #options: DumpServiceOptions;
  /** Jobs whose work folders are in use. */
  readonly #active = new Set<string>();
  /** Copies of blocks that were damaged when a dump last came by: the next one looks before. */
  readonly #suspects = new Set<string>();

  constructor(options: DumpServiceOptions) {
    this.#options = options;
  }

  async make(run: DumpRun): Promise<DumpResult> {
    const target = this.#options.fileStore();
    const database = this.#options.database();
    this.#active.add(run.jobId);
    let made = false;
    try {
      // What an earlier, killed try of this job left.
      const dir = dumpDirOf(run.jobId);
      const remains = await target.list(dir);
      // A store that hung may answer when the job is another instance's, whose dump is not to go.
      run.signal.throwIfAborted();
      if (remains.length > 0) await target.removeTree(dir);
      const result = await this.#tryPlans(run, target, database);
      made = true;
      return result;
    } finally {
      await this.#discard(() => database?.store.removeTree(workDirOf(run.jobId)));
      await this.#discard(async () => {
        // Whoever was paused may find that another instance has made the dump meanwhile.
        if (!(await run.ownsFiles())) return;
        await target.removeTree(made ? dumpHeadDirOf(run.jobId) : dumpDirOf(run.jobId));
      });
      this.#active.delete(run.jobId);
    }
  }

  async remove(jobId: string): Promise<void> {
    await this.#options.fileStore().removeTree(dumpDirOf(jobId));
  }

  async removeLeftovers(): Promise<void> {
    const store = this.#options.database()?.store;
    if (store === undefined) return;
    for (const { name } of await store.list(WORK_DIR)) {
      if (!this.#active.has(name)) await store.removeTree(workDirOf(name));
    }
  }

  async #tryPlans(
    run: DumpRun,
    target: FileStore,
    database: DumpDatabase | undefined,
  ): Promise<DumpResult> {
    const { logger } = this.#options;
    const { jobId, signal } = run;
    const book = new DamageBook(this.#suspects);
    const workDir = workDirOf(jobId);
    const context = { options: this.#options, run, target, database, workDir, book };
    try {
      for (let plan = 1; ; plan++) {
        try {
          return await this.#makeOnce(context);
        } catch (error) {
          const isWorthwhile = book.takeNews() || hasCode(error, 'ERR_FILESTORE_NOT_FOUND');
          if (!isWorthwhile || plan === PLANS_MAX || signal.aborted) throw error;
          const news = 'A block went away or is damaged while a dump is made; planning anew';
          logger.info(news, { jobId, error });
          await database?.store.removeTree(workDir);
        }
      }
    } finally {
      for (const key of book.whole) this.#suspects.delete(key);
      for (const key of book.damaged.keys()) this.#suspects.add(key);
    }
  }

  async #makeOnce(context: DumpContext): Promise<DumpResult> {
    const { run, target, book } = context;
    const { jobId, signal, format } = run;
    const { folders, notes } = await collectBlocks(context);
    // Damage that was found before anything was written is no reason for another plan.
    book.takeNews();
    const leftOut = notes.length === 0 ? undefined : notes.join(' ');
    const metas = folders.map((folder) => folder.meta);
    const range = coveredRange(metas, run);
    if (range === undefined) throw noSamples(run, leftOut);
    const metadata = formatMetadata({
      ...(await this.#options.identity()),
      generatedAtMs: this.#options.clock.nowMs(),
      minTimeMs: run.minTimeMs,
      maxTimeMs: run.maxTimeMs,
    });
    const entries = await listEntries(folders, metadata, this.#options.clock.nowMs(), book);
    const contentBytes = entries.reduce((sum, entry) => sum + entry.sizeBytes, 0);
    const limitBytes = this.#options.sizeLimitBytes();
    await checkSize(contentBytes, limitBytes, target);
    signal.throwIfAborted();
    const location = dumpPathOf(jobId, format);
    const followed = followProgress(readAhead(entries), contentBytes, run);
    const archive = this.#options.packer.pack(followed, format);
    const sizeBytes = await target.write(location, limited(archive, limitBytes, signal));
    return {
      location,
      sizeBytes,
      ...range,
      sampleCount: metas.reduce((sum, { stats }) => sum + stats.numSamples, 0),
      seriesMax: Math.max(...metas.map(({ stats }) => stats.numSeries)),
      ...(leftOut !== undefined && { leftOut }),
    };
  }

  /** Cleaning up never hides the outcome; what stays goes at the next start, or with a later clean-up. */
  async #discard(remove: () => Promise<void> | undefined): Promise<void> {
    try {
      await remove();
    } catch (error) {
      this.#options.logger.warn('Temporary data of a dump could not be removed', {
        reason: describeError(error),
      });
    }
  }
}

function workDirOf(jobId: string): string {
  return `${WORK_DIR}/${jobId}`;
}

/** Reports what share of the bytes has been read, entry by entry and in the middle of large ones. */
async function* followProgress(
  entries: AsyncIterable<ArchiveEntry>,
  totalBytes: number,
  run: DumpRun,
): AsyncGenerator<ArchiveEntry> {
  let doneBytes = 0;
  for await (const entry of entries) {
    yield {
      ...entry,
      open: () =>
        counted(entry.open(), (bytes) => {
          doneBytes += bytes;
          run.onProgress(doneBytes / totalBytes);
        }),
    };
  }
}

async function* counted(
  source: ByteSource,
  count: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const piece of source) {
    count(piece.length);
    yield piece;
  }
}

/**
 * Ends with the signal's reason at the next piece, so that a cancelled dump stops soon, and with
 * `ERR_DUMP_SIZE` where the estimate was wrong.
 */
async function* limited(
  source: ByteSource,
  limitBytes: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let sizeBytes = 0;
  for await (const piece of source) {
    signal.throwIfAborted();
    sizeBytes += piece.length;
    checkLimit(sizeBytes, limitBytes);
    yield piece;
  }
  signal.throwIfAborted();
}

/** @param leftOut where there may be some */
function noSamples(range: DumpRange, leftOut: string | undefined): CodedError {
  const from = isoTime(range.minTimeMs);
  const to = isoTime(range.maxTimeMs);
  const more = leftOut === undefined ? '' : `. ${leftOut}`;
  return new CodedError('ERR_DUMP_EMPTY', `there are no samples between ${from} and ${to}${more}`);
}

function isoTime(timeMs: number): string {
  return Number.isFinite(timeMs) ? `${formatUtc(timeMs).replace(' ', 'T')}Z` : `${timeMs} ms`;
}

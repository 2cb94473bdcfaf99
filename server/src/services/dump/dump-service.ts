import type { Clock } from '../../base/clock.ts';
import { CodedError, describeError, hasCode } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { ArchiveEntry, ArchivePacker } from '../../base/ports/archive.ts';
import type { TaskRunner } from '../../base/ports/task-runner.ts';
import { formatUtc } from '../../base/utc-time.ts';
import { readSmallFile } from '../../filestore/file-store.ts';
import type { ByteSource, FileStore } from '../../filestore/file-store.ts';
import {
  META_FILE_NAME,
  META_SIZE_BYTES_MAX,
  STORE_BLOCKS_DIR,
  dumpDirOf,
  dumpHeadDirOf,
  dumpPathOf,
} from '../../filestore/layout.ts';
import { parseBlockMeta } from '../../tsdb/index.ts';
import type { BlockMeta, TimeRange } from '../../tsdb/index.ts';
import type { BlockCatalog } from '../blocksync/block-catalog.ts';
import type { DumpMaker, DumpResult, DumpRun } from '../jobs/dump-maker.ts';
import { cutBlock } from './block-cutter.ts';
import { listEntries } from './contents.ts';
import type { BlockFolder } from './contents.ts';
import { formatMetadata } from './metadata.ts';
import type { DumpMetadata } from './metadata.ts';
import { coveredRange, planDump } from './plan.ts';
import type { DumpRange } from './plan.ts';
import { readAhead } from './read-ahead.ts';
import { checkLimit, checkSize } from './size-check.ts';

/** The local database as dumps need it. */
export interface DumpDatabase {
  blocks(): readonly BlockMeta[];
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
  /** What cannot be in a dump because a node of the cluster is away, as sentences for people. */
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
/** A block may be removed by retention or merged while a dump reads it; then the plan is made anew. */
const PLANS_MAX = 3;

/** Makes dumps: plans from metadata, then streams from the stores through an archive to the store. */
export class DumpService implements DumpMaker {
  readonly #options: DumpServiceOptions;
  /** Jobs whose work folders are in use. */
  readonly #active = new Set<string>();

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
      await target.removeTree(dumpDirOf(run.jobId));
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
    for (let plan = 1; ; plan++) {
      try {
        return await this.#makeOnce(run, target, database);
      } catch (error) {
        const vanished = hasCode(error, 'ERR_FILESTORE_NOT_FOUND');
        if (!vanished || plan === PLANS_MAX || run.signal.aborted) throw error;
        this.#options.logger.info('A block went away while a dump was made; planning anew', {
          jobId: run.jobId,
          error,
        });
        await database?.store.removeTree(workDirOf(run.jobId));
      }
    }
  }

  async #makeOnce(
    run: DumpRun,
    target: FileStore,
    database: DumpDatabase | undefined,
  ): Promise<DumpResult> {
    const { jobId, signal, format } = run;
    const { folders, leftOut } = await this.#collect(run, target, database);
    const metas = folders.map((folder) => folder.meta);
    const range = coveredRange(metas, run);
    if (range === undefined) throw noSamples(run, leftOut);
    const metadata = formatMetadata({
      ...(await this.#options.identity()),
      generatedAtMs: this.#options.clock.nowMs(),
      minTimeMs: run.minTimeMs,
      maxTimeMs: run.maxTimeMs,
    });
    const entries = await listEntries(folders, metadata, this.#options.clock.nowMs());
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

  /**
   * The head is written before the local blocks are listed: what is cut from it in between is then
   * in a block twice, which readers tolerate, and never nowhere.
   */
  async #collect(
    run: DumpRun,
    target: FileStore,
    database: DumpDatabase | undefined,
  ): Promise<{ folders: BlockFolder[]; leftOut: string | undefined }> {
    const notes: string[] = [];
    const folders: BlockFolder[] = [];
    let head: BlockMeta | undefined;
    const remote = await this.#scraperHead(run, target);
    if (remote.folder !== undefined) folders.push(remote.folder);
    if (remote.note !== undefined) notes.push(remote.note);
    if (database !== undefined) {
      head = await this.#writeHead(run, database);
    } else if (remote.isOurs) {
      notes.push('The newest samples are missing: the database could not be opened.');
    }
    run.signal.throwIfAborted();
    const held = await this.#options.catalog.list(target);
    for (const { meta, from, part } of planDump(held.whole, database?.blocks() ?? [], run)) {
      const folder =
        from === 'local' && database !== undefined
          ? { store: database.store, dir: meta.ulid, meta }
          : { store: target, dir: `${STORE_BLOCKS_DIR}/${meta.ulid}`, meta };
      const wanted =
        part === undefined || database === undefined
          ? folder
          : await this.#cut(folder, part, run, database);
      if (wanted !== undefined) folders.push(wanted);
    }
    if (head !== undefined && database !== undefined) {
      const dir = `${workDirOf(run.jobId)}/${head.ulid}`;
      folders.push({ store: database.store, dir, meta: head });
    }
    const unreadable = held.broken.filter((block) => block.state !== 'partial');
    if (unreadable.length > 0) {
      const names = unreadable.map((block) => block.ulid).join(', ');
      notes.push(`Blocks that could not be read are missing: ${names}.`);
      this.#options.logger.warn('Blocks of the file store could not be read for a dump', {
        jobId: run.jobId,
        blocks: names,
        reason: unreadable[0].reason,
      });
    }
    notes.push(...(await this.#options.missingSamples()));
    return { folders, leftOut: notes.length === 0 ? undefined : notes.join(' ') };
  }

  /** The newest samples of the instance that scrapes, when that is another one. */
  async #scraperHead(
    run: DumpRun,
    target: FileStore,
  ): Promise<{ isOurs: boolean; folder?: BlockFolder; note?: string }> {
    const { jobId } = run;
    try {
      const answer = await this.#options.askScraper(run);
      if (answer?.ulid === undefined) return { isOurs: answer === undefined };
      const dir = `${dumpHeadDirOf(jobId)}/${answer.ulid}`;
      const path = `${dir}/${META_FILE_NAME}`;
      const bytes = await readSmallFile(target, path, META_SIZE_BYTES_MAX);
      const meta = parseBlockMeta(new TextDecoder().decode(bytes), path);
      return { isOurs: false, folder: { store: target, dir, meta } };
    } catch (error) {
      run.signal.throwIfAborted();
      this.#options.logger.warn('A dump goes without the newest samples', { jobId, error });
      return {
        isOurs: false,
        note: `The newest minutes are missing: ${describeError(error)}.`,
      };
    }
  }

  async #writeHead(run: DumpRun, database: DumpDatabase): Promise<BlockMeta | undefined> {
    // A job's range includes its last millisecond, a block's does not.
    const range = { minTimeMs: run.minTimeMs, maxTimeMs: run.maxTimeMs + 1 };
    return database.writeHeadBlock(workDirOf(run.jobId), range);
  }

  #cut(
    folder: BlockFolder,
    part: TimeRange,
    { jobId, signal }: DumpRun,
    database: DumpDatabase,
  ): Promise<BlockFolder | undefined> {
    const work = { store: database.store, dir: workDirOf(jobId) };
    return cutBlock(folder, part, work, signal, this.#options);
  }

  /** Cleaning up never hides the outcome; what stays is removed at the next start. */
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

/** Reports what share of the bytes has been read, entry by entry and within large ones. */
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
 * Ends with the signal's reason at the next piece, so that a cancelled dump stops within moments, and
 * with `ERR_DUMP_SIZE` where the estimate was wrong.
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

import type { Logger } from '../../base/log.ts';
import { hasCode } from '../../base/errors.ts';
import { type DirLock, type Fs, makeDirDurably } from '../../base/ports/fs.ts';
import type { GroupCommit } from '../head/group-commit.ts';
import { listCheckpoints, listSegments } from '../wal/segments.ts';
import type { LogTruncation } from './log-truncation.ts';

/**
 * What was no longer where the database had left it:
 * - `folder`: its folder was removed or renamed, or another one is at its path, or mounted over it.
 * - `log`: a file or the folder of its log was removed or replaced.
 * - `lock`: the file that is locked was; nothing else is lost.
 * - `block`: the folder of a block was removed.
 */
export interface PlaceLoss {
  readonly kind: 'folder' | 'log' | 'lock' | 'block';
  readonly path: string;
}

/** Prometheus and the Go plugin pass over it. */
const PROBE_FILE = 'place-probe';

export interface DbPlaceOptions {
  readonly fs: Fs;
  readonly dir: string;
  readonly logger: Logger;
  readonly lock: DirLock;
  readonly commits: GroupCommit;
  readonly truncation: LogTruncation;
  /** Makes what a database at `dir`, which is not open, has in its log blocks. */
  readonly absorb: () => Promise<void>;
}

/**
 * The place of an open database on the disk: its locked folder and its log. Files that are open stay
 * writable when their names are gone, so somebody has to look whether the names still lead to them.
 * All calls are made while nothing else changes the folder.
 */
export class DbPlace {
  readonly #options: DbPlaceOptions;
  readonly #walDir: string;
  #lock: DirLock;
  /** Files of the log at the last look; undefined when some were removed by us since. */
  #logFiles: ReadonlySet<string> | undefined;
  #isUnwritten = false;
  /** Why nothing may be written: another process has our folder. */
  #refusal: Error | undefined;

  constructor(options: DbPlaceOptions) {
    this.#options = options;
    this.#lock = options.lock;
    this.#walDir = `${options.dir}/wal`;
  }

  /** Whether the head has samples that no file of this place has. */
  get isUnwritten(): boolean {
    return this.#isUnwritten;
  }

  get refusal(): Error | undefined {
    return this.#refusal;
  }

  noteWritten(): void {
    this.#isUnwritten = false;
  }

  /** Files of the log are about to be removed by the database itself. */
  noteTruncation(): void {
    this.#logFiles = undefined;
  }

  async isHeld(): Promise<boolean> {
    return (await this.#lock.check()) === 'held';
  }

  /**
   * Looks whether all is where it was. If not, the path is taken again and the log begun anew in it, so
   * that what is appended from then on is safe; what the head holds is for the caller to write. Rejects
   * when that cannot be done; then the next call tries again, and the old files are written on.
   */
  async restore(): Promise<PlaceLoss | undefined> {
    const { dir, logger } = this.#options;
    const lost = await this.#findLoss();
    if (lost === undefined) return undefined;
    if (lost.kind === 'lock') return lost;
    this.#isUnwritten = true;
    logger.warn('files of the database are gone; what it has in memory is written anew', {
      ...lost,
    });
    if (lost.kind === 'folder') await this.#moveIn();
    await makeDirDurably(this.#options.fs, this.#walDir);
    await this.#beginLog();
    logger.info('the log of the database begins anew', { dir });
    return lost;
  }

  /**
   * Rejects when the folder takes no new file: what is open may still be written, but no block can be
   * made, and the log ends with its segment.
   */
  async tryToWrite(): Promise<void> {
    const { fs, dir } = this.#options;
    const path = `${dir}/${PROBE_FILE}`;
    await (await fs.open(path, 'create')).close();
    await fs.remove(path);
  }

  exposedTo(): Promise<string | undefined> {
    return this.#lock.exposedTo();
  }

  release(): Promise<void> {
    return this.#lock.release();
  }

  async #findLoss(): Promise<PlaceLoss | undefined> {
    const { fs, dir, commits } = this.#options;
    const state = await this.#lock.check();
    if (state === 'moved' || this.#refusal !== undefined) return { kind: 'folder', path: dir };
    if (state === 'unlocked') {
      await this.#lockAgain();
      return { kind: 'lock', path: dir };
    }
    const openPath = await commits.exclusive(async (wal) =>
      (await wal.isInPlace()) ? undefined : wal.path,
    );
    if (openPath !== undefined) return { kind: 'log', path: openPath };
    const segments = await listSegments(fs, this.#walDir);
    const checkpoints = await listCheckpoints(fs, this.#walDir);
    const found = new Set([...segments.map(String), ...checkpoints.map((index) => `c${index}`)]);
    const isWhole = [...(this.#logFiles ?? [])].every((name) => found.has(name));
    this.#logFiles = found;
    return isWhole ? undefined : { kind: 'log', path: this.#walDir };
  }

  /** The old lock is kept until then: what lies elsewhere now is still written to. */
  async #moveIn(): Promise<void> {
    const { fs, dir, absorb } = this.#options;
    // That of another process, which has left the folder since.
    if (this.#refusal !== undefined) await this.#lock.release();
    await makeDirDurably(fs, this.#walDir);
    await absorb();
    const lock = await fs.lockDir(dir);
    this.#refusal = undefined;
    await this.#lock.release();
    this.#lock = lock;
    this.#options.truncation.forgetFiles();
  }

  async #lockAgain(): Promise<void> {
    const { fs, dir, logger } = this.#options;
    try {
      const lock = await fs.lockDir(dir);
      await this.#lock.release();
      this.#lock = lock;
      logger.warn('the file that locks the database was gone, and is there again', { dir });
    } catch (error) {
      // Two writers would ruin what both have.
      if (error instanceof Error && hasCode(error, 'ERR_FS_LOCKED')) this.#refusal = error;
      throw error;
    }
  }

  async #beginLog(): Promise<void> {
    const { fs, commits, truncation } = this.#options;
    const segments = await listSegments(fs, this.#walDir);
    const checkpoints = await listCheckpoints(fs, this.#walDir);
    const newest = Math.max(-1, ...segments, ...checkpoints);
    await commits.exclusive(async (wal) => {
      await wal.restart(Math.max(newest, wal.segment) + 1);
      truncation.announceSeries();
    });
    this.#logFiles = undefined;
  }
}

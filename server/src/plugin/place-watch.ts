import type { Clock } from '../base/clock.ts';
import { describeError, hasCode } from '../base/errors.ts';
import type { WarningBoard } from '../services/health/warning-board.ts';
import type { Db, PlaceLoss } from '../tsdb/index.ts';

const EXPOSED = 'database_folder_exposed';
const WARNING = 'database_files_gone';
const UPKEEP_WARNING = 'database_upkeep_failing';
/** What was mended stays on the board for so long: somebody should find out why. */
const SHOWN_MS = 24 * 60 * 60 * 1000;
/** Of the losses that a warning names; the log has all. */
const NAMED_MAX = 3;

export interface PlaceWatchOptions {
  readonly board: WarningBoard;
  readonly clock: Clock;
}

/** Says when files of the open database went away, and what has become of their contents. */
export class PlaceWatch {
  readonly #options: PlaceWatchOptions;
  /** When the last loss was mended, monotonic. */
  #mendedMs: number | undefined;

  constructor(options: PlaceWatchOptions) {
    this.#options = options;
  }

  /** Who may put files into the folder could put links there, or what is read as samples. */
  async checkExposure(db: Pick<Db, 'dir' | 'exposedTo'>): Promise<void> {
    const exposedTo = await db.exposedTo().catch(() => undefined);
    this.#options.board.set(
      EXPOSED,
      exposedTo === undefined
        ? undefined
        : {
            message: `The folder of the time series database, ${db.dir}, can be written to by ${exposedTo}.`,
            action:
              'Give it to the user that runs the Mattermost server and take the right to write from ' +
              'all others (chmod o-w), or choose another folder as TSDB Path.',
          },
    );
  }

  /** Never rejects: the database is open, whatever has become of its files. */
  async look(
    db: Pick<Db, 'dir' | 'keepPlace' | 'exposedTo'> & Partial<Pick<Db, 'upkeepFault'>>,
  ): Promise<void> {
    const { board, clock } = this.#options;
    await this.checkExposure(db);
    board.set(UPKEEP_WARNING, upkeepWarning(db.dir, db.upkeepFault), db.upkeepFault);
    try {
      const losses = await db.keepPlace();
      if (losses.length > 0) {
        this.#mendedMs = clock.monotonicMs();
        board.raise({ code: WARNING, ...mended(db.dir, losses, clock.nowMs()) });
      } else if (clock.monotonicMs() - (this.#mendedMs ?? -Infinity) >= SHOWN_MS) {
        board.clear(WARNING);
      }
    } catch (error) {
      if (hasCode(error, 'ERR_DB_CLOSED')) return;
      this.#mendedMs = undefined;
      board.raise({ code: WARNING, ...lost(db.dir, error) }, error);
    }
  }
}

function mended(dir: string, losses: readonly PlaceLoss[], nowMs: number): Saying {
  const named = losses.slice(0, NAMED_MAX).map(({ kind, path }) => `${NAMES[kind]} ${path}`);
  const more = losses.length > NAMED_MAX ? ` and ${losses.length - NAMED_MAX} more` : '';
  const time = new Date(nowMs).toISOString();
  return {
    message:
      `Somebody removed, moved or mounted over files of the time series database while it was in ` +
      `use (${named.join(', ')}${more}); noticed and made good at ${time} in ${dir}.`,
    action:
      'What was in memory is on the disk again. Blocks that were gone are in the file store if they ' +
      'had been copied there; find out what takes files away from the TSDB Path.',
  };
}

function lost(dir: string, error: unknown): Saying {
  return {
    message:
      `The time series database in ${dir} lost its files or cannot be looked at or written to, and ` +
      `what is in memory cannot be written there again: ${describeError(error)}.`,
    action:
      'Let the user that runs the Mattermost server write to the TSDB Path. It is tried again all ' +
      'the time; until then a restart loses what was collected last.',
  };
}

function upkeepWarning(dir: string, fault: unknown): Saying | undefined {
  if (fault === undefined) return undefined;
  return {
    message:
      `Samples in memory of the time series database in ${dir} could not be made blocks, or old ` +
      `blocks not removed: ${describeError(fault)}.`,
    action:
      'They are in memory and in the log until then, and nothing of them is in the file store; it is ' +
      'tried again each minute. Check the disk of the TSDB Path and its free space.',
  };
}

interface Saying {
  readonly message: string;
  readonly action: string;
}

const NAMES: Readonly<Record<PlaceLoss['kind'], string>> = {
  folder: 'the folder',
  log: 'the log',
  lock: 'the lock of',
  block: 'the block',
};

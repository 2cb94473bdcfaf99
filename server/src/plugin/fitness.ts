import type { Clock } from '../base/clock.ts';
import { CodedError, describeError } from '../base/errors.ts';
import { withTimeout } from '../base/sync/timeout.ts';
import { sourceOf } from '../filestore/file-store.ts';
import type { FileStore } from '../filestore/file-store.ts';
import type { WarningBoard } from '../services/health/warning-board.ts';
import type { ReferenceTime } from '../tsdb/index.ts';
import type { OpenDatabase } from './database-keeper.ts';

export interface FitnessOptions {
  readonly clock: Clock;
  readonly board: WarningBoard;
}

/** The database refuses samples older than it has; a clock that is set back by less soon catches up. */
const CLOCK_BACK_MS = 10_000;

/** Room for what a round of scrapes writes at once. */
const PROBE_BYTES = 1024 * 1024;
/** In the folder of the database. */
const PROBE_DIR = 'write-probe';
/** A disk that takes longer takes no scrapes either. */
const PROBE_TIMEOUT_MS = 5_000;
const WARNING = 'disk_takes_nothing';

/**
 * Whether this instance could store what it scrapes: its disk takes data, and its clock is not behind
 * the samples that it has. One that could not leaves the scraping to others.
 */
export class Fitness {
  readonly #options: FitnessOptions;
  #store: FileStore | undefined;
  #reference: ReferenceTime | undefined;
  /** Of the samples in the database, as far as we know: what is older is refused. */
  #newestMs = -Infinity;
  #probe: Promise<boolean> | undefined;
  /** A disk that hangs is not written to again until it has answered. */
  #writing: Promise<void> | undefined;
  #isDiskWell = true;
  #wasFit = true;

  constructor(options: FitnessOptions) {
    this.#options = options;
  }

  /** What the last {@link check} has found. */
  get wasFit(): boolean {
    return this.#wasFit;
  }

  /** By how much the clock is behind the newest sample; 0 where that does no harm. */
  get clockBackMs(): number {
    const backMs = this.#newestMs - this.#options.clock.nowMs();
    return backMs > CLOCK_BACK_MS ? backMs : 0;
  }

  setDatabase({ db, store }: OpenDatabase): void {
    this.#store = store;
    this.#reference = db.reference;
    const ends = db.blocks().map(({ meta }) => meta.maxTime);
    const horizonMs = db.reference?.horizonMs ?? Infinity;
    // What a clock that ran ahead has left says nothing; the database takes what follows.
    const trusted = [db.headStats().maxTimeMs ?? -Infinity, ...ends].filter((endMs) => {
      return endMs <= horizonMs;
    });
    this.#newestMs = Math.max(-Infinity, ...trusted);
  }

  /** Samples are stored just now. */
  noteStoring(): void {
    const nowMs = this.#options.clock.nowMs();
    this.#newestMs = Math.max(this.#newestMs, this.#reference?.presentMs ?? nowMs);
  }

  /** Looks at clock and disk, within 5 s. Never rejects. */
  async check(): Promise<boolean> {
    const isDiskWell = await this.probeDisk();
    this.#wasFit = isDiskWell && this.clockBackMs === 0;
    return this.#wasFit;
  }

  /** Whether the disk takes data; looks once, however many ask at a time. Never rejects. */
  probeDisk(): Promise<boolean> {
    this.#probe ??= this.#tryDisk().finally(() => (this.#probe = undefined));
    return this.#probe;
  }

  /** Takes a warning back once it does not hold any more; called now and then. */
  async tend(): Promise<void> {
    if (!this.#isDiskWell) await this.probeDisk();
  }

  async #tryDisk(): Promise<boolean> {
    const { clock, board } = this.#options;
    const store = this.#store;
    if (store === undefined) return false;
    try {
      this.#writing ??= writeProbe(store).finally(() => (this.#writing = undefined));
      await withTimeout(clock, PROBE_TIMEOUT_MS, this.#writing, () => {
        return new CodedError('ERR_FS', 'the disk did not answer in time');
      });
      this.#isDiskWell = true;
      board.clear(WARNING);
    } catch (error) {
      this.#isDiskWell = false;
      board.raise({
        code: WARNING,
        message: `This node could not store metrics, and leaves collecting them to others: ${describeError(error)}.`,
        action: 'Free space on the disk of the TSDB Path, or let it be written to.',
      });
    }
    return this.#isDiskWell;
  }
}

async function writeProbe(store: FileStore): Promise<void> {
  try {
    await store.write(`${PROBE_DIR}/probe`, sourceOf(new Uint8Array(PROBE_BYTES)));
  } finally {
    await store.removeTree(PROBE_DIR);
  }
}

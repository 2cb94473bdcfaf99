import type { Clock } from '../base/clock.ts';
import { hasCode } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { formatUtcMinute } from '../base/utc-time.ts';
import { readSmallFile, sourceOf } from '../filestore/file-store.ts';
import type { FileStore } from '../filestore/file-store.ts';
import { STORE_BLOCKS_DIR, STORE_REFERENCE_PATH } from '../filestore/layout.ts';
import type { BlockCatalog } from '../services/blocksync/block-catalog.ts';
import { isSetAside } from '../services/blocksync/set-aside.ts';
import type { TimeBounds } from '../services/blocksync/set-aside.ts';
import type { Warning, WarningBoard } from '../services/health/warning-board.ts';
import {
  deriveReference,
  formatReference,
  parseReference,
  REFERENCE_BYTES_MAX,
  TIME_AHEAD_MS,
} from '../tsdb/index.ts';
import type { BlockMeta, ReferenceRecord, ReferenceTime } from '../tsdb/index.ts';
import type { OpenDatabase } from './database-keeper.ts';

const SET_ASIDE = 'blocks_set_aside';
const CLOCK_WRONG = 'clock_wrong';
/** Of the blocks that a warning names; the statistics have all. */
const NAMED_MAX = 3;

export interface ReferenceKeeperOptions {
  readonly database: () => OpenDatabase | undefined;
  /** The clock of the server's database; undefined when it tells none. */
  readonly databaseTime: () => Promise<number | undefined>;
  readonly catalog: BlockCatalog;
  readonly retentionMs: () => number;
  readonly board: WarningBoard;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Keeps the reference time of the database and that of the file store together, asks the clocks of
 * others, and names what is set aside. Nothing that removes asks the time of day; it asks here.
 */
export class ReferenceKeeper {
  readonly #options: ReferenceKeeperOptions;
  /** Blocks of the file store at the last look. */
  #stored: readonly BlockMeta[] = [];

  /** Of `presentMs` and of `remainsMs`, for whoever counts ages. */
  readonly clocks = {
    clock: { nowMs: (): number => this.presentMs },
    remains: { nowMs: (): number => this.remainsMs },
  };

  constructor(options: ReferenceKeeperOptions) {
    this.#options = options;
  }

  /** See `ReferenceTime.presentMs`; -Infinity without a database. */
  get presentMs(): number {
    return this.#time?.presentMs ?? -Infinity;
  }

  /** See `ReferenceTime.remainsMs`; -Infinity without a database. */
  get remainsMs(): number {
    return this.#time?.remainsMs ?? -Infinity;
  }

  /** A time of day that is not certainly wrong, for plans and names. */
  get likelyMs(): number {
    return this.#time?.namingMs ?? this.#options.clock.nowMs();
  }

  get bounds(): TimeBounds {
    const { presentMs } = this;
    const oldestMs = presentMs - this.#options.retentionMs();
    return { presentMs, horizonMs: this.#time?.horizonMs ?? Infinity, oldestMs };
  }

  /** Whether ages of remains may be counted by the time of day. */
  get isClockPlausible(): boolean {
    return this.#options.clock.nowMs() - this.remainsMs <= TIME_AHEAD_MS;
  }

  readonly isSetAside = (block: BlockMeta): boolean => isSetAside(block, this.bounds);

  /**
   * Compares the reference with that of the file store and with the clocks of others.
   *
   * @param mayWrite whether this instance looks after the file store
   */
  async refresh(store: FileStore, mayWrite: boolean): Promise<void> {
    const time = this.#time;
    if (time === undefined) return;
    this.#stored = (await this.#options.catalog.list(store)).whole;
    const kept = await this.#read(store);
    if (kept !== undefined) {
      time.adopt(kept.referenceMs);
    } else if (!time.isFounded) {
      const known = new Map([...this.#stored, ...this.#local()].map((each) => [each.ulid, each]));
      const derivedMs = deriveReference([...known.values()]);
      if (derivedMs === undefined) time.found();
      else time.adopt(derivedMs);
    }
    const storeMs = mayWrite ? await this.#write(store, time) : undefined;
    await this.#hear(time, storeMs);
    this.warn();
  }

  /** Raises the warnings that hold, and takes back those that do not any more. */
  warn(): void {
    const { board } = this.#options;
    const known = new Map([...this.#stored, ...this.#local()].map((each) => [each.ulid, each]));
    const aside = [...known.values()].filter(this.isSetAside);
    board.set(SET_ASIDE, asideWarning(aside));
    board.set(CLOCK_WRONG, this.#clockWarning());
  }

  get #time(): ReferenceTime | undefined {
    return this.#options.database()?.db.reference;
  }

  #local(): readonly BlockMeta[] {
    return this.#options.database()?.blocks() ?? [];
  }

  async #read(store: FileStore): Promise<ReferenceRecord | undefined> {
    try {
      const bytes = await readSmallFile(store, STORE_REFERENCE_PATH, REFERENCE_BYTES_MAX);
      return parseReference(new TextDecoder().decode(bytes), STORE_REFERENCE_PATH);
    } catch (error) {
      if (hasCode(error, 'ERR_FILESTORE_NOT_FOUND')) return undefined;
      if (!hasCode(error, 'ERR_REFERENCE') && !hasCode(error, 'ERR_FILESTORE_TOO_LARGE'))
        throw error;
      this.#options.logger.warn('The reference time in the file store is damaged; it is replaced', {
        error,
      });
      return undefined;
    }
  }

  /** What the clock of the file store shows, by the file just written. */
  async #write(store: FileStore, time: ReferenceTime): Promise<number | undefined> {
    const { referenceMs, agreedMs, isFounded } = time;
    if (referenceMs === undefined || !isFounded) return undefined;
    const text = formatReference({ referenceMs, agreedMs, isFounded, isRewound: false });
    await store.write(STORE_REFERENCE_PATH, sourceOf(new TextEncoder().encode(text)));
    return (await store.stat(STORE_REFERENCE_PATH))?.modifiedMs;
  }

  /** Without the database the file store can only contradict: its clock may be that of this machine. */
  async #hear(time: ReferenceTime, storeMs: number | undefined): Promise<void> {
    const { databaseTime, logger, clock } = this.#options;
    const storeTimes = storeMs === undefined || storeMs <= 0 ? [] : [storeMs];
    try {
      const databaseMs = await databaseTime();
      if (databaseMs !== undefined) {
        time.hear([databaseMs, ...storeTimes]);
        return;
      }
    } catch (error) {
      logger.debug('The database of the server was not asked for its time', { error });
    }
    time.hear(storeTimes.filter((each) => Math.abs(each - clock.nowMs()) > TIME_AHEAD_MS));
  }

  #clockWarning(): Omit<Warning, 'code'> | undefined {
    const time = this.#time;
    const referenceMs = time?.referenceMs;
    if (time === undefined || referenceMs === undefined) return undefined;
    const nowMs = this.#options.clock.nowMs();
    const isFar = nowMs > time.horizonMs || nowMs < referenceMs - TIME_AHEAD_MS;
    if (!isFar && time.agreement !== 'contradicted') return undefined;
    const found = isFar
      ? `while metrics were last collected around ${formatUtcMinute(referenceMs)}`
      : 'while the server’s database or file store show another time';
    return {
      message: `The clock of this server shows ${formatUtcMinute(nowMs)} UTC, ${found}. Nothing is removed because of that.`,
      action:
        'Set the clocks of all servers and of the database right. After a long pause nothing needs ' +
        'to be done: what is collected counts as soon as the database’s clock agrees, or after some time.',
    };
  }
}

function asideWarning(aside: readonly BlockMeta[]): Omit<Warning, 'code'> | undefined {
  if (aside.length === 0) return undefined;
  const named = aside
    .toSorted((a, b) => a.minTime - b.minTime)
    .slice(0, NAMED_MAX)
    .map(({ ulid, minTime, maxTime }) => {
      return `${formatUtcMinute(minTime)} to ${formatUtcMinute(maxTime)} (${ulid})`;
    });
  const more = aside.length > NAMED_MAX ? ` and ${aside.length - NAMED_MAX} more` : '';
  return {
    message:
      `Samples with times that cannot be right, stored while a clock was wrong, are set aside: ` +
      `${named.join(', ')}${more}, in UTC. They stay, and count for nothing.`,
    action:
      'Nothing needs to be done. A dump has them when its range includes these times; their folders ' +
      `are in the TSDB Path and in ${STORE_BLOCKS_DIR}, and can be removed.`,
  };
}

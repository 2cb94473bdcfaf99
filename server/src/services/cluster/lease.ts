import type { Clock } from '../../base/clock.ts';
import { CodedError, describeError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { RepeatingTask, type Watch } from '../../base/sync/repeating-task.ts';
import { withTimeout } from '../../base/sync/timeout.ts';
import { HeldRecord, OWNER_KEY } from './held-record.ts';
import { decodeOwnerRecord, encodeOwnerRecord, type OwnerRecord } from './owner-record.ts';
import { OwnerWatch } from './owner-watch.ts';

// The lock is that of the Go plugin (server/public/pluginapi/cluster/mutex.go), so that nodes with
// either plugin respect each other; the rest is in format.md.

/** The part of the server's key-value store that the lease needs. */
export interface LeaseKeyValueStore {
  /** The value, maybe an old one (the server may ask a replica); undefined when there is none. */
  get(key: string): Promise<Uint8Array | undefined>;
  set(key: string, value: Uint8Array): Promise<void>;
  /** Stores `next` if the value is still `old` (undefined: if there is none). */
  compareAndSet(key: string, old: Uint8Array | undefined, next: Uint8Array): Promise<boolean>;
  /** Stores a value that ends by itself; false when there is one already, which stays. */
  createFor(key: string, value: Uint8Array, seconds: number): Promise<boolean>;
  /** Puts off the end of `value`; false when it has ended or is another one. */
  renewFor(key: string, value: Uint8Array, seconds: number): Promise<boolean>;
  delete(key: string): Promise<void>;
}

/**
 * - `unknown`: nobody has been asked yet.
 * - `held`: this instance is the one.
 * - `lapsed`: it was until its lock may have ended, and does not know yet whether another one is.
 * - `waiting`: another one is, or nobody can be asked.
 */
export type LeaseState = 'unknown' | 'held' | 'lapsed' | 'waiting';

export interface LeaseOptions {
  readonly kv: LeaseKeyValueStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly watch?: Watch | undefined;
  readonly pluginId: string;
  /** Unique among all processes, ever. */
  readonly instance: string;
  /** The name of this machine, for people. */
  readonly node: () => string;
  /** When the lock ends by the clock of whoever wrote it; undefined: there is none. */
  readonly lockEnd: (lockKey: string) => Promise<number | undefined>;
  /**
   * Whether this instance could store what it scrapes; one that could not lets others go first. Asked
   * when nobody seems to hold the lease. Never rejects.
   */
  readonly isFit: () => Promise<boolean>;
  /** Whether it could scrape at all: else the lease is not for it. */
  readonly canScrape?: () => boolean;
  /** Called with each new state, in the turn of the event loop in which it holds. */
  readonly onChange: (state: LeaseState) => void;
}

const LOCK_VALUE = Uint8Array.of(1);
const LOCK_SECONDS = 15;
const LOCK_MS = LOCK_SECONDS * 1000;
const REFRESH_MS = LOCK_MS / 2;
/** From here to the end of the lock nothing is appended: time for what is on its way to the disk. */
const MARGIN_MS = 2_000;
/** How often those who wait look; a clean stop must be noticed within 5 s. */
const LOOK_MS = 2_000;
const RETRY_MS = 1_000;
/** Who has let go, or has trouble with the database, lets others go first for so long. */
const HOLD_OFF_MS = 10_000;
/** Who is not fit takes over all the same when nobody has for so long. */
const UNFIT_WAIT_MS = 60_000;
/** An owner that is quiet for so long is suspect: one refresh and a look later than it should be. */
const QUIET_MS = 10_000;
/** A database that takes longer counts as away. */
const CALL_TIMEOUT_MS = 3_000;
/** Who holds the lock and reads old records for so long writes over them. */
const CLAIM_MS = 5_000;
const CLAIM_RETRY_MS = 250;
/** A lock that outlives the lapse of its holder for so long is that of a Go node. */
const FOREIGN_LOCK_MS = 20_000;
/** A database that answers later is no good to a holder whose lease has lapsed. */
const SLOW_MS = 1_000;
/** After a lock that may be ours without our knowing, it ends and others take it before we try again. */
const RESUME_HOLD_OFF_MS = 20_000;
/** Part of the 8 s that a stop may take. */
const RELEASE_TIMEOUT_MS = 1_000;

/** From when on a refresh counts, on both clocks: the monotonic one stands still in a suspended machine. */
interface Start {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/**
 * The right to scrape: held by at most one instance of the cluster, apart from one refresh (7.5 s)
 * after a lock that ended for a clock that runs ahead. Tried for as long as this object runs.
 */
export class ScraperLease {
  readonly #options: LeaseOptions;
  readonly #lockKey: string;
  readonly #task: RepeatingTask;
  readonly #watch: OwnerWatch;
  #state: LeaseState = 'unknown';
  #start: Start = { monotonicMs: -Infinity, wallMs: 0 };
  /** While we hold the lease, or may. */
  #held: HeldRecord | undefined;
  #periodMs = LOOK_MS;
  #isFailing = false;
  #troubleMs = -Infinity;
  /** Since when the lock is found held after a lapse, monotonic. */
  #foreignSinceMs: number | undefined;
  #resumeAfterMs = -Infinity;
  /** The end of a lock that was met, and since when it is the same. */
  #met: { readonly endMs: number | undefined; readonly sinceMs: number } | undefined;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#lockKey = `mutex_${options.pluginId}`;
    this.#watch = new OwnerWatch(options.clock, options.instance, LOCK_MS);
    this.#task = new RepeatingTask({
      clock: options.clock,
      periodMs: () => this.#periodMs,
      watch: options.watch,
      run: () => this.#turn(),
      onError: (error) => options.logger.error('The scraper’s lease is in trouble', { error }),
    });
  }

  get state(): LeaseState {
    return this.#state;
  }

  /** Who holds the lease as far as is known; undefined: nobody, or a node with the Go plugin. */
  get owner(): OwnerRecord | undefined {
    if (this.#held !== undefined) return this.#held.record;
    return this.#watch.isAlive ? this.#watch.record : undefined;
  }

  /**
   * Whether samples may be stored right now. Asked before each commit: a process that slept, or whose
   * machine did, finds out here before its timers do.
   */
  get isValid(): boolean {
    if (this.#state !== 'held') return false;
    const { clock } = this.#options;
    const limitMs = LOCK_MS - MARGIN_MS;
    if (clock.monotonicMs() - this.#start.monotonicMs >= limitMs) return false;
    if (clock.nowMs() - this.#start.wallMs < limitMs) return true;
    // The clock was set, or the machine was suspended: only the database knows.
    this.#task.wake();
    return false;
  }

  start(): void {
    this.#task.start();
  }

  /** Lets go, so that another instance takes over at its next look, and ends. Never rejects. */
  async stop(): Promise<void> {
    await this.#task.stop();
    await this.yield();
  }

  /** Lets go in favour of an instance that is fit. Never rejects. */
  async yield(): Promise<void> {
    const held = this.#held;
    const isOurs = this.isValid;
    this.#troubleMs = this.#options.clock.monotonicMs();
    this.#held = undefined;
    this.#setState('waiting');
    if (held === undefined) return;
    try {
      await this.#within(RELEASE_TIMEOUT_MS, this.#release(held, isOurs));
    } catch (error) {
      const reason = describeError(error);
      this.#options.logger.info('The scraper’s lease ends by itself in 15 s', { reason });
    }
  }

  async #turn(): Promise<void> {
    try {
      if (this.#state === 'held') await this.#refresh();
      else if (this.#state === 'lapsed') await this.#resume();
      else await this.#look();
      if (this.#isFailing) this.#options.logger.info('The scraper’s lease is looked after again');
      this.#isFailing = false;
    } catch (error) {
      this.#onFailure(error);
    }
  }

  /** Those who wait: look whether the owner is alive, and take over when it is not. */
  async #look(): Promise<void> {
    const { kv, logger } = this.#options;
    this.#periodMs = LOOK_MS;
    const seen = await this.#call(kv.get(OWNER_KEY));
    this.#watch.note(decodeOwnerRecord(seen));
    const mayTry = await this.#mayTry();
    const start = this.#now();
    if (!mayTry || !(await this.#call(this.#createLock()))) {
      this.#setState('waiting');
      if (this.#watch.quietMs >= QUIET_MS) await this.#freeDeadLock();
      return;
    }
    this.#met = undefined;
    const record = await this.#claim(start);
    if (record === undefined) {
      // The lock ends by itself; by now it may be somebody else's.
      this.#setState('waiting');
      return;
    }
    this.#held = new HeldRecord(kv, record);
    this.#watch.note(record);
    this.#start = start;
    this.#periodMs = REFRESH_MS;
    logger.info('This node scrapes from now on', { node: record.node, term: record.term });
    this.#setState('held');
  }

  async #mayTry(): Promise<boolean> {
    const { clock, isFit, canScrape } = this.#options;
    if (canScrape?.() === false) return false;
    if (this.#watch.isAlive || clock.monotonicMs() - this.#troubleMs < HOLD_OFF_MS) return false;
    return (await isFit()) || this.#watch.quietMs >= UNFIT_WAIT_MS;
  }

  /**
   * A holder whose clock ran ahead leaves a lock that ends too late. Whoever lives puts the end off
   * each 7.5 s, with either plugin; a lock whose end stays for 15 s is nobody's.
   */
  async #freeDeadLock(): Promise<void> {
    const { kv, lockEnd, logger } = this.#options;
    const endMs = await this.#call(lockEnd(this.#lockKey));
    const { monotonicMs } = this.#now();
    if (this.#met === undefined || this.#met.endMs !== endMs) {
      this.#met = { endMs, sinceMs: monotonicMs };
      return;
    }
    if (endMs === undefined || monotonicMs - this.#met.sinceMs < LOCK_MS) return;
    logger.warn('The scraper’s lock is held by nobody and is removed', { endMs });
    this.#met = undefined;
    await this.#call(kv.delete(this.#lockKey));
    this.#periodMs = 0;
  }

  #createLock(): Promise<boolean> {
    return this.#options.kv.createFor(this.#lockKey, LOCK_VALUE, LOCK_SECONDS);
  }

  /** Writes our record over that of the owner before; undefined: the lock has ended meanwhile. */
  async #claim(start: Start): Promise<OwnerRecord | undefined> {
    const { kv, clock, instance, node } = this.#options;
    const sinceMs = clock.nowMs();
    const ageMs = (): number => clock.monotonicMs() - start.monotonicMs;
    while (ageMs() < LOCK_MS - MARGIN_MS) {
      const old = await this.#call(kv.get(OWNER_KEY));
      const found = decodeOwnerRecord(old);
      this.#watch.note(found);
      const term = Math.max(this.#watch.record?.term ?? 0, found?.term ?? 0) + 1;
      const fields = { instance, node: node(), sinceMs, term, beat: 0, isReleased: false };
      const record = { ...fields, beatMs: start.wallMs };
      const bytes = encodeOwnerRecord(record);
      if (ageMs() >= CLAIM_MS) {
        await this.#call(kv.set(OWNER_KEY, bytes));
        return record;
      }
      if (await this.#call(kv.compareAndSet(OWNER_KEY, old, bytes))) return record;
      await clock.sleep(CLAIM_RETRY_MS);
    }
    return undefined;
  }

  async #refresh(): Promise<void> {
    const { kv } = this.#options;
    // The lock may be a Go node's by now, which looks like ours and would be renewed for it.
    if (!this.isValid) return this.#lapse('it was not renewed in time');
    const start = this.#now();
    const isLocked = await this.#call(kv.renewFor(this.#lockKey, LOCK_VALUE, LOCK_SECONDS));
    if (!isLocked) return this.#lapse('the lock has ended');
    if (!(await this.#beat(start))) {
      this.#lose('another node has taken it');
      return;
    }
    this.#hold(start);
  }

  /** Moves our record on; false: it is not ours any more. */
  async #beat(start: Start): Promise<boolean> {
    return (await this.#held?.beat(start.wallMs, (work) => this.#call(work))) ?? false;
  }

  #hold(start: Start): void {
    // Whoever slept in between may have been overtaken since.
    if (this.#now().monotonicMs - start.monotonicMs >= LOCK_MS - MARGIN_MS) return;
    this.#start = start;
    this.#periodMs = REFRESH_MS;
    this.#setState('held');
  }

  /**
   * Goes on where the lapse began, if nobody has been the one in between: then the lock is free, and
   * the record is still ours. Each other instance writes over it before it does anything.
   */
  async #resume(): Promise<void> {
    const { kv } = this.#options;
    this.#periodMs = RETRY_MS;
    const askedMs = this.#now().monotonicMs;
    const found = decodeOwnerRecord(await this.#call(kv.get(OWNER_KEY)));
    this.#watch.note(found);
    if (found !== undefined && found.term > (this.#held?.record.term ?? 0)) {
      this.#lose('another node has taken it');
      return;
    }
    const start = this.#now();
    if (start.monotonicMs - askedMs > SLOW_MS || start.monotonicMs < this.#resumeAfterMs) return;
    this.#resumeAfterMs = start.monotonicMs + RESUME_HOLD_OFF_MS;
    if (!(await this.#call(this.#createLock()))) {
      this.#resumeAfterMs = -Infinity;
      this.#foreignSinceMs ??= start.monotonicMs;
      const heldMs = start.monotonicMs - this.#foreignSinceMs;
      if (heldMs >= FOREIGN_LOCK_MS) this.#lose('another node holds the lock');
      return;
    }
    if (await this.#beat(start)) {
      this.#options.logger.info('Nobody else has scraped meanwhile; this node goes on');
      this.#hold(start);
      return;
    }
    // The lock ends by itself; by now it may be somebody else's.
    this.#lose('another node has taken it');
  }

  async #release(held: HeldRecord, isOurs: boolean): Promise<void> {
    const { kv, logger } = this.#options;
    if (!(await held.release())) return;
    // As everybody's lock looks the same, only one that is certainly ours is deleted.
    if (isOurs) await kv.delete(this.#lockKey);
    const { node } = held.record;
    logger.info('This node has stopped scraping; another one takes over', { node });
  }

  #onFailure(error: unknown): void {
    const { clock, logger } = this.#options;
    this.#periodMs = RETRY_MS;
    this.#troubleMs = clock.monotonicMs();
    if (!this.#isFailing) {
      this.#isFailing = true;
      const reason = describeError(error);
      logger.warn('The scraper’s lease could not be looked after; trying again', { reason });
    }
    const ageMs = clock.monotonicMs() - this.#start.monotonicMs;
    if (this.#state === 'lapsed') return;
    if (this.#state !== 'held') this.#setState('waiting');
    else if (ageMs >= LOCK_MS - MARGIN_MS) this.#lapse('the database did not answer in time');
  }

  #lapse(reason: string): void {
    this.#options.logger.warn('This node has no lease just now and stores nothing', { reason });
    this.#foreignSinceMs = undefined;
    this.#resumeAfterMs = -Infinity;
    this.#periodMs = 0;
    this.#setState('lapsed');
  }

  #lose(reason: string): void {
    this.#options.logger.warn('This node has lost the lease and stops scraping', { reason });
    // Where the record still is ours, others need not wait for its silence, only for the lock's end.
    if (this.#held !== undefined) this.#release(this.#held, false).catch(() => undefined);
    this.#held = undefined;
    this.#periodMs = RETRY_MS;
    this.#setState('waiting');
  }

  #setState(state: LeaseState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#options.onChange(state);
  }

  #now(): Start {
    const { clock } = this.#options;
    return { monotonicMs: clock.monotonicMs(), wallMs: clock.nowMs() };
  }

  /** Ends in time for a holder to let go before its lock ends. */
  #call<T>(work: Promise<T>): Promise<T> {
    if (this.#state !== 'held') return this.#within(CALL_TIMEOUT_MS, work);
    const ageMs = this.#options.clock.monotonicMs() - this.#start.monotonicMs;
    const leftMs = Math.max(1, LOCK_MS - MARGIN_MS - ageMs);
    return this.#within(Math.min(CALL_TIMEOUT_MS, leftMs), work);
  }

  #within<T>(limitMs: number, work: Promise<T>): Promise<T> {
    return withTimeout(this.#options.clock, limitMs, work, () => {
      return new CodedError('ERR_LEASE_TIMEOUT', 'the database did not answer in time', {
        limitMs,
      });
    });
  }
}

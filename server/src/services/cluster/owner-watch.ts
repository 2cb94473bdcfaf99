import type { Clock } from '../../base/clock.ts';
import type { OwnerRecord } from './owner-record.ts';

/** A record that is so old when it is first seen is probably that of a dead owner, or of a wrong clock. */
const STALE_MS = 60_000;
/** Then its next beat is waited for, no longer: more than a refresh. */
const STALE_WAIT_MS = 10_000;

/**
 * Tells from the outside whether an owner is alive: its record moves on, measured by our own
 * monotonic clock, so that no clock of any machine has to agree with another.
 */
export class OwnerWatch {
  readonly #clock: Clock;
  readonly #instance: string;
  readonly #silenceMs: number;
  #seen: OwnerRecord | undefined;
  #movedMs: number;

  /**
   * @param instance our own: we do not wait for ourselves
   * @param silenceMs an owner whose record stands still for so long is dead
   */
  constructor(clock: Clock, instance: string, silenceMs: number) {
    this.#clock = clock;
    this.#instance = instance;
    this.#silenceMs = silenceMs;
    this.#movedMs = clock.monotonicMs();
  }

  /** The newest record so far. */
  get record(): OwnerRecord | undefined {
    return this.#seen;
  }

  /** Takes note of a record that was read, maybe an old one: replicas may lag, each in its own way. */
  note(record: OwnerRecord | undefined): void {
    const seen = this.#seen;
    if (record === undefined || (seen !== undefined && !isNewer(record, seen))) return;
    const isOld = seen === undefined && this.#clock.nowMs() - record.beatMs > STALE_MS;
    const knownMs = isOld ? this.#silenceMs - STALE_WAIT_MS : 0;
    this.#movedMs = this.#clock.monotonicMs() - knownMs;
    this.#seen = record;
  }

  /** For how long the record has stood still, or has been missing. */
  get quietMs(): number {
    return this.#clock.monotonicMs() - this.#movedMs;
  }

  /** Whether somebody seems to hold the lease. */
  get isAlive(): boolean {
    const seen = this.#seen;
    if (seen === undefined || seen.isReleased || seen.instance === this.#instance) return false;
    return this.quietMs < this.#silenceMs;
  }
}

function isNewer(a: OwnerRecord, b: OwnerRecord): boolean {
  if (a.term !== b.term) return a.term > b.term;
  // Two that took over from the same old record: the one that is written is the one that counts.
  if (a.instance !== b.instance) return true;
  return a.beat > b.beat || (a.isReleased && !b.isReleased);
}

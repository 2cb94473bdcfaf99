// One limit that many consumers share, so that none of them can take it all.

/** Most of the limit that one consumer may have. */
const ONE_MAX = 1 / 2;
/** Of the limit, kept for those that come first. */
const KEPT_FOR_FIRST = 1 / 5;
/** Of the limit, kept from those that come first. */
const KEPT_FROM_FIRST = 1 / 20;
/** Of what those have that do not come first: when only so much is left, each gets little of it. */
const RESERVE = 1 / 4;
/** Of what is left of the reserve, the most that one consumer has of it. */
const RESERVE_PART = 1 / 10;

interface Consumer {
  readonly isFirst: boolean;
  used: number;
  /** What it has of the reserve. */
  ofReserve: number;
}

/**
 * Who may take how much of a limit. A consumer gets up to half of it. When the others have taken three
 * quarters of what is theirs, each keeps what it has and gets a tenth of what is left, so that also
 * those find room that come last. A fifth of the limit is for consumers that come first alone.
 */
export class FairShares {
  readonly limit: number;
  /** Those that use something. */
  readonly #consumers = new Map<string, Consumer>();
  #used = 0;
  #usedByFirst = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Most that one consumer may have, however much is free. */
  get oneMax(): number {
    return Math.floor(this.limit * ONE_MAX);
  }

  usedBy(key: string): number {
    return this.#consumers.get(key)?.used ?? 0;
  }

  /** Whether the consumer may have so much more; changes nothing. */
  hasRoom(key: string, amount: number, isFirst = false): boolean {
    const consumer = this.#consumers.get(key);
    if ((consumer?.used ?? 0) + amount > this.oneMax) return false;
    if (isFirst) return this.#used + amount <= this.limit * (1 - KEPT_FROM_FIRST);
    const left = this.#leftForOthers;
    if (amount > left) return false;
    const isReserve = left - amount < this.#reserve;
    return !isReserve || (consumer?.ofReserve ?? 0) + amount <= left * RESERVE_PART;
  }

  /** Counts so much more, whether there is room or not. */
  take(key: string, amount: number, isFirst = false): void {
    let consumer = this.#consumers.get(key);
    if (consumer === undefined) {
      this.#consumers.set(key, (consumer = { isFirst, used: 0, ofReserve: 0 }));
    }
    const isReserve = this.#leftForOthers - amount < this.#reserve;
    consumer.ofReserve = isReserve ? consumer.ofReserve + amount : 0;
    this.#count(consumer, amount);
  }

  giveBack(key: string, amount: number): void {
    const consumer = this.#consumers.get(key);
    if (consumer === undefined) return;
    consumer.ofReserve = Math.max(0, consumer.ofReserve - amount);
    this.#count(consumer, -amount);
    if (consumer.used <= 0) this.#consumers.delete(key);
  }

  /** What all but the first may have together. */
  get #forOthers(): number {
    return this.limit - Math.max(this.limit * KEPT_FOR_FIRST, this.#usedByFirst);
  }

  get #leftForOthers(): number {
    return this.#forOthers - (this.#used - this.#usedByFirst);
  }

  get #reserve(): number {
    return this.#forOthers * RESERVE;
  }

  #count(consumer: Consumer, amount: number): void {
    consumer.used += amount;
    this.#used += amount;
    if (consumer.isFirst) this.#usedByFirst += amount;
  }
}

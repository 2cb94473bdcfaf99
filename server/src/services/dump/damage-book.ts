import { describeError } from '../../base/errors.ts';

/** Where a block is: one of two copies may be damaged. */
export type BlockOrigin = 'store' | 'local' | 'made';

/** Names a copy of a block. */
export function copyKey(origin: BlockOrigin, ulid: string): string {
  return `${origin}/${ulid}`;
}

/**
 * What is known of the blocks of one dump that are not whole. Damage shows when the bytes pass on their
 * way into the archive, which is useless then. From the first time on blocks are read once before they
 * are taken, so that the archive is begun no more often than damage appears while it is written.
 */
export class DamageBook {
  /** Reasons, by key. */
  readonly #damaged = new Map<string, string>();
  readonly #whole = new Set<string>();
  readonly #vanished = new Set<string>();
  readonly #suspects: ReadonlySet<string>;
  #areAllSuspect = false;
  #hasNews = false;

  /** @param suspects copies that were damaged when they were last looked at */
  constructor(suspects: ReadonlySet<string>) {
    this.#suspects = suspects;
  }

  get damaged(): ReadonlyMap<string, string> {
    return this.#damaged;
  }

  /** Copies that were read and found to be whole. */
  get whole(): ReadonlySet<string> {
    return this.#whole;
  }

  isDamaged(key: string): boolean {
    return this.#damaged.has(key);
  }

  /** Whether the copy is to be read before it is taken. */
  isToBeChecked(key: string): boolean {
    if (this.#whole.has(key) || this.#damaged.has(key)) return false;
    return this.#areAllSuspect || this.#suspects.has(key);
  }

  noteWhole(key: string): void {
    this.#whole.add(key);
  }

  noteDamaged(key: string, error: unknown): void {
    // What was found wrong, without the sentence around it.
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    this.#damaged.set(key, describeError(cause));
    this.#hasNews = true;
  }

  /** Damage showed while the archive was written: a first time it may have been the reading. */
  noteStreamDamage(key: string, error: unknown): void {
    if (this.#whole.has(key)) this.noteDamaged(key, error);
    this.#areAllSuspect = true;
    this.#hasNews = true;
  }

  /** A block that is still listed when its files are gone a second time is missed, not removed. */
  noteVanished(key: string, error: unknown): void {
    if (this.#vanished.has(key)) this.noteDamaged(key, error);
    this.#vanished.add(key);
  }

  /** Whether something was noted since the last call that makes another plan worthwhile. */
  takeNews(): boolean {
    const hasNews = this.#hasNews;
    this.#hasNews = false;
    return hasNews;
  }
}

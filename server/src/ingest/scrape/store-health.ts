import { describeError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';

/**
 * Whether storage takes what is scraped. A full disk is one fault, however many targets there are: it
 * is logged when it begins and when it has ended, and is nothing that exporters have to do with.
 */
export class StoreHealth {
  readonly #logger: Logger;
  /** Targets whose last samples were not taken. */
  readonly #failing = new Set<object>();
  #fault: unknown;
  #lostScrapes = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Why the last scrapes could not be stored; undefined while they can. */
  get fault(): unknown {
    return this.#failing.size > 0 ? this.#fault : undefined;
  }

  noteFault(target: object, error: unknown): void {
    if (this.#failing.size === 0) {
      this.#logger.error('What is scraped cannot be stored', { reason: describeError(error) });
    }
    this.#failing.add(target);
    this.#fault = error;
    this.#lostScrapes++;
  }

  /** Samples of the target were stored, or it is gone. */
  noteWell(target: object): void {
    if (!this.#failing.delete(target) || this.#failing.size > 0) return;
    this.#logger.info('What is scraped is stored again', { lostScrapes: this.#lostScrapes });
    this.#lostScrapes = 0;
  }
}

import type { Clock } from '../../base/clock.ts';
import { CodedError } from '../../base/errors.ts';
import { FairShares } from '../../base/fair-shares.ts';
import type { Logger } from '../../base/log.ts';
import { SERVER_JOB } from '../../model/server-job.ts';
import type { Appender } from '../../storage/appender.ts';
import { ESCROW_MS_MAX, ESCROW_SAMPLES_MAX } from '../limits.ts';
import type { Target } from './types.ts';

/** Whether samples may be stored: `later` when it is not known yet whether they ever may. */
export type StorePermission = 'now' | 'later' | 'never';

/**
 * Scrapes that wait in memory until it is known whether they may be stored. Nobody has been told that
 * they are; the process takes them along when it ends.
 */
export class Escrow {
  readonly #clock: Clock;
  readonly #logger: Logger;
  #held: Appender[] = [];
  #samples = 0;
  #shares = new FairShares(ESCROW_SAMPLES_MAX);
  #sinceMs = 0;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /**
   * Takes over an appender with its samples; `ERR_ESCROW_FULL` when that are too many, in all or of
   * one target.
   * @param target whose samples they are
   */
  keep(appender: Appender, samples: number, { url, labels }: Target): void {
    const isFirst = labels.job === SERVER_JOB;
    const nowMs = this.#clock.monotonicMs();
    if (this.#held.length === 0) this.#sinceMs = nowMs;
    const ageMs = nowMs - this.#sinceMs;
    if (ageMs > ESCROW_MS_MAX || !this.#shares.hasRoom(url, samples, isFirst)) {
      throw new CodedError('ERR_ESCROW_FULL', 'no more samples are kept in memory', {
        ageMs,
        samples: this.#samples,
        limit: ESCROW_SAMPLES_MAX,
      });
    }
    this.#held.push(appender);
    this.#shares.take(url, samples, isFirst);
    this.#samples += samples;
  }

  /** They may be stored. What is committed after this call comes behind them. */
  settle(): void {
    const [held, samples] = [this.#held, this.#samples];
    if (held.length === 0) return;
    this.#forget();
    const stored = Promise.all(held.map((appender) => appender.commit()));
    stored.then(
      () => this.#logger.info('Samples that were kept in memory are stored', { samples }),
      (error: unknown) => {
        this.#logger.warn('Samples that were kept in memory could not be stored', { error });
      },
    );
  }

  /** They may not. */
  drop(): void {
    const [held, samples] = [this.#held, this.#samples];
    if (held.length === 0) return;
    this.#forget();
    for (const appender of held) appender.rollback();
    this.#logger.info('Samples that were kept in memory are dropped', { samples });
  }

  #forget(): void {
    this.#held = [];
    this.#samples = 0;
    this.#shares = new FairShares(ESCROW_SAMPLES_MAX);
  }
}

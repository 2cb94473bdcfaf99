import { setTimeout as delay } from 'node:timers/promises';

import { CodedError } from '../../server/src/base/errors.ts';

/**
 * How a node reaches the database:
 * - `well`: at once.
 * - `slow`: each way takes {@link SLOW_MS}.
 * - `cut`: not at all, and it is told so.
 * - `silent`: not at all, and nothing ever says so.
 */
export type DatabaseReach = 'well' | 'slow' | 'cut' | 'silent';

export const SLOW_MS = 900;

/** What one node reaches of its surroundings; tests and the page break it and mend it. */
export class NodeLink {
  /** Events of the cluster neither come nor go. */
  areEventsCut = false;
  #database: DatabaseReach = 'well';
  #changed = new AbortController();

  get database(): DatabaseReach {
    return this.#database;
  }

  set database(reach: DatabaseReach) {
    this.#database = reach;
    const changed = this.#changed;
    this.#changed = new AbortController();
    changed.abort();
  }

  /** Aborted at the next change of {@link database}. */
  get changed(): AbortSignal {
    return this.#changed.signal;
  }

  /** Resolves when something sent now is there; rejects when that is known to be in vain. */
  async travel(): Promise<void> {
    while (this.#database === 'silent') await happened(this.changed);
    if (this.#database === 'slow') await delay(SLOW_MS);
    if (this.#database !== 'cut') return;
    throw new CodedError('ERR_MATTERMOST_API', 'the database is out of reach', { statusCode: 500 });
  }
}

function happened(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

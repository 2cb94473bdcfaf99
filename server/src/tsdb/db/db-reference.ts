import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Fs } from '../../base/ports/fs.ts';
import type { BlockMeta, BlockOnDisk } from '../block/meta.ts';
import { REFERENCE_SAVED_MS } from '../limits.ts';
import { coveredUntil } from './covered-time.ts';
import { readReference, type ReferenceRecord, writeReference } from './reference-file.ts';
import { deriveReference, dueBlocks, ReferenceTime } from './reference-time.ts';

export interface DbReferenceOptions {
  readonly fs: Fs;
  /** The database's folder. */
  readonly dir: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The reference time of a database, as its folder keeps it. */
export class DbReference {
  readonly time: ReferenceTime;
  readonly #options: DbReferenceOptions;
  readonly #metas: readonly BlockMeta[];
  #saved: ReferenceRecord | undefined;
  #isRewound: boolean;
  /** When blocks may be removed again, monotonic. */
  #nextPassMs = -Infinity;

  private constructor(
    options: DbReferenceOptions,
    metas: readonly BlockMeta[],
    saved: ReferenceRecord | undefined,
  ) {
    this.#options = options;
    this.#metas = metas;
    this.#saved = saved;
    this.#isRewound = saved?.isRewound ?? false;
    const { clock } = options;
    const derived = { referenceMs: deriveReference(metas) };
    this.time = new ReferenceTime(clock, saved ?? derived);
  }

  /** @param blocks those in the folder, which a first reference is derived from */
  static async open(
    options: DbReferenceOptions,
    blocks: readonly { readonly meta: BlockMeta }[],
  ): Promise<DbReference> {
    const { fs, dir, logger } = options;
    const metas = blocks.map(({ meta }) => meta);
    return new DbReference(options, metas, await readReference(fs, dir, logger));
  }

  /**
   * Times up to which the log need not be read, when the database is opened: blocks have them.
   * -Infinity after the clock went back: it holds times before the end of blocks that no block has.
   */
  get coveredMs(): number {
    if (this.#isRewound) return -Infinity;
    const horizonMs = Math.max(this.time.horizonMs, this.#options.clock.nowMs());
    return coveredUntil(this.#metas, horizonMs);
  }

  /** Takes note that the head takes times before the end of blocks, or that it has passed them. */
  async setRewound(isRewound: boolean): Promise<void> {
    if (isRewound === this.#isRewound) return;
    this.#isRewound = isRewound;
    await this.#write();
  }

  /** Whether the head takes times that lie before `minValidMs`, the end of blocks. */
  hasCaughtUp(blocks: readonly BlockOnDisk[], minValidMs: number): boolean {
    const metas = blocks.map(({ meta }) => meta);
    return this.#isRewound && minValidMs >= coveredUntil(metas, Infinity);
  }

  /** Keeps the reference once it has moved by ten minutes: a kill costs no more than that. */
  async save(): Promise<void> {
    if (!this.time.hasMoved) return;
    const { referenceMs = -Infinity, agreedMs } = this.time;
    const saved = this.#saved;
    const hasMovedFar =
      saved === undefined ||
      saved.isFounded !== this.time.isFounded ||
      Math.abs(referenceMs - saved.referenceMs) >= REFERENCE_SAVED_MS ||
      agreedMs - saved.agreedMs >= REFERENCE_SAVED_MS;
    if (hasMovedFar) await this.#write();
  }

  /** Keeps it whether it has moved or not; afterwards nothing follows. */
  async close(): Promise<void> {
    try {
      if (this.time.hasMoved) await this.#write();
    } catch (error) {
      this.#options.logger.warn('the reference time could not be kept', { error });
    }
  }

  /**
   * The blocks that may be removed now. One pass in half a window of the head: half as much comes due
   * in that time as it may take away.
   */
  takeDue(
    blocks: readonly BlockOnDisk[],
    retentionMs: number,
    windowMs: number,
  ): readonly BlockOnDisk[] {
    const monotonicMs = this.#options.clock.monotonicMs();
    if (monotonicMs < this.#nextPassMs) return [];
    const due = dueBlocks(blocks, this.time.presentMs, retentionMs, windowMs);
    if (due.length > 0) this.#nextPassMs = monotonicMs + windowMs / 2;
    return due;
  }

  async #write(): Promise<void> {
    const { fs, dir } = this.#options;
    const { referenceMs, agreedMs, isFounded } = this.time;
    if (referenceMs === undefined) return;
    const record = { referenceMs, agreedMs, isFounded, isRewound: this.#isRewound };
    await writeReference(fs, dir, record);
    this.#saved = record;
  }
}

import type { SeriesRef } from '../../storage/appender.ts';
import type { Interval } from '../series/deletions.ts';
import type { Tombstone } from '../tombstones/tombstones.ts';

const NOTHING: readonly Interval[] = [];

/**
 * What the delete API of Prometheus took away from the head, as its log tells. The samples are still
 * there; blocks and answers leave them out.
 */
export class HeadTombstones {
  readonly #bySeries = new Map<SeriesRef, Interval[]>();

  add({ seriesRef, minTimeMs, maxTimeMs }: Tombstone): void {
    const interval = {
      minTimeMs: Math.max(minTimeMs, Number.MIN_SAFE_INTEGER),
      maxTimeMs: Math.min(maxTimeMs, Number.MAX_SAFE_INTEGER),
    };
    const list = this.#bySeries.get(seriesRef);
    if (list === undefined) this.#bySeries.set(seriesRef, [interval]);
    else list.push(interval);
  }

  of(ref: SeriesRef): readonly Interval[] {
    return this.#bySeries.get(ref) ?? NOTHING;
  }

  all(): Tombstone[] {
    return [...this.#bySeries].flatMap(([seriesRef, intervals]) =>
      intervals.map((interval) => ({ seriesRef, ...interval })),
    );
  }

  /** For a series that leaves the head. */
  remove(ref: SeriesRef): void {
    this.#bySeries.delete(ref);
  }

  /** Forgets what lies before `minTimeMs`, as the samples there go. */
  truncate(minTimeMs: number): void {
    for (const [ref, intervals] of this.#bySeries) {
      const left = intervals.filter(({ maxTimeMs }) => maxTimeMs >= minTimeMs);
      if (left.length > 0) this.#bySeries.set(ref, left);
      else this.#bySeries.delete(ref);
    }
  }
}

import { REPORT_NAMES } from '../../model/report-names.ts';
import type { Appender, SeriesRef } from '../../storage/appender.ts';
import type { ScrapeCounts } from './append-body.ts';
import { reportLabels } from './target-labels.ts';
import type { Target } from './types.ts';

/** The report series of one target. */
export class Report {
  readonly #target: Target;
  readonly #refs: SeriesRef[] = REPORT_NAMES.map(() => 0);

  constructor(target: Target) {
    this.#target = target;
  }

  /** Makes the series, so that there is room for what `append` adds. */
  prepare(appender: Appender): void {
    REPORT_NAMES.forEach((name, index) => {
      if (this.#refs[index] === 0)
        this.#refs[index] = appender.series(reportLabels(name, this.#target));
    });
  }

  append(
    appender: Appender,
    timestampMs: number,
    isUp: boolean,
    durationMs: number,
    counts: ScrapeCounts,
  ): void {
    const { scraped, kept, seriesAdded } = counts;
    const values = [isUp ? 1 : 0, durationMs / 1000, scraped, kept, seriesAdded];
    values.forEach((value, index) => {
      this.#each(appender, index, (ref) => appender.append(ref, timestampMs, value));
    });
  }

  appendStale(appender: Appender, timestampMs: number): void {
    REPORT_NAMES.forEach((_, index) => {
      this.#each(appender, index, (ref) => appender.appendStale(ref, timestampMs));
    });
  }

  /** Appends with the ref known; asks for the ref again when the series has left the head. */
  #each(appender: Appender, index: number, append: (ref: SeriesRef) => unknown): void {
    const known = this.#refs[index];
    if (known !== 0 && append(known) !== undefined) return;
    this.#refs[index] = appender.series(reportLabels(REPORT_NAMES[index], this.#target));
    append(this.#refs[index]);
  }
}

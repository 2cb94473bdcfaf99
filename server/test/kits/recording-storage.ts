import { formatLabels } from '../../src/model/labels.ts';
import type { Labels } from '../../src/model/labels.ts';
import type { Appendable, Appender, AppendResult, SeriesRef } from '../../src/storage/appender.ts';
import { checkLabels } from '../../src/tsdb/head/check-labels.ts';

export interface StoredSample {
  readonly timestampMs: number;
  readonly value: number | 'stale';
}

interface Series {
  readonly ref: SeriesRef;
  readonly name: string;
  readonly samples: StoredSample[];
}

/**
 * A storage that keeps the rules of the real one (labels, nothing before commit, order, duplicates)
 * and all samples in plain sight. It can lose series and fail to commit, and counts what it was
 * asked.
 */
export class RecordingStorage implements Appendable {
  readonly #series = new Map<string, Series>();
  readonly #refs = new Map<SeriesRef, Series>();
  readonly #byText = new Map<string, Series>();
  #nextRef = 1;
  /** Errors that the next commits end in. */
  readonly commitErrors: Error[] = [];
  seriesCalls = 0;
  commits = 0;
  /** Waited for in each commit. */
  commitGate: Promise<void> = Promise.resolve();

  appender(): Appender {
    let pending: { series: Series; sample: StoredSample }[] = [];
    let newest = new Map<Series, StoredSample>();
    const append = (
      ref: SeriesRef,
      timestampMs: number,
      value: number | 'stale',
    ): AppendResult | undefined => {
      const series = this.#refs.get(ref);
      if (series === undefined) return undefined;
      const last = newest.get(series) ?? series.samples.at(-1);
      if (last !== undefined && timestampMs < last.timestampMs) return 'out_of_order';
      if (last?.timestampMs === timestampMs) {
        return Object.is(last.value, value) ? 'duplicate' : 'conflict';
      }
      const sample = { timestampMs, value };
      pending.push({ series, sample });
      newest.set(series, sample);
      return 'appended';
    };
    return {
      series: (labels) => this.#make(labels),
      append,
      appendStale: (ref, timestampMs) => append(ref, timestampMs, 'stale'),
      commit: async () => {
        await this.commitGate;
        const error = this.commitErrors.shift();
        if (error !== undefined) throw error;
        for (const { series, sample } of pending) series.samples.push(sample);
        pending = [];
        newest = new Map();
        this.commits++;
      },
      rollback: () => {
        pending = [];
        newest = new Map();
      },
    };
  }

  /** Forgets the refs of all series, as a head that was truncated. */
  loseSeries(): void {
    this.#refs.clear();
    this.#series.clear();
  }

  /** Samples of the series written as `name{label="value",…}` in label order. */
  samples(name: string): StoredSample[] {
    return this.#series.get(name)?.samples ?? [];
  }

  /** Values alone. */
  values(name: string): (number | 'stale')[] {
    return this.samples(name).map(({ value }) => value);
  }

  /** Values of the series that `formatLabels` writes as `text`. */
  valuesOf(text: string): (number | 'stale')[] {
    return this.#byText.get(text)?.samples.map(({ value }) => value) ?? [];
  }

  /** All series that have samples. */
  names(): string[] {
    return [...this.#series.values()]
      .filter((one) => one.samples.length > 0)
      .map((one) => one.name);
  }

  #make(labels: Labels): SeriesRef {
    this.seriesCalls++;
    checkLabels(labels);
    const name = seriesName(labels);
    let series = this.#series.get(name);
    if (series === undefined) {
      series = { ref: this.#nextRef++, name, samples: [] };
      this.#series.set(name, series);
      this.#refs.set(series.ref, series);
      this.#byText.set(formatLabels(labels), series);
    }
    return series.ref;
  }
}

function seriesName(labels: Labels): string {
  const metric = labels.find(({ name }) => name === '__name__')?.value ?? '';
  const rest = labels.filter(({ name }) => name !== '__name__');
  return `${metric}{${rest.map(({ name, value }) => `${name}=${JSON.stringify(value)}`).join(',')}}`;
}

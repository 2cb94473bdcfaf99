import { CodedError } from '../../base/errors.ts';
import type { TimeRange } from '../../model/time-range.ts';
import type { Labels } from '../../model/labels.ts';
import type { SeriesChunks } from '../series/chunk-samples.ts';
import type { Matcher } from './matcher.ts';
import type { QuerySource, SourceSeries } from './query-source.ts';

const NO_CHUNKS: SeriesChunks = { chunks: [], deleted: [] };
const NO_SERIES: SourceSeries = { labels: [], next: () => false, chunks: () => NO_CHUNKS };

/** Told of what is damaged or out of reach. */
type OnFault = (error: CodedError) => void;

/** Leaves out what cannot be read of a source, and tells of the first fault. */
export class GuardedSource implements QuerySource {
  readonly #source: QuerySource;
  readonly #onFault: OnFault;

  constructor(source: QuerySource, onFault: OnFault) {
    this.#source = source;
    let isTold = false;
    this.#onFault = (error) => {
      if (!isTold) onFault(error);
      isTold = true;
    };
  }

  async select(matchers: readonly Matcher[], range: TimeRange): Promise<SourceSeries> {
    try {
      return new GuardedSeries(await this.#source.select(matchers, range), this.#onFault);
    } catch (error) {
      return passFault(error, this.#onFault, NO_SERIES);
    }
  }

  labelNames(): Promise<readonly string[]> {
    return this.#source.labelNames().catch((error) => passFault(error, this.#onFault, []));
  }

  labelValues(name: string): Promise<readonly string[]> {
    return this.#source.labelValues(name).catch((error) => passFault(error, this.#onFault, []));
  }
}

class GuardedSeries implements SourceSeries {
  readonly #series: SourceSeries;
  readonly #onFault: OnFault;

  constructor(series: SourceSeries, onFault: OnFault) {
    this.#series = series;
    this.#onFault = onFault;
  }

  get labels(): Labels {
    return this.#series.labels;
  }

  next(): boolean | Promise<boolean> {
    return guarded(() => this.#series.next(), this.#onFault, false);
  }

  chunks(): SeriesChunks | Promise<SeriesChunks> {
    return guarded(() => this.#series.chunks(), this.#onFault, NO_CHUNKS);
  }
}

function guarded<T>(read: () => T | Promise<T>, onFault: OnFault, instead: T): T | Promise<T> {
  try {
    const result = read();
    if (!(result instanceof Promise)) return result;
    return result.catch((error: unknown) => passFault(error, onFault, instead));
  } catch (error) {
    return passFault(error, onFault, instead);
  }
}

/** Bugs of ours are no faults of the data. */
function passFault<T>(error: unknown, onFault: OnFault, instead: T): T {
  if (!(error instanceof CodedError) || error.code === 'ERR_INTERNAL') throw error;
  onFault(error);
  return instead;
}

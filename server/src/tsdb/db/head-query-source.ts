import { compareText, type Label, type Labels } from '../../model/labels.ts';
import type { TimeRange } from '../../model/time-range.ts';
import { HeadBlockSource } from '../head/head-block-source.ts';
import type { HeadSnapshot } from '../head/head-snapshot.ts';
import type { Matcher } from '../query/matcher.ts';
import type { QuerySource, SourceSeries } from '../query/query-source.ts';
import type { SeriesChunks } from '../series/chunk-samples.ts';
import { type Interval, isDeleted, outsideOf } from '../series/deletions.ts';

/** Asks a head as it was when the snapshot was taken. */
export class HeadQuerySource implements QuerySource {
  readonly #snapshot: HeadSnapshot;

  constructor(snapshot: HeadSnapshot) {
    this.#snapshot = snapshot;
  }

  async select(matchers: readonly Matcher[], range: TimeRange): Promise<SourceSeries> {
    return new HeadSourceSeries(new HeadBlockSource(this.#snapshot), matchers, range);
  }

  async labelNames(): Promise<readonly string[]> {
    const names = new Set(this.#labels().map(({ name }) => name));
    return [...names].sort(compareText);
  }

  async labelValues(name: string): Promise<readonly string[]> {
    const labels = this.#labels().filter((label) => label.name === name);
    return [...new Set(labels.map(({ value }) => value))].sort(compareText);
  }

  #labels(): Label[] {
    const source = new HeadBlockSource(this.#snapshot);
    const labels: Label[] = [];
    while (source.next()) labels.push(...labelsOf(source));
    return labels;
  }
}

class HeadSourceSeries implements SourceSeries {
  labels: Labels = [];
  readonly #source: HeadBlockSource;
  readonly #matchers: readonly Matcher[];
  readonly #outside: readonly Interval[];

  constructor(source: HeadBlockSource, matchers: readonly Matcher[], range: TimeRange) {
    this.#source = source;
    this.#matchers = matchers;
    this.#outside = outsideOf(range.minTimeMs, range.maxTimeMs);
  }

  next(): boolean {
    while (this.#source.next()) {
      if (this.#source.chunks.every((chunk) => isDeleted(chunk, this.#outside))) continue;
      const labels = labelsOf(this.#source);
      if (!this.#matchers.every((matcher) => matcher.matches(valueOf(labels, matcher.name)))) {
        continue;
      }
      this.labels = labels;
      return true;
    }
    return false;
  }

  chunks(): SeriesChunks {
    return { chunks: this.#source.chunks, deleted: this.#outside };
  }
}

function labelsOf({ symbols, labelRefs }: HeadBlockSource): Label[] {
  const labels: Label[] = [];
  for (let i = 0; i < labelRefs.length; i += 2) {
    labels.push({ name: symbols[labelRefs[i]], value: symbols[labelRefs[i + 1]] });
  }
  return labels;
}

function valueOf(labels: Labels, name: string): string {
  return labels.find((label) => label.name === name)?.value ?? '';
}

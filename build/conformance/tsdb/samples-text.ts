import { silentLogger, type Logger } from '../../../server/src/base/log.ts';
import { countBuckets, type Histogram } from '../../../server/src/model/histogram.ts';
import { diskFs } from '../../../server/src/platform/disk-fs.ts';
import { systemClock } from '../../../server/src/platform/system-clock.ts';
import { parseSelector, ReadOnlyDb } from '../../../server/src/tsdb/index.ts';

/** All samples of a directory as the Go program prints them: labels, time, and the value's bits. */
export async function samplesOf(dir: string, logger: Logger = silentLogger): Promise<string[]> {
  const db = await ReadOnlyDb.open({ fs: diskFs, dir, clock: systemClock, logger });
  try {
    const querier = await db.querier({ minTimeMs: -Infinity, maxTimeMs: Infinity });
    const set = await querier.select(await parseSelector('{__name__=~".*"}'));
    const lines: string[] = [];
    while (await set.next()) {
      const pairs = set.labels.map(({ name, value }) => [name, value] as const);
      const labels = JSON.stringify(Object.fromEntries(pairs));
      const samples = await set.samples();
      while (samples.next()) {
        const { histogram, valueHi, valueLo } = samples;
        const value = histogram === undefined ? bits(valueHi, valueLo) : histogramText(histogram);
        lines.push(`${labels} ${samples.timeMs} ${value}`);
      }
    }
    return lines.sort();
  } finally {
    await db.close();
  }
}

function histogramText({ isFloat, isGauge, layout, values }: Histogram): string {
  const halves = new Uint32Array(values.slice().buffer);
  const bitsAt = (i: number): string => bits(halves[i * 2 + 1] ?? 0, halves[i * 2] ?? 0);
  const number = (i: number): string => (isFloat ? bitsAt(i) : String(values[i]));
  const spans = (list: readonly { offset: number; length: number }[]): string =>
    `[${list.map(({ offset, length }) => `{${offset} ${length}}`).join(' ')}]`;
  const positives = countBuckets(layout.positiveSpans);
  const buckets = (from: number, to: number): string => {
    let text = '[';
    for (let i = from; i < to; i++) text += `${number(i)} `;
    return `${text}]`;
  };
  const threshold = new Uint32Array(new Float64Array([layout.zeroThreshold]).buffer);
  return [
    `${isFloat ? 'float' : 'integer'}${isGauge ? ' gauge' : ''}`,
    layout.schema,
    bits(threshold[1] ?? 0, threshold[0] ?? 0),
    spans(layout.positiveSpans),
    spans(layout.negativeSpans),
    number(0),
    number(1),
    bitsAt(2),
    buckets(3, 3 + positives) + buckets(3 + positives, values.length),
  ].join(' ');
}

function bits(hi: number, lo: number): string {
  return [hi, lo].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
}

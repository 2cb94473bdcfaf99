import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Random, seedFromEnvironment } from '../../../test/support/random.ts';
import { CodedError } from '../../base/errors.ts';
import { type Histogram, HISTOGRAM_BUCKETS, type HistogramLayout } from '../../model/histogram.ts';
import { STALE_NAN_HI, STALE_NAN_LO } from '../../model/stale.ts';
import { HistogramChunkBuilder } from './histogram-chunk.ts';
import { HistogramIterator } from './histogram-iterator.ts';

interface Sample {
  readonly timeMs: number;
  readonly histogram: Histogram;
}

const NO_BUCKETS: HistogramLayout = {
  schema: 0,
  zeroThreshold: 0,
  positiveSpans: [],
  negativeSpans: [],
  customBounds: [],
};

function stale(isFloat: boolean): Histogram {
  const values = new Float64Array(HISTOGRAM_BUCKETS);
  const view = new DataView(values.buffer, 16);
  view.setUint32(0, STALE_NAN_LO, true);
  view.setUint32(4, STALE_NAN_HI, true);
  return { isFloat, isGauge: false, layout: NO_BUCKETS, values };
}

function randomLayout(random: Random): HistogramLayout {
  const spans = (): { offset: number; length: number }[] =>
    Array.from({ length: random.below(4) }, (_, i) => ({
      offset: random.below(i === 0 ? 600 : 9) - (i === 0 ? 300 : 0),
      length: random.below(5),
    }));
  const isCustom = random.below(4) === 0;
  return {
    schema: isCustom ? -53 : random.below(13) - 4,
    zeroThreshold: isCustom ? 0 : random.pick([0, 2 ** -128, 1, 1024, 2048, 0.001, 3]),
    positiveSpans: spans(),
    negativeSpans: isCustom ? [] : spans(),
    customBounds: isCustom ? [0.005, 1, 33554.43, 33554.431, 1e9, 1 / 3] : [],
  };
}

function randomSamples(random: Random): Sample[] {
  const layout = randomLayout(random);
  const size = [...layout.positiveSpans, ...layout.negativeSpans].reduce(
    (sum, { length }) => sum + length,
    HISTOGRAM_BUCKETS,
  );
  const isFloat = random.below(2) === 0;
  const isGauge = random.below(3) === 0;
  const step = random.pick([1, 50, 2 ** 20, 2 ** 33]);
  let values = new Float64Array(size);
  let timeMs = random.below(2 ** 41) - 2 ** 40;
  const samples: Sample[] = [];
  for (let i = 1 + random.below(60); i > 0; i--) {
    values = values.map((value, at) => {
      const change = isGauge ? random.below(step) - value : random.below(step);
      return isFloat || at === 2 ? value + change / 3 : value + change;
    });
    samples.push({ timeMs, histogram: { isFloat, isGauge, layout, values } });
    timeMs += 1 + random.below(random.pick([2, 60_000, 2 ** 34]));
  }
  if (!isGauge && random.below(4) === 0) samples.push({ timeMs, histogram: stale(isFloat) });
  return samples;
}

function encode([first, ...rest]: readonly Sample[]): { encoding: number; data: Uint8Array } {
  const builder = new HistogramChunkBuilder(first.timeMs, first.histogram);
  for (const { timeMs, histogram } of rest) {
    assert.ok(builder.takes(histogram));
    builder.append(timeMs, histogram);
  }
  return { encoding: builder.encoding, data: builder.borrow() };
}

function decode(data: Uint8Array, isFloat: boolean): Sample[] {
  const iterator = new HistogramIterator(data, isFloat);
  const samples: Sample[] = [];
  while (iterator.next()) {
    assert.ok(iterator.histogram !== undefined);
    samples.push({ timeMs: iterator.timeMs, histogram: iterator.histogram });
  }
  return samples;
}

/** NaN compared by its bits. */
function comparable(samples: readonly Sample[]): unknown[] {
  return samples.map(({ timeMs, histogram }) => ({
    timeMs,
    ...histogram,
    values: [...new BigUint64Array(histogram.values.slice().buffer)],
  }));
}

describe('histogram chunks', () => {
  it('come back, whatever buckets, counts and times', (t) => {
    const random = new Random(seedFromEnvironment());
    t.diagnostic(`SEED=${random.seed}`);
    for (let run = 0; run < 500; run++) {
      const samples = randomSamples(random);
      const { encoding, data } = encode(samples);
      const found = decode(data, encoding === 3);
      assert.deepEqual(comparable(found), comparable(samples), `SEED=${random.seed} run ${run}`);
    }
  });

  it('end where a reader would see a reset that is none, or overlook one', () => {
    const layout = { ...NO_BUCKETS, positiveSpans: [{ offset: 0, length: 2 }] };
    const counter = (...values: number[]): Histogram => ({
      isFloat: false,
      isGauge: false,
      layout,
      values: Float64Array.from(values),
    });
    const builder = new HistogramChunkBuilder(0, counter(5, 1, 2.5, 2, 2));
    assert.ok(builder.takes(counter(6, 1, 2, 2, 3)), 'a sum may fall');
    assert.ok(!builder.takes(counter(4, 0, 2.5, 2, 2)), 'a count fell');
    assert.ok(!builder.takes(counter(5, 1, 2.5, 3, 1)), 'a bucket fell');
    assert.ok(!builder.takes({ ...counter(6, 1, 3, 2, 3), isFloat: true }), 'another kind');
    assert.ok(!builder.takes({ ...counter(6, 1, 3, 2, 3), isGauge: true }), 'a gauge');
    const wider = { ...layout, positiveSpans: [{ offset: 0, length: 3 }] };
    assert.ok(!builder.takes({ ...counter(6, 1, 3, 2, 3, 0), layout: wider }), 'other buckets');
    assert.ok(builder.takes(stale(false)));
    builder.append(1, stale(false));
    assert.ok(!builder.takes(counter(6, 1, 3, 2, 3)), 'the series had ended');
    assert.ok(builder.takes(stale(false)));
  });

  it('answer damage with ERR_CHUNK_CORRUPT or other samples, never with anything else', (t) => {
    const random = new Random(seedFromEnvironment());
    t.diagnostic(`SEED=${random.seed}`);
    for (let run = 0; run < 1000; run++) {
      const { encoding, data } = encode(randomSamples(random));
      const bad = data.slice(0, random.below(data.length + 1));
      for (let flips = random.below(4); flips > 0 && bad.length > 0; flips--) {
        bad[random.below(bad.length)] ^= 1 << random.below(8);
      }
      try {
        decode(bad, encoding === 3);
      } catch (error) {
        assert.ok(error instanceof CodedError, `SEED=${random.seed} run ${run}: ${error}`);
        assert.equal(error.code, 'ERR_CHUNK_CORRUPT');
      }
    }
  });
});

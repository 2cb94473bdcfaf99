import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Random, seedFromEnvironment } from '../../../test/support/random.ts';
import { ByteWriter } from '../../base/bytes/byte-writer.ts';
import { CodedError } from '../../base/errors.ts';
import { makeLabels } from '../../model/labels.ts';
import { SampleColumns } from './sample-columns.ts';
import { beginSamplesRecord, putSample, putSamples, readSamples } from './samples-record.ts';
import { beginSeriesRecord, decodeSeries, putSeries } from './series-record.ts';

type Sample = readonly [ref: number, timeMs: number, hi: number, lo: number];

function encodeSamples(samples: readonly Sample[]): Uint8Array {
  const out = new ByteWriter();
  const [firstRef, firstTimeMs] = samples[0];
  beginSamplesRecord(out, firstRef, firstTimeMs);
  for (const [ref, timeMs, hi, lo] of samples) {
    putSample(out, ref - firstRef, timeMs - firstTimeMs, hi, lo);
  }
  return out.copy();
}

function encodeColumns(samples: readonly Sample[]): Uint8Array {
  const columns = new SampleColumns();
  columns.reserve(samples.length);
  samples.forEach(([ref, timeMs, hi, lo], i) => {
    columns.refs[i] = ref;
    columns.times[i] = timeMs;
    columns.valuesHi[i] = hi;
    columns.valuesLo[i] = lo;
  });
  const out = new ByteWriter();
  beginSamplesRecord(out, samples[0][0], samples[0][1]);
  putSamples(out, columns, 0, samples.length, samples[0][0], samples[0][1]);
  return out.copy();
}

function decodeSamples(record: Uint8Array): Sample[] {
  const found = new SampleColumns();
  readSamples(record, found);
  return Array.from({ length: found.count }, (_, i): Sample => [
    found.refs[i],
    found.times[i],
    found.valuesHi[i],
    found.valuesLo[i],
  ]);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

describe('records', () => {
  it('have the bytes of the format', () => {
    const out = new ByteWriter();
    beginSeriesRecord(out);
    putSeries(out, 5, makeLabels([['a', 'bc']]));
    // type, reference, one label, lengths and texts
    assert.equal(hex(out.borrow()), '01' + '0000000000000005' + '01' + '0161' + '026263');
    const samples = encodeSamples([
      [5, 1000, 0x3ff80000, 0],
      [4, 1001, 0x7ff00000, 2],
    ]);
    // type, first reference and time, then differences (zig-zag) and value bits
    assert.equal(
      hex(samples),
      '02' +
        '0000000000000005' +
        '00000000000003e8' +
        '0000' +
        '3ff8000000000000' +
        '0102' +
        '7ff0000000000002',
    );
  });

  it('come back, whatever the differences', (t) => {
    const random = new Random(seedFromEnvironment());
    t.diagnostic(`SEED=${random.seed}`);
    for (let run = 0; run < 300; run++) {
      const samples = Array.from({ length: 1 + random.below(20) }, (): Sample => [
        1 + random.below(random.pick([10, 1000, 2 ** 29])),
        random.below(random.pick([10, 2 ** 41])) - random.pick([0, 2 ** 40]),
        random.below(2 ** 32) | 0,
        random.below(2 ** 32) | 0,
      ]);
      const record = encodeSamples(samples);
      assert.deepEqual(decodeSamples(record), samples, `SEED=${random.seed}`);
      assert.deepEqual(encodeColumns(samples), record, `SEED=${random.seed}`);
    }
  });

  it('of series keep every text', () => {
    const out = new ByteWriter();
    beginSeriesRecord(out);
    const first = makeLabels([
      ['__name__', 'up'],
      ['zone', 'größer 🎈'],
      ['long', 'x'.repeat(5000)],
    ]);
    putSeries(out, 1, first);
    putSeries(out, 2 ** 29 - 1, makeLabels([['a', 'b']]));
    assert.deepEqual(decodeSeries(out.copy()), [
      { ref: 1, labels: first },
      { ref: 2 ** 29 - 1, labels: makeLabels([['a', 'b']]) },
    ]);
  });

  it('cut short anywhere give an error with a code, or fewer samples', () => {
    const samples = encodeSamples([
      [5, 1000, 1, 2],
      [700, 100_000, 3, 4],
      [6, 1000, 5, 6],
    ]);
    const out = new ByteWriter();
    beginSeriesRecord(out);
    putSeries(out, 1, makeLabels([['name', 'value']]));
    const series = out.copy();
    for (let length = 1; length < samples.length; length++) {
      expectCoded(() => assert.ok(decodeSamples(samples.subarray(0, length)).length < 3));
    }
    for (let length = 1; length < series.length; length++) {
      expectCoded(() => assert.equal(decodeSeries(series.subarray(0, length)).length, 0));
    }
    assert.throws(() => decodeSamples(series), /not a samples record/);
    assert.throws(() => decodeSeries(samples), /not a series record/);
  });
});

function expectCoded(action: () => void): void {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof CodedError, String(error));
  }
}

import type { SampleColumns } from './sample-columns.ts';

/** Fewer samples are not worth it: what they touch stays in the processor's cache anyway. */
const GROUPED_MIN = 1024;
/** References lie close together; where they do not, counting them would cost too much memory. */
const REFS_PER_SAMPLE_MAX = 8;

/**
 * Copies the samples `[from, to)` to the same places of `into`, those of one series side by side and
 * in their order: whoever takes them in finds a series in the processor's cache for all but the
 * first. Scrapes that are few or whose references lie far apart are copied as they are.
 */
export function groupBySeries(
  samples: SampleColumns,
  from: number,
  to: number,
  into: SampleColumns,
): void {
  const { refs, times, valuesHi, valuesLo } = samples;
  let min = Infinity;
  let max = -Infinity;
  for (let i = from; i < to; i++) {
    const ref = refs[i];
    if (ref < min) min = ref;
    if (ref > max) max = ref;
  }
  const count = to - from;
  if (count < GROUPED_MIN || max - min >= count * REFS_PER_SAMPLE_MAX) {
    into.refs.set(refs.subarray(from, to), from);
    into.times.set(times.subarray(from, to), from);
    into.valuesHi.set(valuesHi.subarray(from, to), from);
    into.valuesLo.set(valuesLo.subarray(from, to), from);
    return;
  }
  // First how many samples each series has, then where its next one goes.
  const places = new Int32Array(max - min + 1);
  for (let i = from; i < to; i++) places[refs[i] - min]++;
  let place = from;
  for (let i = 0; i < places.length; i++) {
    const ofSeries = places[i];
    places[i] = place;
    place += ofSeries;
  }
  for (let i = from; i < to; i++) {
    const at = places[refs[i] - min]++;
    into.refs[at] = refs[i];
    into.times[at] = times[i];
    into.valuesHi[at] = valuesHi[i];
    into.valuesLo[at] = valuesLo[i];
  }
}

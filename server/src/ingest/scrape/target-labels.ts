import { METRIC_NAME, makeLabels } from '../../model/labels.ts';
import type { Labels } from '../../model/labels.ts';
import type { Target } from './types.ts';

type Pair = readonly [name: string, value: string];

/** The first label name that stands twice in `pairs`, or undefined. */
export function duplicateName(pairs: readonly Pair[]): string | undefined {
  const names = new Set<string>();
  for (const [name] of pairs) {
    if (names.has(name)) return name;
    names.add(name);
  }
  return undefined;
}

/**
 * The labels under which a series is stored: the exporter's with the target's, conflicts resolved as
 * by Prometheus (scrape.go, mutateSampleLabels). With `honorLabels` the exporter's label wins, even
 * an empty one, by which an exporter takes a target's label away. Otherwise the target's wins and
 * the exporter's becomes `exported_<name>`, with further `exported_` in front while that is taken.
 */
export function storedLabels(
  exposed: readonly Pair[],
  target: Target,
  honorLabels: boolean,
): Labels {
  const own = Object.entries(target.labels).filter(([, value]) => value !== '');
  const labels = new Map(exposed);
  if (honorLabels) {
    for (const [name, value] of own) if (!labels.has(name)) labels.set(name, value);
    return makeLabels(labels);
  }
  const conflicts: Pair[] = [];
  for (const [name, value] of own) {
    const existing = labels.get(name) ?? '';
    if (existing !== '') conflicts.push([name, existing]);
    labels.set(name, value);
  }
  // Shorter names first, so that the outcome does not depend on the order of the target's labels.
  conflicts.sort(([a], [b]) => a.length - b.length);
  for (const [name, value] of conflicts) {
    let renamed = `exported_${name}`;
    while ((labels.get(renamed) ?? '') !== '') renamed = `exported_${renamed}`;
    labels.set(renamed, value);
  }
  return makeLabels(labels);
}

/** The labels of a series that we make about a target, such as `up`. */
export function reportLabels(name: string, target: Target): Labels {
  return makeLabels([...Object.entries(target.labels), [METRIC_NAME, name]]);
}

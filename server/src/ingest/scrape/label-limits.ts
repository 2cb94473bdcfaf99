import { METRIC_NAME } from '../../model/labels.ts';
import type { Labels } from '../../model/labels.ts';

/** As in Prometheus; 0: no limit but that of the storage. Lengths are in bytes of UTF-8. */
export interface LabelLimits {
  /** Most labels of a series, its name and those of the target included. */
  readonly count: number;
  readonly nameBytes: number;
  readonly valueBytes: number;
}

export const NO_LABEL_LIMITS: LabelLimits = { count: 0, nameBytes: 0, valueBytes: 0 };

const encoder = new TextEncoder();

/** In which way `labels` are beyond the limits, for a person; undefined when they are not. */
export function labelExcess(labels: Labels, limits: LabelLimits): string | undefined {
  const { count, nameBytes, valueBytes } = limits;
  const metric = labels.find(({ name }) => name === METRIC_NAME)?.value ?? '';
  const of = `a series of ${shorten(metric)} has`;
  if (count > 0 && labels.length > count) {
    return `${of} ${labels.length} labels, more than the limit of ${count}`;
  }
  for (const { name, value } of labels) {
    if (nameBytes > 0 && isLonger(name, nameBytes)) {
      return `${of} a label name longer than the limit of ${nameBytes} bytes: ${shorten(name)}`;
    }
    if (valueBytes > 0 && isLonger(value, valueBytes)) {
      return `${of} a value of the label ${shorten(name)} longer than the limit of ${valueBytes} bytes`;
    }
  }
  return undefined;
}

function isLonger(text: string, bytes: number): boolean {
  // A unit of UTF-16 takes one to three bytes.
  if (text.length * 3 <= bytes) return false;
  return text.length > bytes || encoder.encode(text).length > bytes;
}

function shorten(text: string): string {
  return text.length <= 50 ? text : `${text.slice(0, 50)}…`;
}

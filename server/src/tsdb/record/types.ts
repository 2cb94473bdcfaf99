/** First byte of a WAL record, from Prometheus tsdb/record/record.go. */
export const RECORD_SERIES = 1;
export const RECORD_SAMPLES = 2;
export const RECORD_TOMBSTONES = 3;
export const RECORD_HISTOGRAMS = 7;
export const RECORD_FLOAT_HISTOGRAMS = 8;
/** With bounds of their own. */
export const RECORD_CUSTOM_HISTOGRAMS = 9;
export const RECORD_CUSTOM_FLOAT_HISTOGRAMS = 10;

const NAMES: Readonly<Record<number, string>> = {
  1: 'series',
  2: 'samples',
  3: 'tombstones',
  4: 'exemplars',
  5: 'mmap markers',
  6: 'metadata',
  7: 'histogram samples',
  8: 'float histogram samples',
  9: 'custom bucket histogram samples',
  10: 'custom bucket float histogram samples',
  11: 'samples of version 2',
  12: 'histogram samples of version 2',
  13: 'float histogram samples of version 2',
};

/** For logs. */
export function recordTypeName(type: number): string {
  return NAMES[type] ?? `type ${type}`;
}

/** First byte of a WAL record, from Prometheus tsdb/record/record.go. */
export const RECORD_SERIES = 1;
export const RECORD_SAMPLES = 2;
export const RECORD_TOMBSTONES = 3;

const NAMES: Readonly<Record<number, string>> = {
  1: 'series',
  2: 'samples',
  3: 'tombstones',
  4: 'exemplars',
  5: 'mmap markers',
  6: 'metadata',
  7: 'histogram samples',
  8: 'float histogram samples',
};

/** For logs. */
export function recordTypeName(type: number): string {
  return NAMES[type] ?? `type ${type}`;
}

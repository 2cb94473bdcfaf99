import { numberField, readFields, textField } from './json-row.ts';

/** Who holds the scraper's lease; see format.md. */
export interface OwnerRecord {
  /** Id of the process, new with each start. */
  readonly instance: string;
  /** The name of its machine, for people. */
  readonly node: string;
  /** When it took the lease, Unix milliseconds. */
  readonly sinceMs: number;
  /** Counts take-overs. */
  readonly term: number;
  /** Counts the refreshes of its term. */
  readonly beat: number;
  /** When the last refresh began, Unix milliseconds of the owner's clock. */
  readonly beatMs: number;
  /** Whether the owner has let go in an orderly way. */
  readonly isReleased: boolean;
}

export function encodeOwnerRecord(record: OwnerRecord): Uint8Array {
  return new TextEncoder().encode(
    JSON.stringify({
      instance: record.instance,
      node: record.node,
      since_ms: record.sinceMs,
      term: record.term,
      beat: record.beat,
      beat_ms: record.beatMs,
      ...(record.isReleased && { released: true }),
    }),
  );
}

/** undefined when the bytes are no record: whoever takes the lease then writes over them. */
export function decodeOwnerRecord(bytes: Uint8Array | undefined): OwnerRecord | undefined {
  const fields = readFields(bytes);
  const instance = textField(fields, 'instance');
  if (instance === '') return undefined;
  return {
    instance,
    node: textField(fields, 'node'),
    sinceMs: numberField(fields, 'since_ms'),
    term: numberField(fields, 'term'),
    beat: numberField(fields, 'beat'),
    beatMs: numberField(fields, 'beat_ms'),
    isReleased: fields.get('released') === true,
  };
}

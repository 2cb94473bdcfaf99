import { ByteReader } from '../../base/bytes/byte-reader.ts';
import type { ByteWriter } from '../../base/bytes/byte-writer.ts';
import { TextCache } from '../../base/bytes/text-cache.ts';
import { CodedError } from '../../base/errors.ts';
import type { Label, Labels } from '../../model/labels.ts';
import { RECORD_SERIES } from './types.ts';

// Series records: which reference stands for which labels; layout in ./format.md.

const TWO_32 = 4294967296;

export function beginSeriesRecord(into: ByteWriter): void {
  into.u8(RECORD_SERIES);
}

export function putSeries(into: ByteWriter, ref: number, labels: Labels): void {
  putSeriesHeader(into, ref, labels.length);
  for (const { name, value } of labels) {
    into.uvarintText(name);
    into.uvarintText(value);
  }
}

/** For callers that hold no label objects: `count` pairs of texts must follow. */
export function putSeriesHeader(into: ByteWriter, ref: number, count: number): void {
  into.u32(Math.floor(ref / TWO_32));
  into.u32(ref % TWO_32);
  into.uvarint(count);
}

export interface SeriesEntry {
  readonly ref: number;
  readonly labels: Labels;
}

/**
 * Decodes a series record, type byte included.
 * @param texts keeps what label names and values repeat; share it between the records of a log
 */
export function decodeSeries(record: Uint8Array, texts = new TextCache()): SeriesEntry[] {
  const reader = new ByteReader(record);
  if (reader.u8() !== RECORD_SERIES) {
    throw new CodedError('ERR_WAL_RECORD', 'not a series record', { type: record[0] });
  }
  const entries: SeriesEntry[] = [];
  while (reader.remaining > 0) {
    const ref = reader.u64();
    const labels: Label[] = [];
    for (let left = reader.uvarint(); left > 0; left--) {
      labels.push({ name: readText(reader, texts), value: readText(reader, texts) });
    }
    entries.push({ ref, labels });
  }
  return entries;
}

function readText(reader: ByteReader, texts: TextCache): string {
  const length = reader.uvarint();
  const start = reader.offset;
  reader.skip(length);
  return texts.text(reader.bytes, start, reader.offset);
}

import { ExplainedDump } from './explained-dump.ts';

// How the files of the database look, told field by field; see the format.md beside each codec.

const CHUNK_ENCODINGS = { 1: '1: XOR', 2: '2: histogram', 3: '3: float histogram' };
const PAGE_BYTES = 32 * 1024;

export function explainLog(bytes: Uint8Array): string {
  return explainRecords(bytes, explainLogRecord);
}

export function explainChunkSnapshot(bytes: Uint8Array): string {
  return explainRecords(bytes, explainSnapshotRecord);
}

function explainRecords(
  bytes: Uint8Array,
  explain: (dump: ExplainedDump, end: number) => void,
): string {
  const dump = new ExplainedDump(bytes);
  while (dump.left > 0) {
    const ofPage = PAGE_BYTES - (dump.offset % PAGE_BYTES);
    if (ofPage < 7 || bytes[dump.offset] === 0) {
      dump.zeros(Math.min(ofPage, dump.left), 'end of the page');
      continue;
    }
    dump.title('record');
    dump.u8('fragment', { 1: '1: a whole record' });
    const end = dump.u16('length') + dump.offset + 4;
    dump.opaque(4, 'CRC-32C of the record');
    explain(dump, end);
  }
  return dump.end();
}

function explainLogRecord(dump: ExplainedDump, end: number): void {
  const type = dump.u8('type', { 1: '1: series', 2: '2: samples' });
  if (type === 2) {
    dump.u64('first reference');
    dump.u64('first time');
  }
  while (dump.offset < end) {
    if (type === 1) {
      dump.u64('reference');
      explainLabels(dump);
    } else {
      dump.varint('reference less the first');
      dump.varint('time less the first');
      dump.float('value');
    }
  }
}

function explainSnapshotRecord(dump: ExplainedDump): void {
  if (dump.u8('type', { 1: '1: a series', 2: '2: deletions, none' }) === 2) {
    dump.uvarint('length');
    dump.u8('version');
    return;
  }
  dump.u64('reference');
  explainLabels(dump);
  dump.zeros(8, 'not used');
  if (dump.uvarint('number of chunks') === 0) return;
  dump.u64('first time');
  dump.u64('last time');
  dump.u8('encoding', CHUNK_ENCODINGS);
  const length = dump.uvarint('length of the data');
  dump.u16('data: samples');
  dump.opaque(length - 2, 'data: bits');
  dump.zeros(56, 'not used');
  dump.float('last value');
}

function explainLabels(dump: ExplainedDump): void {
  for (let left = dump.uvarint('number of labels'); left > 0; left--) {
    dump.text('name');
    dump.text('value');
  }
}

export function explainSegment(bytes: Uint8Array): string {
  const dump = new ExplainedDump(bytes);
  dump.opaque(4, 'magic');
  dump.u8('version');
  dump.zeros(3, 'padding');
  while (dump.left > 0) {
    dump.title(`chunk, reference ${dump.offset}`);
    const length = dump.uvarint('length of the data');
    dump.u8('encoding', CHUNK_ENCODINGS);
    dump.u16('data: samples');
    dump.opaque(length - 2, 'data: bits');
    dump.opaque(4, 'CRC-32C of encoding and data');
  }
  return dump.end();
}

export function explainHeadChunks(bytes: Uint8Array): string {
  const dump = new ExplainedDump(bytes);
  dump.opaque(4, 'magic');
  dump.u8('version');
  dump.zeros(3, 'padding');
  while (dump.left > 0) {
    dump.title('chunk');
    dump.u64('series');
    dump.u64('first time');
    dump.u64('last time');
    dump.u8('encoding', CHUNK_ENCODINGS);
    const length = dump.uvarint('length of the data');
    dump.u16('data: samples');
    dump.opaque(length - 2, 'data: bits');
    dump.opaque(4, 'CRC-32C from the series on');
  }
  return dump.end();
}

export function explainTombstones(bytes: Uint8Array): string {
  const dump = new ExplainedDump(bytes);
  dump.opaque(4, 'magic');
  dump.u8('version');
  while (dump.left > 4) {
    dump.title('deletion');
    dump.uvarint('series');
    dump.varint('from');
    dump.varint('to, included');
  }
  dump.title('end');
  dump.opaque(4, 'CRC-32C of the deletions');
  return dump.end();
}

export function explainIndex(bytes: Uint8Array): string {
  const dump = new ExplainedDump(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 52);
  const [series, labelIndices, labelTable, postings, postingsTable] = [1, 2, 3, 4, 5].map((i) =>
    Number(view.getBigUint64(i * 8)),
  );
  dump.opaque(4, 'magic');
  dump.u8('version');
  section(dump, 'symbols', () => {
    for (let i = 0, count = dump.u32('count'); i < count; i++) dump.text(`symbol ${i}`);
  });
  while (dump.offset < labelIndices) {
    dump.zeros(-dump.offset & 15, 'padding to 16');
    explainSeries(dump, series);
  }
  while (dump.offset < postings) {
    dump.zeros(-dump.offset & 3, 'padding to 4');
    section(dump, `label index at ${dump.offset}`, () => {
      dump.u32('names');
      for (let left = dump.u32('values'); left > 0; left--) dump.u32('value: symbol');
    });
  }
  while (dump.offset < labelTable) {
    dump.zeros(-dump.offset & 3, 'padding to 4');
    section(dump, `postings list at ${dump.offset}`, () => {
      for (let left = dump.u32('count'); left > 0; left--) dump.u32('series: offset / 16 =');
    });
  }
  table(dump, 'table of label indices', ['name']);
  if (dump.offset !== postingsTable) throw new Error('the postings table is elsewhere');
  table(dump, 'table of postings lists', ['name', 'value']);
  dump.title('table of contents');
  const parts = ['symbols', 'series', 'label indices', 'table of label indices'];
  for (const part of [...parts, 'postings lists', 'table of postings lists']) {
    dump.u64(`offset of ${part}`);
  }
  dump.opaque(4, 'CRC-32C of the offsets');
  return dump.end();
}

function explainSeries(dump: ExplainedDump, first: number): void {
  if (dump.offset < first) throw new Error('a series lies before the series');
  dump.title(`series ${dump.offset / 16}`);
  dump.uvarint('length');
  for (let left = dump.uvarint('number of labels'); left > 0; left--) {
    dump.uvarint('name: symbol');
    dump.uvarint('value: symbol');
  }
  const count = dump.uvarint('number of chunks');
  for (let i = 0; i < count; i++) {
    if (i === 0) dump.varint('first time');
    else dump.uvarint('first time less the last one before');
    dump.uvarint('last time less the first');
    if (i === 0) dump.uvarint('reference');
    else dump.varint('reference less the one before');
  }
  dump.opaque(4, 'CRC-32C');
}

function table(dump: ExplainedDump, title: string, texts: readonly string[]): void {
  section(dump, title, () => {
    for (let left = dump.u32('count'); left > 0; left--) {
      dump.uvarint('texts');
      for (const what of texts) dump.text(what);
      dump.uvarint('offset');
    }
  });
}

function section(dump: ExplainedDump, title: string, body: () => void): void {
  dump.title(title);
  const end = dump.u32('length') + dump.offset;
  body();
  if (dump.offset !== end) throw new Error(`${title} ends at ${dump.offset}, not at ${end}`);
  dump.opaque(4, 'CRC-32C');
}

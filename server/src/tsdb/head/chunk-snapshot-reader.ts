import { ByteReader } from '../../base/bytes/byte-reader.ts';
import { TextCache } from '../../base/bytes/text-cache.ts';
import { CodedError } from '../../base/errors.ts';
import type { Fs } from '../../base/ports/fs.ts';
import type { Label, Labels } from '../../model/labels.ts';
import { listSegments, segmentFileName } from '../wal/segments.ts';
import { WalSegmentReader } from '../wal/segment-reader.ts';
import { decodeStoneList, type Tombstone } from '../tombstones/tombstones.ts';
import type { RestoredChunk } from './closed-chunks.ts';

// Reads chunk snapshots, Prometheus' and ours; layout in ./format.md.

export const SNAPSHOT_SERIES = 1;
export const SNAPSHOT_TOMBSTONES = 2;
const SNAPSHOT_EXEMPLARS = 3;

/** A series and its open chunk. */
export interface SnapshotSeries {
  readonly ref: number;
  readonly labels: Labels;
  readonly chunk: RestoredChunk | undefined;
}

/** Reads all of it. Rejects with a `CodedError` when anything is damaged or not known. */
export async function checkChunkSnapshot(fs: Fs, path: string): Promise<void> {
  let isWhole = false;
  await eachRecord(fs, path, (record) => {
    if (record[0] === SNAPSHOT_SERIES) decodeSeries(record, undefined);
    // Deletions come behind all series: without them the end is missing.
    else if (record[0] === SNAPSHOT_TOMBSTONES) isWhole = decodeTombstones(record).length >= 0;
  });
  if (!isWhole) throw snapshotError('its end is missing', path);
}

/** Gives each series of a snapshot that was checked, then the deletions. */
export function readChunkSnapshot(
  fs: Fs,
  path: string,
  onSeries: (series: SnapshotSeries) => void,
  onTombstone: (stone: Tombstone) => void,
): Promise<void> {
  const texts = new TextCache();
  return eachRecord(fs, path, (record) => {
    if (record[0] === SNAPSHOT_SERIES) onSeries(decodeSeries(record, texts));
    if (record[0] === SNAPSHOT_TOMBSTONES) decodeTombstones(record).forEach(onTombstone);
  });
}

async function eachRecord(fs: Fs, path: string, use: (record: Uint8Array) => void): Promise<void> {
  const segments = await listSegments(fs, path);
  for (const [i, segment] of segments.entries()) {
    if (segment !== segments[0] + i) throw snapshotError('a file is missing', path);
    const reader = await WalSegmentReader.open(fs, `${path}/${segmentFileName(segment)}`);
    try {
      while (await reader.load()) {
        while (reader.next()) {
          const type = reader.record[0];
          if (type > SNAPSHOT_EXEMPLARS) throw snapshotError(`a record of type ${type}`, path);
          use(reader.record);
        }
      }
      if (reader.zstdRecords > 0) throw snapshotError('records packed with zstd', path);
    } finally {
      await reader.close();
    }
  }
}

/** @param texts undefined: labels are passed over */
function decodeSeries(record: Uint8Array, texts: TextCache | undefined): SnapshotSeries {
  const reader = new ByteReader(record);
  reader.skip(1);
  const ref = reader.u64();
  const labels: Label[] = [];
  for (let left = reader.uvarint(); left > 0; left--) {
    const name = readText(reader, texts);
    labels.push({ name, value: readText(reader, texts) });
  }
  // Once the length of blocks; nobody reads it any more.
  reader.skip(8);
  if (reader.uvarint() === 0) return { ref, labels, chunk: undefined };
  const minTimeMs = reader.i64();
  const maxTimeMs = reader.i64();
  const encoding = reader.u8();
  const data = reader.borrow(reader.uvarint());
  // The last value follows, which is in the chunk as well.
  return { ref, labels, chunk: { minTimeMs, maxTimeMs, encoding, data } };
}

function decodeTombstones(record: Uint8Array): Tombstone[] {
  const reader = new ByteReader(record);
  reader.skip(1);
  return decodeStoneList(reader.borrow(reader.uvarint()));
}

function readText(reader: ByteReader, texts: TextCache | undefined): string {
  const length = reader.uvarint();
  const start = reader.offset;
  reader.skip(length);
  return texts === undefined ? '' : texts.text(reader.bytes, start, reader.offset);
}

function snapshotError(what: string, path: string): CodedError {
  return new CodedError('ERR_CHUNK_SNAPSHOT', `a chunk snapshot cannot be read: ${what}`, { path });
}

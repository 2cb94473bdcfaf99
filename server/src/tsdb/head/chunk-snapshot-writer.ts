import { ByteWriter } from '../../base/bytes/byte-writer.ts';
import { type Fs, renameDurably } from '../../base/ports/fs.ts';
import { CHUNK_XOR } from '../chunkenc/encodings.ts';
import {
  putXorHeader,
  XOR_LAST_TIME,
  XOR_VALUE_HI,
  XOR_VALUE_LO,
  xorLength,
} from '../chunkenc/xor-encoder.ts';
import { HeadChunkWriter } from '../chunks/head-chunk-writer.ts';
import { writeHeadChunkSizes } from '../chunks/head-chunk-sizes.ts';
import { lastHeadChunkFile } from '../chunks/head-chunks.ts';
import { WAL_SEGMENT_BYTES } from '../limits.ts';
import { encodeStoneList } from '../tombstones/tombstones.ts';
import { listSegments, segmentFileName } from '../wal/segments.ts';
import { WalWriter } from '../wal/wal-writer.ts';
import {
  chunkSnapshotName,
  removeChunkSnapshots,
  UNFINISHED_SUFFIX,
} from './chunk-snapshot-dirs.ts';
import { SNAPSHOT_SERIES, SNAPSHOT_TOMBSTONES } from './chunk-snapshot-reader.ts';
import { NO_CHUNK } from './closed-chunks.ts';
import type { Head } from './head.ts';
import {
  CLOSED_CHUNK,
  NO_PLACE,
  OPEN_MIN_TIME,
  OPEN_PLACE,
  RECORD_DOUBLES,
} from './series-table.ts';

// Writes what makes the next start fast: closed chunks as files of `chunks_head`, and series with
// their open chunks as a chunk snapshot. Either without the other would be of no use. Mirrors
// ChunkSnapshot of Prometheus tsdb/head_wal.go; layout in ./format.md.

/** Records collected before they are written. */
const BATCH_BYTES = 1024 * 1024;
/** Three old values that Prometheus has no use for any more, each with its time, and a time. */
const UNUSED_BYTES = 3 * 16 + 8;

/**
 * Writes the snapshot of a head to which nothing is appended any more and whose log is closed. What
 * an error leaves is harmless: the log has it all.
 */
export async function writeChunkSnapshot(fs: Fs, dir: string, head: Head): Promise<void> {
  const position = await endOfLog(fs, `${dir}/wal`);
  if (position === undefined) return;
  head.closeHistograms();
  await writeClosedChunks(fs, `${dir}/chunks_head`, head);
  const finalDir = `${dir}/${chunkSnapshotName(position.segment, position.offset)}`;
  const temporaryDir = finalDir + UNFINISHED_SUFFIX;
  await removeChunkSnapshots(fs, dir);
  await fs.makeDir(temporaryDir);
  const writer = new WalWriter(fs, temporaryDir, 0, WAL_SEGMENT_BYTES);
  try {
    await writeSeries(writer, head);
    await writer.close();
    await renameDurably(fs, temporaryDir, finalDir);
  } catch (error) {
    await writer.close().catch(() => undefined);
    await fs.removeTree(temporaryDir).catch(() => undefined);
    throw error;
  }
}

async function endOfLog(
  fs: Fs,
  walDir: string,
): Promise<{ segment: number; offset: number } | undefined> {
  const segment = (await listSegments(fs, walDir)).at(-1);
  if (segment === undefined) return undefined;
  const stat = await fs.stat(`${walDir}/${segmentFileName(segment)}`);
  return { segment, offset: stat?.sizeBytes ?? 0 };
}

/** Those that no file holds yet. */
async function writeClosedChunks(fs: Fs, dir: string, head: Head): Promise<void> {
  await fs.makeDir(dir);
  const { closed, table } = head;
  const writer = new HeadChunkWriter(fs, dir, (await lastHeadChunkFile(fs, dir)) + 1);
  try {
    for (let slot = 0; slot < table.slotEnd; slot++) {
      if (!table.isUsed(slot)) continue;
      const places: number[] = [];
      let place = table.doubles[slot * RECORD_DOUBLES + CLOSED_CHUNK];
      for (; place !== NO_CHUNK; place = closed.previous(place)) {
        if (!closed.isStored(place)) places.push(place);
      }
      for (const at of places.reverse()) {
        await writer.write({
          seriesRef: table.refOf(slot),
          minTimeMs: closed.minTime(at),
          maxTimeMs: closed.maxTime(at),
          encoding: closed.encoding(at),
          data: closed.data(at),
        });
      }
    }
    await writer.finish();
    await writeHeadChunkSizes(fs, dir);
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

async function writeSeries(writer: WalWriter, head: Head): Promise<void> {
  const { table } = head;
  let records: Uint8Array[] = [];
  let sizeBytes = 0;
  for (let slot = 0; slot < table.slotEnd; slot++) {
    if (!table.isUsed(slot)) continue;
    const record = encodeSeries(head, slot);
    records.push(record);
    sizeBytes += record.length;
    if (sizeBytes < BATCH_BYTES) continue;
    await writer.append(records);
    records = [];
    sizeBytes = 0;
  }
  // Deletions end the series, also where there are none, so that readers see it is whole.
  const stones = encodeStoneList(head.tombstones.all());
  const end = new ByteWriter(stones.length + 8);
  end.u8(SNAPSHOT_TOMBSTONES);
  end.uvarint(stones.length);
  end.raw(stones);
  records.push(end.borrow());
  await writer.append(records);
}

function encodeSeries(head: Head, slot: number): Uint8Array {
  const { table, open } = head;
  const { doubles, ints } = table;
  const at = slot * RECORD_DOUBLES;
  const words = table.labelSymbols(slot);
  const out = new ByteWriter(512);
  out.u8(SNAPSHOT_SERIES);
  out.i64(table.refOf(slot));
  out.uvarint(words.length / 2);
  for (const word of words) out.uvarintText(table.symbols.text(word));
  out.i64(0);
  const place = ints[at * 2 + OPEN_PLACE];
  if (place === NO_PLACE) {
    out.uvarint(0);
    return out.borrow();
  }
  const slab = open.slab(place);
  const base = open.base(place);
  const length = xorLength(ints, at);
  putXorHeader(ints, at, slab, base);
  out.uvarint(1);
  out.i64(doubles[at + OPEN_MIN_TIME]);
  out.i64(doubles[at + XOR_LAST_TIME]);
  out.u8(CHUNK_XOR);
  out.uvarint(length);
  out.raw(slab.subarray(base, base + length));
  out.raw(new Uint8Array(UNUSED_BYTES));
  out.u64Halves(ints[at * 2 + XOR_VALUE_HI], ints[at * 2 + XOR_VALUE_LO]);
  return out.borrow();
}

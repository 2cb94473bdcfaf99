// Frames deflated files as a zip; layout in ./format.md.
import { crc32 } from 'node:zlib';

import { ByteWriter } from '../../base/bytes/byte-writer.ts';
import type { ArchiveEntry } from '../../base/ports/archive.ts';
import type { TaskPool } from '../../base/ports/task-runner.ts';
import { deflatedBytesMax } from './deflate-task.ts';
import { exactly } from './entry.ts';
import { ParallelDeflate } from './parallel-deflate.ts';

const LOCAL_HEADER = 0x04034b50;
const DATA_DESCRIPTOR = 0x08074b50;
const CENTRAL_HEADER = 0x02014b50;
const ZIP64_END = 0x06064b50;
const ZIP64_LOCATOR = 0x07064b50;
const END = 0x06054b50;

/** Version 4.5 of the format knows sizes above 32 bits; 2.0 knows deflate. */
const VERSION_ZIP64 = 45;
const VERSION = 20;
/** Upper byte 3: Unix, so that the upper half of the attributes is a file mode. */
const MADE_BY = (3 << 8) | VERSION_ZIP64;
const FILE_ATTRIBUTES = 0o100644 * 2 ** 16;
/** Sizes and CRC follow the data; names are UTF-8. */
const FLAGS = (1 << 3) | (1 << 11);
const DEFLATED = 8;
const ZIP64_EXTRA = 0x0001;
/** Stands for "see the zip64 field". */
const MAX_32 = 0xffffffff;
const MAX_16 = 0xffff;
const ZIP64_END_BYTES = 56;

interface Written {
  readonly name: Uint8Array;
  readonly dosTime: number;
  readonly crc: number;
  readonly packedBytes: number;
  readonly sizeBytes: number;
  readonly offset: number;
}

/** The entries as a zip. A piece is valid until the next one is pulled. */
export async function* zip(
  entries: AsyncIterable<ArchiveEntry>,
  tasks: TaskPool,
): AsyncGenerator<Uint8Array> {
  const deflate = new ParallelDeflate(tasks);
  const written: Written[] = [];
  let offset = 0;
  try {
    for await (const entry of entries) {
      const name = new TextEncoder().encode(entry.path);
      const dosTime = toDosTime(entry.modifiedMs);
      const isLarge = deflatedBytesMax(entry.sizeBytes) >= MAX_32;
      const head = localHeader(name, dosTime, isLarge);
      yield head;
      let crc = 0;
      async function* summed(): AsyncGenerator<Uint8Array> {
        for await (const piece of exactly(entry)) {
          crc = crc32(piece, crc);
          yield piece;
        }
      }
      let packedBytes = 0;
      for await (const piece of deflate.deflate(summed())) {
        packedBytes += piece.length;
        yield piece;
      }
      const sizes = { name, dosTime, crc, packedBytes, sizeBytes: entry.sizeBytes, offset };
      written.push(sizes);
      const tail = dataDescriptor(sizes, isLarge);
      yield tail;
      offset += head.length + packedBytes + tail.length;
    }
    yield directory(written, offset);
  } finally {
    deflate.close();
  }
}

function localHeader(name: Uint8Array, dosTime: number, isLarge: boolean): Uint8Array {
  const out = new ByteWriter();
  out.u32LE(LOCAL_HEADER);
  out.u16LE(isLarge ? VERSION_ZIP64 : VERSION);
  out.u16LE(FLAGS);
  out.u16LE(DEFLATED);
  out.u32LE(dosTime);
  out.u32LE(0);
  out.u32LE(isLarge ? MAX_32 : 0);
  out.u32LE(isLarge ? MAX_32 : 0);
  out.u16LE(name.length);
  out.u16LE(isLarge ? 20 : 0);
  out.raw(name);
  if (isLarge) {
    out.u16LE(ZIP64_EXTRA);
    out.u16LE(16);
    u64(out, 0);
    u64(out, 0);
  }
  return out.copy();
}

function dataDescriptor({ crc, packedBytes, sizeBytes }: Written, isLarge: boolean): Uint8Array {
  const out = new ByteWriter();
  out.u32LE(DATA_DESCRIPTOR);
  out.u32LE(crc);
  if (isLarge) {
    u64(out, packedBytes);
    u64(out, sizeBytes);
  } else {
    out.u32LE(packedBytes);
    out.u32LE(sizeBytes);
  }
  return out.copy();
}

/** The central directory and what ends the file. */
function directory(written: readonly Written[], offset: number): Uint8Array {
  const out = new ByteWriter();
  for (const entry of written) centralHeader(out, entry);
  const sizeBytes = out.length;
  const count = written.length;
  if (count >= MAX_16 || sizeBytes >= MAX_32 || offset >= MAX_32) {
    out.u32LE(ZIP64_END);
    u64(out, ZIP64_END_BYTES - 12);
    out.u16LE(MADE_BY);
    out.u16LE(VERSION_ZIP64);
    out.u32LE(0);
    out.u32LE(0);
    u64(out, count);
    u64(out, count);
    u64(out, sizeBytes);
    u64(out, offset);
    out.u32LE(ZIP64_LOCATOR);
    out.u32LE(0);
    u64(out, offset + sizeBytes);
    out.u32LE(1);
  }
  out.u32LE(END);
  out.u32LE(0);
  out.u16LE(Math.min(count, MAX_16));
  out.u16LE(Math.min(count, MAX_16));
  out.u32LE(Math.min(sizeBytes, MAX_32));
  out.u32LE(Math.min(offset, MAX_32));
  out.u16LE(0);
  return out.copy();
}

function centralHeader(out: ByteWriter, entry: Written): void {
  const { name, dosTime, crc, packedBytes, sizeBytes, offset } = entry;
  const large = [sizeBytes, packedBytes, offset].filter((value) => value >= MAX_32);
  const extraBytes = large.length === 0 ? 0 : 4 + 8 * large.length;
  out.u32LE(CENTRAL_HEADER);
  out.u16LE(MADE_BY);
  out.u16LE(large.length > 0 ? VERSION_ZIP64 : VERSION);
  out.u16LE(FLAGS);
  out.u16LE(DEFLATED);
  out.u32LE(dosTime);
  out.u32LE(crc);
  out.u32LE(Math.min(packedBytes, MAX_32));
  out.u32LE(Math.min(sizeBytes, MAX_32));
  out.u16LE(name.length);
  out.u16LE(extraBytes);
  out.u16LE(0);
  out.u16LE(0);
  out.u16LE(0);
  out.u32LE(FILE_ATTRIBUTES);
  out.u32LE(Math.min(offset, MAX_32));
  out.raw(name);
  if (large.length === 0) return;
  out.u16LE(ZIP64_EXTRA);
  out.u16LE(8 * large.length);
  for (const value of large) u64(out, value);
}

function u64(out: ByteWriter, value: number): void {
  out.u32LE(value % 2 ** 32);
  out.u32LE(Math.floor(value / 2 ** 32));
}

/** Date and time in two words of 16 bits, from 1980 on, in steps of two seconds; UTC here. */
function toDosTime(unixMs: number): number {
  const date = new Date(Math.max(unixMs, Date.UTC(1980, 0, 1)));
  const day =
    ((date.getUTCFullYear() - 1980) << 9) | ((date.getUTCMonth() + 1) << 5) | date.getUTCDate();
  const time =
    (date.getUTCHours() << 11) | (date.getUTCMinutes() << 5) | (date.getUTCSeconds() >> 1);
  return ((day << 16) | time) >>> 0;
}

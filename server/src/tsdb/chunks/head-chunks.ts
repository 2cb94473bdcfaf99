import { ByteReader } from '../../base/bytes/byte-reader.ts';
import { crc32c } from '../../base/bytes/crc32c.ts';
import { CodedError, hasCode } from '../../base/errors.ts';
import type { Fs } from '../../base/ports/fs.ts';

// Reads `chunks_head` files, Prometheus' and ours; layout in ./format.md.

export const HEAD_CHUNKS_MAGIC = 0x0130bc91;
export const HEAD_CHUNKS_VERSION = 1;
export const HEAD_CHUNKS_HEADER_BYTES = 8;
/** Marks a chunk of out-of-order samples, which only Prometheus' own reader can merge. */
const OUT_OF_ORDER = 0x80;
const FILE_PATTERN = /^\d{6,}$/;

export interface HeadChunk {
  readonly seriesRef: number;
  readonly minTimeMs: number;
  readonly maxTimeMs: number;
  readonly encoding: number;
  /** A view of the file's bytes. */
  readonly data: Uint8Array;
}

export interface HeadChunkFile {
  readonly path: string;
  readonly chunks: readonly HeadChunk[];
  readonly outOfOrderChunks: number;
  /** What the header and all chunks take; a file that was not closed is filled up with zeros. */
  readonly usedBytes: number;
  /** Why reading ended before the end of the file. */
  readonly damage: CodedError | undefined;
}

/** Names of the head chunk files in `dir`, oldest first; none when the folder is missing. */
export async function listHeadChunkFiles(fs: Fs, dir: string): Promise<string[]> {
  if ((await fs.stat(dir)) === undefined) return [];
  const entries = await fs.list(dir);
  return entries
    .filter(({ name, isDirectory }) => !isDirectory && FILE_PATTERN.test(name))
    .map(({ name }) => `${dir}/${name}`);
}

export function headChunkFileName(number: number): string {
  return String(number).padStart(6, '0');
}

/** Number of the newest file; 0 when there is none. */
export async function lastHeadChunkFile(fs: Fs, dir: string): Promise<number> {
  const last = (await listHeadChunkFiles(fs, dir)).at(-1);
  return last === undefined ? 0 : Number(last.slice(dir.length + 1));
}

/** Reads one file; what lies before damage is good and is returned. */
export async function readHeadChunkFile(fs: Fs, path: string): Promise<HeadChunkFile> {
  const bytes = await fs.readFile(path);
  const chunks: HeadChunk[] = [];
  let outOfOrderChunks = 0;
  let damage: CodedError | undefined;
  let usedBytes = 0;
  try {
    const reader = openFile(bytes, path);
    while (reader !== undefined && reader.remaining > 0) {
      const chunk = readChunk(reader, path);
      if (chunk === undefined) break;
      usedBytes = reader.offset;
      if (chunk.encoding & OUT_OF_ORDER) outOfOrderChunks++;
      else chunks.push(chunk);
    }
  } catch (error) {
    if (!(error instanceof CodedError) || hasCode(error, 'ERR_INTERNAL')) throw error;
    damage = error;
  }
  return { path, chunks, outOfOrderChunks, usedBytes, damage };
}

/** undefined for a file that was made and not written. */
function openFile(bytes: Uint8Array, path: string): ByteReader | undefined {
  if (bytes.length === 0) return undefined;
  const reader = new ByteReader(bytes);
  const magic = reader.u32();
  const version = reader.u8();
  if (magic === 0) return undefined;
  if (magic !== HEAD_CHUNKS_MAGIC || version !== HEAD_CHUNKS_VERSION) {
    throw new CodedError('ERR_CHUNK_FILE', 'not a head chunk file of version 1', { path });
  }
  reader.skip(HEAD_CHUNKS_HEADER_BYTES - reader.offset);
  return reader;
}

function readChunk(reader: ByteReader, path: string): HeadChunk | undefined {
  const start = reader.offset;
  // A file that was not closed is filled with zeros.
  if (reader.remaining < 8 || reader.bytes.subarray(start, start + 8).every((b) => b === 0)) {
    return undefined;
  }
  const seriesRef = reader.u64();
  const minTimeMs = reader.i64();
  const maxTimeMs = reader.i64();
  const encoding = reader.u8();
  const data = reader.borrow(reader.uvarint());
  if (crc32c(reader.bytes, start, reader.offset) !== reader.u32()) {
    throw new CodedError('ERR_CRC', 'the checksum of a head chunk does not match', {
      path,
      offset: start,
    });
  }
  return { seriesRef, minTimeMs, maxTimeMs, encoding, data };
}

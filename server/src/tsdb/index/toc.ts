import { ByteReader } from '../../base/bytes/byte-reader.ts';
import type { ByteWriter } from '../../base/bytes/byte-writer.ts';
import { crc32c } from '../../base/bytes/crc32c.ts';
import { CodedError } from '../../base/errors.ts';

// Header and table of contents of an index; layout in ./format.md.

export const INDEX_MAGIC = 0xbaaad700;
export const INDEX_VERSION = 2;
export const INDEX_HEADER_BYTES = 5;
export const TOC_BYTES = 6 * 8 + 4;

/** Where the sections of an index begin: offsets in the file. */
export interface IndexToc {
  symbols: number;
  series: number;
  labelIndices: number;
  labelIndicesTable: number;
  postings: number;
  postingsTable: number;
}

export function putToc(into: ByteWriter, toc: IndexToc): void {
  const start = into.length;
  into.i64(toc.symbols);
  into.i64(toc.series);
  into.i64(toc.labelIndices);
  into.i64(toc.labelIndicesTable);
  into.i64(toc.postings);
  into.i64(toc.postingsTable);
  into.u32(crc32c(into.borrow(), start, into.length));
}

/** Checks the header and reads the table of contents at the end of an index file. */
export function readToc(index: Uint8Array, path: string): IndexToc {
  if (index.length < INDEX_HEADER_BYTES + TOC_BYTES) {
    throw new CodedError('ERR_INDEX', 'an index is too short', { path, foundBytes: index.length });
  }
  const header = new ByteReader(index, 0, INDEX_HEADER_BYTES);
  const magic = header.u32();
  const version = header.u8();
  if (magic !== INDEX_MAGIC || version !== INDEX_VERSION) {
    throw new CodedError('ERR_INDEX', 'not an index of version 2', {
      path,
      foundMagic: magic.toString(16),
      foundVersion: version,
    });
  }
  const start = index.length - TOC_BYTES;
  const reader = new ByteReader(index, start);
  if (crc32c(index, start, index.length - 4) !== new ByteReader(index, index.length - 4).u32()) {
    throw new CodedError('ERR_CRC', 'the checksum of the table of contents does not match', {
      path,
      offset: start,
    });
  }
  return {
    symbols: reader.u64(),
    series: reader.u64(),
    labelIndices: reader.u64(),
    labelIndicesTable: reader.u64(),
    postings: reader.u64(),
    postingsTable: reader.u64(),
  };
}

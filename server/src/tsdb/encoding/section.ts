import { ByteReader } from '../../base/bytes/byte-reader.ts';
import type { ByteWriter } from '../../base/bytes/byte-writer.ts';
import { crc32c } from '../../base/bytes/crc32c.ts';
import { CodedError } from '../../base/errors.ts';

// Mirrors Decbuf and Encbuf of Prometheus tsdb/encoding/encoding.go: a section is its length, its
// body and the body's CRC. Nobody gets at a body whose CRC was not checked.

const LENGTH_BYTES = 4;
const CRC_BYTES = 4;

/**
 * A reader over the body of the section at `offset`: 32-bit length, body, CRC-32C.
 * @param what named in errors, with the file
 */
export function openSection(bytes: Uint8Array, offset: number, what: string): ByteReader {
  if (offset < 0 || offset + LENGTH_BYTES > bytes.length) {
    throw sectionError(what, 'it lies outside the file', offset);
  }
  const length = new ByteReader(bytes, offset, offset + LENGTH_BYTES).u32();
  return checked(bytes, offset + LENGTH_BYTES, length, what, offset);
}

/** The same for a section whose length is an unsigned varint, as a series in an index. */
export function openVarintSection(bytes: Uint8Array, offset: number, what: string): ByteReader {
  if (offset < 0 || offset >= bytes.length) {
    throw sectionError(what, 'it lies outside the file', offset);
  }
  const header = new ByteReader(bytes, offset);
  const length = header.uvarint();
  return checked(bytes, header.offset, length, what, offset);
}

function checked(
  bytes: Uint8Array,
  start: number,
  length: number,
  what: string,
  offset: number,
): ByteReader {
  if (length > bytes.length - start - CRC_BYTES) {
    throw sectionError(what, 'it ends behind the file', offset);
  }
  const end = start + length;
  const expected = new ByteReader(bytes, end, end + CRC_BYTES).u32();
  const found = crc32c(bytes, start, end);
  if (expected !== found) {
    throw new CodedError('ERR_CRC', `the checksum of ${what} does not match`, {
      offset,
      expected: expected.toString(16),
      found: found.toString(16),
    });
  }
  return new ByteReader(bytes, start, end);
}

function sectionError(what: string, reason: string, offset: number): CodedError {
  return new CodedError('ERR_SECTION', `${what} is damaged: ${reason}`, { offset });
}

/** Adds a section around `body`: length, body, CRC. */
export function putSection(into: ByteWriter, body: Uint8Array): void {
  into.u32(body.length);
  into.raw(body);
  into.u32(crc32c(body));
}

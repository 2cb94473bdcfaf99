import { ByteReader } from '../../base/bytes/byte-reader.ts';
import { CodedError } from '../../base/errors.ts';
import type { File } from '../../base/ports/fs.ts';
import { openSection } from './section.ts';

const LENGTH_BYTES = 4;
const CRC_BYTES = 4;

/**
 * Reads the section at `offset` of a file into memory of its own; the reader counts from the
 * section's length field.
 * @param what named in errors, with the file
 */
export async function readSection(file: File, offset: number, what: string): Promise<ByteReader> {
  const header = new Uint8Array(LENGTH_BYTES);
  if ((await file.read(header, offset)) < LENGTH_BYTES) throw behindFile(what, offset);
  const sizeBytes = LENGTH_BYTES + new ByteReader(header).u32() + CRC_BYTES;
  // The length is not to be believed before the file was asked.
  if (offset + sizeBytes > (await file.size())) throw behindFile(what, offset);
  const section = new Uint8Array(sizeBytes);
  if ((await file.read(section, offset)) < sizeBytes) throw behindFile(what, offset);
  return openSection(section, 0, what);
}

function behindFile(what: string, offset: number): CodedError {
  return new CodedError('ERR_SECTION', `${what} is damaged: it ends behind the file`, { offset });
}

// Frames files as a tar (POSIX ustar, with pax records where that is too small); layout in ./format.md.
import type { ArchiveEntry } from '../../base/ports/archive.ts';
import { exactly } from './entry.ts';

const BLOCK_BYTES = 512;
const NAME_BYTES_MAX = 100;
/** Eleven octal digits. */
const SIZE_BYTES_MAX = 8 ** 11 - 1;
const CHECKSUM_OFFSET = 148;
const FILE = '0';
const PAX_RECORDS = 'x';
/** Two blocks of zeros end a tar. */
const END = new Uint8Array(2 * BLOCK_BYTES);

const encoder = new TextEncoder();

/** The entries as a tar; one of them is open at a time. */
export async function* tar(entries: AsyncIterable<ArchiveEntry>): AsyncGenerator<Uint8Array> {
  for await (const entry of entries) {
    yield headOf(entry);
    yield* exactly(entry);
    yield END.subarray(0, paddingOf(entry.sizeBytes));
  }
  yield END;
}

/** The header block, behind a block of pax records when it cannot say everything. */
function headOf({ path, sizeBytes, modifiedMs }: ArchiveEntry): Uint8Array {
  const name = encoder.encode(path);
  const modifiedSeconds = Math.max(0, Math.floor(modifiedMs / 1000));
  let records = '';
  if (name.length > NAME_BYTES_MAX) records += paxRecord('path', path);
  if (sizeBytes > SIZE_BYTES_MAX) records += paxRecord('size', String(sizeBytes));
  const own = header(name, Math.min(sizeBytes, SIZE_BYTES_MAX), modifiedSeconds, FILE);
  if (records === '') return own;
  const body = encoder.encode(records);
  const head = header(encoder.encode('pax-records'), body.length, modifiedSeconds, PAX_RECORDS);
  const whole = new Uint8Array(BLOCK_BYTES * 2 + body.length + paddingOf(body.length));
  whole.set(head);
  whole.set(body, BLOCK_BYTES);
  whole.set(own, whole.length - BLOCK_BYTES);
  return whole;
}

function header(
  name: Uint8Array,
  sizeBytes: number,
  modifiedSeconds: number,
  type: string,
): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES);
  const put = (offset: number, text: string): void => block.set(encoder.encode(text), offset);
  block.set(name.subarray(0, NAME_BYTES_MAX));
  put(100, octal(0o644, 7));
  put(108, octal(0, 7));
  put(116, octal(0, 7));
  put(124, octal(sizeBytes, 11));
  put(136, octal(modifiedSeconds, 11));
  put(156, type);
  put(257, 'ustar\0' + '00');
  // The sum counts its own field as blanks.
  block.fill(0x20, CHECKSUM_OFFSET, CHECKSUM_OFFSET + 8);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(CHECKSUM_OFFSET, `${octal(sum, 6)}\0`);
  return block;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}

/** `<length> <key>=<value>\n`, where the length counts itself. */
function paxRecord(key: string, value: string): string {
  const restBytes = encoder.encode(` ${key}=${value}\n`).length;
  let length = restBytes + String(restBytes).length;
  length = restBytes + String(length).length;
  return `${length} ${key}=${value}\n`;
}

function paddingOf(sizeBytes: number): number {
  return (BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES;
}

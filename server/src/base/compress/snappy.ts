import { CodedError } from '../errors.ts';

// The snappy block format (github.com/google/snappy format_description.txt), reading only.

/**
 * Decodes one snappy block. `ERR_SNAPPY` when it is damaged or longer than `sizeBytesMax`.
 * @param into used for the result when it is large enough, else a new buffer is made
 * @returns a view of the decoded bytes
 */
export function decodeSnappy(
  input: Uint8Array,
  sizeBytesMax: number,
  into: Uint8Array = new Uint8Array(0),
): Uint8Array {
  let at = 0;
  let size = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = input[at++];
    if (byte === undefined || at > 5) throw snappyError('its length is damaged', at);
    size += (byte & 0x7f) * scale;
    if (byte < 128) break;
  }
  if (size > sizeBytesMax) throw snappyError('it is too long', at, size);
  const out = into.length >= size ? into : new Uint8Array(size);
  let written = 0;
  while (at < input.length) {
    const tag = input[at++];
    const kind = tag & 3;
    let length: number;
    let offset: number;
    if (kind === 0) {
      length = tag >> 2;
      if (length >= 60) {
        const extra = length - 59;
        if (at + extra > input.length) throw snappyError('it ends too early', at);
        length = littleEndian(input, at, extra);
        at += extra;
      }
      length++;
      if (length > input.length - at || length > size - written) {
        throw snappyError('a literal is too long', at);
      }
      out.set(input.subarray(at, at + length), written);
      at += length;
      written += length;
      continue;
    }
    if (kind === 1) {
      if (at + 1 > input.length) throw snappyError('it ends too early', at);
      length = 4 + ((tag >> 2) & 7);
      offset = ((tag >> 5) << 8) | input[at++];
    } else {
      const bytes = kind === 2 ? 2 : 4;
      if (at + bytes > input.length) throw snappyError('it ends too early', at);
      length = 1 + (tag >> 2);
      offset = littleEndian(input, at, bytes);
      at += bytes;
    }
    if (offset === 0 || offset > written || length > size - written) {
      throw snappyError('a copy reaches outside', at);
    }
    if (offset >= length) {
      out.copyWithin(written, written - offset, written - offset + length);
      written += length;
    } else {
      // The copy overlaps what it writes: it repeats the last `offset` bytes.
      for (const end = written + length; written < end; written++) {
        out[written] = out[written - offset];
      }
    }
  }
  if (written !== size) throw snappyError('it ends too early', at, size);
  return out.subarray(0, size);
}

function littleEndian(input: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let i = count - 1; i >= 0; i--) value = value * 256 + input[at + i];
  return value;
}

function snappyError(reason: string, offset: number, sizeBytes?: number): CodedError {
  return new CodedError('ERR_SNAPPY', `a snappy block cannot be read: ${reason}`, {
    offset,
    sizeBytes,
  });
}

// Go's time.Time and url.URL; the bytes are those of time.Time.MarshalBinary and URL.String.
import { ByteReader } from '../../base/bytes/byte-reader.ts';
import { ByteWriter } from '../../base/bytes/byte-writer.ts';
import { badValue, corrupt } from './errors.ts';
import { opaque } from './opaque.ts';
import type { Schema } from './schema.ts';

/** A Go time: an instant to the nanosecond and the zone that it is shown in. */
export interface GoTime {
  /** Seconds since 1970 UTC, rounded down. */
  readonly unixSeconds: number;
  /** 0 to 999,999,999. */
  readonly nanoseconds: number;
  /** Seconds east of UTC; undefined is UTC itself. */
  readonly offsetSeconds?: number;
}

const VERSION_MINUTES = 1;
const VERSION_SECONDS = 2;
const UTC_MARK = 0xffff;
/** From 1 January of year 1, where Go counts from, to 1970. */
const EPOCH_SECONDS = 62_135_596_800;

/** Go's zero time, 1 January of year 1. */
export const ZERO_TIME: GoTime = { unixSeconds: -EPOCH_SECONDS, nanoseconds: 0 };

export const time: Schema<GoTime> = opaque<GoTime>({
  name: 'Time',
  kind: 'gob',
  zero: () => ZERO_TIME,
  isZero: (value) =>
    value.unixSeconds === -EPOCH_SECONDS &&
    value.nanoseconds === 0 &&
    value.offsetSeconds === undefined,
  encode: encodeTime,
  decode: decodeTime,
});

/** The text of a Go `url.URL`. */
export const url: Schema<string> = opaque<string>({
  name: 'URL',
  kind: 'binary',
  zero: () => '',
  isZero: (value) => value === '',
  encode: (value) => new TextEncoder().encode(value),
  decode: (bytes) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes),
});

/** `unixMs` in whole milliseconds, UTC. */
export function timeFromMs(unixMs: number): GoTime {
  const unixSeconds = Math.floor(unixMs / 1000);
  return { unixSeconds, nanoseconds: (unixMs - unixSeconds * 1000) * 1_000_000 };
}

/** Milliseconds since 1970, with what is finer dropped. */
export function timeToMs(value: GoTime): number {
  return value.unixSeconds * 1000 + Math.floor(value.nanoseconds / 1_000_000);
}

function encodeTime(value: GoTime): Uint8Array {
  const { unixSeconds, nanoseconds, offsetSeconds } = value;
  if (!Number.isSafeInteger(unixSeconds + EPOCH_SECONDS)) {
    throw badValue('a time is out of range', { unixSeconds });
  }
  if (!Number.isInteger(nanoseconds) || nanoseconds < 0 || nanoseconds > 999_999_999) {
    throw badValue('nanoseconds of a time are out of range', { nanoseconds });
  }
  const offset = offsetSeconds ?? 0;
  const minutes = Math.trunc(offset / 60);
  const restSeconds = offset - minutes * 60;
  if (minutes === -1 || Math.abs(minutes) > 32_767) {
    throw badValue('the zone of a time cannot be sent', { offsetSeconds: offset });
  }
  const out = new ByteWriter(16);
  out.u8(restSeconds === 0 ? VERSION_MINUTES : VERSION_SECONDS);
  out.i64(unixSeconds + EPOCH_SECONDS);
  out.u32(nanoseconds);
  out.u16(offsetSeconds === undefined ? UTC_MARK : minutes & 0xffff);
  if (restSeconds !== 0) out.u8(restSeconds & 0xff);
  return out.copy();
}

function decodeTime(bytes: Uint8Array): GoTime {
  const input = new ByteReader(bytes);
  const version = input.u8();
  if (version !== VERSION_MINUTES && version !== VERSION_SECONDS) {
    throw corrupt('unknown version of a time', { found: version });
  }
  const unixSeconds = input.i64() - EPOCH_SECONDS;
  const nanoseconds = input.u32();
  const minutes = input.u16();
  const restSeconds = version === VERSION_SECONDS ? signed(input.u8(), 8) : 0;
  if (input.remaining > 0 || nanoseconds > 999_999_999) {
    throw corrupt('malformed time', { sizeBytes: bytes.length, nanoseconds });
  }
  if (minutes === UTC_MARK) return { unixSeconds, nanoseconds };
  return { unixSeconds, nanoseconds, offsetSeconds: signed(minutes, 16) * 60 + restSeconds };
}

function signed(value: number, bits: number): number {
  return value >= 2 ** (bits - 1) ? value - 2 ** bits : value;
}

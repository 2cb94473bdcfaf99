import { CodedError } from '../../base/errors.ts';
import type { Fs } from '../../base/ports/fs.ts';
import { isUlid } from '../../model/ulid.ts';

// Mirrors BlockMeta of Prometheus tsdb/block.go.

/** What `meta.json` says about a block; version 1 is the only one there is. */
export interface BlockMeta {
  /** 26 characters; also the name of the block's folder. */
  readonly ulid: string;
  /** First millisecond that the block covers. */
  readonly minTime: number;
  /** The millisecond after the last one that the block covers. */
  readonly maxTime: number;
  readonly stats: BlockStats;
  readonly compaction: BlockCompaction;
  readonly version: 1;
}

export interface BlockStats {
  readonly numSamples: number;
  readonly numSeries: number;
  readonly numChunks: number;
  readonly numTombstones?: number;
}

export interface BlockCompaction {
  /** 1: cut from a head. */
  readonly level: number;
  /** The level-1 blocks that this one's samples came from; its own ULID at level 1. */
  readonly sources: readonly string[];
  /** The blocks that were merged to make it. */
  readonly parents?: readonly BlockParent[];
  readonly deletable?: boolean;
  readonly failed?: boolean;
  readonly hints?: readonly string[];
}

export interface BlockParent {
  readonly ulid: string;
  readonly minTime: number;
  readonly maxTime: number;
}

/** A whole block on disk. */
export interface BlockOnDisk {
  readonly meta: BlockMeta;
  /** The folder that holds it. */
  readonly dir: string;
}

export const META_FILE = 'meta.json';
const META_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Reads and checks `<dir>/meta.json`. `ERR_BLOCK_META` with the reason when it is not one,
 * `ERR_FS_NOT_FOUND` when it is missing.
 */
export async function readBlockMeta(fs: Fs, dir: string): Promise<BlockMeta> {
  const path = `${dir}/${META_FILE}`;
  const stat = await fs.stat(path);
  if (stat !== undefined && stat.sizeBytes > META_BYTES_MAX) {
    throw metaError(path, 'the file is too large', { sizeBytes: stat.sizeBytes });
  }
  return decodeBlockMeta(await fs.readFile(path), path);
}

/** The same as {@link parseBlockMeta} for the bytes of the file. Go takes no byte order mark. */
export function decodeBlockMeta(bytes: Uint8Array, path: string): BlockMeta {
  return parseBlockMeta(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes), path);
}

/**
 * Parses the text of a `meta.json`; `path` appears in errors. Unknown fields are dropped. What Go
 * does not read is refused: Prometheus passes over such a block without a word.
 */
export function parseBlockMeta(text: string, path: string): BlockMeta {
  let raw: unknown;
  try {
    raw = JSON.parse(text, wholeNumber);
  } catch (cause) {
    throw new CodedError('ERR_BLOCK_META', 'meta.json is not valid JSON', { path }, cause);
  }
  const fields = recordOf(raw, path, 'meta.json');
  if (fields.version !== 1) {
    throw metaError(path, 'unknown version', { expected: 1, found: String(fields.version) });
  }
  const ulid = ulidOf(fields.ulid, path, 'ulid');
  const minTime = integerOf(fields.minTime, path, 'minTime');
  const maxTime = integerOf(fields.maxTime, path, 'maxTime');
  if (maxTime < minTime) throw metaError(path, 'maxTime is before minTime', { minTime, maxTime });
  return {
    ulid,
    minTime,
    maxTime,
    stats: parseStats(fields.stats, path),
    compaction: parseCompaction(fields.compaction, path),
    version: 1,
  };
}

/** The text of `meta.json` byte for byte as Prometheus writes it: tabs, no final newline. */
export function formatBlockMeta(meta: BlockMeta): string {
  // The order of keys is that of the Go struct; zero values that it omits are left out.
  const { stats, compaction } = meta;
  const tombstones = stats.numTombstones ?? 0;
  const value = {
    ulid: meta.ulid,
    minTime: meta.minTime,
    maxTime: meta.maxTime,
    stats: {
      ...(stats.numSamples > 0 && { numSamples: stats.numSamples }),
      ...(stats.numSeries > 0 && { numSeries: stats.numSeries }),
      ...(stats.numChunks > 0 && { numChunks: stats.numChunks }),
      ...(tombstones > 0 && { numTombstones: tombstones }),
    },
    compaction: {
      level: compaction.level,
      ...(compaction.sources.length > 0 && { sources: compaction.sources }),
      ...(compaction.deletable === true && { deletable: true }),
      ...(compaction.parents !== undefined &&
        compaction.parents.length > 0 && { parents: compaction.parents }),
      ...(compaction.failed === true && { failed: true }),
      ...(compaction.hints !== undefined &&
        compaction.hints.length > 0 && { hints: compaction.hints }),
    },
    version: meta.version,
  };
  return JSON.stringify(value, undefined, '\t');
}

function parseStats(raw: unknown, path: string): BlockStats {
  const fields = raw === undefined ? {} : recordOf(raw, path, 'stats');
  const count = (key: string): number => {
    const found = fields[key] === undefined ? 0 : integerOf(fields[key], path, `stats.${key}`);
    if (found < 0) throw metaError(path, `stats.${key} is negative`, { found });
    return found;
  };
  const numTombstones = count('numTombstones');
  return {
    numSamples: count('numSamples'),
    numSeries: count('numSeries'),
    numChunks: count('numChunks'),
    ...(numTombstones > 0 && { numTombstones }),
  };
}

function parseCompaction(raw: unknown, path: string): BlockCompaction {
  const fields = recordOf(raw, path, 'compaction');
  const parents = listOf(fields.parents, path, 'compaction.parents').map((entry): BlockParent => {
    const parent = recordOf(entry, path, 'compaction.parents');
    return {
      ulid: ulidOf(parent.ulid, path, 'compaction.parents.ulid'),
      minTime: integerOf(parent.minTime, path, 'compaction.parents.minTime'),
      maxTime: integerOf(parent.maxTime, path, 'compaction.parents.maxTime'),
    };
  });
  const sources = listOf(fields.sources, path, 'compaction.sources');
  const hints = listOf(fields.hints, path, 'compaction.hints').map((hint) => {
    if (typeof hint !== 'string') throw metaError(path, 'compaction.hints has more than texts');
    return hint;
  });
  return {
    level: integerOf(fields.level, path, 'compaction.level'),
    sources: sources.map((source) => ulidOf(source, path, 'compaction.sources')),
    ...(parents.length > 0 && { parents }),
    ...(isSet(fields.deletable, path, 'compaction.deletable') && { deletable: true }),
    ...(isSet(fields.failed, path, 'compaction.failed') && { failed: true }),
    ...(hints.length > 0 && { hints }),
  };
}

/** Leaves a number that does not stand there as a whole one, such as 1.0 or 1e3, as its text. */
function wholeNumber(
  _key: string,
  value: unknown,
  context?: { readonly source?: string },
): unknown {
  const text = context?.source ?? '';
  return typeof value === 'number' && !/^-?\d+$/.test(text) ? text : value;
}

function ulidOf(raw: unknown, path: string, what: string): string {
  if (typeof raw === 'string' && isUlid(raw)) return raw;
  throw metaError(path, `${what} is not a ULID`, { found: JSON.stringify(raw) ?? '' });
}

function isSet(raw: unknown, path: string, what: string): boolean {
  if (raw === undefined || raw === null || typeof raw === 'boolean') return raw === true;
  throw metaError(path, `${what} is neither true nor false`);
}

function recordOf(raw: unknown, path: string, what: string): Record<string, unknown> {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    throw metaError(path, `${what} is not an object`);
  }
  return Object.fromEntries(Object.entries(raw));
}

function listOf(raw: unknown, path: string, what: string): unknown[] {
  if (raw === undefined || raw === null) return [];
  if (!Array.isArray(raw)) throw metaError(path, `${what} is not a list`);
  return raw;
}

function integerOf(raw: unknown, path: string, what: string): number {
  if (typeof raw !== 'number' || !Number.isSafeInteger(raw)) {
    throw metaError(path, `${what} is not an integer`, { found: String(raw) });
  }
  return raw;
}

function metaError(
  path: string,
  reason: string,
  details: Record<string, string | number> = {},
): CodedError {
  return new CodedError('ERR_BLOCK_META', `not a block: ${reason}`, { path, ...details });
}

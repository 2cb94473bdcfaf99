import { CodedError, hasCode } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { type Fs, renameDurably } from '../../base/ports/fs.ts';
import { TIME_MS_MAX } from '../limits.ts';
import type { ReferenceStart } from './reference-time.ts';

/** In the folder of a database, and in that of the plugin in the file store; others pass over it. */
export const REFERENCE_FILE = 'reference.json';
/** A file with more bytes is none of ours. */
export const REFERENCE_BYTES_MAX = 4096;

/** What is kept of the reference time from one process to the next. */
export interface ReferenceRecord extends ReferenceStart {
  /**
   * Whether the head takes times before the end of the newest block, since the clock went back: what
   * the log holds of such times is in no block yet.
   */
  readonly isRewound: boolean;
}

/** The text of a record: `{"version":1,"reference_ms":…,"agreed_ms":…,"founded":true,"rewound":false}`. */
export function formatReference(record: ReferenceRecord): string {
  const { referenceMs, agreedMs, isFounded, isRewound } = record;
  const fields = {
    version: 1,
    reference_ms: Math.floor(referenceMs),
    ...(agreedMs > -Infinity && { agreed_ms: Math.floor(agreedMs) }),
    founded: isFounded,
    rewound: isRewound,
  };
  return `${JSON.stringify(fields)}\n`;
}

/** Throws `ERR_REFERENCE` when the text is no record; `path` is for the error. */
export function parseReference(text: string, path: string): ReferenceRecord {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (cause) {
    throw new CodedError('ERR_REFERENCE', 'the reference time is damaged', { path }, cause);
  }
  const fields: Record<string, unknown> = typeof raw === 'object' ? { ...raw } : {};
  const { version, reference_ms: referenceMs, agreed_ms: agreedMs = -Infinity } = fields;
  if (version !== 1 || !isTime(referenceMs) || typeof agreedMs !== 'number') {
    throw new CodedError('ERR_REFERENCE', 'the reference time is damaged', {
      path,
      expected: 'version 1 with reference_ms in milliseconds',
      found: text.slice(0, 100),
    });
  }
  const { founded, rewound } = fields;
  return { referenceMs, agreedMs, isFounded: founded === true, isRewound: rewound === true };
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Math.abs(value) <= TIME_MS_MAX;
}

/** The record of the database in `dir`; undefined without one, and, with a warning, for a damaged one. */
export async function readReference(
  fs: Fs,
  dir: string,
  logger: Logger,
): Promise<ReferenceRecord | undefined> {
  const path = `${dir}/${REFERENCE_FILE}`;
  try {
    const stat = await fs.stat(path);
    if (stat === undefined || stat.sizeBytes > REFERENCE_BYTES_MAX) return undefined;
    return parseReference(new TextDecoder().decode(await fs.readFile(path)), path);
  } catch (error) {
    if (!hasCode(error, 'ERR_REFERENCE')) throw error;
    logger.warn('the reference time is damaged; it is derived from the blocks', { error });
    return undefined;
  }
}

/** Replaces the record; afterwards it survives a power cut. */
export async function writeReference(fs: Fs, dir: string, record: ReferenceRecord): Promise<void> {
  const temporary = temporaryPath(dir);
  try {
    const file = await fs.open(temporary, 'create');
    try {
      await file.write(new TextEncoder().encode(formatReference(record)));
      await file.sync();
    } finally {
      await file.close();
    }
    await renameDurably(fs, temporary, `${dir}/${REFERENCE_FILE}`);
  } catch (error) {
    await fs.remove(temporary).catch(() => undefined);
    throw error;
  }
}

/** What a process that was killed has left of a record. */
export async function removeUnfinishedReference(fs: Fs, dir: string): Promise<void> {
  await fs.remove(temporaryPath(dir));
}

function temporaryPath(dir: string): string {
  return `${dir}/${REFERENCE_FILE}.tmp`;
}

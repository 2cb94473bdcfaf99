import { CodedError } from '../../base/errors.ts';
import { dumpPathOf } from '../../filestore/layout.ts';

/** States as the Go plugin and its panel name them. */
export type JobStatus = 'pending' | 'in_progress' | 'success' | 'error';

/**
 * A dump job as it is stored and as `GET /jobs` answers it. The first six fields are the Go plugin's
 * and always present; a Go node that rewrites the entry drops the others, so each may be missing.
 */
export interface DumpJob {
  readonly id: string;
  readonly status: JobStatus;
  /** Unix milliseconds. */
  readonly create_at: number;
  /** First and last millisecond asked for; once finished, of what the dump holds. */
  readonly min_t: number;
  readonly max_t: number;
  /** Path in the file store, one of the two that `dumpPathOf` gives; '' until the dump is finished. */
  readonly dump_location: string;
  /** Why the job failed, or what a finished dump had to leave out; for people. */
  readonly error?: string;
  /** Ended by an administrator; the status is `error` then, since the Go plugin knows no other. */
  readonly cancelled?: true;
  /** Its file is being removed, and then the job; the status is `error` meanwhile. */
  readonly deleting?: true;
  readonly size_bytes?: number;
  /** How the dump is packed; tar.gz when it is not said. */
  readonly format?: 'zip';
  /** Of a finished dump; samples that are in two blocks count twice. */
  readonly num_samples?: number;
  /** Of the block with the most: series live on from block to block. */
  readonly num_series?: number;
  /** The instance that runs the job, so that a restart can tell its own. */
  readonly owner?: string;
  /** How often the job was started. */
  readonly attempts?: number;
  /** From 0 to 1, only while it runs and only in answers; stored in a row of its own. */
  readonly progress?: number;
}

/** Whether nobody works on the job any more. */
export function isFinished(job: DumpJob): boolean {
  return job.status === 'success' || job.status === 'error';
}

/** The last time that `Date` knows. */
const TIME_MAX_MS = 8.64e15;

/** Throws `ERR_JOB_RANGE` unless a dump can be made of it. */
export function checkRange(minTimeMs: number, maxTimeMs: number): void {
  const areWhole = Number.isSafeInteger(minTimeMs) && Number.isSafeInteger(maxTimeMs);
  const valid = areWhole && minTimeMs >= 0 && minTimeMs <= maxTimeMs && maxTimeMs <= TIME_MAX_MS;
  if (valid) return;
  throw new CodedError(
    'ERR_JOB_RANGE',
    'min_t and max_t must be whole milliseconds since 1970, and min_t not after max_t',
    { minTimeMs, maxTimeMs },
  );
}

const ID_PATTERN = /^[A-Za-z0-9]{26}$/;

/** Whether `id` has the form of a Mattermost id: 26 letters and digits. */
export function isJobId(id: string): boolean {
  return ID_PATTERN.test(id);
}

const ID_ALPHABET = 'ybndrfg8ejkmcpqxot1uwisza345h769';
const ID_RANDOM_BYTES = 16;

/**
 * A Mattermost id: 128 random bits in z-base-32 without padding (`model.NewId`).
 *
 * @param randomBytes a cryptographic source
 */
export function newJobId(randomBytes: (count: number) => Uint8Array): string {
  const bytes = randomBytes(ID_RANDOM_BYTES);
  let id = '';
  let bits = 0;
  let bitCount = 0;
  for (const byte of bytes) {
    bits = (bits << 8) | byte;
    bitCount += 8;
    while (bitCount >= 5) {
      bitCount -= 5;
      id += ID_ALPHABET[(bits >>> bitCount) & 31];
    }
    bits &= (1 << bitCount) - 1;
  }
  return bitCount === 0 ? id : id + ID_ALPHABET[(bits << (5 - bitCount)) & 31];
}

const FOREIGN_LOCATION =
  'What the list of jobs names as the file of this dump is not in its folder, and not handed out.';

/**
 * Fields of `entry` that make a job; undefined when it is none. Unknown fields are ignored, and so is
 * a location that is not the job's own: whoever writes the row must not choose what is downloaded.
 */
export function readJob(id: string, entry: unknown): DumpJob | undefined {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return undefined;
  const fields = new Map<string, unknown>(Object.entries(entry));
  const status = fields.get('status');
  const location = textOr(fields.get('dump_location'), '');
  const isOwn = location === dumpPathOf(id, 'tar.gz') || location === dumpPathOf(id, 'zip');
  const error = isOwn || location === '' ? fields.get('error') : FOREIGN_LOCATION;
  return {
    id,
    status: isStatus(status) ? status : 'error',
    create_at: numberOr(fields.get('create_at'), 0),
    min_t: numberOr(fields.get('min_t'), 0),
    max_t: numberOr(fields.get('max_t'), 0),
    dump_location: isOwn ? location : '',
    ...optional('error', error, isText),
    ...(fields.get('cancelled') === true && { cancelled: true as const }),
    ...(fields.get('deleting') === true && { deleting: true as const }),
    ...optional('size_bytes', fields.get('size_bytes'), isNumber),
    ...(fields.get('format') === 'zip' && { format: 'zip' as const }),
    ...optional('num_samples', fields.get('num_samples'), isNumber),
    ...optional('num_series', fields.get('num_series'), isNumber),
    ...optional('owner', fields.get('owner'), isText),
    ...optional('attempts', fields.get('attempts'), isNumber),
  };
}

function isStatus(value: unknown): value is JobStatus {
  return value === 'pending' || value === 'in_progress' || value === 'success' || value === 'error';
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function numberOr(value: unknown, otherwise: number): number {
  return isNumber(value) ? value : otherwise;
}

function textOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}

function optional<K extends string, V>(
  key: K,
  value: unknown,
  test: (value: unknown) => value is V,
): Partial<Record<K, V>> {
  const result: Partial<Record<K, V>> = {};
  if (test(value)) result[key] = value;
  return result;
}

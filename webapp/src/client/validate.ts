// Answers of the plugin, checked before the panel believes them: an older plugin, a proxy's error page
// or a half-finished upgrade may answer with something else. Unknown fields are ignored, missing
// optional ones stay away.

import type {
  Cluster,
  ClusterInstance,
  HeadStats,
  Job,
  JobStatus,
  PluginStatus,
  Scraper,
  Target,
  TsdbStats,
  Warning,
} from '../types/api.ts';

/** The answer has not the shape that the API promises. */
export class BadAnswerError extends Error {
  constructor(what: string) {
    super(`unexpected answer: ${what}`);
    this.name = 'BadAnswerError';
  }
}

/** Reads one value, which `what` names in an error. undefined: the field stays away. */
type Read<T> = (value: unknown, what: string) => T;

/** A reader for each field; that of an optional one may find nothing. */
type Shape<T> = {
  [K in keyof T]-?: Read<Pick<T, K> extends Required<Pick<T, K>> ? T[K] : T[K] | undefined>;
};

const number: Read<number> = (value) =>
  typeof value === 'number' && Number.isFinite(value) ? value : 0;

// What `Date` knows; beyond it the page could show nothing.
const TIME_MAX_MS = 8.64e15;

const time: Read<number> = (value, what) => {
  const timeMs = number(value, what);
  return Math.abs(timeMs) <= TIME_MAX_MS ? timeMs : 0;
};

const text: Read<string> = (value) => (typeof value === 'string' ? value : '');

const flag: Read<boolean> = (value) => value === true;

/** Nothing in place of an empty text or a number that is not above 0. */
function unlessEmpty<T extends string | number>(read: Read<T>): Read<T | undefined> {
  return (value, what) => {
    const found = read(value, what);
    return found === '' || (typeof found === 'number' && found <= 0) ? undefined : found;
  };
}

/** Go writes what is not there as null. */
function ifThere<T>(read: Read<T>): Read<T | undefined> {
  return (value, what) => (value === undefined || value === null ? undefined : read(value, what));
}

function listOf<T>(itemName: string, read: Read<T>): Read<T[]> {
  return (value, what) => {
    if (value === undefined || value === null) {
      return [];
    }
    if (!Array.isArray(value)) {
      throw new BadAnswerError(`${what} is not a list`);
    }
    return value.map((item: unknown) => read(item, itemName));
  };
}

function object<T extends object>(shape: Shape<T>): Read<T> {
  const readers = Object.entries<Read<unknown>>(shape);
  return (value, what) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new BadAnswerError(`${what} is not an object`);
    }
    const fields = new Map<string, unknown>(Object.entries(value));
    const found = readers.map(([name, read]) => [name, read(fields.get(name), name)] as const);
    // The shape has a reader for each field, and one that must be there is found.
    return Object.fromEntries(found.filter(([, field]) => field !== undefined)) as T;
  };
}

const JOB_STATUSES: readonly JobStatus[] = ['pending', 'in_progress', 'success', 'error'];

const job = object<Job>({
  id: (value, what) => {
    if (text(value, what) === '') {
      throw new BadAnswerError('a job without an id');
    }
    return text(value, what);
  },
  status: (value, what) => {
    const status = JOB_STATUSES.find((known) => known === value);
    if (status === undefined) {
      throw new BadAnswerError(`a job with status ${text(value, what)}`);
    }
    return status;
  },
  create_at: time,
  min_t: time,
  max_t: time,
  dump_location: text,
  error: unlessEmpty(text),
  cancelled: (value) => value === true || undefined,
  size_bytes: unlessEmpty(number),
  progress: (value) =>
    typeof value === 'number' ? Math.min(1, Math.max(0, number(value, ''))) : undefined,
});

/** The dump jobs, newest first. */
export function parseJobs(value: unknown): Job[] {
  return listOf('job', job)(value, 'jobs').sort((a, b) => b.create_at - a.create_at);
}

const stats = object<TsdbStats>({
  min_t: time,
  max_t: time,
  num_series: number,
  num_samples: number,
  as_of: ifThere(number),
});

export function parseStats(value: unknown): TsdbStats {
  return stats(value, 'stats');
}

const target = object<Target>({
  url: text,
  job: text,
  instance: text,
  up: flag,
  absent: flag,
  last_scrape_ms: time,
  last_duration_ms: number,
  last_error: text,
  samples: number,
  refused: number,
});

const warning = object<Warning>({ code: text, message: text, action: unlessEmpty(text) });

const head = object<HeadStats>({
  series: number,
  samples: number,
  min_t: number,
  max_t: number,
  scraped_series: ifThere(number),
  newest_scraped_t: ifThere(number),
});

const instance = object<ClusterInstance>({
  id: text,
  node: text,
  role: text,
  version: text,
  since_ms: time,
  reported_ms: time,
});

const scraper = ifThere(object<Scraper>({ node: text, since_ms: time }));

const cluster = object<Cluster>({
  id: text,
  instances: listOf('instance', instance),
  scraper: (value, what) => {
    const found = scraper(value, what);
    return found?.node === '' ? undefined : found;
  },
});

interface WireSync {
  last_success_ms: number;
  last_copied_ms?: number;
}

/** The state as it is on the wire. */
interface WireStatus extends Omit<
  PluginStatus,
  'isStarting' | 'isStalled' | 'lastSyncMs' | 'lastCopiedMs'
> {
  scraper?: { state: string };
  sync?: WireSync;
}

const status = object<WireStatus>({
  version: text,
  scraper: ifThere(object<{ state: string }>({ state: text })),
  sync: ifThere(object<WireSync>({ last_success_ms: time, last_copied_ms: ifThere(time) })),
  warnings: listOf('warning', warning),
  targets: listOf('target', target),
  head: ifThere(head),
  cluster: ifThere(cluster),
});

export function parseStatus(value: unknown): PluginStatus {
  const { scraper: who, sync, ...rest } = status(value, 'status');
  return {
    ...rest,
    isStarting: who?.state === 'starting',
    isStalled: who?.state === 'stalled',
    lastSyncMs: sync?.last_success_ms ?? 0,
    ...(sync?.last_copied_ms !== undefined && { lastCopiedMs: sync.last_copied_ms }),
  };
}

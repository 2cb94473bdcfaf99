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

type Fields = Record<string, unknown>;

/** A part that may be missing. */
function partOf(fields: Fields, name: string): Fields {
  return fields[name] === undefined ? {} : fieldsOf(fields[name], name);
}

function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new BadAnswerError(`${what} is not an object`);
  }
  return { ...value };
}

function listOf<T>(value: unknown, what: string, parse: (item: unknown) => T): T[] {
  if (value === undefined || value === null) {
    return []; // Go writes an empty list as null.
  }
  if (!Array.isArray(value)) {
    throw new BadAnswerError(`${what} is not a list`);
  }
  return value.map(parse);
}

function numberOf(fields: Fields, name: string): number {
  const value = fields[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}

function textOf(fields: Fields, name: string): string {
  const value = fields[name];
  return typeof value === 'string' ? value : '';
}

const JOB_STATUSES: readonly JobStatus[] = ['pending', 'in_progress', 'success', 'error'];

function parseJob(value: unknown): Job {
  const fields = fieldsOf(value, 'job');
  const id = textOf(fields, 'id');
  const status = JOB_STATUSES.find((known) => known === fields.status);
  if (id === '' || status === undefined) {
    throw new BadAnswerError(`job ${id} with status ${textOf(fields, 'status')}`);
  }
  const job: Job = {
    id,
    status,
    create_at: numberOf(fields, 'create_at'),
    min_t: numberOf(fields, 'min_t'),
    max_t: numberOf(fields, 'max_t'),
    dump_location: textOf(fields, 'dump_location'),
  };
  if (textOf(fields, 'error') !== '') {
    job.error = textOf(fields, 'error');
  }
  if (numberOf(fields, 'size_bytes') > 0) {
    job.size_bytes = numberOf(fields, 'size_bytes');
  }
  if (typeof fields.progress === 'number') {
    job.progress = Math.min(1, Math.max(0, numberOf(fields, 'progress')));
  }
  return job;
}

/** The dump jobs, newest first. */
export function parseJobs(value: unknown): Job[] {
  return listOf(value, 'jobs', parseJob).sort((a, b) => b.create_at - a.create_at);
}

export function parseStats(value: unknown): TsdbStats {
  const fields = fieldsOf(value, 'stats');
  return {
    min_t: numberOf(fields, 'min_t'),
    max_t: numberOf(fields, 'max_t'),
    num_series: numberOf(fields, 'num_series'),
    num_samples: numberOf(fields, 'num_samples'),
  };
}

function parseTarget(value: unknown): Target {
  const fields = fieldsOf(value, 'target');
  return {
    url: textOf(fields, 'url'),
    job: textOf(fields, 'job'),
    instance: textOf(fields, 'instance'),
    up: fields.up === true,
    last_scrape_ms: numberOf(fields, 'last_scrape_ms'),
    last_duration_ms: numberOf(fields, 'last_duration_ms'),
    last_error: textOf(fields, 'last_error'),
    samples: numberOf(fields, 'samples'),
    refused: numberOf(fields, 'refused'),
  };
}

function parseWarning(value: unknown): Warning {
  const fields = fieldsOf(value, 'warning');
  const warning: Warning = { code: textOf(fields, 'code'), message: textOf(fields, 'message') };
  if (textOf(fields, 'action') !== '') {
    warning.action = textOf(fields, 'action');
  }
  return warning;
}

function parseHead(value: unknown): HeadStats {
  const fields = fieldsOf(value, 'head');
  return {
    series: numberOf(fields, 'series'),
    samples: numberOf(fields, 'samples'),
    min_t: numberOf(fields, 'min_t'),
    max_t: numberOf(fields, 'max_t'),
  };
}

function parseInstance(value: unknown): ClusterInstance {
  const fields = fieldsOf(value, 'instance');
  return {
    id: textOf(fields, 'id'),
    node: textOf(fields, 'node'),
    role: textOf(fields, 'role'),
    version: textOf(fields, 'version'),
    since_ms: numberOf(fields, 'since_ms'),
    reported_ms: numberOf(fields, 'reported_ms'),
  };
}

function parseCluster(value: unknown): Cluster {
  const fields = fieldsOf(value, 'cluster');
  const cluster: Cluster = {
    id: textOf(fields, 'id'),
    instances: listOf(fields.instances, 'instances', parseInstance),
  };
  const scraper = partOf(fields, 'scraper');
  if (textOf(scraper, 'node') !== '') {
    cluster.scraper = { node: textOf(scraper, 'node'), since_ms: numberOf(scraper, 'since_ms') };
  }
  return cluster;
}

export function parseStatus(value: unknown): PluginStatus {
  const fields = fieldsOf(value, 'status');
  const status: PluginStatus = {
    version: textOf(fields, 'version'),
    isStarting: textOf(partOf(fields, 'scraper'), 'state') === 'starting',
    lastSyncMs: numberOf(partOf(fields, 'sync'), 'last_success_ms'),
    warnings: listOf(fields.warnings, 'warnings', parseWarning),
    targets: listOf(fields.targets, 'targets', parseTarget),
  };
  if (fields.head !== undefined && fields.head !== null) {
    status.head = parseHead(fields.head);
  }
  if (fields.cluster !== undefined && fields.cluster !== null) {
    status.cluster = parseCluster(fields.cluster);
  }
  return status;
}

// The plugin's HTTP API with its state in memory, and switches for what can go wrong.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';

import type { Cluster, HeadStats, Job, Target, TsdbStats, Warning } from '../src/types/api.ts';

const HOUR_MS = 3_600_000;

export interface SeenRequest {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
}

/** `GET /status` as it is on the wire. */
export interface WireStatus {
  version: string;
  scraper: { state: 'starting' | 'running' | 'stalled' | 'waiting' | 'stopping' };
  sync: { last_success_ms: number; last_copied_ms?: number };
  warnings: Warning[];
  targets: Target[];
  head?: HeadStats;
  cluster?: Cluster;
}

export function emptyStatus(version: string): WireStatus {
  return {
    version,
    scraper: { state: 'running' },
    sync: { last_success_ms: 0 },
    warnings: [],
    targets: [],
  };
}

export function target(changes: Partial<Target>): Target {
  return {
    url: 'http://localhost:8067/metrics',
    job: 'prometheus',
    instance: 'localhost:8067',
    up: true,
    absent: false,
    last_scrape_ms: Date.now() - 12_000,
    last_duration_ms: 8.4,
    last_error: '',
    samples: 846,
    refused: 0,
    ...changes,
  };
}

/** A path and what is answered there instead of the truth. */
export interface Fault {
  status: number;
  body: string;
}

export class FakePlugin {
  jobs: Job[] = [];
  stats: TsdbStats = { min_t: 0, max_t: 0, num_series: 0, num_samples: 0 };
  status: WireStatus;
  /** By the first part of the path, e.g. `/jobs/create`. */
  readonly faults = new Map<string, Fault>();
  readonly seen: SeenRequest[] = [];
  /** Added to the Date header. */
  clockAheadMs = 0;
  /** Of the list of jobs, in seconds; 0: it is fresh. */
  ageSeconds = 0;
  #created = 0;

  constructor(version: string) {
    const now = Date.now();
    this.stats = {
      min_t: now - 50 * HOUR_MS,
      max_t: now,
      num_series: 1_214,
      num_samples: 4_371_904,
    };
    this.status = {
      ...emptyStatus(version),
      sync: { last_success_ms: now - 12 * 60_000 },
      targets: [target({})],
      head: { series: 1_214, samples: 103_190, min_t: now - 2 * HOUR_MS, max_t: now - 12_000 },
    };
  }

  addJob(job: Partial<Job>): Job {
    this.#created += 1;
    const now = Date.now();
    const added: Job = {
      id: String(this.#created).padStart(26, 'j'),
      status: 'success',
      create_at: now + this.#created,
      min_t: now - HOUR_MS,
      max_t: now,
      dump_location: '',
      ...job,
    };
    this.jobs.unshift(added);
    return added;
  }

  finish(job: Job, changes: Partial<Job>): void {
    this.jobs = this.jobs.map((one) => (one.id === job.id ? { ...one, ...changes } : one));
  }

  requests(method: string, path: string): SeenRequest[] {
    return this.seen.filter((one) => one.method === method && one.path.startsWith(path));
  }

  async answer(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const { method = '', headers } = request;
    const body = await text(request);
    this.seen.push({ method, path, headers, body });
    response.setHeader('Date', new Date(Date.now() + this.clockAheadMs).toUTCString());
    const fault = [...this.faults].find(([prefix]) => path.startsWith(prefix))?.[1];
    if (fault !== undefined) {
      response.writeHead(fault.status, { 'Content-Type': 'text/plain' }).end(fault.body);
      return;
    }
    // The Mattermost server drops the session of a write without the token.
    const token = /MMCSRF=([^;]*)/.exec(headers.cookie ?? '')?.[1];
    if (method !== 'GET' && (token === undefined || headers['x-csrf-token'] !== token)) {
      response.writeHead(401).end('Not authorized');
      return;
    }
    this.#route(response, `${method} ${path}`, body);
  }

  #cancel(id: string): void {
    const end = { status: 'error', error: 'This dump was cancelled.', cancelled: true } as const;
    this.jobs = this.jobs.map((job) => (job.id === id ? { ...job, ...end } : job));
  }

  #route(response: ServerResponse, route: string, body: string): void {
    const json = (value: unknown) =>
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
    const id = route.split('/').at(-1) ?? '';
    if (route === 'GET /tsdb/stats') {
      json(this.stats);
    } else if (route === 'GET /status') {
      json(this.status);
    } else if (route === 'GET /jobs') {
      if (this.ageSeconds > 0) response.setHeader('Age', String(this.ageSeconds));
      json(this.jobs);
    } else if (route === 'POST /jobs/create') {
      json(this.addJob({ ...rangeIn(body), status: 'pending' }));
    } else if (route === `POST /jobs/cancel/${id}`) {
      this.#cancel(id);
      response.end();
    } else if (route === 'DELETE /jobs/deleteAll') {
      this.jobs = [];
      response.end();
    } else if (route === `DELETE /jobs/delete/${id}`) {
      this.jobs = this.jobs.filter((job) => job.id !== id);
      response.end();
    } else if (route === `GET /jobs/download/${id}`) {
      response
        .writeHead(200, {
          'Content-Type': 'application/gzip',
          'Content-Disposition': 'attachment; filename="tsdb_dump.tar.gz"',
        })
        .end(`dump ${id}`);
    } else {
      response.writeHead(404).end();
    }
  }
}

function rangeIn(body: string): Pick<Job, 'min_t' | 'max_t'> {
  const value: unknown = JSON.parse(body);
  if (typeof value === 'object' && value !== null && 'min_t' in value && 'max_t' in value) {
    return { min_t: Number(value.min_t), max_t: Number(value.max_t) };
  }
  throw new Error(`no range in ${body}`);
}

// Requests to the plugin with the session of the administrator who looks at the page.
//
// @mattermost/client knows the same conventions but weighs 95 kB minified, twice the whole panel, since
// its one class holds all routes of the server. What a plugin needs of it are the few rules below.

import { pluginId } from '../manifest.ts';
import type { DumpFormat, Job, PluginStatus, TimeRange, TsdbStats } from '../types/api.ts';
import { BadAnswerError, parseJobs, parseStats, parseStatus } from './validate.ts';

/** What went wrong, as far as an administrator can act on it. */
export type FailureKind =
  | 'network'
  | 'timeout'
  | 'session'
  | 'forbidden'
  /** Nobody answers for the plugin. */
  | 'missing'
  /** The plugin does not do this, and `detail` says why. */
  | 'refused'
  | 'server'
  | 'answer';

export interface Failure {
  kind: FailureKind;
  /** What the server said, shortened; empty when it said nothing. */
  detail: string;
}

export class RequestError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure, options?: ErrorOptions) {
    super(failure.detail === '' ? failure.kind : `${failure.kind}: ${failure.detail}`, options);
    this.name = 'RequestError';
    this.failure = failure;
  }
}

/** The failure behind anything thrown while asking the plugin. */
export function failureOf(error: unknown): Failure {
  if (error instanceof RequestError) {
    return error.failure;
  }
  if (error instanceof BadAnswerError) {
    return { kind: 'answer', detail: error.message };
  }
  return { kind: 'network', detail: error instanceof Error ? error.message : String(error) };
}

export interface Answer<T> {
  data: T;
  /** How far the server's clock is ahead of the browser's; undefined when it did not say. */
  clockAheadMs: number | undefined;
  /** How old it is, when whoever knows better did not answer the plugin. */
  ageMs?: number;
}

// A request that hangs must not stop the polling for good.
const REQUEST_TIMEOUT_MS = 30_000;
const DETAIL_LENGTH_MAX = 300;

declare global {
  interface Window {
    /** The sub-path that the server is reached under, e.g. `/chat`; set by the web app. */
    basename?: string;
  }
}

/** A path below the server's address. */
export function serverPath(path: string): string {
  const base = window.basename ?? '';
  return (base === '/' ? '' : base) + path;
}

export function pluginPath(path: string): string {
  return serverPath(`/plugins/${pluginId}${path}`);
}

export function downloadPath(jobId: string): string {
  return pluginPath(`/jobs/download/${encodeURIComponent(jobId)}`);
}

/** The token that the server expects back from a script on its own pages. */
export function csrfToken(cookies: string): string {
  const cookie = cookies.split(';').find((part) => part.trim().startsWith('MMCSRF='));
  return cookie === undefined ? '' : cookie.trim().slice('MMCSRF='.length);
}

function headersFor(method: string, hasBody: boolean): Record<string, string> {
  const headers: Record<string, string> = { 'X-Requested-With': 'XMLHttpRequest' };
  const token = csrfToken(document.cookie);
  if (method !== 'GET' && token !== '') {
    headers['X-CSRF-Token'] = token;
  }
  if (hasBody) {
    headers['Content-Type'] = 'application/json';
  }
  return headers;
}

// The plugin's own errors are JSON with a sentence for people; the server says in plain text that it
// knows no such plugin, and a proxy answers with a page.
function messageIn(text: string): string | undefined {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === 'object' && body !== null && 'message' in body) {
      return typeof body.message === 'string' ? body.message : undefined;
    }
  } catch {
    // Not JSON, so not the plugin's.
  }
  return undefined;
}

function kindOf(status: number, hasMessage: boolean): FailureKind {
  switch (status) {
    case 401:
      return 'session';
    case 403:
      return 'forbidden';
    default:
      if (status >= 500) {
        return 'server';
      }
      return hasMessage ? 'refused' : status === 404 ? 'missing' : 'server';
  }
}

/** What an answer that is no success means; `contentType` is the header's value. */
export function failureIn(status: number, contentType: string, text: string): Failure {
  const message = messageIn(text);
  const plain = contentType.includes('html') ? '' : text.trim();
  const detail = (message ?? plain).slice(0, DETAIL_LENGTH_MAX);
  return {
    kind: kindOf(status, message !== undefined),
    detail: detail === '' ? `HTTP ${status}` : detail,
  };
}

async function failureOfResponse(response: Response): Promise<Failure> {
  const contentType = response.headers.get('Content-Type') ?? '';
  return failureIn(response.status, contentType, await response.text());
}

async function send(method: string, path: string, body?: unknown): Promise<Response> {
  const init: RequestInit = {
    method,
    credentials: 'include',
    headers: headersFor(method, body !== undefined),
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
  }
  try {
    const response = await fetch(pluginPath(path), init);
    if (!response.ok) {
      throw new RequestError(await failureOfResponse(response));
    }
    return response;
  } catch (error) {
    if (error instanceof DOMException && error.name === 'TimeoutError') {
      throw new RequestError({ kind: 'timeout', detail: '' }, { cause: error });
    }
    throw error;
  }
}

function clockAheadMs(response: Response): number | undefined {
  const serverMs = Date.parse(response.headers.get('Date') ?? '');
  return Number.isNaN(serverMs) ? undefined : serverMs - Date.now();
}

function ageMs(response: Response): { ageMs?: number } {
  const seconds = Number(response.headers.get('Age') ?? '0');
  return seconds > 0 ? { ageMs: seconds * 1000 } : {};
}

async function get<T>(path: string, parse: (value: unknown) => T): Promise<Answer<T>> {
  const response = await send('GET', path);
  let value: unknown;
  try {
    value = await response.json();
  } catch (error) {
    throw new RequestError({ kind: 'answer', detail: 'not JSON' }, { cause: error });
  }
  return { data: parse(value), clockAheadMs: clockAheadMs(response), ...ageMs(response) };
}

/** The plugin's HTTP API as the panel uses it; tests put their own in its place. */
export interface PluginClient {
  getStats(): Promise<Answer<TsdbStats>>;
  getStatus(): Promise<Answer<PluginStatus>>;
  getJobs(): Promise<Answer<Job[]>>;
  createJob(range: TimeRange, format: DumpFormat): Promise<void>;
  /** Ends a dump that is waiting or being made; it stays in the list. */
  cancelJob(jobId: string): Promise<void>;
  deleteJob(jobId: string): Promise<void>;
  deleteAllJobs(): Promise<void>;
}

export const pluginClient: PluginClient = {
  getStats: () => get('/tsdb/stats', parseStats),
  getStatus: () => get('/status', parseStatus),
  getJobs: () => get('/jobs', parseJobs),
  createJob: async (range, format) => {
    await send('POST', '/jobs/create', { min_t: range.from, max_t: range.to, format });
  },
  cancelJob: async (jobId) => {
    await send('POST', `/jobs/cancel/${encodeURIComponent(jobId)}`);
  },
  deleteJob: async (jobId) => {
    await send('DELETE', `/jobs/delete/${encodeURIComponent(jobId)}`);
  },
  deleteAllJobs: async () => {
    await send('DELETE', '/jobs/deleteAll');
  },
};

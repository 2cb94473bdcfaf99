import assert from 'node:assert/strict';
import { get } from 'node:http';
import type { IncomingMessage } from 'node:http';

import { waitUntil } from '../support/wait.ts';
import type { OfficialHost } from './official-host.ts';

/** A dump job as `GET /jobs` lists it. */
export interface Job {
  id: string;
  status: string;
  dump_location: string;
  size_bytes: number;
  error?: string;
}

/** The part of `GET /status` that suites look at. */
export interface Status {
  warnings: { code: string; message: string }[];
  head?: { samples: number };
}

const HOUR_MS = 3_600_000;

/** The plugin's routes under the official host, as an administrator uses them. */
export class PluginRoutes {
  readonly host: OfficialHost;
  readonly #user: string;

  /** @param user one of the host's administrators */
  constructor(host: OfficialHost, user: string) {
    this.host = host;
    this.#user = user;
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return this.host.fetch(path, { ...init, user: this.#user });
  }

  /** The JSON that a route answers; anything but 200 fails the test. */
  async json<T>(path: string, init: RequestInit = {}): Promise<T> {
    const response = await this.fetch(path, init);
    const text = await response.text();
    assert.equal(response.status, 200, `${path}: ${text}`);
    return JSON.parse(text) as T;
  }

  /** Waits until there are samples and no warnings but `expected`. */
  async scraped(expected: readonly string[] = []): Promise<void> {
    await waitUntil('it scrapes without a warning', async () => {
      const { warnings, head } = await this.json<Status>('/status');
      const others = warnings.filter(({ code }) => !expected.includes(code));
      if (others.length > 0) throw new Error(JSON.stringify(others));
      return (head?.samples ?? 0) > 0;
    });
  }

  /** A dump of the newest samples, once it is made. */
  async makeDump(spanMs = HOUR_MS, timeoutMs?: number): Promise<Job> {
    const range = { min_t: Date.now() - spanMs, max_t: Date.now() };
    const init = { method: 'POST', body: JSON.stringify(range) };
    const { id } = await this.json<Job>('/jobs/create', init);
    const job = await waitUntil(
      'the dump is finished',
      async () => {
        const found = (await this.json<Job[]>('/jobs')).find((each) => each.id === id);
        return (found?.status === 'success' || found?.status === 'error') && found;
      },
      timeoutMs,
    );
    assert.equal(job.status, 'success', job.error);
    return job;
  }

  /** The answer to a download, whose body nobody reads yet. */
  download(id: string, headers: Record<string, string> = {}): Promise<IncomingMessage> {
    const all = { 'X-Conformance-User': this.#user, ...headers };
    return new Promise((resolve, reject) => {
      get(this.host.url(`/jobs/download/${id}`), { headers: all }, resolve).on('error', reject);
    });
  }
}

import { setTimeout as delay } from 'node:timers/promises';

import type { DevHost } from '../devhost/host.ts';
import type { DevNode } from '../devhost/node.ts';
import { manifest } from '../devhost/test-support.ts';

/** A scrape that a node has reported as stored. */
export interface SeenScrape {
  readonly node: string;
  readonly job: string;
  readonly instance: string;
  readonly timeMs: number;
}

interface Status {
  readonly scraper: { readonly state: string };
  readonly targets: readonly {
    readonly job: string;
    readonly instance: string;
    readonly up: boolean;
    readonly last_scrape_ms: number;
  }[];
}

const PERIOD_MS = 250;
const TIMEOUT_MS = 2_000;

/** Asks each node again and again what it scrapes, as a panel that is open would. */
export class Observer {
  readonly scrapes = new Map<string, SeenScrape>();
  /** Each look: which nodes were well, by their order. */
  readonly health: { readonly atMs: number; readonly isWell: readonly boolean[] }[] = [];
  readonly #host: DevHost;
  readonly #stopping = new AbortController();
  readonly #loops: readonly Promise<void>[];

  constructor(host: DevHost) {
    this.#host = host;
    this.#loops = [...host.nodes.map((node) => this.#watch(node)), this.#watchHealth()];
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#loops);
  }

  /** Which nodes say that they scrape, right now. */
  async scrapers(): Promise<string[]> {
    const states = await Promise.all(
      this.#host.nodes.map(async (node) => ({ node, status: await statusOf(node) })),
    );
    return states
      .filter(({ status }) => status?.scraper.state === 'running')
      .map(({ node }) => node.name);
  }

  async #watch(node: DevNode): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const status = await statusOf(node);
      if (status?.scraper.state === 'running') {
        for (const { job, instance, up, last_scrape_ms: timeMs } of status.targets) {
          const scrape = { node: node.name, job, instance, timeMs };
          if (up) this.scrapes.set(JSON.stringify(scrape), scrape);
        }
      }
      await delay(PERIOD_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #watchHealth(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const isWell = this.#host.nodes.map(
        ({ supervisor, link, disk, isPaused }) =>
          supervisor.state === 'running' &&
          link.database === 'well' &&
          disk.fault === undefined &&
          !isPaused,
      );
      this.health.push({ atMs: Date.now(), isWell });
      await delay(PERIOD_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** undefined when the node does not answer in time. */
async function statusOf(node: DevNode): Promise<Status | undefined> {
  try {
    const url = `${node.url}/plugins/${manifest.id}/status`;
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    return response.status === 200 ? ((await response.json()) as Status) : undefined;
  } catch {
    return undefined;
  }
}

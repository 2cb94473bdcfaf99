import type { Clock } from '../../base/clock.ts';
import { assert } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { HttpClient } from '../../base/ports/http-client.ts';
import type { Appendable } from '../../storage/appender.ts';
import { Escrow } from './escrow.ts';
import type { StorePermission } from './escrow.ts';
import { MetadataMemory } from './metadata.ts';
import type { MetricMetadata } from './metadata.ts';
import { spreadHash } from './schedule.ts';
import { ScrapeLoop } from './scrape-loop.ts';
import type { LoopParts } from './scrape-loop.ts';
import { StoreHealth } from './store-health.ts';
import { Turns } from './turns.ts';
import type { ScrapeResult, ScrapeSettings, Target, TargetStatus } from './types.ts';

export interface ScrapeManagerOptions {
  readonly http: HttpClient;
  readonly appendable: Appendable;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Sent as User-Agent. */
  readonly userAgent?: string;
  /** Scrapers of the same targets with different seeds scrape them at different times. */
  readonly seed?: number;
  /** Told of each scrape that has ended, failed ones included. */
  readonly onScrape?: (result: ScrapeResult) => void;
  /**
   * Asked before each commit. With `later`, what was scraped waits in memory for `now`; with `never`
   * it is dropped without a word, and so are stale markers. Default: `now`.
   */
  readonly mayStore?: () => StorePermission;
}

/** Keeps one scrape loop per target. Loops know nothing of each other. */
export class ScrapeManager {
  readonly #parts: LoopParts;
  readonly #seed: number;
  /** Loops by target, in the order of the last `apply`. */
  #loops = new Map<string, ScrapeLoop>();
  readonly #ending = new Set<Promise<void>>();
  #isStopped = false;

  constructor(options: ScrapeManagerOptions) {
    const { http, appendable, clock, logger, onScrape, mayStore = () => 'now' } = options;
    const userAgent = options.userAgent ?? 'mattermost-plugin-metrics';
    this.#parts = {
      http,
      appendable,
      clock,
      logger,
      turns: new Turns(clock),
      metadataMemory: new MetadataMemory(),
      userAgent,
      onScrape,
      mayStore,
      escrow: new Escrow(clock, logger),
      storeHealth: new StoreHealth(logger),
    };
    this.#seed = options.seed ?? 0;
  }

  /**
   * Makes these the settings and targets. A target that stays keeps its loop and what it has
   * learned; one that goes gets stale markers in the background; a new one is scraped within two
   * seconds. Does nothing after `stop`.
   */
  apply(settings: ScrapeSettings, targets: readonly Target[]): void {
    assert(settings.intervalMs > 0 && settings.timeoutMs > 0, 'an interval is not positive');
    if (this.#isStopped) return;
    const loops = new Map<string, ScrapeLoop>();
    for (const target of targets) {
      const id = targetId(target);
      const { honorLabels = false, labelLimits } = settings;
      // What a loop has learned depends on all of this and nothing else.
      const { authorization, isOptional } = target;
      const key = JSON.stringify([id, honorLabels, labelLimits, authorization, isOptional]);
      if (loops.has(key)) continue;
      const existing = this.#loops.get(key);
      existing?.reconfigure(settings);
      loops.set(key, existing ?? this.#startLoop(id, settings, target));
    }
    for (const [key, loop] of this.#loops) if (!loops.has(key)) this.#endLoop(loop);
    this.#loops = loops;
  }

  /** How each target is doing, in the order in which they were applied. */
  targets(): TargetStatus[] {
    return [...this.#loops.values()].map((loop) => loop.status());
  }

  /** Why storage does not take what is scraped; undefined while it does. */
  get storeFault(): unknown {
    return this.#parts.storeHealth.fault;
  }

  /**
   * What the targets say about their metrics, by metric name; several statements where they differ.
   * Reads it all: for requests of people, not for each scrape.
   */
  metadata(): Map<string, MetricMetadata[]> {
    const all = new Map<string, MetricMetadata[]>();
    for (const loop of this.#loops.values()) loop.collectMetadata(all);
    return all;
  }

  /** What waits for permission is stored, which there is from now on. */
  settle(): void {
    this.#parts.escrow.settle();
  }

  /**
   * Resolves when the last samples and stale markers are stored and nothing runs any more. What waits
   * for permission is dropped.
   */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const loop of this.#loops.values()) this.#endLoop(loop);
    this.#loops = new Map();
    await Promise.all(this.#ending);
    this.#parts.escrow.drop();
  }

  #startLoop(id: string, settings: ScrapeSettings, target: Target): ScrapeLoop {
    const loop = new ScrapeLoop(this.#parts, settings, target, spreadHash(id, this.#seed));
    loop.start();
    return loop;
  }

  #endLoop(loop: ScrapeLoop): void {
    const ending: Promise<void> = loop.stop().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }
}

/** Two targets are the same when URL and labels are. */
function targetId(target: Target): string {
  const labels = Object.entries(target.labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([target.url, labels]);
}

import type { ScrapeResult, TargetStatus } from '../../ingest/index.ts';
import { CountsByKind, counter } from './family.ts';
import type { FamilySample, MetricFamily } from './family.ts';

/** Counts what the scraper does. */
export class ScrapeMetrics {
  readonly families: readonly MetricFamily[];
  readonly #failures = new CountsByKind();
  #scrapes = 0;
  #seconds = 0;
  #samples = 0;

  /** @param targets how each target is doing right now */
  constructor(targets: () => readonly TargetStatus[]) {
    this.families = [
      {
        name: 'targets',
        help: 'Targets by job, and by how their last scrape went.',
        type: 'gauge',
        labelNames: ['job', 'health'],
        read: () => countTargets(targets()),
      },
      counter('scrapes_total', 'Scrapes that ended, good or bad.', () => this.#scrapes),
      counter('scrape_seconds_total', 'Time from the start of each scrape to its end.', () => {
        return this.#seconds;
      }),
      counter('scraped_samples_total', 'Samples in the answers of targets.', () => this.#samples),
      this.#failures.family(
        'scrape_failures_total',
        'Scrapes that failed, by reason; reasons are listed in the documentation as ERR_….',
        'reason',
      ),
    ];
  }

  /** Takes note of a scrape that has ended. */
  count({ durationMs, samples, failureCode }: ScrapeResult): void {
    this.#scrapes++;
    this.#seconds += durationMs / 1000;
    this.#samples += samples;
    if (failureCode !== undefined) this.#failures.add(reasonOf(failureCode));
  }
}

/** `ERR_HTTP_TIMEOUT` is `http_timeout`. */
function reasonOf(code: string): string {
  return code.replace(/^ERR_/, '').toLowerCase();
}

function countTargets(targets: readonly TargetStatus[]): FamilySample[] {
  const counts = new Map<string, { labels: Record<string, string>; value: number }>();
  for (const { job, up, absent, lastScrapeMs } of targets) {
    const down = lastScrapeMs === undefined ? 'unknown' : absent ? 'absent' : 'down';
    const labels = { job, health: up ? 'up' : down };
    const key = `${labels.health} ${job}`;
    const known = counts.get(key);
    if (known === undefined) counts.set(key, { labels, value: 1 });
    else known.value++;
  }
  return [...counts.values()];
}

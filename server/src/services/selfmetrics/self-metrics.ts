import type { Registry } from 'prom-client';

import { describeError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { FamilySample, MetricFamily } from './family.ts';

/** All names begin with this, apart from everything else that a server shows. */
const PREFIX = 'mattermost_plugin_metrics_';

/** Prometheus' text format, which servers of all versions can aggregate. */
export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * The plugin's metrics about itself. Each part adds its families; prom-client, loaded with the first
 * answer or by {@link prepare}, writes them down.
 */
export class SelfMetrics {
  readonly #logger: Logger;
  readonly #families = new Map<string, MetricFamily>();
  #registry: Promise<Registry> | undefined;
  readonly #complainedAbout = new Set<string>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Adds families; names must be new. From the next answer on they are in it. */
  add(families: readonly MetricFamily[]): void {
    for (const family of families) {
      if (this.#families.has(family.name)) {
        throw new TypeError(`there is a metric ${family.name} already`);
      }
      this.#families.set(family.name, family);
    }
    this.#registry = undefined;
  }

  /** Does what makes the first answer slow. */
  async prepare(): Promise<void> {
    await this.render();
  }

  /** All families in Prometheus' text format. One that cannot be read is left out and logged once. */
  async render(): Promise<string> {
    this.#registry ??= this.#makeRegistry();
    return (await this.#registry).metrics();
  }

  async #makeRegistry(): Promise<Registry> {
    const families = [...this.#families.values()];
    const [registryModule, counterModule, gaugeModule] = await Promise.all([
      import('prom-client/lib/registry.js'),
      import('prom-client/lib/counter.js'),
      import('prom-client/lib/gauge.js'),
    ]);
    const registry = new registryModule.default();
    for (const family of families) {
      const options = {
        name: PREFIX + family.name,
        help: family.help,
        labelNames: [...family.labelNames],
        registers: [registry],
      };
      const read = (): readonly FamilySample[] => this.#read(family);
      if (family.type === 'counter') {
        new counterModule.default({
          ...options,
          collect() {
            empty(this, family);
            for (const { labels, value } of read()) this.inc({ ...labels }, value);
          },
        });
      } else {
        new gaugeModule.default({
          ...options,
          collect() {
            empty(this, family);
            for (const { labels, value } of read()) this.set({ ...labels }, value);
          },
        });
      }
    }
    return registry;
  }

  #read(family: MetricFamily): readonly FamilySample[] {
    try {
      return family.read().filter(({ value }) => Number.isFinite(value));
    } catch (error) {
      if (!this.#complainedAbout.has(family.name)) {
        this.#complainedAbout.add(family.name);
        const reason = describeError(error);
        this.#logger.error('A metric of the plugin cannot be read', { name: family.name, reason });
      }
      return [];
    }
  }
}

/** Forgets all values; without labels, a reset alone would leave a 0. */
function empty(metric: { reset(): void; remove(): void }, family: MetricFamily): void {
  metric.reset();
  if (family.labelNames.length === 0) metric.remove();
}

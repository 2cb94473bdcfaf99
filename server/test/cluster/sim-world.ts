import type { ClusterEvent, ServerConfig } from '../../src/plugin/host.ts';
import { Random } from '../kits/random.ts';
import { MemoryFs } from '../support/memory-fs.ts';
import { SimDatabase } from './sim-database.ts';
import { SimNode } from './sim-node.ts';
import type { Acknowledged } from './sim-node.ts';
import { NodeClock, SimTime } from './sim-time.ts';

/** Samples that one scrape brought to the database of a node. */
export interface StoredScrape {
  /** When they were stored, and when they were scraped, true time. */
  readonly atMs: number;
  readonly scrapedMs: number;
  readonly node: SimNode;
  readonly samples: readonly Acknowledged[];
}

/** Several machines, their database, their file store, and true time. */
export class SimWorld {
  readonly startMs = Date.UTC(2026, 0, 1, 12, 7);
  readonly time = new SimTime(this.startMs);
  /** A clock that is always right and never stops: that of the world itself. */
  readonly clock = new NodeClock(this.time);
  readonly random: Random;
  readonly database: SimDatabase;
  /** The file store. */
  readonly shared = new MemoryFs(undefined, () => this.time.nowMs);
  readonly nodes: readonly SimNode[];
  readonly scrapes: StoredScrape[] = [];
  /** Of the plugin, on every node. */
  settings: Readonly<Record<string, unknown>> = {};
  /** Of the server, on every node. */
  config: Partial<ServerConfig> = {};

  constructor(seed: number, nodeCount: number) {
    this.random = new Random(seed);
    this.database = new SimDatabase(this.time, this.random);
    const names = Array.from({ length: nodeCount }, (_, index) => `node${index + 1}`);
    this.database.nodes = names;
    this.nodes = names.map((name) => new SimNode(this, name));
  }

  node(name: string): SimNode {
    const found = this.nodes.find((node) => node.name === name);
    if (found === undefined) throw new Error(`no node ${name}`);
    return found;
  }

  acknowledge(node: SimNode, scrapedMs: number, samples: readonly Acknowledged[]): void {
    if (samples.length > 0) this.scrapes.push({ atMs: this.time.nowMs, scrapedMs, node, samples });
  }

  /** Reliable, but not in order and not at once. */
  publish(from: SimNode, event: ClusterEvent): Promise<void> {
    if (from.isDeaf) return Promise.resolve();
    for (const node of this.nodes) {
      if (node === from) continue;
      void this.clock.sleep(1 + this.random.int(30)).then(() => node.hear(event));
    }
    return Promise.resolve();
  }

  runFor(durationMs: number): Promise<void> {
    return this.time.runUntil(this.time.nowMs + durationMs);
  }
}

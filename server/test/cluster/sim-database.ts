import { CodedError } from '../../src/base/errors.ts';
import type { Random } from '../kits/random.ts';
import { Silence } from './silence.ts';
import type { NodeClock, SimTime } from './sim-time.ts';

interface Version {
  /** When it was written, true time. */
  readonly writtenMs: number;
  readonly value: string | undefined;
  /** Time of day of whoever wrote it; 0: never. */
  readonly endMs: number;
}

/** How one node reaches the database. */
export class DatabaseLink {
  /** No call gets there, and no answer comes back. */
  isCut = false;
  /** No call fails, and none returns: some do when it is over, others never. */
  readonly silence = new Silence();
  /** Most that a call takes. */
  latencyMaxMs = 15;
  /** How far behind the replica is that reads go to. */
  lagMs = 0;
}

/** How long a call on a cut line hangs before it fails. */
const HANG_MAX_MS = 20_000;

/**
 * The key-value store of the server with its database: writes go to the master, reads to a replica
 * that may lag; the end of a value is compared with the time of day of the node that asks, as the
 * server does it.
 */
export class SimDatabase {
  readonly #time: SimTime;
  readonly #random: Random;
  /** All versions of each key, oldest first. */
  readonly #keys = new Map<string, Version[]>();
  /** The servers' rows of ClusterDiscovery. */
  nodes: string[] = [];

  constructor(time: SimTime, random: Random) {
    this.#time = time;
    this.#random = random;
  }

  /** The store as one process sees it; `gate` holds answers back while the process is stopped. */
  connect(link: DatabaseLink, clock: NodeClock, world: NodeClock, gate: () => Promise<void>) {
    const call = async <T>(run: () => T): Promise<T> => {
      await this.#travel(link, world);
      const result = run();
      await this.#travel(link, world);
      await gate();
      return result;
    };
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
    const text = (value: Uint8Array): string => new TextDecoder().decode(value);
    const master = (key: string): string | undefined => this.#read(key, clock, 0);
    const write = (key: string, value: string | undefined, seconds: number): void => {
      const endMs = seconds === 0 ? 0 : clock.nowMs() + seconds * 1000;
      const versions = this.#keys.get(key) ?? [];
      versions.push({ writtenMs: this.#time.nowMs, value, endMs });
      this.#keys.set(key, versions);
    };
    return {
      get: (key: string) =>
        call(() => {
          const value = this.#read(key, clock, link.lagMs);
          return value === undefined ? undefined : bytes(value);
        }),
      compareAndSet: (key: string, old: Uint8Array | undefined, next: Uint8Array) =>
        call(() => {
          if (master(key) !== (old === undefined ? undefined : text(old))) return false;
          write(key, text(next), 0);
          return true;
        }),
      createFor: (key: string, value: Uint8Array, seconds: number) =>
        call(() => {
          if (master(key) !== undefined) return false;
          write(key, text(value), seconds);
          return true;
        }),
      renewFor: (key: string, value: Uint8Array, seconds: number) =>
        call(() => {
          if (master(key) !== text(value)) return false;
          write(key, text(value), seconds);
          return true;
        }),
      set: (key: string, value: Uint8Array) => call(() => write(key, text(value), 0)),
      setFor: (key: string, value: Uint8Array, seconds: number) =>
        call(() => write(key, text(value), seconds)),
      delete: (key: string) => call(() => write(key, undefined, 0)),
      keys: (prefix: string) =>
        call(() =>
          [...this.#keys.keys()]
            .filter((key) => key.startsWith(prefix))
            .filter((key) => this.#read(key, clock, link.lagMs) !== undefined)
            .sort(),
        ),
      lockEnd: (key: string) =>
        call(() => {
          const version = this.#keys.get(key)?.at(-1);
          return version?.value === undefined ? undefined : version.endMs;
        }),
      nodes: () => call(() => this.nodes.map((name): unknown[] => [name, clock.nowMs()])),
    };
  }

  #read(key: string, clock: NodeClock, lagMs: number): string | undefined {
    const seenMs = this.#time.nowMs - lagMs;
    const version = this.#keys.get(key)?.findLast(({ writtenMs }) => writtenMs <= seenMs);
    if (version === undefined || (version.endMs !== 0 && version.endMs <= clock.nowMs())) {
      return undefined;
    }
    return version.value;
  }

  async #travel(link: DatabaseLink, world: NodeClock): Promise<void> {
    if (link.silence.isSilent && this.#random.next() < 0.5) await new Promise(() => {});
    await link.silence.pass();
    if (!link.isCut) await world.sleep(1 + this.#random.int(link.latencyMaxMs));
    if (!link.isCut) return;
    // Refused at once, or silent until somebody loses patience.
    if (this.#random.next() < 0.5) await world.sleep(1 + this.#random.int(HANG_MAX_MS));
    throw new CodedError('ERR_MATTERMOST_API', 'the database is out of reach');
  }
}

import { type LookupAddress, type LookupAllOptions, lookup } from 'node:dns';

/**
 * At a time. Each takes a thread of libuv's pool until the system's resolver gives up, and a name server
 * that is gone keeps it for up to a minute.
 */
export const LOOKUPS_MAX = 4;
/** A host that took longer is asked for by few threads from then on: its name server may be gone. */
const SLOW_MS = 2_000;
/** Of those at a time; the other threads are for all others. */
const SLOW_MAX = LOOKUPS_MAX / 2;
/** Slow hosts that are remembered; more than that are none that somebody has set. */
const SLOW_KNOWN_MAX = 1_000;
/** Who waits longer for an address has lost interest: exporters and stores are given up by then. */
const TIMEOUT_MS = 15_000;

type LookupAll = (
  host: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => void,
) => void;

interface Lookup {
  readonly key: string;
  readonly host: string;
  readonly options: LookupAllOptions;
  readonly waiting: Set<Waiting>;
  isRunning: boolean;
  /** Whether it runs in one of the places for hosts that are slow. */
  isSlow: boolean;
}

interface Waiting {
  readonly resolve: (found: LookupAddress[]) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Look-ups by the system's resolver, few at a time. Who asks for a name that is being looked up already
 * gets the same answer, so that a name without one costs one thread, however often it is asked for; and
 * many such names leave half of the threads to those that are answered.
 */
export class Lookups {
  readonly #lookupAll: LookupAll;
  readonly #timeoutMs: number;
  readonly #slowMs: number;
  /** By name and options: those that run, and those that wait, in their order. */
  readonly #lookups = new Map<string, Lookup>();
  #running = 0;
  /** Hosts whose last look-up was slow. */
  readonly #slowHosts = new Set<string>();

  constructor(lookupAll: LookupAll = lookup, timeoutMs = TIMEOUT_MS, slowMs = SLOW_MS) {
    this.#lookupAll = lookupAll;
    this.#timeoutMs = timeoutMs;
    this.#slowMs = slowMs;
  }

  /**
   * All addresses of a host. Rejects with the system's error, or with `EAI_AGAIN` when the answer does
   * not come within 15 s.
   */
  async find(host: string, options: Omit<LookupAllOptions, 'all'>): Promise<LookupAddress[]> {
    const { family, hints, order, verbatim } = options;
    const key = JSON.stringify([host, family, hints, order, verbatim]);
    const known = this.#lookups.get(key);
    const asked: Lookup = known ?? {
      key,
      host,
      options: { ...options, all: true },
      waiting: new Set(),
      isRunning: false,
      isSlow: false,
    };
    this.#lookups.set(key, asked);
    const found = await new Promise<LookupAddress[]>((resolve, reject) => {
      const timer = setTimeout(() => {
        asked.waiting.delete(waiting);
        // Nobody wants the answer of one that has not begun.
        if (asked.waiting.size === 0 && !asked.isRunning) this.#lookups.delete(key);
        reject(timeoutError(host));
      }, this.#timeoutMs);
      const end = <T>(settle: (value: T) => void) => {
        return (value: T): void => {
          clearTimeout(timer);
          settle(value);
        };
      };
      const waiting = { resolve: end(resolve), reject: end(reject) };
      asked.waiting.add(waiting);
      this.#startMore();
    });
    return [...found];
  }

  #startMore(): void {
    for (const asked of this.#lookups.values()) {
      if (this.#running >= LOOKUPS_MAX) return;
      if (!asked.isRunning && this.#hasPlace(asked.host)) this.#start(asked);
    }
  }

  #hasPlace(host: string): boolean {
    if (!this.#slowHosts.has(host)) return true;
    return [...this.#lookups.values()].filter(({ isSlow }) => isSlow).length < SLOW_MAX;
  }

  #start(asked: Lookup): void {
    const startMs = performance.now();
    asked.isRunning = true;
    asked.isSlow = this.#slowHosts.has(asked.host);
    this.#running++;
    this.#lookupAll(asked.host, asked.options, (error, found) => {
      this.#running--;
      this.#lookups.delete(asked.key);
      this.#note(asked.host, performance.now() - startMs);
      for (const { resolve, reject } of asked.waiting) {
        if (error === null) resolve(found);
        else reject(error);
      }
      this.#startMore();
    });
  }

  #note(host: string, tookMs: number): void {
    this.#slowHosts.delete(host);
    if (tookMs < this.#slowMs) return;
    if (this.#slowHosts.size >= SLOW_KNOWN_MAX) this.#slowHosts.clear();
    this.#slowHosts.add(host);
  }
}

/** Looks like what the system says when its name server does not answer. */
function timeoutError(host: string): Error {
  const code = 'EAI_AGAIN';
  return Object.assign(new Error(`getaddrinfo ${code} ${host}`), { code, syscall: 'getaddrinfo' });
}

/** Those of this process. */
export const systemLookups = new Lookups();

import { Random } from '../kits/random.ts';

/** What goes wrong on one node, when, and for how long. Times count from the start of the run. */
export interface Fault {
  readonly kind: FaultKind;
  readonly node: number;
  readonly atMs: number;
  readonly durationMs: number;
  /** How bad it is; see {@link KINDS}. */
  readonly amount: number;
}

export type FaultKind = keyof typeof KINDS;

/** Each kind with the longest duration and the largest amount. */
const KINDS = {
  /** The process is killed and comes back. */
  kill: { durationMs: 60_000, amount: 0 },
  /** The host stops the plugin and starts it again, as at an upgrade. */
  stop: { durationMs: 40_000, amount: 0 },
  /** The process stands still (SIGSTOP). */
  pause: { durationMs: 60_000, amount: 0 },
  /** The machine stands still, and its monotonic clock does not notice. */
  suspend: { durationMs: 60_000, amount: 0 },
  /** The database is out of reach. */
  cut: { durationMs: 90_000, amount: 0 },
  /** The database is out of reach of all nodes. */
  outage: { durationMs: 120_000, amount: 0 },
  /** Calls of the database take up to so many ms, twice. */
  slow: { durationMs: 60_000, amount: 4_000 },
  /** Reads see the database as it was so many ms ago. */
  lag: { durationMs: 90_000, amount: 15_000 },
  /** The time of day becomes wrong by up to so many ms, in either direction, and stays so. */
  jump: { durationMs: 0, amount: 3_600_000 },
  /** Events of the cluster don't reach the node, nor do its own leave it. */
  deaf: { durationMs: 120_000, amount: 0 },
  /** Operations of the disk take up to so many ms. */
  disk: { durationMs: 60_000, amount: 400 },
  /** The disk is full. */
  full: { durationMs: 90_000, amount: 0 },
  /** The disk answers nothing, and fails nothing. */
  hangDisk: { durationMs: 120_000, amount: 0 },
  /** The file store answers this node nothing. */
  hangStore: { durationMs: 180_000, amount: 0 },
  /** The database answers this node nothing; half of the calls never return. */
  hangDatabase: { durationMs: 120_000, amount: 0 },
  /** The database answers nobody. */
  hangDatabases: { durationMs: 120_000, amount: 0 },
  /** Scrapes of this node do not end, not even when they are broken off. */
  hangScrapes: { durationMs: 120_000, amount: 0 },
  /** Events that this node publishes are never confirmed. */
  hangEvents: { durationMs: 120_000, amount: 0 },
  /** An administrator creates a dump here. */
  dump: { durationMs: 0, amount: 0 },
} as const;

export const NODE_COUNT = 3;
/** Faults begin within this time. */
const FAULTS_MS = 5 * 60_000;
const FAULTS_MAX = 10;

/** The faults of one seed, in the order of their times. */
export function makeSchedule(seed: number): Fault[] {
  const random = new Random(seed);
  const kinds = Object.keys(KINDS) as FaultKind[];
  const faults = Array.from({ length: 1 + random.int(FAULTS_MAX) }, (): Fault => {
    const kind = random.pick(kinds);
    const { durationMs, amount } = KINDS[kind];
    const sign = kind === 'jump' && random.next() < 0.5 ? -1 : 1;
    // Small amounts are as interesting as large ones.
    const share = random.next() ** 3;
    return {
      kind,
      node: random.int(NODE_COUNT),
      atMs: 20_000 + random.int(FAULTS_MS),
      durationMs: Math.floor(random.next() * durationMs),
      amount: Math.floor(share * amount) * sign,
    };
  });
  return faults.sort((a, b) => a.atMs - b.atMs);
}

/** The fewest faults that still fail: each is left out when it fails without it too. */
export async function shrink<T>(
  faults: readonly T[],
  fails: (faults: readonly T[]) => Promise<boolean>,
): Promise<readonly T[]> {
  let kept = faults;
  for (const fault of faults) {
    const fewer = kept.filter((each) => each !== fault);
    if (await fails(fewer)) kept = fewer;
  }
  return kept;
}

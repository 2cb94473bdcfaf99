import { Random } from '../../server/test/kits/random.ts';

/** What is done to nodes, and undone after a while; see `DevNode.perform`. */
export interface ProcessFault {
  readonly begin: string;
  readonly end: string;
  readonly nodes: readonly number[];
  readonly atMs: number;
  readonly durationMs: number;
}

/** Something that an administrator does in between. */
export interface DumpRequest {
  readonly node: number;
  readonly atMs: number;
}

export const NODE_COUNT = 3;
const FAULTS_MS = 35_000;

interface Kind {
  readonly begin: string;
  readonly end: string;
  readonly maxMs: number;
  /** Whether it happens to all nodes at once. */
  readonly isEverywhere?: boolean;
}

const KINDS: readonly Kind[] = [
  { begin: 'cut database', end: 'mend database', maxMs: 40_000, isEverywhere: true },
  { begin: 'kill', end: 'start', maxMs: 25_000 },
  { begin: 'stop', end: 'start', maxMs: 20_000 },
  { begin: 'pause', end: 'resume', maxMs: 30_000 },
  { begin: 'cut database', end: 'mend database', maxMs: 30_000 },
  { begin: 'silence database', end: 'mend database', maxMs: 30_000 },
  { begin: 'slow database', end: 'mend database', maxMs: 30_000 },
  { begin: 'slow disk', end: 'mend disk', maxMs: 25_000 },
  { begin: 'fill disk', end: 'mend disk', maxMs: 25_000 },
  { begin: 'cut events', end: 'mend events', maxMs: 30_000 },
];

export interface ProcessSchedule {
  readonly faults: readonly ProcessFault[];
  readonly dumps: readonly DumpRequest[];
}

/** Faults and dumps of one seed. */
export function makeProcessSchedule(seed: number): ProcessSchedule {
  const random = new Random(seed);
  // The first one is for whoever scrapes first; a node is left in peace while it suffers already.
  const busyUntilMs = Array.from({ length: NODE_COUNT }, () => 0);
  const faults: ProcessFault[] = [];
  const count = 2 + random.int(3);
  const times = Array.from({ length: count }, () => 5_000 + random.int(FAULTS_MS - 5_000));
  for (const [index, atMs] of times.sort((a, b) => a - b).entries()) {
    const { begin, end, maxMs, isEverywhere = false } = random.pick(KINDS);
    const node = index === 0 ? 0 : random.int(NODE_COUNT);
    const nodes = isEverywhere ? busyUntilMs.map((_, each) => each) : [node];
    const durationMs = 2_000 + random.int(maxMs - 2_000);
    if (nodes.some((each) => busyUntilMs[each] > atMs)) continue;
    for (const each of nodes) busyUntilMs[each] = atMs + durationMs + 5_000;
    faults.push({ begin, end, nodes, atMs, durationMs });
  }
  const dumps = Array.from({ length: 1 + random.int(2) }, () => ({
    node: random.int(NODE_COUNT),
    atMs: 8_000 + random.int(FAULTS_MS),
  }));
  return { faults, dumps };
}

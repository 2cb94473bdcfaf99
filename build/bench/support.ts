import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Share of the full input that a short run works on, from `BENCH_SCALE`; 1 by default. */
export const scale = positiveNumber('BENCH_SCALE', 1);

/** How often each side runs, from `BENCH_RUNS`; medians are taken over them. */
export const runs = Math.max(1, Math.round(positiveNumber('BENCH_RUNS', 3)));

/** One run of one side. */
export interface Measurement {
  /** What is compared, a cost: seconds, bytes. */
  readonly cost: number;
  /** User and system time of the measured section; steadier than the wall on a busy machine. */
  readonly cpuSeconds?: number | undefined;
  /** What both sides must agree on, such as the number of samples they found. */
  readonly checks?: Readonly<Record<string, number>> | undefined;
}

export interface Comparison {
  readonly name: string;
  readonly unit: string;
  /** @param run counted from 0 */
  readonly ours: (run: number) => Measurement | Promise<Measurement>;
  readonly theirs: (run: number) => Measurement | Promise<Measurement>;
}

/**
 * Runs both sides in turn, prints every run and then the line with the ratio of the medians. Throws
 * when a run of one side found other things than a run of the other.
 */
export async function compare({ name, unit, ours, theirs }: Comparison): Promise<void> {
  const mine: Measurement[] = [];
  const others: Measurement[] = [];
  for (let run = 0; run < runs; run++) {
    mine.push(await ours(run));
    others.push(await theirs(run));
    print(`  ${name} run ${run + 1}: ${describe(mine[run])} / ${describe(others[run])} ${unit}`);
  }
  const [first] = mine;
  for (const { checks } of [...mine, ...others]) {
    if (JSON.stringify(checks) === JSON.stringify(first?.checks)) continue;
    const found = `${JSON.stringify(first?.checks)} and ${JSON.stringify(checks)}`;
    throw new Error(`${name}: the sides did not do the same work: ${found}`);
  }
  const cpu = [cpuMedian(mine), cpuMedian(others)];
  if (cpu[0] !== undefined && cpu[1] !== undefined) {
    print(`  ${name} CPU seconds: ${format(cpu[0])} / ${format(cpu[1])}`);
  }
  print(ratioLine(name, unit, median(costs(mine)), median(costs(others))));
}

/** `RATIO <name> <ours divided by theirs> (<ours> <unit> / <theirs> <unit>)`. */
export function ratioLine(name: string, unit: string, ours: number, theirs: number): string {
  const ratio = (ours / theirs).toFixed(3);
  return `RATIO ${name} ${ratio} (${format(ours)} ${unit} / ${format(theirs)} ${unit})`;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  const lower = sorted[sorted.length % 2 === 1 ? middle : middle - 1];
  if (upper === undefined || lower === undefined) throw new Error('a median of nothing');
  return (lower + upper) / 2;
}

/** Runs a program to its end; its last line of output is the measurement as JSON. */
export function measureProcess(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Measurement {
  const result = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26, env });
  if (result.error) throw new Error(`cannot run ${command}`, { cause: result.error });
  const lastLine = result.stdout.trim().split('\n').at(-1) ?? '';
  if (result.status !== 0 || !lastLine.startsWith('{')) {
    const why = result.signal ?? `exit code ${result.status}`;
    throw new Error(`${command} ${args.join(' ')}: ${why}\n${result.stderr}${result.stdout}`);
  }
  return JSON.parse(lastLine) as Measurement;
}

/** Wall time of a command from its start to its end; what it prints goes nowhere. */
export function timeCommand(command: string, args: readonly string[]): Measurement {
  const start = performance.now();
  const result = spawnSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const cost = (performance.now() - start) / 1000;
  if (result.error) throw new Error(`cannot run ${command}`, { cause: result.error });
  if (result.status !== 0) {
    const why = result.signal ?? `exit code ${result.status}`;
    throw new Error(`${command} ${args.join(' ')}: ${why}\n${result.stderr}`);
  }
  return { cost };
}

/** What a command took from its start to its end. */
export interface CommandCost {
  readonly seconds: number;
  /** Peak of its anonymous memory: without files that are mapped, which the kernel can drop. */
  readonly anonymousBytes: number;
}

const POLL_MS = 10;

/** Runs a command; what it prints goes nowhere. */
export async function watchCommand(command: string, args: readonly string[]): Promise<CommandCost> {
  const start = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  let anonymousBytes = 0;
  const poll = setInterval(() => {
    anonymousBytes = Math.max(anonymousBytes, anonymousBytesOf(child.pid ?? 0));
  }, POLL_MS);
  try {
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject).once('exit', resolve);
    });
    if (status !== 0) throw new Error(`${command} ${args.join(' ')}: exit code ${status}`);
  } finally {
    clearInterval(poll);
  }
  return { seconds: (performance.now() - start) / 1000, anonymousBytes };
}

function anonymousBytesOf(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    // It has just ended.
    return 0;
  }
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function costs(measurements: readonly Measurement[]): number[] {
  return measurements.map(({ cost }) => cost);
}

function cpuMedian(measurements: readonly Measurement[]): number | undefined {
  const all = measurements.map(({ cpuSeconds }) => cpuSeconds);
  const known = all.filter((seconds) => seconds !== undefined);
  return known.length === all.length ? median(known) : undefined;
}

function describe(measurement: Measurement | undefined): string {
  return measurement === undefined ? '-' : format(measurement.cost);
}

/** Three digits at least, and no exponent. */
function format(value: number): string {
  return value >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(4)));
}

function positiveNumber(name: string, fallback: number): number {
  const text = process.env[name];
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (!(value > 0)) throw new Error(`${name} must be a number above 0, not ${text}`);
  return value;
}

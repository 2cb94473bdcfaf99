import { spawn, spawnSync, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';

/** Who a child runs as: the name of a system user, which needs root, or undefined for ourselves. */
export interface ChildOptions extends SpawnOptions {
  user?: string | undefined;
}

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * Starts a process that cannot outlive this one: the kernel sends it SIGKILL when we die, however
 * that happens (`setpriv --pdeathsig`, util-linux), and an orderly exit of ours kills it too.
 */
export function spawnTied(
  command: string,
  args: readonly string[],
  options: ChildOptions = {},
): ChildProcess {
  const { user, ...spawnOptions } = options;
  const child = spawn(
    'setpriv',
    [...asUser(user), '--pdeathsig', 'KILL', '--', command, ...args],
    spawnOptions,
  );
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** Options of `setpriv` that make the command run as another user, in that user's own group. */
function asUser(user: string | undefined): string[] {
  if (user === undefined) return [];
  const group = spawnSync('id', ['-g', user], { encoding: 'utf8' }).stdout.trim();
  return [`--reuid=${user}`, `--regid=${group}`, '--clear-groups'];
}

/** Resolves when the child has ended; at once when it already has. */
export function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

/** Runs a command to its end and returns its stdout; anything but exit code 0 throws with its stderr. */
export function run(
  command: string,
  args: readonly string[],
  options: ChildOptions & { input?: string } = {},
): string {
  const { user, ...spawnOptions } = options;
  const [file, argv] =
    user === undefined ? [command, args] : ['setpriv', [...asUser(user), '--', command, ...args]];
  const result = spawnSync(file, argv, {
    ...spawnOptions,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (result.error) throw new Error(`cannot run ${command}`, { cause: result.error });
  if (result.status !== 0) {
    const why = result.signal ?? `exit code ${result.status}`;
    throw new Error(`${command} ${args.join(' ')}: ${why}\n${result.stderr}${result.stdout}`);
  }
  return result.stdout;
}

/** Process ids of the direct children, from /proc. */
export function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((candidate) => parentOf(candidate) === pid);
}

function parentOf(pid: number): number | undefined {
  try {
    // The command name is in brackets and may hold blanks; the parent is the second field after it.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}

/** Whether the process exists and is not a zombie. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat[stat.lastIndexOf(')') + 2] !== 'Z';
  } catch {
    return false;
  }
}

/** Memory of a process in bytes: resident now, resident at most ever, and what is not file-backed. */
export interface Memory {
  rssBytes: number;
  peakRssBytes: number;
  anonymousBytes: number;
}

export function memoryOf(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): number => {
    const match = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status);
    if (!match) throw new Error(`/proc/${pid}/status has no ${name}`);
    return Number(match[1]) * 1024;
  };
  return {
    rssBytes: field('VmRSS'),
    peakRssBytes: field('VmHWM'),
    anonymousBytes: field('RssAnon'),
  };
}

/** Makes Linux begin the peak of a process anew, with what is resident now. */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { bundleServer } from '../../bundle.ts';
import { v8Limits } from '../../executable.ts';
import { spawnTied } from '../../support/processes.ts';
import { repositoryRoot } from '../../support/repository.ts';

const TICKS_PER_SECOND = 100;

/** Files of our side: the scraper and the code of its worker threads, bundled as in the plugin. */
export interface Programs {
  readonly main: string;
  readonly worker: string;
}

/** Bundles our side into `dir`: unbundled, Node's type stripping would count as memory of ours. */
export async function bundleOurs(dir: string): Promise<Programs> {
  const main = join(import.meta.dirname, 'scraper.ts');
  const worker = join(repositoryRoot, 'server', 'src', 'worker.ts');
  const bundle = await bundleServer({ main, worker });
  const programs = { main: join(dir, 'scraper.cjs'), worker: join(dir, 'worker.cjs') };
  writeFileSync(programs.main, bundle.main);
  writeFileSync(programs.worker, bundle.worker);
  return programs;
}

/** Starts a program that speaks through messages, with the limits of the executable. */
export function fork(script: string, args: readonly (string | number)[]): ChildProcess {
  return spawnTied(process.execPath, [...v8Limits, script, ...args.map(String)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

/** The next message of a forked program, after a question if there is one. */
export async function hear<T>(child: ChildProcess, question?: string): Promise<T> {
  const heard = new AbortController();
  const { signal } = heard;
  const ended = once(child, 'exit', { signal }).then(() => {
    throw new Error('a program of the benchmark has ended');
  });
  const answer = once(child, 'message', { signal });
  if (question !== undefined) child.send(question);
  const [message] = (await Promise.race([answer, ended])) as [T];
  heard.abort();
  return message;
}

/** CPU time of a process with all its threads, those that have ended included; to 10 ms. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** CPU time of the threads that a process has now, to the nanosecond. */
export function threadSeconds(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const seconds = tasks.map((task) => {
    const [onCpuNs] = readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'latin1').split(' ');
    return Number(onCpuNs) / 1e9;
  });
  return seconds.reduce((sum, one) => sum + one, 0);
}

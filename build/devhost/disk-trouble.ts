// A disk that is slow or full, for one process that runs: the kernel lets its system calls wait, or
// answers that there is no space. `strace` does it, so nothing in the program or its files is changed.
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';

import { ended, spawnTied } from '../support/processes.ts';
import { requireTool, tools } from '../support/tools.ts';
import { waitUntil } from '../support/wait.ts';

/**
 * - `slow`: each read, write, sync, rename and removal takes 100 ms more, on whichever disk.
 * - `full`: no file takes another byte, those of the file store on a mount neither.
 */
export type DiskFault = 'slow' | 'full';

// All that the plugin writes to files is written at a position; sockets and pipes know none.
const injections: Readonly<Record<DiskFault, string>> = {
  slow: 'pread64,pwrite64,fsync,fdatasync,ftruncate,rename,unlink:delay_enter=100ms',
  full: 'pwrite64:error=ENOSPC',
};

/** What is wrong with the disk of one process. */
export class DiskTrouble {
  #tracer: ChildProcess | undefined;
  #fault: DiskFault | undefined;

  /** undefined: it works. */
  get fault(): DiskFault | undefined {
    return this.#fault;
  }

  async begin(pid: number, fault: DiskFault): Promise<void> {
    await this.end();
    const injection = injections[fault];
    const [calls] = injection.split(':');
    const strace = requireTool(tools.strace);
    this.#tracer = spawnTied(
      strace,
      ['-f', '-qq', '-o', '/dev/null', '-e', `trace=${calls}`]
        .concat(['-e', `inject=${injection}`])
        .concat(['-p', String(pid)]),
      { stdio: 'ignore' },
    );
    this.#fault = fault;
    await waitUntil('strace has the process', () => isTraced(pid));
  }

  /** The disk works again; fine when it does. */
  async end(): Promise<void> {
    this.#fault = undefined;
    const tracer = this.#tracer;
    this.#tracer = undefined;
    if (tracer === undefined) return;
    // It lets the process go as it leaves.
    tracer.kill('SIGTERM');
    await ended(tracer);
  }
}

/** A process that ended meanwhile has no disk that could fail. */
function isTraced(pid: number): boolean {
  try {
    return !/^TracerPid:\s*0$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return true;
  }
}

import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';

import type { Duplex } from '../../../server/src/base/ports/duplex.ts';
import { listenUnixSocket } from '../../../server/src/platform/unix-socket.ts';
import { goBuild } from '../../support/go.ts';
import { temporaryDir } from '../../support/temporary.ts';

let program: string | undefined;

/** Path of the Go program in peer/, built on first use. */
export function peerProgram(): string {
  program ??= goBuild({ dir: join(import.meta.dirname, 'peer'), name: 'goplugin-peer' });
  return program;
}

/** Runs the Go program; resolves when it has ended well, rejects with what it said otherwise. */
export function runPeer(
  args: readonly string[],
  onStart?: (child: ChildProcess) => void,
): Promise<void> {
  const child = spawn(peerProgram(), args, { stdio: ['ignore', 'pipe', 'pipe'] });
  onStart?.(child);
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0 && said.endsWith('ok\n')) resolve();
      else reject(new Error(`peer ${args.join(' ')}: exit code ${code}\n${said.slice(-4000)}`));
    });
  });
}

/** Starts the Go program with a socket as its last argument, and takes its connection. */
export async function connectPeer(
  args: readonly string[],
): Promise<{ socket: Duplex; done: Promise<void> }> {
  const listener = await listenUnixSocket(join(temporaryDir('peer'), 'socket'));
  const done = runPeer([...args, listener.path]);
  const socket = await Promise.race([listener.accept(), done.then(() => undefined)]);
  await listener.close();
  if (socket === undefined) throw new Error('the Go program did not connect');
  return { socket, done };
}

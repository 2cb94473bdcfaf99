import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { PluginProcess } from '../base/ports/plugin-process.ts';
import type { SocketListener } from '../base/ports/socket-listener.ts';
import { listenUnixSocket } from './unix-socket.ts';

// The real outputs, whatever `captureOutput` does to the streams later.
const realOutputs = {
  stdout: process.stdout.write.bind(process.stdout),
  stderr: process.stderr.write.bind(process.stderr),
};

/** This process, for the go-plugin layer. */
export const pluginProcess: PluginProcess = {
  env: process.env,
  parentId: () => process.ppid,
  writeStdout: (text) => writeAll('stdout', text),
  writeStderr: (text) => writeAll('stderr', text),
  listen,
  onSignal: (signal, handler) => {
    process.on(signal, handler);
    return () => process.off(signal, handler);
  },
  captureOutput,
};

/** A name as Go's CreateTemp makes it; an existing file of that name is an error, not replaced. */
function listen(dir: string = tmpdir()): Promise<SocketListener> {
  return listenUnixSocket(join(dir, `plugin${randomBytes(6).toString('hex')}`));
}

function writeAll(output: 'stdout' | 'stderr', text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    realOutputs[output](text, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

function captureOutput(
  output: 'stdout' | 'stderr',
  take: (bytes: Uint8Array) => boolean,
): () => void {
  const stream = process[output];
  const usual = realOutputs[output];
  const captured = (
    chunk: Uint8Array | string,
    encodingOrDone?: BufferEncoding | ((error?: Error | null) => void),
    done?: (error?: Error | null) => void,
  ): boolean => {
    const encoding = typeof encodingOrDone === 'string' ? encodingOrDone : undefined;
    const callback = typeof encodingOrDone === 'function' ? encodingOrDone : done;
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk;
    if (!take(bytes)) return usual(bytes, undefined, callback);
    if (callback !== undefined) process.nextTick(callback);
    return true;
  };
  stream.write = captured;
  return () => {
    stream.write = usual;
  };
}

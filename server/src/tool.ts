#!/usr/bin/env node
// The command-line tool: constructs what the machine offers and runs one command. No logic here.

import { once } from 'node:events';
import { fstatSync, write, writeSync } from 'node:fs';
import { isatty } from 'node:tty';

import { CodedError, describeError } from './base/errors.ts';
import type { Logger } from './base/log.ts';
import { diskFs } from './platform/disk-fs.ts';
import { exitProcess } from './platform/exit-process.ts';
import { systemClock } from './platform/system-clock.ts';
import { WorkerPool } from './platform/worker-pool.ts';
import { Progress } from './tool/progress.ts';
import { type ByteSink, TextOutput } from './tool/text-output.ts';
import { runTool } from './tool/tool.ts';

/** How long a command may take to end after a signal. */
const STOP_TIMEOUT_MS = 5_000;

const STDOUT = 1;
const STDERR = 2;

/** Files are written by other threads while the next buffer is filled; pipes and terminals are not. */
const stdout: ByteSink = fstatSync(STDOUT).isFile() ? { write: writeFile } : { write: writeStream };

async function writeFile(bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await writeSome(bytes.subarray(at));
}

function writeSome(bytes: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    write(STDOUT, bytes, (error, count) => {
      if (error === null) resolve(count);
      else reject(error);
    });
  });
}

function writeStream(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(bytes, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

function warn(line: string): void {
  writeSync(STDERR, `${line}\n`);
}

const logger: Logger = {
  debug: () => {},
  info: () => {},
  warn: (message, fields) => warn(logLine(message, fields)),
  error: (message, fields) => warn(logLine(message, fields)),
};

function logLine(message: string, fields: object = {}): string {
  const pairs = Object.entries(fields).map(([key, value]) => `${key}=${describeError(value)}`);
  return [message, ...pairs].join(' ');
}

/** Resolves some time after the signal: a command that waits for a disk that hangs does not hear it. */
async function stopped(signal: AbortSignal): Promise<number> {
  await once(signal, 'abort');
  await new Promise((resolve) => setTimeout(resolve, STOP_TIMEOUT_MS));
  warn(`stopped by a signal; the command has not ended within ${STOP_TIMEOUT_MS / 1000} s`);
  return 1;
}

/** @param args the command and what belongs to it */
export async function main(args: readonly string[]): Promise<void> {
  // Whoever writes gets the error as well.
  process.stdout.on('error', () => undefined);
  const stop = new AbortController();
  const onSignal = (): void => stop.abort(new CodedError('ERR_CANCELLED', 'stopped by a signal'));
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const show = isatty(STDERR) ? (text: string): void => void writeSync(STDERR, text) : undefined;
  const tasks = new WorkerPool();
  const run = runTool(
    args[0] === 'tsdb' ? args.slice(1) : args,
    {
      fs: diskFs,
      clock: systemClock,
      logger,
      tasks,
      out: new TextOutput(stdout),
      progress: new Progress(systemClock, show),
      signal: stop.signal,
    },
    warn,
  );
  await exitProcess(await Promise.race([run, stopped(stop.signal)]), [tasks]);
}

if (import.meta.main) void main(process.argv.slice(2));

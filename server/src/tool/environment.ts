import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Fs } from '../base/ports/fs.ts';
import type { TaskRunner } from '../base/ports/task-runner.ts';
import { ReadOnlyDb } from '../tsdb/index.ts';
import type { Progress } from './progress.ts';
import type { TextOutput } from './text-output.ts';

/** The tool is run for whole stores: texts of 4 million labels, some 300 MiB at the very most. */
const SYMBOLS_CACHED_MAX = 4 * 1024 * 1024;

/** What commands work with. */
export interface ToolEnvironment {
  readonly fs: Fs;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tasks: TaskRunner;
  readonly out: TextOutput;
  readonly progress: Progress;
  /** Ends the command early. */
  readonly signal: AbortSignal;
}

export type Command = (args: readonly string[], env: ToolEnvironment) => Promise<void>;

/** Where `promtool` looks as well when no folder is named. */
export const DEFAULT_DB_DIR = 'data/';

/** Runs `use` on the database folder `dir`, which is not changed. */
export async function withDb<T>(
  { fs, clock, logger }: ToolEnvironment,
  dir: string,
  use: (db: ReadOnlyDb) => Promise<T>,
): Promise<T> {
  const symbolsCachedMax = SYMBOLS_CACHED_MAX;
  const options = { fs, clock, logger, dir: withoutSlash(dir), symbolsCachedMax };
  const db = await ReadOnlyDb.open(options);
  try {
    return await use(db);
  } finally {
    await db.close();
  }
}

export function withoutSlash(dir: string): string {
  return dir.length > 1 && dir.endsWith('/') ? dir.slice(0, -1) : dir;
}

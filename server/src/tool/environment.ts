import type { Clock } from '../base/clock.ts';
import { CodedError, describeError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Fs } from '../base/ports/fs.ts';
import type { TaskRunner } from '../base/ports/task-runner.ts';
import { ReadOnlyDb, type UnreadableBlock } from '../tsdb/index.ts';
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

/** Blocks that could not be read, or not all of them, by their names. They grow as more is read. */
export type LeftOut = ReadonlyMap<string, UnreadableBlock>;

/**
 * Runs `use` on the database folder `dir`, which is not changed. What cannot be read of it is left out
 * and named in a warning.
 */
export async function withDb<T>(
  { fs, clock, logger }: ToolEnvironment,
  dir: string,
  use: (db: ReadOnlyDb, leftOut: LeftOut) => Promise<T>,
): Promise<T> {
  const leftOut = new Map<string, UnreadableBlock>();
  const db = await ReadOnlyDb.open({
    fs,
    clock,
    logger,
    dir: withoutSlash(dir),
    symbolsCachedMax: SYMBOLS_CACHED_MAX,
    onUnreadable: (block) => {
      leftOut.set(block.ulid, block);
      warnLeftOut(logger, block);
    },
  });
  try {
    return await use(db, leftOut);
  } finally {
    await db.close();
  }
}

export function warnLeftOut(logger: Logger, { ulid, error, isUnfinished }: UnreadableBlock): void {
  if (isUnfinished) logger.warn(`block ${ulid} is left out: it is unfinished, without a meta.json`);
  else logger.warn(`block ${ulid} is left out, all or in part: ${describeError(error)}`);
}

/**
 * `ERR_BLOCKS_DAMAGED` when something is missing because it cannot be read. An unfinished block is
 * normal while it is made or uploaded.
 */
export function failWhenDamaged(leftOut: LeftOut): void {
  const damaged = [...leftOut.values()].filter(({ isUnfinished }) => !isUnfinished);
  if (damaged.length === 0) return;
  const ulids = damaged.map(({ ulid }) => ulid).join(', ');
  throw new CodedError('ERR_BLOCKS_DAMAGED', `not all could be read of: ${ulids}`);
}

export function withoutSlash(dir: string): string {
  return dir.length > 1 && dir.endsWith('/') ? dir.slice(0, -1) : dir;
}

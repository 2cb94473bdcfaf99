import { makeUlid } from '../model/ulid.ts';
import type { DirLock } from '../base/ports/fs.ts';
import { CodedError } from '../base/errors.ts';
import {
  type BlockMeta,
  firstOverlap,
  mergeTask,
  planMerge,
  ReadOnlyDb,
  removeBlock,
  type UnreadableBlock,
  verifyBlock,
} from '../tsdb/index.ts';
import { parseArguments } from './arguments.ts';
import {
  DEFAULT_DB_DIR,
  failWhenDamaged,
  type ToolEnvironment,
  warnLeftOut,
  withoutSlash,
} from './environment.ts';

const HOUR_MS = 3_600_000;
/** Each range holds three of the one before, as Prometheus has them. */
const RANGE_FACTOR = 3;
const FIRST_RANGE_MS = 2 * HOUR_MS;
const MAX_RANGE_MS = 6 * HOUR_MS;

/**
 * `merge [--max-range=6h] [--overlapping] [<db path>]`: merges the blocks of a database that nobody
 * else uses, until nothing is left to do. Blocks go once the one that holds their samples is there.
 */
export async function merge(args: readonly string[], env: ToolEnvironment): Promise<void> {
  const { numbers, switches, positionals } = parseArguments(args, {
    flags: { 'max-range': { kind: 'duration' }, overlapping: { kind: 'switch' } },
    positionals: ['[db path]'],
  });
  const dir = withoutSlash(positionals[0] ?? DEFAULT_DB_DIR);
  const rangesMs = rangesUpTo(numbers.get('max-range') ?? MAX_RANGE_MS);
  const leftOut = new Map<string, UnreadableBlock>();
  const lock: DirLock = await env.fs.lockDir(dir);
  try {
    while (await mergeOnce(dir, rangesMs, switches.has('overlapping'), env, leftOut));
  } finally {
    await lock.release();
  }
  failWhenDamaged(leftOut);
}

function rangesUpTo(maxRangeMs: number): number[] {
  const ranges = [FIRST_RANGE_MS];
  for (let range = FIRST_RANGE_MS; range < maxRangeMs;) {
    range = Math.min(range * RANGE_FACTOR, maxRangeMs);
    ranges.push(range);
  }
  return ranges;
}

/**
 * Whether there was something to do.
 * @param leftOut blocks that cannot be merged; those around them are
 */
async function mergeOnce(
  dir: string,
  rangesMs: readonly number[],
  onlyOverlapping: boolean,
  env: ToolEnvironment,
  leftOut: Map<string, UnreadableBlock>,
): Promise<boolean> {
  const { fs, clock, logger, signal, tasks } = env;
  const onUnreadable = (block: UnreadableBlock): void => {
    if (!leftOut.has(block.ulid)) warnLeftOut(logger, block);
    leftOut.set(block.ulid, block);
  };
  const db = await ReadOnlyDb.open({ fs, clock, logger, dir, onUnreadable });
  await db.close();
  const metas = db.blocks.map(({ meta }) => meta).filter(({ ulid }) => !leftOut.has(ulid));
  const planned = onlyOverlapping ? firstOverlap(metas) : planMerge(metas, rangesMs);
  if (planned.length === 0) return false;
  const ulids = planned.map(({ ulid }) => ulid);
  const blockDirs = ulids.map((ulid) => `${dir}/${ulid}`);
  const input = { blockDirs, parentDir: dir, ulid: makeUlid(clock.nowMs()) };
  let merged;
  try {
    merged = await tasks.run(mergeTask, input, { signal });
    checkCount(planned, merged);
  } catch (error) {
    if (merged !== undefined) await removeBlock(fs, `${dir}/${merged.ulid}`);
    const damaged = await damagedOf(dir, ulids, env);
    if (damaged.length === 0) throw error;
    damaged.forEach(onUnreadable);
    return true;
  }
  for (const blockDir of blockDirs) await removeBlock(fs, blockDir);
  env.out.text(`${ulids.join(' ')} -> ${merged?.ulid ?? 'nothing: all samples are deleted'}\n`);
  await env.out.flush();
  return true;
}

/** Sources go only when their samples are in the merged block: a meta.json may have wrong times. */
function checkCount(sources: readonly BlockMeta[], merged: BlockMeta | undefined): void {
  const hasDeletions = sources.some(({ stats }) => (stats.numTombstones ?? 0) > 0);
  if (hasDeletions || firstOverlap(sources).length > 0) return;
  const expected = sources.reduce((sum, { stats }) => sum + stats.numSamples, 0);
  const found = merged?.stats.numSamples ?? 0;
  if (found === expected) return;
  const ulids = sources.map(({ ulid }) => ulid).join(', ');
  const message = 'blocks are not merged: together they do not hold what they say';
  throw new CodedError('ERR_BLOCK_STATS', message, { ulids, expected, found });
}

/** Those of the blocks that are not whole. */
async function damagedOf(
  dir: string,
  ulids: readonly string[],
  { fs, signal }: ToolEnvironment,
): Promise<UnreadableBlock[]> {
  const damaged: UnreadableBlock[] = [];
  for (const ulid of ulids) {
    signal.throwIfAborted();
    try {
      await verifyBlock(fs, `${dir}/${ulid}`);
    } catch (error) {
      damaged.push({ ulid, error, isUnfinished: false });
    }
  }
  return damaged;
}

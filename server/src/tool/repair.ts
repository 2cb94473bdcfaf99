import { CodedError, describeError, hasCode } from '../base/errors.ts';
import { makeUlid, isUlid } from '../model/ulid.ts';
import { Db, salvageBlock, verifyBlock } from '../tsdb/index.ts';
import { parseArguments } from './arguments.ts';
import { DEFAULT_DB_DIR, type ToolEnvironment, withoutSlash } from './environment.ts';

/**
 * `repair [<db path>]`: makes a database that nobody else uses readable again. Of a damaged block a new
 * one is made with all that can be read; the log is ended before its damage. What was damaged is kept
 * under another name.
 */
export async function repair(args: readonly string[], env: ToolEnvironment): Promise<void> {
  const { positionals } = parseArguments(args, { positionals: ['[db path]'] });
  const dir = withoutSlash(positionals[0] ?? DEFAULT_DB_DIR);
  const { fs } = env;
  const denied: string[] = [];
  const lock = await fs.lockDir(dir);
  try {
    for (const { name, isDirectory } of await fs.list(dir)) {
      if (!isDirectory || !isUlid(name)) continue;
      env.signal.throwIfAborted();
      env.progress.update(() => name);
      if (!(await repairBlock(dir, name, env))) denied.push(name);
    }
  } finally {
    await lock.release();
  }
  await repairLog(dir, env);
  if (denied.length > 0) {
    throw new CodedError('ERR_BLOCKS_DAMAGED', `blocks cannot be read: ${denied.join(', ')}`, {
      dir,
    });
  }
}

async function repairLog(dir: string, env: ToolEnvironment): Promise<void> {
  const { fs, clock, tasks } = env;
  if ((await fs.stat(`${dir}/wal`)) === undefined) return;
  // Opening it cuts the log where it is damaged, and says so.
  const logger = { ...env.logger, info: env.logger.warn };
  const db = await Db.open({ fs, dir, clock, logger, tasks, maintenanceIntervalMs: 0 });
  await db.close();
  const { corruptions } = db.walStats();
  env.out.text(corruptions === 0 ? 'wal ok\n' : 'wal ended before its damage\n');
}

/** Whether the block is whole now. One that nobody may read is no damaged one. */
async function repairBlock(dir: string, name: string, env: ToolEnvironment): Promise<boolean> {
  const { fs, clock, out, signal } = env;
  const blockDir = `${dir}/${name}`;
  let damage: unknown;
  try {
    await verifyBlock(fs, blockDir);
    out.text(`${name} ok\n`);
    return true;
  } catch (error) {
    damage = error;
  }
  if (isDenied(damage)) {
    out.text(`${name} cannot be read, and is left alone: ${describeError(damage)}\n`);
    return false;
  }
  const ulid = makeUlid(clock.nowMs());
  const salvaged = await salvageBlock(fs, blockDir, name, dir, ulid, signal);
  const { meta, lostChunks, expectedSamples } = salvaged;
  const aside = `${blockDir}.damaged-${clock.nowMs()}`;
  await fs.rename(blockDir, aside);
  await fs.syncDir(dir);
  const kept = meta?.stats.numSamples ?? 0;
  const of = expectedSamples === undefined ? '' : ` of ${expectedSamples}`;
  out.text(`${name} DAMAGED: ${describeError(damage)}\n`);
  out.text(`  -> ${meta?.ulid ?? 'nothing'}: ${kept}${of} samples, ${lostChunks} chunks lost\n`);
  out.text(`  the damaged block is kept as ${aside}\n`);
  return true;
}

function isDenied(error: unknown): boolean {
  if (hasCode(error, 'ERR_FS_DENIED')) return true;
  return error instanceof Error && error.cause !== undefined && isDenied(error.cause);
}

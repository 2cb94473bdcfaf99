import { describeError } from '../base/errors.ts';
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
  const { fs, clock, tasks } = env;
  const lock = await fs.lockDir(dir);
  try {
    for (const { name, isDirectory } of await fs.list(dir)) {
      if (!isDirectory || !isUlid(name)) continue;
      env.signal.throwIfAborted();
      env.progress.update(() => name);
      await repairBlock(dir, name, env);
    }
  } finally {
    await lock.release();
  }
  if ((await fs.stat(`${dir}/wal`)) === undefined) return;
  // Opening it cuts the log where it is damaged, and says so.
  const logger = { ...env.logger, info: env.logger.warn };
  const db = await Db.open({ fs, dir, clock, logger, tasks, maintenanceIntervalMs: 0 });
  await db.close();
  const { corruptions } = db.walStats();
  env.out.text(corruptions === 0 ? 'wal ok\n' : 'wal ended before its damage\n');
}

async function repairBlock(dir: string, name: string, env: ToolEnvironment): Promise<void> {
  const { fs, clock, out, signal } = env;
  const blockDir = `${dir}/${name}`;
  let damage: unknown;
  try {
    await verifyBlock(fs, blockDir);
    out.text(`${name} ok\n`);
    return;
  } catch (error) {
    damage = error;
  }
  const ulid = makeUlid(clock.nowMs());
  const { meta, lostChunks, expectedSamples } = await salvageBlock(fs, blockDir, dir, ulid, signal);
  const aside = `${blockDir}.damaged-${clock.nowMs()}`;
  await fs.rename(blockDir, aside);
  await fs.syncDir(dir);
  const kept = meta?.stats.numSamples ?? 0;
  const of = expectedSamples === undefined ? '' : ` of ${expectedSamples}`;
  out.text(`${name} DAMAGED: ${describeError(damage)}\n`);
  out.text(`  -> ${meta?.ulid ?? 'nothing'}: ${kept}${of} samples, ${lostChunks} chunks lost\n`);
  out.text(`  the damaged block is kept as ${aside}\n`);
}

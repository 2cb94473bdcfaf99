import { CodedError, describeError } from '../base/errors.ts';
import { isUlid } from '../model/ulid.ts';
import { verifyBlock } from '../tsdb/index.ts';
import { parseArguments } from './arguments.ts';
import { DEFAULT_DB_DIR, type ToolEnvironment, withoutSlash } from './environment.ts';

/**
 * `verify [<db path>]`: reads all blocks, with the checksums of series, chunks, tombstones and the
 * table of contents, and counts whether there is as much in a block as it says. One line each; `ERR_BLOCKS_DAMAGED` at the end when one is damaged.
 */
export async function verify(args: readonly string[], env: ToolEnvironment): Promise<void> {
  const { positionals } = parseArguments(args, { positionals: ['[db path]'] });
  const dir = withoutSlash(positionals[0] ?? DEFAULT_DB_DIR);
  let damaged = 0;
  for (const { name, isDirectory } of await env.fs.list(dir)) {
    if (!isDirectory || !isUlid(name)) continue;
    env.signal.throwIfAborted();
    env.progress.update(() => name);
    try {
      const { stats } = await verifyBlock(env.fs, `${dir}/${name}`);
      env.out.text(`${name} ok: ${stats.numSeries} series, ${stats.numSamples} samples\n`);
    } catch (error) {
      damaged++;
      env.out.text(`${name} DAMAGED: ${describeError(error)}\n`);
    }
  }
  if (damaged > 0)
    throw new CodedError('ERR_BLOCKS_DAMAGED', `${damaged} blocks are damaged`, { dir });
}

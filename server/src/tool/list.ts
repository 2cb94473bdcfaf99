import { parseArguments } from './arguments.ts';
import { BLOCK_HEADER, blockRow } from './block-table.ts';
import { DEFAULT_DB_DIR, type ToolEnvironment, warnLeftOut, withDb } from './environment.ts';
import { formatTable } from './go-format.ts';

/** `list [-r] [<db path>]`: the blocks of a database. */
export async function list(args: readonly string[], env: ToolEnvironment): Promise<void> {
  const { switches, positionals } = parseArguments(args, {
    flags: { 'human-readable': { kind: 'switch', short: 'r' } },
    positionals: ['[db path]'],
  });
  await withDb(env, positionals[0] ?? DEFAULT_DB_DIR, async ({ blocks }) => {
    const rows = [BLOCK_HEADER];
    for (const block of blocks) {
      try {
        rows.push(await blockRow(env.fs, block, switches.has('human-readable')));
      } catch (error) {
        const { ulid } = block.meta;
        warnLeftOut(env.logger, { ulid, error, isUnfinished: false });
      }
    }
    env.out.text(formatTable(rows));
  });
}

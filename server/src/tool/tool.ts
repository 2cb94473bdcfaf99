import { codeOf, describeError } from '../base/errors.ts';
import { analyze } from './analyze.ts';
import { usageError } from './arguments.ts';
import { createBlocksFrom } from './create-blocks.ts';
import { dump, dumpOpenMetrics } from './dump.ts';
import type { Command, ToolEnvironment } from './environment.ts';
import { list } from './list.ts';
import { merge } from './merge.ts';
import { repair } from './repair.ts';
import { verify } from './verify.ts';

const COMMANDS: Readonly<Record<string, Command>> = {
  analyze,
  'create-blocks-from': createBlocksFrom,
  dump,
  'dump-openmetrics': dumpOpenMetrics,
  list,
  merge,
  repair,
  verify,
};

/** These tidy up when they are stopped. The others leave nothing behind, so a signal just ends them. */
const CHANGING_COMMANDS = new Set(['create-blocks-from', 'merge', 'repair']);

const USAGE = `usage: tsdb <command> [<args> ...]

Works on folders of Prometheus' time series database, those of this plugin included. Only
create-blocks-from, merge and repair change anything.

analyze [--limit=20] [--extended] [<db path>] [<block id>]
    What makes a block large: churn, label pairs, cardinality, fullness of chunks.
list [-r|--human-readable] [<db path>]
    The blocks.
dump [--min-time=MS] [--max-time=MS] [--match=SELECTOR ...] [<db path>]
    All samples, those of the log included; with selectors, those that one of them wants.
dump-openmetrics [--min-time=MS] [--max-time=MS] [--match=SELECTOR ...] [<db path>]
    The same as OpenMetrics text.
create-blocks-from [-r] [-q] [--strict] openmetrics [--label=NAME=VALUE ...] <input file> [<db path>]
    Blocks of the samples of an OpenMetrics text. Samples that go back in time within a block, or come
    twice with different values, are left out and counted; with --strict the first one ends it.
verify [<db path>]
    Reads everything and checks it.
repair [<db path>]
    Makes new blocks of what damaged ones still hold, and ends the log before its damage. What was
    damaged is kept under another name.
merge [--max-range=6h] [--overlapping] [<db path>]
    Merges blocks of a folder that no other process uses.

The folder is data/ when none is named. Times are in milliseconds since 1970.

Blocks that cannot be read are left out and named on stderr. dump, dump-openmetrics, verify, merge and
repair then end with 1; list and analyze of another block with 0. A block without meta.json is unfinished:
it is named and no fault, except to verify and repair, for which nobody else may be making blocks.
`;

/** Whether the command changes files, so that it must be ended in order. */
export function changesFiles([name = '']: readonly string[]): boolean {
  return CHANGING_COMMANDS.has(name);
}

/** Runs a command; resolves with the exit code of the process. Messages go to `warn`. */
export async function runTool(
  args: readonly string[],
  env: ToolEnvironment,
  warn: (line: string) => void,
): Promise<number> {
  const [name = '--help', ...rest] = args;
  try {
    if (name === '--help' || name === '-h' || name === 'help' || rest.includes('--help')) {
      env.out.text(USAGE);
    } else {
      const command = COMMANDS[name];
      if (command === undefined) throw usageError(`unknown command ${name}`);
      await command(rest, env);
    }
    env.progress.end();
    await env.out.finish();
    return 0;
  } catch (error) {
    env.progress.end();
    // Whoever reads our output has read enough.
    if (codeOf(error) === 'EPIPE') return 0;
    await env.out.finish().catch(() => undefined);
    warn(describeError(error));
    if (codeOf(error) === 'ERR_USAGE') warn('try tsdb --help');
    return 1;
  }
}

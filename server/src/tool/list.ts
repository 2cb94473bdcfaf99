import type { Fs } from '../base/ports/fs.ts';
import { parseArguments } from './arguments.ts';
import { DEFAULT_DB_DIR, type ToolEnvironment, withDb } from './environment.ts';
import { formatBytes, formatDuration, formatTable, formatTime } from './go-format.ts';

const HEADER = [
  'BLOCK ULID',
  'MIN TIME',
  'MAX TIME',
  'DURATION',
  'NUM SAMPLES',
  'NUM CHUNKS',
  'NUM SERIES',
  'SIZE',
];

/** `list [-r] [<db path>]`: the blocks of a database. */
export async function list(args: readonly string[], env: ToolEnvironment): Promise<void> {
  const { switches, positionals } = parseArguments(args, {
    flags: { 'human-readable': { kind: 'switch', short: 'r' } },
    positionals: ['[db path]'],
  });
  const isHuman = switches.has('human-readable');
  const time = (timeMs: number): string => (isHuman ? formatTime(timeMs) : String(timeMs));
  await withDb(env, positionals[0] ?? DEFAULT_DB_DIR, async ({ blocks }) => {
    const rows = [HEADER];
    for (const { dir, meta } of blocks) {
      const sizeBytes = await blockBytes(env.fs, dir);
      rows.push([
        meta.ulid,
        time(meta.minTime),
        time(meta.maxTime),
        formatDuration(meta.maxTime - meta.minTime),
        String(meta.stats.numSamples),
        String(meta.stats.numChunks),
        String(meta.stats.numSeries),
        isHuman ? formatBytes(sizeBytes) : String(sizeBytes),
      ]);
    }
    env.out.text(formatTable(rows));
  });
}

async function blockBytes(fs: Fs, dir: string): Promise<number> {
  let total = 0;
  for (const { name, isDirectory } of await fs.list(dir)) {
    const path = `${dir}/${name}`;
    total += isDirectory ? await blockBytes(fs, path) : ((await fs.stat(path))?.sizeBytes ?? 0);
  }
  return total;
}

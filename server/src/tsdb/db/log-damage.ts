import { describeError } from '../../base/errors.ts';
import type { Fs } from '../../base/ports/fs.ts';
import type { FoundDamage } from '../head/replay.ts';
import { listSetAside } from '../wal/repair.ts';
import type { LogDamage } from './options.ts';

/** What there is to tell about damage of the log: as long as its remains are there, also later on. */
export async function logDamage(
  fs: Fs,
  walDir: string,
  found: FoundDamage | undefined,
): Promise<LogDamage | undefined> {
  const setAside = await listSetAside(fs, walDir);
  const foundMs = Math.max(0, ...setAside.map(({ timeMs }) => timeMs));
  const paths = setAside.map(({ path }) => path);
  if (found === undefined) {
    if (paths.length === 0) return undefined;
    return { reason: undefined, foundMs, newestMs: undefined, keptAside: paths };
  }
  const { error, newestMs, keptAside } = found;
  const all = [...new Set([...keptAside, ...paths])];
  return { reason: describeError(error), foundMs, newestMs, keptAside: all };
}

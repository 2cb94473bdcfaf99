import type { Warning } from '../services/health/warning-board.ts';
import type { LogDamage } from '../tsdb/index.ts';

/** What an administrator should know of samples that were lost with a damaged log. */
export function logDamageWarning(damage: LogDamage | undefined): Omit<Warning, 'code'> | undefined {
  if (damage === undefined) return undefined;
  const { reason, foundMs, newestMs, keptAside } = damage;
  const since = newestMs === undefined ? '' : ` after ${isoTime(newestMs)}`;
  if (keptAside.length === 0) {
    return {
      message: `A part of the log of the newest samples is gone (${reason ?? 'no reason is known'}). What it held is missing from the database.`,
      action: 'Check the disk, and whether somebody has removed files from the TSDB Path.',
    };
  }
  const what =
    reason === undefined
      ? `was damaged at the start of ${isoTime(foundMs)}, and what followed the damage is missing`
      : `was damaged (${reason}), and what was collected${since} until the last stop is missing`;
  return {
    message: `The log of the newest samples ${what} from the database.`,
    action:
      `Check the disk. What was cut off is kept in ${keptAside.join(', ')}; remove it when nobody ` +
      'wants to examine it, and this warning ends with the next start.',
  };
}

function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/\.\d+Z$/, 'Z');
}

import type { Warning } from '../services/health/warning-board.ts';

/** Keys that a warning names; the key-value store has all. */
const NAMED_MAX = 3;

/** @param keys where the damaged parts of the list of jobs are kept */
export function setAsideWarning(keys: readonly string[]): Omit<Warning, 'code'> | undefined {
  if (keys.length === 0) return undefined;
  const more = keys.length > NAMED_MAX ? ` and ${keys.length - NAMED_MAX} more` : '';
  return {
    message:
      'The list of dump jobs was damaged, and a new one begun with what could be read. What could ' +
      `not is kept in the plugin’s key-value store under ${keys.slice(0, NAMED_MAX).join(', ')}${more}.`,
    action:
      'The dumps of lost jobs stay in the file store. Delete all dumps to discard what was set aside; ' +
      'files that no job is about are removed a day later.',
  };
}

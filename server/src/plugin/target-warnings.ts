import type { TargetList } from '../services/discovery/index.ts';
import type { scrapeWarnings } from './scrape-warnings.ts';

type Verdict = ReturnType<typeof scrapeWarnings>[number];

/** Of each kind; who corrects these sees the others. */
const SHOWN_MAX = 5;

/** What an administrator should know about what is scraped, one verdict for each code there is. */
export function targetWarnings({
  leftOut,
  alike,
}: Pick<TargetList, 'leftOut' | 'alike'>): Verdict[] {
  return [
    {
      code: 'targets_left_out',
      warning:
        leftOut.length === 0
          ? undefined
          : {
              message: `Some targets are not scraped, while the others are: ${listOf(leftOut)}.`,
              action:
                'Correct what is named. Cluster nodes are named by ClusterSettings.OverrideHostname ' +
                'or by their machines.',
            },
    },
    {
      code: 'targets_alike',
      warning:
        alike.length === 0
          ? undefined
          : {
              message: `Targets have the same labels, so their samples mix: ${listOf(alike)}.`,
              action: 'Give each line of ExtraTargets an instance=… of its own.',
            },
    },
  ];
}

function listOf(texts: readonly string[]): string {
  const more = texts.length - SHOWN_MAX;
  const shown = texts.slice(0, SHOWN_MAX).join('; ');
  return more > 0 ? `${shown}; and ${more} more` : shown;
}

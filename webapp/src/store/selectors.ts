import type { GlobalState } from '@mattermost/types/store';

import { pluginId } from '../manifest.ts';
import type { Job, PluginStatus, TimeRange, TsdbStats } from '../types/api.ts';
import { initialState } from './state.ts';
import type { PanelState } from './state.ts';

const STATE_KEY = `plugins-${pluginId}` as const;

export type StateWithPanel = Pick<GlobalState, 'entities'> & { [STATE_KEY]?: PanelState };

export function selectPanel(state: StateWithPanel): PanelState {
  return state[STATE_KEY] ?? initialState;
}

/** Whether a dump is waiting or being made. */
export function isUnfinished(job: Job): boolean {
  return job.status === 'pending' || job.status === 'in_progress';
}

/** Whether the table changes soon. */
export function hasUnfinishedJob(jobs: readonly Job[]): boolean {
  return jobs.some(isUnfinished);
}

/**
 * From the oldest to the newest sample, in blocks and in the head; undefined before the first sample.
 * That a target does not answer is stored as well, and is no sample of a target.
 */
export function collectedRange(
  stats: TsdbStats | undefined,
  status: PluginStatus | undefined,
): TimeRange | undefined {
  const parts: TimeRange[] = [];
  const head = status?.head;
  const ofHead = head && { min_t: head.min_t, max_t: head.newest_scraped_t ?? head.max_t };
  for (const part of [stats, ofHead]) {
    if (part !== undefined && part.max_t > 0) {
      parts.push({ from: part.min_t, to: part.max_t });
    }
  }
  if (parts.length === 0) {
    return undefined;
  }
  return {
    from: Math.min(...parts.map((part) => part.from)),
    to: Math.max(...parts.map((part) => part.to)),
  };
}

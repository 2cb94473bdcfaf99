// The range of a dump, as it is chosen in the dialogue.

import type { TimeRange } from '../types/api.ts';

const HOUR_MS = 3_600_000;

/** What the dialogue offers, `all` and `custom` apart, by how far it reaches back. */
export const PRESETS = {
  hour: HOUR_MS,
  sixHours: 6 * HOUR_MS,
  day: 24 * HOUR_MS,
  threeDays: 72 * HOUR_MS,
} as const;

export type Preset = keyof typeof PRESETS;
export type Choice = Preset | 'all' | 'custom';

export interface Selection {
  choice: Choice;
  /** Values of the `datetime-local` fields, e.g. `2026-08-21T10:15`, in local time; empty when not set. */
  from: string;
  to: string;
}

export type RangeProblem = 'noData' | 'fromMissing' | 'toMissing' | 'order' | 'future';

/**
 * @param nowMs the server's time: samples carry its time stamps
 * @param collected from the oldest to the newest sample
 */
export function rangeOf(
  selection: Selection,
  nowMs: number,
  collected: TimeRange | undefined,
): TimeRange | RangeProblem {
  switch (selection.choice) {
    case 'all':
      return collected === undefined ? 'noData' : { from: collected.from, to: nowMs };
    case 'custom':
      return customRange(selection, nowMs);
    default:
      return { from: nowMs - PRESETS[selection.choice], to: nowMs };
  }
}

function customRange(selection: Selection, nowMs: number): TimeRange | RangeProblem {
  const from = fromInput(selection.from);
  const to = fromInput(selection.to);
  if (from === undefined) {
    return 'fromMissing';
  }
  if (to === undefined) {
    return 'toMissing';
  }
  if (from >= to) {
    return 'order';
  }
  return from >= nowMs ? 'future' : { from, to };
}

function fromInput(value: string): number | undefined {
  // A date with a time and no zone is local time, as the field means it.
  const timeMs = isDay(value.split('T')[0] ?? '') ? new Date(value).getTime() : NaN;
  return timeMs >= 0 ? timeMs : undefined;
}

/** Whether the calendar has the day; `Date` takes 31 February for 3 March. */
function isDay(date: string): boolean {
  const timeMs = Date.parse(`${date}T00:00Z`);
  return !Number.isNaN(timeMs) && new Date(timeMs).toISOString().startsWith(date);
}

/** The value of a `datetime-local` field. */
export function toInput(timeMs: number): string {
  const date = new Date(timeMs);
  const local = new Date(timeMs - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}

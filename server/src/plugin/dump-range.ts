/** A range of times, both ends included, Unix milliseconds. */
export interface TimeSpan {
  readonly minTimeMs: number;
  readonly maxTimeMs: number;
}

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};

const DEFAULT_DURATION = '24h';
const DURATION = /^(\d{1,6}[smhdw])+$/;
/** A date, optionally with a time, optionally with a zone; without one it is UTC. */
const TIME = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?)?$/i;

/**
 * The range that the words after `/metrics dump` ask for: nothing (the last 24 hours), a duration
 * such as `90m` or `1d12h`, or one or two times such as `2026-01-31` or `2026-01-31T12:00Z` (from
 * the first to the second, or to now). A text says what was wrong.
 */
export function parseDumpRange(words: readonly string[], nowMs: number): TimeSpan | string {
  const [first = DEFAULT_DURATION, second] = words;
  if (words.length > 2) return 'Give a duration, or one or two times.';
  const durationMs = parseDuration(first);
  if (durationMs !== undefined) {
    if (second !== undefined) return 'Give either a duration or two times.';
    if (durationMs === 0) return 'A dump of no time at all would be empty.';
    return { minTimeMs: Math.max(0, nowMs - durationMs), maxTimeMs: nowMs };
  }
  const from = parseTime(first);
  const to = second === undefined ? nowMs : parseTime(second);
  if (from === undefined) return notATime(first);
  if (to === undefined) return notATime(second ?? '');
  if (from > to) return 'The first time must be before the second one, and not in the future.';
  return { minTimeMs: from, maxTimeMs: to };
}

function parseDuration(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  let totalMs = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)([smhdw])/g)) {
    totalMs += Number(count) * UNIT_MS[unit];
  }
  return totalMs;
}

function parseTime(text: string): number | undefined {
  if (!TIME.test(text) || !isDay(text.slice(0, 10))) return undefined;
  const hasZone = /(Z|[+-]\d\d:\d\d)$/i.test(text.slice(10));
  const timeMs = Date.parse(text.length === 10 || hasZone ? text : `${text}Z`);
  return Number.isNaN(timeMs) || timeMs < 0 ? undefined : timeMs;
}

/** Whether the calendar has the day; `Date` takes 31 February for 3 March. */
function isDay(date: string): boolean {
  const timeMs = Date.parse(`${date}T00:00Z`);
  return !Number.isNaN(timeMs) && new Date(timeMs).toISOString().startsWith(date);
}

function notATime(text: string): string {
  const shown = text.slice(0, 40).replaceAll('`', "'");
  return (
    `\`${shown}\` is neither a duration such as \`24h\` or \`3d\` ` +
    'nor a time such as `2026-01-31` or `2026-01-31T12:00Z`.'
  );
}

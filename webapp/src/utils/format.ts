// Numbers and times as an administrator reads them. Everything shown is in the browser's own time zone;
// where it matters which, the title of the element says the time in UTC.

import type { TimeRange } from '../types/api.ts';

const SIZE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** Decimal units, as browsers show downloads. */
export function formatSize(sizeBytes: number, locale: string): string {
  let value = sizeBytes;
  let unit = 0;
  while (value >= 999.5 && unit < SIZE_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.5 ? 0 : 1;
  return `${value.toLocaleString(locale, { maximumFractionDigits: digits })} ${SIZE_UNITS[unit]}`;
}

const DAY_MS = 86_400_000;

/** A distance in the unit that says it best, for Intl.RelativeTimeFormat; not the future. */
export function ageOf(ageMs: number): {
  value: number;
  unit: 'second' | 'minute' | 'hour' | 'day';
} {
  const ms = Math.max(0, ageMs);
  if (ms < 60_000) {
    return { value: Math.floor(ms / 1000), unit: 'second' };
  }
  if (ms < 3_600_000) {
    return { value: Math.floor(ms / 60_000), unit: 'minute' };
  }
  if (ms < 2 * DAY_MS) {
    return { value: Math.floor(ms / 3_600_000), unit: 'hour' };
  }
  return { value: Math.floor(ms / DAY_MS), unit: 'day' };
}

export function formatAge(ageMs: number, locale: string): string {
  const age = ageOf(ageMs);
  return new Intl.RelativeTimeFormat(locale, { style: 'narrow', numeric: 'auto' }).format(
    -age.value,
    age.unit,
  );
}

// The year goes without saying while it is the current one.
function dateTimeFormat(locale: string, ...timesMs: number[]): Intl.DateTimeFormat {
  const thisYear = new Date().getFullYear();
  const isThisYear = timesMs.every((timeMs) => new Date(timeMs).getFullYear() === thisYear);
  return new Intl.DateTimeFormat(locale, {
    ...(isThisYear ? {} : { year: 'numeric' }),
    month: 'short',
    day: 'numeric',
    hour: 'numeric',
    minute: '2-digit',
  });
}

/** Undefined for what lies beyond the times that a Date knows. */
export function isoTime(timeMs: number): string | undefined {
  return isDate(timeMs) ? new Date(timeMs).toISOString() : undefined;
}

function isDate(timeMs: number): boolean {
  return !Number.isNaN(new Date(timeMs).getTime());
}

export function formatTime(timeMs: number, locale: string): string {
  if (!isDate(timeMs)) {
    return `${timeMs} ms`;
  }
  return dateTimeFormat(locale, timeMs).format(timeMs);
}

/** One day is written once. */
export function formatRange(range: TimeRange, locale: string): string {
  if (range.from > range.to || !isDate(range.from) || !isDate(range.to)) {
    return `${formatTime(range.from, locale)} – ${formatTime(range.to, locale)}`;
  }
  return dateTimeFormat(locale, range.from, range.to).formatRange(range.from, range.to);
}

/** @returns e.g. `2026-08-21 10:15:00 UTC`. */
export function formatUtc(timeMs: number): string {
  // Years of more than four digits have a sign and six digits there.
  const match = /^([+-]?)0*(\d{4,}-\d\d-\d\d)T(\d\d:\d\d:\d\d)/.exec(isoTime(timeMs) ?? '');
  if (match === null) {
    return `${timeMs} ms`;
  }
  const [, sign, date, clock] = match;
  return `${sign === '-' ? sign : ''}${date} ${clock} UTC`;
}

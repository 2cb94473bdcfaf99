const DAY_MS = 86_400_000;
/** The calendar repeats itself after 400 years; each such era begins on the first of March here. */
const ERA_DAYS = 146_097;
/** From the first of March of the year 0 to 1970. */
const EPOCH_DAYS = 719_468;

/**
 * A time as `2026-08-21 10:15:00`, in UTC and rounded down to a second, as Go writes it: years have
 * four digits or more, and a sign before the year 0. Unlike a Date it knows every safe integer.
 * @param timeMs milliseconds since 1970
 */
export function formatUtc(timeMs: number): string {
  const days = Math.floor(timeMs / DAY_MS);
  const seconds = Math.floor((timeMs - days * DAY_MS) / 1000);
  const clock = [seconds / 3600, (seconds / 60) % 60, seconds % 60];
  return `${formatDate(days)} ${clock.map((part) => digits(Math.floor(part), 2)).join(':')}`;
}

/** To the minute: `2026-08-21 10:15`. */
export function formatUtcMinute(timeMs: number): string {
  return formatUtc(timeMs).slice(0, -3);
}

// howardhinnant.github.io/date_algorithms.html, civil_from_days: with February as the last month of
// a year, what a leap day changes comes at the end.
function formatDate(daysSince1970: number): string {
  const days = daysSince1970 + EPOCH_DAYS;
  const era = Math.floor(days / ERA_DAYS);
  const day = days - era * ERA_DAYS;
  const leapDays = Math.floor(day / 1460) - Math.floor(day / 36_524) + Math.floor(day / 146_096);
  const yearOfEra = Math.floor((day - leapDays) / 365);
  const yearDays = 365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  const dayOfYear = day - yearDays;
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const dayOfMonth = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  const year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0);
  const sign = year < 0 ? '-' : '';
  return `${sign}${digits(Math.abs(year), 4)}-${digits(month, 2)}-${digits(dayOfMonth, 2)}`;
}

function digits(value: number, width: number): string {
  return String(value).padStart(width, '0');
}

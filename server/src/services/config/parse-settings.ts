import { SETTING_SPECS } from './settings.ts';
import type { SettingSpec, Settings } from './settings.ts';

export interface SettingProblem {
  /** The setting's key as administrators know it, such as `ScrapeIntervalSeconds`. */
  readonly key: string;
  /** One sentence with the expected and the found value. */
  readonly message: string;
}

export interface ParsedSettings {
  /** Complete: a setting with a problem has its default here. */
  readonly settings: Settings;
  readonly problems: readonly SettingProblem[];
}

/** A found value is quoted in a message up to this length. */
const QUOTED_LENGTH_MAX = 60;

/**
 * Reads the settings out of what the server stores for the plugin. Keys are matched without regard
 * to case, since the server hands them over lower-cased; `null` and missing mean the default; keys
 * that are not ours (the custom settings of the console page, newer versions) are left alone.
 */
export function parseSettings(raw: Readonly<Record<string, unknown>>): ParsedSettings {
  const stored = new Map<string, unknown>();
  for (const [key, value] of Object.entries(raw)) stored.set(key.toLowerCase(), value);

  const problems: SettingProblem[] = [];
  const values: Record<string, string | number | boolean> = {};
  for (const [name, spec] of Object.entries(SETTING_SPECS)) {
    const value = stored.get(spec.key.toLowerCase()) ?? spec.default;
    const complaint = whyInvalid(spec, value);
    if (complaint === undefined && isPlain(value)) {
      values[name] = value;
    } else {
      values[name] = spec.default;
      problems.push({
        key: spec.key,
        message: `${titleOf(spec.key)} (${spec.key}) must be ${complaint}, but it is ${quote(value)}.`,
      });
    }
  }
  return { settings: asSettings(values), problems };
}

/** The settings of a fresh installation. */
export function defaultSettings(): Settings {
  return parseSettings({}).settings;
}

/** Why the server should refuse to save these settings; empty when it should not. */
export function validateSettings(raw: Readonly<Record<string, unknown>>): SettingProblem[] {
  return [...parseSettings(raw).problems];
}

function whyInvalid(spec: SettingSpec, value: unknown): string | undefined {
  switch (spec.kind) {
    case 'flag':
      return typeof value === 'boolean' ? undefined : 'true or false';
    case 'text':
      return typeof value === 'string' ? spec.complaint(value) : 'a text';
    case 'number': {
      if (Number.isSafeInteger(value) && isPlain(value)) {
        const found = Number(value);
        if (found >= spec.min && found <= spec.max) return undefined;
      }
      return expectedNumber(spec.min, spec.max, spec.unit);
    }
  }
}

/** The name for people: `ScrapeIntervalSeconds` is the scrape interval, its unit said elsewhere. */
function titleOf(key: string): string {
  if (key === 'DBPath') return 'TSDB Path';
  const words = key.replace(/(Seconds|Minutes|Days|Bytes)$/, '').split(/(?=[A-Z])/);
  return words.map((word, i) => (i === 0 ? word : word.toLowerCase())).join(' ');
}

function expectedNumber(min: number, max: number, unit: string): string {
  const units = unit === '' ? '' : ` of ${unit}`;
  if (max === Number.MAX_SAFE_INTEGER) return `a whole number${units}, at least ${min}`;
  return `a whole number${units} between ${min} and ${max}`;
}

function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function quote(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value));
  if (text.length <= QUOTED_LENGTH_MAX) return text;
  return `${text.slice(0, QUOTED_LENGTH_MAX)}…`;
}

function asSettings(values: Record<string, string | number | boolean>): Settings {
  // Every name of SETTING_SPECS has a value of its kind by now, and those are the keys of Settings.
  return Object.freeze(values) as Readonly<typeof values> & Settings;
}

import { SETTING_SPECS } from './settings.ts';
import type { SettingSpec, Settings } from './settings.ts';
import { authorize, parseCredentials } from './target-credentials.ts';
import { parseExtraTargets } from './target-lists.ts';

export interface SettingProblem {
  /** The setting's key as administrators know it, such as `ScrapeIntervalSeconds`. */
  readonly key: string;
  /** One sentence with the expected and the found value. */
  readonly message: string;
}

export interface ParsedSettings {
  /** Complete: a setting with a problem has its default here, a list with one its text. */
  readonly settings: Settings;
  readonly problems: readonly SettingProblem[];
}

/** A found value is quoted in a message up to this length. */
const QUOTED_LENGTH_MAX = 60;
/** Of each list; who corrects these sees the others. */
const LIST_PROBLEMS_MAX = 5;
/** What the server shows in place of a secret, and hands back when nobody has changed it. */
const MASK = /^\*{32}$/;

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
    const isKept = isMasked(spec, value);
    const complaint = isKept ? undefined : whyInvalid(spec, value);
    values[name] = complaint === undefined && !isKept && isPlain(value) ? value : spec.default;
    if (complaint !== undefined) {
      const isHidden = spec.kind === 'list' || isSecret(spec);
      const found = isHidden ? '' : `, but it is ${quote(value)}`;
      const message = `${titleOf(spec.key)} (${spec.key}) must be ${complaint}${found}.`;
      problems.push({ key: spec.key, message });
    } else if ('problems' in spec && spec.problems !== undefined) {
      problems.push(...listProblems(spec.key, spec.problems(String(values[name]))));
    }
  }
  const settings = asSettings(values);
  const areCredentialsKnown = !MASK.test(String(stored.get('targetcredentials')));
  if (areCredentialsKnown) problems.push(...credentialProblems(settings));
  return { settings, problems };
}

/** The settings of a fresh installation. */
export function defaultSettings(): Settings {
  return parseSettings({}).settings;
}

/**
 * Why the server should refuse to save these settings; empty when it should not.
 *
 * @param known messages of problems that the stored settings have already
 */
export function validateSettings(
  raw: Readonly<Record<string, unknown>>,
  known: readonly string[] = [],
): SettingProblem[] {
  return parseSettings(raw).problems.filter(({ message }) => !known.includes(message));
}

/** Secrets that a save leaves as they are; only the server knows them then. */
function isMasked(spec: SettingSpec, value: unknown): boolean {
  return isSecret(spec) && typeof value === 'string' && MASK.test(value);
}

function isSecret(spec: SettingSpec): boolean {
  return 'isSecret' in spec && spec.isSecret;
}

function listProblems(key: string, problems: readonly string[]): SettingProblem[] {
  const shown = problems.slice(0, LIST_PROBLEMS_MAX);
  const more = problems.length - shown.length;
  const texts = more > 0 ? [...shown, `${more} more entries cannot be used`] : shown;
  return texts.map((text) => ({ key, message: `${titleOf(key)} (${key}), ${text}.` }));
}

function credentialProblems({ extraTargets, targetCredentials }: Settings): SettingProblem[] {
  const { entries: targets } = parseExtraTargets(extraTargets);
  const { entries: credentials } = parseCredentials(targetCredentials);
  return listProblems('ExtraTargets', authorize(targets, credentials).problems);
}

function whyInvalid(spec: SettingSpec, value: unknown): string | undefined {
  switch (spec.kind) {
    case 'flag':
      return typeof value === 'boolean' ? undefined : 'true or false';
    case 'text':
      return typeof value === 'string' ? spec.complaint(value) : 'a text';
    case 'list':
      return typeof value === 'string' ? undefined : 'a text';
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
  if (key === 'TargetCA') return 'Target CA';
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
  // All names of SETTING_SPECS have a value of their kind by now, and those are the keys of Settings.
  return Object.freeze(values) as Readonly<typeof values> & Settings;
}

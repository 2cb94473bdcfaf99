import { CodedError } from '../base/errors.ts';

/** What a command takes; names as `promtool tsdb` has them. */
export interface CommandSyntax {
  readonly flags?: Readonly<Record<string, FlagSyntax>>;
  /** Names of the positional arguments, for messages; `[x]` may be left out, `...` may repeat. */
  readonly positionals: readonly string[];
}

export interface FlagSyntax {
  readonly kind: 'switch' | 'list' | 'integer' | 'duration';
  /** One letter. */
  readonly short?: string;
}

export interface ParsedArguments {
  readonly switches: ReadonlySet<string>;
  /** Values of flags that may come more than once. */
  readonly lists: ReadonlyMap<string, readonly string[]>;
  /** Integers beyond 2^53 become infinite: nothing lies there. Durations in milliseconds. */
  readonly numbers: ReadonlyMap<string, number>;
  readonly positionals: readonly string[];
}

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
  y: 365 * 86_400_000,
};

/** `ERR_USAGE` says what is wrong; flags may stand anywhere up to `--`. */
export function parseArguments(
  args: readonly string[],
  { flags = {}, positionals }: CommandSyntax,
): ParsedArguments {
  const switches = new Set<string>();
  const lists = new Map<string, string[]>();
  const numbers = new Map<string, number>();
  const found: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    if (arg === '--') {
      found.push(...args.slice(i + 1));
      break;
    }
    if (!arg.startsWith('-') || arg === '-') {
      found.push(arg);
      continue;
    }
    const [name, given] = splitFlag(arg, flags);
    const flag = flags[name];
    if (flag === undefined) throw usageError(`unknown flag ${arg}`);
    if (flag.kind === 'switch') {
      if (given !== undefined) throw usageError(`--${name} takes no value`);
      switches.add(name);
      continue;
    }
    const value = given ?? args[++i];
    if (value === undefined) throw usageError(`--${name} needs a value`);
    if (flag.kind === 'list') lists.set(name, [...(lists.get(name) ?? []), value]);
    else if (flag.kind === 'integer') numbers.set(name, parseInteger(name, value));
    else numbers.set(name, parseDuration(name, value));
  }
  checkCount(found, positionals);
  return { switches, lists, numbers, positionals: found };
}

function splitFlag(
  arg: string,
  flags: Readonly<Record<string, FlagSyntax>>,
): [name: string, value: string | undefined] {
  if (!arg.startsWith('--')) {
    const long = Object.entries(flags).find(([, { short }]) => short === arg[1]);
    return [long?.[0] ?? arg, arg.length > 2 ? arg.slice(2) : undefined];
  }
  const equals = arg.indexOf('=');
  if (equals < 0) return [arg.slice(2), undefined];
  return [arg.slice(2, equals), arg.slice(equals + 1)];
}

function checkCount(found: readonly string[], positionals: readonly string[]): void {
  const needed = positionals.filter((name) => !name.startsWith('['));
  if (found.length < needed.length) throw usageError(`${needed[found.length]} is missing`);
  const isOpen = positionals.at(-1)?.includes('...') === true;
  if (!isOpen && found.length > positionals.length) {
    throw usageError(`unexpected ${found[positionals.length]}`);
  }
}

function parseInteger(name: string, text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw usageError(`--${name} is no whole number: ${text}`);
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  return value < 0 ? -Infinity : Infinity;
}

/** As Prometheus writes them: `6h`, `1d12h`. */
function parseDuration(name: string, text: string): number {
  const parts = [...text.matchAll(/(\d+)(ms|[smhdwy])/g)];
  const isWhole = parts.map(([part]) => part).join('') === text;
  const total = parts.reduce(
    (sum, [, count, unit]) => sum + Number(count) * DURATION_UNITS[unit],
    0,
  );
  if (!isWhole || total <= 0 || !Number.isSafeInteger(total)) {
    throw usageError(`--${name} is no length of time: ${text}`);
  }
  return total;
}

export function usageError(reason: string): CodedError {
  return new CodedError('ERR_USAGE', reason);
}

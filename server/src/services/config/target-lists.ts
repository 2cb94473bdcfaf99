// The settings that are lists of targets, written as text by administrators.

/** A target beyond those that are found by themselves. */
export interface ExtraTarget {
  readonly url: string;
  readonly job: string;
  /** Further labels; `instance` is the URL's host and port where it is not among them. */
  readonly labels: Readonly<Record<string, string>>;
}

export interface HostEntry {
  readonly host: string;
  /** undefined: the usual port. */
  readonly port: number | undefined;
}

/** The entries of a list, or the reason why one of them cannot be used. */
export type ParsedList<T> = { readonly entries: readonly T[] } | { readonly complaint: string };

const TEXT_LENGTH_MAX = 64 * 1024;
const ENTRIES_MAX = 500;
const VALUE_LENGTH_MAX = 1024;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/**
 * Reads one target per line: `URL job label=value …`, values with spaces in double quotes. Empty
 * lines and those that begin with `#` are left out.
 */
export function parseExtraTargets(text: string): ParsedList<ExtraTarget> {
  return parseEntries(text, /\n/, parseExtraTarget);
}

/** Reads names or addresses of hosts, between commas, spaces or line ends, each with `:port` or without. */
export function parseHosts(text: string): ParsedList<HostEntry> {
  return parseEntries(text, /[\s,;]+/, parseHost);
}

/** @param parse gives the reason as text when an entry cannot be used */
function parseEntries<T extends object>(
  text: string,
  separator: RegExp,
  parse: (entry: string) => T | string,
): ParsedList<T> {
  if (text.length > TEXT_LENGTH_MAX) return { complaint: `at most ${TEXT_LENGTH_MAX} characters` };
  const entries: T[] = [];
  for (const piece of text.split(separator)) {
    const entry = piece.trim();
    if (entry === '' || entry.startsWith('#')) continue;
    const parsed = parse(entry);
    if (typeof parsed === 'string') return { complaint: `${parsed} in "${shorten(entry)}"` };
    entries.push(parsed);
    if (entries.length > ENTRIES_MAX) return { complaint: `at most ${ENTRIES_MAX} entries` };
  }
  return { entries };
}

function parseExtraTarget(line: string): ExtraTarget | string {
  const words = line.match(/[^\s"=]+="[^"]*"|\S+/g) ?? [];
  const [url = '', job, ...rest] = words;
  if (!isScrapeUrl(url)) return 'a URL such as http://db1:9187/metrics';
  if (job === undefined || /["=]/.test(job)) return 'a job name behind the URL';
  if (job.length > VALUE_LENGTH_MAX) return 'a shorter job name';
  const labels: Record<string, string> = {};
  for (const word of rest) {
    const [, name = '', value = ''] = /^([^=]*)=(.*)$/.exec(word) ?? [];
    const isName = LABEL_NAME.test(name) && !name.startsWith('__');
    if (!isName || name === 'job') return `label=value instead of ${shorten(word)}`;
    if (Object.hasOwn(labels, name)) return `each label once, not ${name} twice,`;
    const unquoted = /^"(.*)"$/.exec(value)?.[1] ?? value;
    if (unquoted.includes('"') || unquoted === '') return `a value for the label ${name}`;
    if (unquoted.length > VALUE_LENGTH_MAX) return `a shorter value for the label ${name}`;
    labels[name] = unquoted;
  }
  return { url, job, labels };
}

function isScrapeUrl(text: string): boolean {
  try {
    const { protocol, hostname, href } = new URL(text);
    // A password would be shown to everybody who sees the panel.
    return /^https?:$/.test(protocol) && hostname !== '' && !/^[a-z]+:\/\/[^/]*@/.test(href);
  } catch {
    return false;
  }
}

function parseHost(entry: string): HostEntry | string {
  const [, bracketed, plain, port] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/?#@\\"]+))(?::([0-9]{1,5}))?$/.exec(entry) ?? [];
  const host = bracketed ?? plain;
  const isPort = port === undefined || (Number(port) >= 1 && Number(port) <= 65535);
  if (host === undefined || !isPort) return 'host or host:port';
  return { host, port: port === undefined ? undefined : Number(port) };
}

function shorten(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 60)}…`;
}

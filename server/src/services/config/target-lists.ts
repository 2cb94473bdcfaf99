// The settings that are lists of targets, written as text by administrators.

import { hostComplaint, splitZone } from '../../base/host.ts';
import { parseLines, parseWords } from './parse-list.ts';
import type { Complaint, ParsedList } from './parse-list.ts';

/** A target beyond those that are found by themselves. */
export interface ExtraTarget {
  readonly url: string;
  readonly job: string;
  /** Further labels; `instance` is the URL's host and port where it is not among them. */
  readonly labels: Readonly<Record<string, string>>;
  /** The name of what it is asked with, among the credentials; undefined: nothing. */
  readonly credential?: string;
  /** Where it stands in the setting, from 1. */
  readonly line: number;
}

export interface HostEntry {
  readonly host: string;
  /** undefined: the usual port. */
  readonly port: number | undefined;
}

const VALUE_LENGTH_MAX = 1024;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
/** The word of a line that names a credential. */
const CREDENTIAL = 'credential';

/** Reads one target per line: `URL job label=value … credential=name`, values with spaces in double quotes. */
export function parseExtraTargets(text: string): ParsedList<ExtraTarget> {
  return parseLines(text, parseExtraTarget);
}

/**
 * Reads names or addresses of hosts, between commas, spaces or line ends, each with `:port` or without.
 * An IPv6 address with a port stands in brackets.
 */
export function parseHosts(text: string): ParsedList<HostEntry> {
  return parseWords(text, parseHost);
}

function parseExtraTarget(text: string, line: number): ExtraTarget | Complaint {
  const [url = '', job, ...rest] = text.match(/[^\s"=]+="[^"]*"|\S+/g) ?? [];
  const urlComplaint = whyNoScrapeUrl(url);
  if (urlComplaint !== undefined) return urlComplaint;
  if (job === undefined || /["=]/.test(job)) return 'a job name is expected behind the URL';
  if (job.length > VALUE_LENGTH_MAX) return 'a shorter job name is expected';
  const labels = new Map<string, string>();
  for (const word of rest) {
    const [, name = '', value = ''] = /^([^=]*)=(.*)$/.exec(word) ?? [];
    const isName = LABEL_NAME.test(name) && !name.startsWith('__');
    if (!isName || name === 'job') return 'label=value is expected behind the job name';
    if (labels.has(name)) return 'a label stands there twice';
    const unquoted = /^"(.*)"$/.exec(value)?.[1] ?? value;
    if (unquoted.includes('"') || unquoted === '')
      return 'a label has no value, or a quotation mark in it';
    if (unquoted.length > VALUE_LENGTH_MAX) return 'the value of a label is too long';
    labels.set(name, unquoted);
  }
  const credential = labels.get(CREDENTIAL);
  labels.delete(CREDENTIAL);
  const target = { url: withEscapedZone(url), job, labels: Object.fromEntries(labels), line };
  return credential === undefined ? target : { ...target, credential };
}

function whyNoScrapeUrl(text: string): Complaint | undefined {
  const expected = 'a URL such as http://db1:9187/metrics is expected';
  if (/^[a-z]+:\/\/[^/?#]*@/i.test(text)) {
    return 'a user name and a password belong into TargetCredentials, not into the URL';
  }
  try {
    // A URL with none, three or other slashes would be taken, and with it what is before its host.
    const isUsual = /^https?:\/\/[^/\\]/i.test(text);
    const { hostname } = new URL(splitZone(text).url);
    return isUsual && hostname !== '' ? undefined : expected;
  } catch {
    return expected;
  }
}

function withEscapedZone(text: string): string {
  const { url, zone } = splitZone(text);
  return zone === '' ? url : url.replace(']', `%25${zone}]`);
}

function parseHost(entry: string): HostEntry | Complaint {
  // An address that has no brackets has no port either.
  if (entry.split(':').length > 2 && hostComplaint(entry) === undefined) {
    return { host: entry, port: undefined };
  }
  const [, bracketed, plain, port] =
    /^(?:\[([^[\]]*)\]|([^:[\]]*))(?::([0-9]{1,5}))?$/.exec(entry) ?? [];
  const host = bracketed ?? plain;
  const isPort = port === undefined || (Number(port) >= 1 && Number(port) <= 65535);
  if (host === undefined || !isPort || (bracketed !== undefined && !bracketed.includes(':'))) {
    return 'host or host:port is expected';
  }
  return hostComplaint(host) ?? { host, port: port === undefined ? undefined : Number(port) };
}

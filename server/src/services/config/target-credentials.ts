// What targets are asked with. Secrets have a setting of their own, which the server (10.1 and later)
// shows to nobody; a line of ExtraTargets only names them.

import { parseLines } from './parse-list.ts';
import type { Complaint, ParsedList } from './parse-list.ts';
import type { ExtraTarget } from './target-lists.ts';

export interface Credential {
  readonly name: string;
  /** The value of an `Authorization` header. */
  readonly authorization: string;
  /** Where it stands in the setting, from 1. */
  readonly line: number;
}

/** A target with what it is asked with; undefined: nothing. */
export interface AuthorizedTarget extends ExtraTarget {
  readonly authorization: string | undefined;
}

const NAME = /^[A-Za-z0-9._-]{1,64}$/;
/** RFC 6750 has fewer characters; what there is beyond them is sent as it was given. */
const TOKEN = /^[\x21-\x7e]+$/;
const PEM_BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \1-----/g;
/** Base64 of a DER sequence. */
const DER = /^\s*M[A-Za-z0-9+/\s]+={0,2}\s*$/;

/**
 * Reads one credential per line: `name bearer TOKEN` or `name basic USER PASSWORD`. A password may
 * have spaces inside.
 */
export function parseCredentials(text: string): ParsedList<Credential> {
  const lines = new Map<string, number>();
  return parseLines(text, (entry, line) => {
    const parsed = parseCredential(entry, line);
    if (typeof parsed === 'string') return parsed;
    const first = lines.get(parsed.name);
    if (first !== undefined) return `the name is that of line ${first}`;
    lines.set(parsed.name, line);
    return parsed;
  });
}

/** Why these are no certificates in PEM form; undefined when they are, or the text is empty. */
export function certificatesComplaint(text: string): Complaint | undefined {
  if (text.trim() === '') return undefined;
  const blocks = [...text.matchAll(PEM_BLOCK)];
  const areCertificates =
    blocks.length > 0 &&
    blocks.length === text.split('-----BEGIN ').length - 1 &&
    blocks.every(([, label, body]) => label === 'CERTIFICATE' && DER.test(body));
  if (areCertificates) return undefined;
  return 'certificates in PEM form, from BEGIN CERTIFICATE to END CERTIFICATE';
}

/** Which of the certificates are cut or damaged, half a sentence each; the others count. */
export function damagedCertificates(text: string): Complaint[] {
  return [...text.matchAll(PEM_BLOCK)].flatMap(([, , body], i) =>
    isWhole(body) ? [] : [`certificate ${i + 1}: it is not whole`],
  );
}

/** The targets with what they name. One that names nothing known is left out: it would be refused. */
export function authorize(
  targets: readonly ExtraTarget[],
  credentials: readonly Credential[],
): ParsedList<AuthorizedTarget> {
  const known = new Map(credentials.map(({ name, authorization }) => [name, authorization]));
  const entries: AuthorizedTarget[] = [];
  const problems: string[] = [];
  for (const target of targets) {
    const { credential, line } = target;
    const authorization = credential === undefined ? undefined : known.get(credential);
    if (credential === undefined || authorization !== undefined) {
      entries.push({ ...target, authorization });
    } else {
      problems.push(`line ${line}: TargetCredentials has no valid line with this name`);
    }
  }
  return { entries, problems };
}

function parseCredential(entry: string, line: number): Credential | Complaint {
  const [, name = '', kind = '', secret = ''] = /^(\S+)\s+(\S+)\s+(.+)$/.exec(entry) ?? [];
  if (!NAME.test(name)) {
    return 'name bearer TOKEN or name basic USER PASSWORD is expected';
  }
  if (kind === 'bearer') {
    if (!TOKEN.test(secret)) return 'a token without spaces is expected behind bearer';
    return { name, authorization: `Bearer ${secret}`, line };
  }
  if (kind !== 'basic') return 'bearer or basic is expected behind the name';
  const [, user = '', password = ''] = /^(\S+)\s+(.+)$/.exec(secret) ?? [];
  if (user === '') return 'a user name and a password are expected behind basic';
  if (user.includes(':')) return 'a user name has no colon';
  return { name, authorization: `Basic ${base64(`${user}:${password}`)}`, line };
}

/** A DER sequence begins with its length. */
function isWhole(body: string): boolean {
  const der = bytesOf(body);
  const [, first = 0] = der;
  const countBytes = first < 0x80 ? 0 : first & 0x7f;
  const length = der.slice(2, 2 + countBytes).reduce((sum, byte) => sum * 256 + byte, 0);
  return der.length === 2 + countBytes + (countBytes === 0 ? first : length);
}

function bytesOf(text: string): number[] {
  try {
    return [...atob(text)].map((char) => char.charCodeAt(0));
  } catch {
    return [];
  }
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

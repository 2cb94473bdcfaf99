/** Elements that we read, in whatever answer; `Error` and what is in it tells what went wrong. */
const USED: ReadonlySet<string> = new Set([
  'Code',
  'CommonPrefixes',
  'Contents',
  'ETag',
  'Error',
  'Initiated',
  'IsTruncated',
  'Key',
  'LastModified',
  'Message',
  'NextContinuationToken',
  'Prefix',
  'Region',
  'Size',
  'Upload',
  'UploadId',
]);

/** Values as Amazon writes them; undefined for one that nobody understands. */
const VALUES: Readonly<Record<string, (text: string) => string | undefined>> = {
  Initiated: time,
  LastModified: time,
  LocationConstraint: (text) => text,
  Size: (text) => (/^\d{1,15}$/.test(text) ? text : undefined),
  IsTruncated: (text) => (/^(true|1)$/i.test(text) ? 'true' : 'false'),
};

const AMAZON = 'http://s3.amazonaws.com/doc/2006-03-01/';
const TOKEN = /<!--.*?-->|<!\[CDATA\[.*?\]\]>|<[?!][^>]*>|<[^>]*>|[^<]+/gs;
const TAG = /^<(\/?)(?:[\w.-]+:)?([\w.-]+)[^>]*?(\/?)>$/s;

/**
 * The document with its root and those of its elements that are read here; anything that is no XML is
 * given back as it is. Values that cannot be understood are left out, which is for the reader to judge.
 */
export function usedXml(document: string): string {
  // A byte order mark, or blanks, before the first element.
  const xml = document.replace(/^[\uFEFF\s]+/, '');
  if (!xml.startsWith('<')) return document;
  const out: string[] = [];
  /** The elements around, with where in `out` they begin. */
  const open: { name: string; at: number }[] = [];
  /** How deep we are in an element that is left out. */
  let unused = 0;
  for (const [token] of xml.matchAll(TOKEN)) {
    const [, slash, name = '', isEmpty] = TAG.exec(token) ?? [];
    if (name === '') {
      if (unused === 0 && !/^<[?!](?!\[CDATA)/.test(token)) out.push(token);
    } else if (slash !== '') {
      if (unused > 0) unused--;
      else close(out, open.pop());
    } else if (unused > 0 || (open.length > 0 && !USED.has(name))) {
      if (isEmpty === '') unused++;
    } else {
      open.push({ name, at: out.length });
      out.push(startTag(token, name));
      if (isEmpty !== '') close(out, open.pop());
    }
  }
  return out.join('');
}

/** The name of the element that holds all others; undefined for what is no XML. */
export function rootOf(document: string): string | undefined {
  const xml = document.replace(/^[\uFEFF\s]*(<[?!][^>]*>\s*)*/, '');
  return /^<(?:[\w.-]+:)?([\w.-]+)/.exec(xml)?.[1];
}

/** Amazon uses no prefixes, and its client understands a root that is a text by its attribute alone. */
function startTag(token: string, name: string): string {
  if (name === 'LocationConstraint') return `<${name} xmlns="${AMAZON}">`;
  return token.replace(/^<[\w.-]+:/, '<').replace(/\/>$/, '>');
}

function close(out: string[], element: { name: string; at: number } | undefined): void {
  if (element === undefined) return;
  const { name, at } = element;
  const value = VALUES[name];
  if (value !== undefined) {
    const text = value(
      out
        .splice(at + 1)
        .join('')
        .trim(),
    );
    if (text === undefined) {
      out.length = at;
      return;
    }
    out.push(text);
  }
  out.push(`</${name}>`);
}

function time(text: string): string | undefined {
  const timeMs = Date.parse(text);
  return Number.isNaN(timeMs) ? undefined : new Date(timeMs).toISOString();
}

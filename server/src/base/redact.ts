// What may hold a secret is hidden here before anybody reads it: in logs, the panel, rows, errors.

const HIDDEN = '…';

/** URLs in a text, without the punctuation of the sentence behind them. */
const URLS = /\b[a-z][a-z0-9+.-]{0,30}:\/\/[^\s"'<>`]*[^\s"'<>`),.:;]/gi;
/**
 * Values whose names end as those of secrets do: `password = x`, `client_secret=x`, `"token": "x"`, as
 * drivers and libraries quote them.
 */
const NAMED =
  /((?:password|passwd|pwd|passphrase|secret|token|assertion|(?:api|account|access|secret)[_-]?key|signature|\bsig)["']?(?:\s?=\s?|"\s*:\s*))(?:"[^"]*"|'[^']*'|[^\s"',;&)]+)/gi;
/** Credentials as an Authorization header carries them; a word of a sentence is in lower case. */
const HEADER = /\b([Bb]earer|[Bb]asic)\s+(?=\S*[A-Z0-9=])[A-Za-z0-9._~+/=-]{6,}/g;

/**
 * The URL as people may see it. User info, the values of the query and the fragment are hidden; names
 * stay, so that it is still clear which URL is meant.
 */
export function redactUrl(url: string): string {
  const [, scheme = '', rest = ''] = /^([a-z][a-z0-9+.-]*:\/\/)([^]*)$/i.exec(url) ?? [];
  if (scheme === '') return redactQuery(url);
  return scheme + redactQuery(withoutUserInfo(rest));
}

/** The text with its URLs redacted, and what stands behind the usual names of secrets. */
export function redactText(text: string): string {
  return text
    .replace(URLS, redactUrl)
    .replace(NAMED, (_, name: string) => name + HIDDEN)
    .replace(HEADER, (_, scheme: string) => `${scheme} ${HIDDEN}`);
}

/** @param rest all of a URL behind `//` */
function withoutUserInfo(rest: string): string {
  const authority = /^[^/?#]*/.exec(rest)?.[0] ?? '';
  let at = authority.lastIndexOf('@');
  // A password with / ? or # in it, which nobody has escaped, reaches beyond what counts as authority.
  if (at < 0 && /^[^:/?#[\]]*:(?![0-9]*([/?#]|$))/.test(rest)) at = rest.lastIndexOf('@');
  return at < 0 ? rest : `${HIDDEN}@${rest.slice(at + 1)}`;
}

function redactQuery(url: string): string {
  const [, path = '', query, fragment] = /^([^?#]*)(?:\?([^#]*))?(?:#([^]*))?$/.exec(url) ?? [];
  let text = path;
  if (query !== undefined && query !== '') {
    const parts = query.split('&').map((part) => /^[^=]*=/.exec(part)?.[0] ?? '');
    text += `?${parts.map((name) => name + HIDDEN).join('&')}`;
  }
  return fragment === undefined ? text : `${text}#${HIDDEN}`;
}

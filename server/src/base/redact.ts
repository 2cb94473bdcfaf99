// What may hold a secret is hidden here before anybody reads it: in logs, the panel, rows, errors.

const HIDDEN = '…';

/** URLs in a text, without the punctuation of the sentence behind them. */
const URLS =
  /\b[a-z][a-z0-9+.-]{0,30}:\/\/[^\s"'<>`?#]*(?:[?#][^\s"]*[^\s"'<>`),.:;]|[^\s"'<>`),.:;?#])/gi;
/** User and password before the host of a URL, also with blanks and quotes that nobody has escaped. */
const URL_PASSWORDS =
  /\b([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/?#@:[\]"'<>]{0,100}:(?!\d{0,5}(?:[\s/?#"'),.:;\]}]|$))[^@\n]{1,200}@/gi;
/** The same before `tcp(host)`, as MySQL's driver for Go writes it. */
const MYSQL_PASSWORDS = /\b[\w.-]{1,64}:[^\n]{1,200}?@(?=(?:tcp|unix)\()/g;
/** In quotes, or up to a blank or the next name, without the punctuation of a sentence. */
const VALUE = String.raw`(?:\\?"(?:\\.|[^"\\])*"?|\\?'(?:\\.|''|[^'\\])*'?|\S+?(?=["'),.:;\]}]{0,8}(?:\s|$)|[,;&][\w.-]{1,40}=))`;
/**
 * Values whose names end as those of secrets do: `password = x`, `client_secret=x`, `"token": "x"`,
 * `X-Api-Key: x`, as drivers, libraries and headers have them.
 */
const NAMED = new RegExp(
  String.raw`((?:password|passwd|pwd|passphrase|\bpass|secret|token|assertion|credentials?|` +
    String.raw`(?:api|account|access|secret|private)[_-]?key|signature|\bsig)` +
    String.raw`\\?["']?[ \t]{0,5}[=:][ \t]{0,5})${VALUE}`,
  'gi',
);
/** What stands in the header Authorization, behind the name of a scheme if there is one. */
const AUTHORIZATION =
  /\b(authorization\\?["']?[ \t]{0,5}[=:][ \t]{0,5}\\?["']?(?:(?:basic|bearer|token|apikey|digest|negotiate) +)?)[^\s"']+/gi;
const COOKIE = /\b(cookie\\?["']?[ \t]{0,5}:[ \t]{0,5})[^\n"']+/gi;
/** Credentials as an Authorization header carries them; a word of a sentence is in lower case. */
const HEADER = /\b([Bb]earer|[Bb]asic)\s+(?=\S*[A-Z0-9=])[^\s"']{6,}/g;

/**
 * The URL as people may see it. User info, the values of the query and the fragment are hidden; names
 * stay, so that it is still clear which URL is meant.
 */
export function redactUrl(url: string): string {
  // Browsers, and `URL`, need no slashes behind `http:`, and take more of them.
  const [, scheme = '', rest = ''] =
    /^(https?:[/\\]*|[a-z][a-z0-9+.-]*:\/\/)([^]*)$/i.exec(url) ?? [];
  if (scheme === '') return redactQuery(url);
  return scheme + redactQuery(withoutUserInfo(rest));
}

/** The text with its URLs redacted, and what stands behind the usual names of secrets. */
export function redactText(text: string): string {
  return text
    .replace(URL_PASSWORDS, (_, scheme: string) => `${scheme}${HIDDEN}@`)
    .replace(MYSQL_PASSWORDS, `${HIDDEN}@`)
    .replace(URLS, redactUrl)
    .replace(AUTHORIZATION, (_, name: string) => name + HIDDEN)
    .replace(COOKIE, (_, name: string) => name + HIDDEN)
    .replace(NAMED, (_, name: string) => name + HIDDEN)
    .replace(HEADER, (_, scheme: string) => `${scheme} ${HIDDEN}`);
}

/** @param rest all of a URL behind `//` */
function withoutUserInfo(rest: string): string {
  const authority = /^[^/?#]*/.exec(rest)?.[0] ?? '';
  let at = authority.lastIndexOf('@');
  // A password with / ? or # in it, which nobody has escaped, reaches beyond what counts as authority.
  const isPassword = at < 0 && /^[^:/?#[\]]*:(?![0-9]*([/?#]|$))/.test(rest);
  if (isPassword) at = rest.lastIndexOf('@');
  // The text was cut in the middle of it.
  if (isPassword && at < 0) return HIDDEN;
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

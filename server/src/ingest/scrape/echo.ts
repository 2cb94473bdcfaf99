// What a target is asked with may come back in its answer, of which errors show a part.

import type { Target } from './types.ts';

const HIDDEN = '…';
/** What is shorter is found in any text, and keeps nobody out. */
const SECRET_LENGTH_MIN = 6;

/** The text without the target's credential and the values of its URL, or what a cut left of them. */
export function withoutEcho(text: string, target: Target): string {
  const secrets = secretsOf(target).filter(({ length }) => length >= SECRET_LENGTH_MIN);
  const whole = secrets.reduce((shown, secret) => shown.replaceAll(secret, HIDDEN), text);
  return secrets.reduce(hideCut, whole);
}

/** The longest first: one may be a part of another. */
function secretsOf({ url, authorization = '' }: Target): string[] {
  const [, scheme, secret = ''] = /^(\S+) (.*)$/.exec(authorization) ?? [];
  const userAndPassword = scheme === 'Basic' ? decoded64(secret) : '';
  const password = userAndPassword.slice(userAndPassword.indexOf(':') + 1);
  const query = /\?([^#]*)/.exec(url)?.[1] ?? '';
  const values = query.split('&').map((pair) => pair.slice(pair.indexOf('=') + 1));
  return [secret, userAndPassword, password, ...values, ...values.map(unescaped)].sort(
    (a, b) => b.length - a.length,
  );
}

function unescaped(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function decoded64(text: string): string {
  return new TextDecoder().decode(Uint8Array.from(atob(text), (char) => char.charCodeAt(0)));
}

/** Hides as much of the secret as there is behind its beginning. */
function hideCut(text: string, secret: string): string {
  const start = secret.slice(0, SECRET_LENGTH_MIN);
  let shown = '';
  let from = 0;
  for (let at; (at = text.indexOf(start, from)) >= 0;) {
    let length = start.length;
    while (length < secret.length && text[at + length] === secret[length]) length++;
    shown += text.slice(from, at) + HIDDEN;
    from = at + length;
  }
  return shown + text.slice(from);
}

import { createHmac } from 'node:crypto';

/** A request as it is signed. Names of headers are in small letters. */
export interface SignedRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
}

/** Headers whose values are signed by their place, in this order (Azure's "Authorize with Shared Key"). */
const BY_PLACE = [
  'content-encoding',
  'content-language',
  'content-length',
  'content-md5',
  'content-type',
  'date',
  'if-modified-since',
  'if-match',
  'if-none-match',
  'if-unmodified-since',
  'range',
] as const;

/** The value of the header Authorization, by the scheme Shared Key. */
export function sharedKey(request: SignedRequest, account: string, accessKey: string): string {
  const hmac = createHmac('sha256', Buffer.from(accessKey, 'base64'));
  const signature = hmac.update(textToSign(request, account), 'utf8').digest('base64');
  return `SharedKey ${account}:${signature}`;
}

function textToSign({ method, url, headers }: SignedRequest, account: string): string {
  const placed = BY_PLACE.map((name) => {
    const value = headers[name] ?? '';
    return name === 'content-length' && value === '0' ? '' : value;
  });
  const own = Object.keys(headers)
    .filter((name) => name.startsWith('x-ms-'))
    .sort()
    .map((name) => `${name}:${headers[name]?.trim()}`);
  const parameters = [...url.searchParams]
    .map(([name, value]) => `${name.toLowerCase()}:${value}`)
    .sort();
  const resource = [`/${account}${url.pathname}`, ...parameters];
  return [method, ...placed, ...own, ...resource].join('\n');
}

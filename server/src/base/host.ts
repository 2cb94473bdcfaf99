// Hosts as people write them: names, IPv4 and IPv6 addresses, those with a zone (RFC 4007) included.

/** A zone names an interface, such as `eth0`; these characters need no escaping (RFC 6874). */
const ZONE = /^[A-Za-z0-9._~-]+$/;
/** The host of a URL with a zone; `%25` is how RFC 6874 writes the percent sign, `%` how people do. */
const ZONED_URL = /^([a-z]+:\/\/(?:[^/?#]*@)?\[[0-9a-f:.]+)%(?:25)?([A-Za-z0-9._~-]+)\]/i;

/** What is wrong with a host without port or brackets, as half a sentence; undefined: nothing is. */
export function hostComplaint(host: string): string | undefined {
  if (host === '') return 'it is empty';
  const [address, ...zones] = host.split('%');
  if (address.includes(':')) {
    if (/^[^:]*:[0-9]*$/.test(host)) return 'a host is expected without a port';
    if (!isUrlHost(`[${address}]`)) return 'it is no IPv6 address';
    const isZone = zones.length === 0 || (zones.length === 1 && ZONE.test(zones[0]));
    return isZone ? undefined : 'behind % the zone of an IPv6 address is expected';
  }
  if (/[\s/?#@\\%<>^|"[\]]/.test(host) || !isUrlHost(host)) {
    return 'a host name or an IP address is expected';
  }
  return undefined;
}

/** As Go's net.JoinHostPort. */
export function joinHostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Host and port as they stand in a URL, the zone as RFC 6874 has it. */
export function urlAuthority(host: string, port: number): string {
  return joinHostPort(host.replace('%', '%25'), port);
}

/** Takes the zone out of a URL's host: with one, `URL` refuses it. '' when there is none. */
export function splitZone(url: string): { readonly url: string; readonly zone: string } {
  const [whole = '', front = '', zone = ''] = ZONED_URL.exec(url) ?? [];
  return whole === '' ? { url, zone: '' } : { url: `${front}]${url.slice(whole.length)}`, zone };
}

function isUrlHost(host: string): boolean {
  try {
    return new URL(`http://${host}:1/`).hostname !== '';
  } catch {
    return false;
  }
}

// URLs whose host may be a link-local address with a zone, for which `URL` has no place.

import { splitZone } from '../base/host.ts';

/** The interfaces behind which the hosts of URLs are, such as `eth0`. */
const zones = new WeakMap<URL, string>();

/** The URL of a text. Throws as `new URL` does. */
export function zonedUrl(text: string, base?: URL): URL {
  const { url, zone } = splitZone(text);
  const parsed = new URL(url, base);
  // The same host is still behind the same interface.
  const isSameHost = zone === '' && parsed.hostname === base?.hostname;
  const found = isSameHost ? zoneOf(base) : zone;
  if (found !== '') zones.set(parsed, found);
  return parsed;
}

/** The origin with the zone: the same address behind two interfaces is two servers. */
export function serverOf(url: URL): string {
  const zone = zoneOf(url);
  return zone === '' ? url.origin : `${url.origin}%${zone}`;
}

/** What to connect to: a name or an address, without brackets. */
export function connectHost(url: URL): string {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const zone = zoneOf(url);
  return zone === '' ? host : `${host}%${zone}`;
}

function zoneOf(url: URL): string {
  return zones.get(url) ?? '';
}

import { splitZone } from '../base/host.ts';

/** A URL whose host may be a link-local address with a zone, for which `URL` has no place. */
export class ZonedUrl extends URL {
  /** The interface behind which the host is, such as `eth0`; '' when it has none. */
  readonly zone: string;

  private constructor(url: string, base: URL | undefined, zone: string) {
    super(url, base);
    this.zone = zone;
  }

  /** Throws as `new URL` does. */
  static from(text: string): ZonedUrl {
    const { url, zone } = splitZone(text);
    return new ZonedUrl(url, undefined, zone);
  }

  /** Where a redirect leads, if it leads anywhere; the same host is still behind the same interface. */
  redirect(location: string): ZonedUrl | undefined {
    const { url, zone } = splitZone(location);
    if (!URL.canParse(url, this.href)) return undefined;
    const target = new ZonedUrl(url, this, zone);
    const isSameHost = target.zone === '' && target.hostname === this.hostname;
    return isSameHost ? new ZonedUrl(target.href, undefined, this.zone) : target;
  }

  /** The origin with the zone: the same address behind two interfaces is two servers. */
  get server(): string {
    return this.zone === '' ? this.origin : `${this.origin}%${this.zone}`;
  }

  /** What to connect to: a name or an address without brackets. */
  get connectHost(): string {
    const host = this.hostname.replace(/^\[(.*)\]$/, '$1');
    return this.zone === '' ? host : `${host}%${this.zone}`;
  }
}

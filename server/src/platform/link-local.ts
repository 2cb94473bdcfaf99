import { BlockList, isIP } from 'node:net';

/** Link-local addresses (RFC 3927), and the services of Azure, Alibaba and Oracle that live elsewhere. */
const IPV4: readonly [address: string, prefixBits: number][] = [
  ['169.254.0.0', 16],
  ['168.63.129.16', 32],
  ['100.100.100.200', 32],
  ['192.0.0.192', 32],
];
/** The same (RFC 4291), and the services of Amazon and Google. */
const IPV6: readonly [address: string, prefixBits: number][] = [
  ['fe80::', 10],
  ['fd00:ec2::', 32],
  ['fd20:ce::254', 128],
];
/** Behind these an IPv6 address ends in one of IPv4 (RFC 4291, RFC 2765, RFC 6052, RFC 8215). */
const PREFIXES = ['::', '::ffff:0:', '64:ff9b::', '64:ff9b:1::'];

/** Where a cloud answers whatever runs on a machine, with secrets among other things. */
const LINK_LOCAL = new BlockList();
for (const [address, bits] of IPV6) LINK_LOCAL.addSubnet(address, bits, 'ipv6');
for (const [address, bits] of IPV4) {
  // `::ffff:` is taken for IPv4 by itself.
  LINK_LOCAL.addSubnet(address, bits, 'ipv4');
  for (const prefix of PREFIXES) LINK_LOCAL.addSubnet(prefix + address, 96 + bits, 'ipv6');
  LINK_LOCAL.addSubnet(as6to4(address), 16 + bits, 'ipv6');
}

/** RFC 3056. */
function as6to4(address: string): string {
  const hex = address.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'));
  return `2002:${hex.slice(0, 2).join('')}:${hex.slice(2).join('')}::`;
}

/**
 * Whether a redirect must not lead to this address, and nothing that it answers is shown.
 *
 * @param host an address, maybe with a zone or in brackets; false for a name
 */
export function isLinkLocal(host: string): boolean {
  const address = host.replace(/^\[(.*)\]$/, '$1').replace(/%.*$/, '');
  const family = isIP(address);
  return family !== 0 && LINK_LOCAL.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

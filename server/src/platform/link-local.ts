import { BlockList, isIP } from 'node:net';

/**
 * Where a cloud answers any process of a machine, with secrets among other things: link-local
 * addresses (RFC 3927, RFC 4291), also as IPv6 writes those of IPv4 (RFC 4291, RFC 6052, RFC 3056),
 * and the metadata services that live elsewhere (Amazon, Google, Alibaba, Oracle).
 */
const LINK_LOCAL = new BlockList();
LINK_LOCAL.addSubnet('169.254.0.0', 16, 'ipv4');
LINK_LOCAL.addSubnet('fe80::', 10, 'ipv6');
LINK_LOCAL.addSubnet('::169.254.0.0', 112, 'ipv6');
LINK_LOCAL.addSubnet('64:ff9b::169.254.0.0', 112, 'ipv6');
LINK_LOCAL.addSubnet('2002:a9fe::', 32, 'ipv6');
LINK_LOCAL.addAddress('fd00:ec2::254', 'ipv6');
LINK_LOCAL.addAddress('fd20:ce::254', 'ipv6');
LINK_LOCAL.addAddress('100.100.100.200', 'ipv4');
LINK_LOCAL.addAddress('192.0.0.192', 'ipv4');

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

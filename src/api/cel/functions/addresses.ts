// IP addresses and ranges of them in expressions, without zones and without IPv4 in IPv6.
import { addressBits } from '../../validation/addresses.ts';
import { isIPv4, isIPv6 } from '../../validation/ip.ts';
import type { FunctionTable, Run } from '../check/functions.ts';
import { CelError, Opaque } from '../run/values.ts';
import { cidrType, ipType, type CelType } from '../types.ts';

/** A prefix: an address has all bits. */
interface Address {
  readonly size: 32 | 128;
  readonly bits: bigint;
}

export class IpValue extends Opaque {
  readonly address: Address;
  constructor(address: Address) {
    super();
    this.address = address;
  }
  override get celType(): CelType {
    return ipType;
  }
  override get size(): number {
    return this.address.size / 8;
  }
  override equals(other: unknown): boolean {
    return other instanceof IpValue && isSame(this.address, other.address);
  }
  override toString(): string {
    return addressText(this.address);
  }
}
export class CidrValue extends Opaque {
  readonly address: Address;
  readonly prefix: number;
  constructor(address: Address, prefix: number) {
    super();
    this.address = address;
    this.prefix = prefix;
  }
  override get celType(): CelType {
    return cidrType;
  }
  override get size(): number {
    return Math.ceil(this.prefix / 8);
  }
  override equals(other: unknown): boolean {
    return other instanceof CidrValue && other.prefix === this.prefix && isSame(this.address, other.address);
  }
  override toString(): string {
    return `${addressText(this.address)}/${this.prefix}`;
  }
}

const isSame = (one: Address, other: Address): boolean => one.size === other.size && one.bits === other.bits;

function addressText({ size, bits }: Address): string {
  if (size === 32) return [24n, 16n, 8n, 0n].map((shift) => (bits >> shift) & 0xffn).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => Number((bits >> BigInt(112 - 16 * index)) & 0xffffn));
  let [best, length] = [-1, 1];
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && groups[end] === 0) end++;
    if (end - start > length) [best, length] = [start, end - start];
  }
  const hex = (part: readonly number[]): string => part.map((one) => one.toString(16)).join(':');
  return best < 0 ? hex(groups) : `${hex(groups.slice(0, best))}::${hex(groups.slice(best + length))}`;
}

const quoted = (text: string): string => JSON.stringify(text);

function addressOf(text: string): Address | undefined {
  if (isIPv4(text)) return { size: 32, bits: addressBits(text) };
  return text.includes(':') && isIPv6(text) ? { size: 128, bits: addressBits(text) } : undefined;
}
const isMapped = ({ size, bits }: Address): boolean => size === 128 && bits >> 32n === 0xffffn;

/** Go's netip.ParseAddr says what is wrong in many ways; these are the usual. */
function addressProblem(text: string): string {
  const parse = `ParseAddr(${quoted(text)}): `;
  if (/^[0-9.]+$/.test(text) && text.includes('.')) {
    const parts = text.split('.');
    if (parts.some((part) => part === ''))
      return `${parse}IPv4 field must have at least one digit (at ${quoted(text.slice(Math.max(0, text.search(/\.\.|^\.|\.$/))))})`;
    if (parts.some((part) => part.length > 1 && part.startsWith('0')))
      return `${parse}IPv4 field has octet with leading zero`;
    if (parts.some((part) => Number(part) > 255)) return `${parse}IPv4 field has value >255`;
    return parts.length < 4 ? `${parse}IPv4 address too short` : `${parse}IPv4 address too long`;
  }
  return `${parse}unable to parse IP`;
}

function parseIp(text: string): IpValue | string {
  const zone = text.indexOf('%');
  if (zone > 0 && isIPv6(text.slice(0, zone))) return `IP address ${quoted(text)} with zone value is not allowed`;
  const address = addressOf(text);
  if (address === undefined)
    return `IP Address ${quoted(text)} parse error during conversion from string: ${addressProblem(text)}`;
  return isMapped(address) ? `IPv4-mapped IPv6 address ${quoted(text)} is not allowed` : new IpValue(address);
}

function parseCidr(text: string): CidrValue | string {
  const parse = `network address parse error during conversion from string: netip.ParsePrefix(${quoted(text)}): `;
  const slash = text.lastIndexOf('/');
  if (slash < 0) return `${parse}no '/'`;
  const [host, length] = [text.slice(0, slash), text.slice(slash + 1)];
  const address = addressOf(host);
  if (address === undefined)
    return host.includes('%') ? `${parse}IPv6 zones cannot be present in a prefix` : `${parse}${addressProblem(host)}`;
  if (!/^(0|[1-9][0-9]*)$/.test(length)) return `${parse}bad bits after slash: ${quoted(length)}`;
  if (Number(length) > address.size) return `${parse}prefix length out of range`;
  return isMapped(address)
    ? `IPv4-mapped IPv6 address ${quoted(text)} is not allowed`
    : new CidrValue(address, Number(length));
}

function ip(text: string): IpValue {
  const value = parseIp(text);
  if (typeof value === 'string') throw new CelError(value);
  return value;
}
function cidr(text: string): CidrValue {
  const value = parseCidr(text);
  if (typeof value === 'string')
    throw new CelError(`network address parse error during conversion from string: ${value}`);
  return value;
}

const host = ({ address, prefix }: CidrValue): bigint => BigInt(address.size - prefix);
const containsIp = (range: CidrValue, { address }: IpValue): boolean =>
  address.size === range.address.size && address.bits >> host(range) === range.address.bits >> host(range);
const containsCidr = (range: CidrValue, other: CidrValue): boolean =>
  range.prefix <= other.prefix && containsIp(range, new IpValue(other.address));
const masked = (range: CidrValue): CidrValue =>
  new CidrValue({ ...range.address, bits: (range.address.bits >> host(range)) << host(range) }, range.prefix);

/** Of an address, by family. */
const isIn =
  (v4: (bits: bigint) => boolean, v6: (bits: bigint) => boolean) =>
  ({ address: { size, bits } }: IpValue): boolean =>
    size === 32 ? v4(bits) : v6(bits);
const isUnspecified = isIn(
  (bits) => bits === 0n,
  (bits) => bits === 0n,
);
const isLoopback = isIn(
  (bits) => bits >> 24n === 127n,
  (bits) => bits === 1n,
);
const isLinkLocalMulticast = isIn(
  (bits) => bits >> 8n === 0xe00000n,
  (bits) => ((bits >> 112n) & 0xff0fn) === 0xff02n,
);
const isLinkLocalUnicast = isIn(
  (bits) => bits >> 16n === 0xa9fen,
  (bits) => bits >> 118n === 0x3fan,
);
const isMulticast = isIn(
  (bits) => bits >> 28n === 0xen,
  (bits) => bits >> 120n === 0xffn,
);
const isBroadcast = isIn(
  (bits) => bits === 0xffffffffn,
  () => false,
);
const isGlobalUnicast = (one: IpValue): boolean =>
  !isUnspecified(one) && !isLoopback(one) && !isMulticast(one) && !isLinkLocalUnicast(one) && !isBroadcast(one);

export function declareAddresses(table: FunctionTable): void {
  const add = (signature: string, run: Run): void => table.declare(signature, run);
  add('string_to_ip: ip(string): net.IP', ip);
  add('ip_family: net.IP.family(): int', ({ address }: IpValue) => (address.size === 32 ? 4n : 6n));
  add('ip_is_canonical: ip.isCanonical(string): bool', (text: string) => String(ip(text)) === text);
  add('ip_is_unspecified: net.IP.isUnspecified(): bool', isUnspecified);
  add('ip_is_loopback: net.IP.isLoopback(): bool', isLoopback);
  add('ip_is_link_local_multicast: net.IP.isLinkLocalMulticast(): bool', isLinkLocalMulticast);
  add('ip_is_link_local_unicast: net.IP.isLinkLocalUnicast(): bool', isLinkLocalUnicast);
  add('ip_is_global_unicast: net.IP.isGlobalUnicast(): bool', isGlobalUnicast);
  add('is_ip: isIP(string): bool', (text: string) => typeof parseIp(text) !== 'string');
  add('ip_to_string: string(net.IP): string', String);

  add('string_to_cidr: cidr(string): net.CIDR', cidr);
  add('cidr_contains_ip_string: net.CIDR.containsIP(string): bool', (range: CidrValue, text: string) =>
    containsIp(range, ip(text)),
  );
  add('cidr_contains_ip_ip: net.CIDR.containsIP(net.IP): bool', containsIp);
  add('cidr_contains_cidr_string: net.CIDR.containsCIDR(string): bool', (range: CidrValue, text: string) =>
    containsCidr(range, cidr(text)),
  );
  add('cidr_contains_cidr: net.CIDR.containsCIDR(net.CIDR): bool', containsCidr);
  add('cidr_ip: net.CIDR.ip(): net.IP', ({ address }: CidrValue) => new IpValue(address));
  add('cidr_prefix_length: net.CIDR.prefixLength(): int', ({ prefix }: CidrValue) => BigInt(prefix));
  add('cidr_masked: net.CIDR.masked(): net.CIDR', masked);
  add('is_cidr: isCIDR(string): bool', (text: string) => typeof parseCidr(text) !== 'string');
  add('cidr_to_string: string(net.CIDR): string', String);
}

// IP ranges, as far as configuration needs them.
import { isIPv4 } from '#pki/address.ts';

export interface Ipv4Range {
  /** As written. */
  readonly text: string;
  readonly base: number;
  readonly prefixLength: number;
}

export const parseIpv4 = (text: string): number | undefined =>
  isIPv4(text) ? text.split('.').reduce((value, part) => value * 256 + Number(part), 0) : undefined;
export const formatIpv4 = (value: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');

/** Undefined: not a range, or its address has bits behind the prefix. */
export function parseIpv4Range(text: string): Ipv4Range | undefined {
  const [address = '', length = '', ...rest] = text.split('/');
  const base = parseIpv4(address);
  if (base === undefined || rest.length > 0 || !/^(\d|[12]\d|3[0-2])$/.test(length)) return undefined;
  const prefixLength = Number(length);
  return base % 2 ** (32 - prefixLength) === 0 ? { text, base, prefixLength } : undefined;
}
/** The network of an address with its prefix length, such as 192.168.1.10/24. */
export function networkOf(text: string): Ipv4Range | undefined {
  const [address = '', length = ''] = text.split('/');
  const value = parseIpv4(address);
  if (value === undefined) return undefined;
  const size = 2 ** (32 - Number(length));
  return parseIpv4Range(`${formatIpv4(Math.floor(value / size) * size)}/${length}`);
}
export const rangeSize = (range: Ipv4Range): number => 2 ** (32 - range.prefixLength);
export const rangeContains = (range: Ipv4Range, address: number): boolean =>
  address >= range.base && address < range.base + rangeSize(range);
export const rangesOverlap = (a: Ipv4Range, b: Ipv4Range): boolean =>
  a.base < b.base + rangeSize(b) && b.base < a.base + rangeSize(a);
/** The range's `index`-th address. */
export const addressAt = (range: Ipv4Range, index: number): string => formatIpv4(range.base + index);

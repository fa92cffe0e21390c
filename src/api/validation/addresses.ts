// IP addresses and CIDRs, as k8s.io/apimachinery util/validation ip.go in its strict form (the default since 1.36).
import { isIPv4, isIPv6 } from './ip.ts';
import { invalid, type FieldError } from '../field-error.ts';

const sloppyV4 = /^\d{1,3}(\.\d{1,3}){3}$/;
const isMapped = (value: string) => /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(value) || /^(0{1,4}:){5}ffff:/i.test(value);

export function ipErrors(path: string, value: string, accepted: readonly string[] = []): FieldError[] {
  if (accepted.includes(value)) return [];
  if (isIPv4(value)) return [];
  if (isIPv6(value)) return isMapped(value) ? [invalid(path, value, 'must not be an IPv4-mapped IPv6 address')] : [];
  if (sloppyV4.test(value) && value.split('.').every((part) => Number(part) <= 255))
    return [invalid(path, value, 'must not have leading 0s')];
  return [invalid(path, value, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')];
}

export function cidrErrors(path: string, value: string, accepted: readonly string[] = []): FieldError[] {
  if (accepted.includes(value)) return [];
  const block = cidrBlockOf(value);
  if (block === undefined)
    return [invalid(path, value, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)')];
  const [address = '', prefix = ''] = value.split('/');
  if ((prefix.length > 1 && prefix.startsWith('0')) || (block.bits === 32 && !isIPv4(address)))
    return [invalid(path, value, 'must not have leading 0s in IP or prefix length')];
  if (isMapped(address)) return [invalid(path, value, 'must not have an IPv4-mapped IPv6 address')];
  if ((block.address & ((1n << block.hostBits) - 1n)) !== 0n)
    return [invalid(path, value, 'must not have bits set beyond the prefix length')];
  return [];
}

/** The one form of an address that Go prints; `address` is a valid one. */
const canonical = (address: string): string =>
  isIPv4(address) ? address : new URL(`http://[${address}]/`).hostname.slice(1, -1);

/** For what must be written in the one canonical form. */
export function canonicalIpErrors(path: string, value: string): FieldError[] {
  const errors = ipErrors(path, value);
  if (errors.length > 0 || canonical(value) === value) return errors;
  return [invalid(path, value, `must be in canonical form (${JSON.stringify(canonical(value))})`)];
}
export function canonicalCidrErrors(path: string, value: string): FieldError[] {
  const errors = cidrErrors(path, value);
  const [address = '', prefix = ''] = value.split('/');
  if (errors.length > 0 || canonical(address) === address) return errors;
  return [invalid(path, value, `must be in canonical form (${JSON.stringify(`${canonical(address)}/${prefix}`)})`)];
}

/** The address as a number. */
export function addressBits(address: string): bigint {
  if (isIPv4(address)) return address.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
  const v4 = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const text =
    v4 === null
      ? address
      : address.slice(0, v4.index) +
        [v4.slice(1, 3), v4.slice(3, 5)].map(([a, b]) => ((Number(a) << 8) | Number(b)).toString(16)).join(':');
  const [head = '', tail] = text.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':'));
  const [front, back] = [groups(head), groups(tail ?? '')];
  const all =
    tail === undefined ? front : [...front, ...Array<string>(8 - front.length - back.length).fill('0'), ...back];
  return all.reduce((sum, part) => (sum << 16n) | BigInt(`0x${part}`), 0n);
}

/** Addresses that endpoints and external IPs must not be. */
export function endpointIpErrors(path: string, value: string): FieldError[] {
  if (!isIPv4(value) && !isIPv6(value)) return [invalid(path, value, 'must be a valid IP address')];
  const bits = addressBits(value);
  const v4 = isIPv4(value);
  const errors: FieldError[] = [];
  if (bits === 0n) errors.push(invalid(path, value, `may not be unspecified (${value})`));
  if (v4 ? bits >> 24n === 127n : bits === 1n)
    errors.push(invalid(path, value, 'may not be in the loopback range (127.0.0.0/8, ::1/128)'));
  if (v4 ? bits >> 16n === 0xa9fen : bits >> 118n === 0x3fan)
    errors.push(invalid(path, value, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'));
  if (v4 ? bits >> 8n === 0xe00000n : bits >> 112n === 0xff02n)
    errors.push(invalid(path, value, 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'));
  return errors;
}

export interface CidrBlock {
  /** Of the family: 32 or 128. */
  readonly bits: number;
  readonly prefix: number;
  readonly hostBits: bigint;
  readonly address: bigint;
}
/** Also of forms that are no longer accepted (leading zeros); undefined: no block at all. */
export function cidrBlockOf(value: string): CidrBlock | undefined {
  const match = /^(.+)\/(\d{1,3})$/.exec(value);
  if (match === null) return undefined;
  const text = sloppyV4.test(match[1]!) ? match[1]!.split('.').map(Number).join('.') : match[1]!;
  const bits = isIPv4(text) ? 32 : isIPv6(text) ? 128 : 0;
  const prefix = Number(match[2]);
  return bits === 0 || prefix > bits
    ? undefined
    : { bits, prefix, hostBits: BigInt(bits - prefix), address: addressBits(text) };
}

/** For what is accepted and yet not in the one form that IPv6 has. */
export function cidrWarnings(path: string, value: string): string[] {
  const [address = '', prefix = ''] = value.split('/');
  if (!isIPv6(address) || isMapped(address) || canonical(address) === address) return [];
  const form = `${canonical(address)}/${prefix}`;
  return [`${path}: IPv6 CIDR value "${value}" should be in RFC 5952 canonical format ("${form}")`];
}

/** The same for a single address. */
export function ipWarnings(path: string, value: string): string[] {
  if (!isIPv6(value) || isMapped(value) || canonical(value) === value) return [];
  return [`${path}: IPv6 address "${value}" should be in RFC 5952 canonical format ("${canonical(value)}")`];
}

/** Of an interface: an address with the length of its network, in the one form. */
export function interfaceAddressErrors(path: string, value: string): FieldError[] {
  if (cidrBlockOf(value) === undefined)
    return [invalid(path, value, 'must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)')];
  const [address = '', prefix = ''] = value.split('/');
  const plain = sloppyV4.test(address) ? address.split('.').map(Number).join('.') : address;
  const form = `${canonical(plain)}/${Number(prefix)}`;
  return value === form ? [] : [invalid(path, value, `must be in canonical form (${JSON.stringify(form)})`)];
}

/** At most two, and of different families. */
export const isDualStack = (addresses: readonly string[]): boolean =>
  addresses.length === 2 && addresses.filter((one) => isIPv6(one.split('/')[0]!)).length === 1;

// IPv4 and IPv6 addresses as numbers, for ranges of cluster IPs.

export interface Range {
  readonly family: 'IPv4' | 'IPv6';
  readonly text: string;
  readonly first: bigint;
  /** How many addresses. */
  readonly size: bigint;
}

export const familyOf = (address: string): 'IPv4' | 'IPv6' => (address.includes(':') ? 'IPv6' : 'IPv4');

/** Undefined: no address. */
export function parseAddress(text: string): bigint | undefined {
  if (!text.includes(':')) {
    const parts = text.split('.');
    if (parts.length !== 4 || parts.some((part) => !/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255))
      return undefined;
    return parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  }
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const groups = (half: string): string[] => (half === '' ? [] : half.split(':'));
  const head = groups(halves[0]!);
  const tail = halves.length === 2 ? groups(halves[1]!) : [];
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const all = [...head, ...Array.from({ length: halves.length === 2 ? missing : 0 }, () => '0'), ...tail];
  if (all.some((group) => !/^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  return all.reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n);
}

export function formatAddress(value: bigint, family: 'IPv4' | 'IPv6'): string {
  if (family === 'IPv4') return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => Number((value >> BigInt(112 - 16 * index)) & 65_535n));
  // RFC 5952: the longest run of two or more zero groups is left out.
  let best = { start: -1, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  const hex = groups.map((group) => group.toString(16));
  return best.start < 0
    ? hex.join(':')
    : `${hex.slice(0, best.start).join(':')}::${hex.slice(best.start + best.length).join(':')}`;
}

export function parseRange(text: string): Range {
  const [address = '', prefixText = ''] = text.split('/');
  const family = familyOf(address);
  const value = parseAddress(address);
  const bits = family === 'IPv4' ? 32 : 128;
  const prefix = Number(prefixText);
  if (value === undefined || prefixText === '' || !Number.isInteger(prefix) || prefix < 0 || prefix > bits)
    throw new Error(`${JSON.stringify(text)} is no address range`);
  const size = 1n << BigInt(bits - prefix);
  return { family, text, first: value - (value % size), size };
}

export const contains = (range: Range, address: bigint): boolean =>
  address >= range.first && address < range.first + range.size;

/** Every address of `inner` is in `outer`. */
export const covers = (outer: Range, inner: Range): boolean =>
  outer.family === inner.family && outer.first <= inner.first && outer.first + outer.size >= inner.first + inner.size;

/** Addresses that services may have: not the network's own and, in IPv4, not the broadcast address. */
export const isUsable = (range: Range, address: bigint): boolean =>
  contains(range, address) &&
  address !== range.first &&
  !(range.family === 'IPv4' && address === range.first + range.size - 1n);

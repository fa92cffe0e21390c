// The parts of a network, in order. Addresses are counted as big integers, both families alike.
import { assert } from '#base/errors.ts';

/** Subnets of `prefixLength` in `cidr`. */
export function* subnets(cidr: string, prefixLength: number): Generator<string> {
  const [address, lengthText] = cidr.split('/') as [string, string];
  const bits = address.includes(':') ? 128 : 32;
  const length = Number(lengthText);
  assert(prefixLength >= length && prefixLength <= bits, `${cidr} has no subnets of /${prefixLength}`);
  const size = 1n << BigInt(bits - prefixLength);
  const base = (parse(address) >> BigInt(bits - length)) << BigInt(bits - length);
  const count = 1n << BigInt(prefixLength - length);
  for (let index = 0n; index < count; index++) yield `${format(base + index * size, bits)}/${prefixLength}`;
}

function parse(address: string): bigint {
  if (!address.includes(':')) return address.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  const [head = '', tail] = address.split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const all = [...before, ...Array.from({ length: 8 - before.length - after.length }, () => '0'), ...after];
  return all.reduce((sum, group) => (sum << 16n) + BigInt(`0x${group}`), 0n);
}

function format(value: bigint, bits: number): string {
  if (bits === 32) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16));
  // RFC 5952: the first longest run of two or more zero groups is left out.
  let [start, length] = [0, 0];
  for (let at = 0; at < 8; at++) {
    let end = at;
    while (end < 8 && groups[end] === '0') end++;
    if (end - at > length) [start, length] = [at, end - at];
  }
  if (length < 2) return groups.join(':');
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + length).join(':')}`;
}

// Blocks of addresses and ranges of ports as nft takes them: canonical, without overlaps, which it refuses. Pure.
import { addressAt, addressBits } from '../address-range.ts';
import { type Family, familyOf } from './ruleset.ts';

export interface Block {
  readonly family: Family;
  /** Such as `10.0.0.0/8`; a block of everything has length 0. */
  readonly text: string;
  readonly first: bigint;
  readonly length: number;
}

const pattern = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[\da-fA-F:.]*:[\da-fA-F:.]*)\/\d{1,3}$/;

/** Undefined: not a block. Bits behind the prefix do not count. */
export function parseBlock(cidr: string): Block | undefined {
  if (!pattern.test(cidr)) return undefined;
  const [base = '', lengthText = ''] = cidr.split('/');
  const family = familyOf(base);
  const width = family === '4' ? 32 : 128;
  const length = Number(lengthText);
  // Addresses that end in an IPv4 address are not written in policies by anything that is known; they would need a parser of their own.
  if (length > width || (family === '6' && base.includes('.'))) return undefined;
  const bits = addressBits(base);
  const shift = BigInt(width - length);
  const first = (bits >> shift) << shift;
  const zero = family === '4' ? '0.0.0.0/0' : '::/0';
  return { family, first, length, text: `${addressAt(zero, first)}/${length}` };
}

const contains = (outer: Block, inner: Block): boolean => {
  const shift = BigInt((outer.family === '4' ? 32 : 128) - outer.length);
  return outer.family === inner.family && outer.length <= inner.length && inner.first >> shift === outer.first >> shift;
};

/** Those that no other contains. */
export const withoutContained = (blocks: readonly Block[]): readonly Block[] =>
  blocks.filter(
    (one, at) =>
      !blocks.some((other, index) => index !== at && contains(other, one) && (other.text !== one.text || index < at)),
  );

export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** Ordered, without overlaps: `80, 443, 8000-8100`. */
export function portText(ranges: readonly PortRange[]): string {
  const merged: { from: number; to: number }[] = [];
  for (const { from, to } of ranges.toSorted((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last.to + 1) last.to = Math.max(last.to, to);
    else merged.push({ from, to });
  }
  return merged.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(', ');
}

// Numbers as texts say them, within the ranges of 64 bits.
import { Uint } from '../run/values.ts';

export const intMin = -(1n << 63n);
export const intMax = (1n << 63n) - 1n;
export const uintMax = (1n << 64n) - 1n;

export function parseInt64(text: string): bigint | undefined {
  const match = /^([+-]?)(0x[0-9a-fA-F]+|[0-9]+)$/.exec(text);
  if (match === null || match[2]!.length > 80) return undefined;
  const value = match[1] === '-' ? -BigInt(match[2]!) : BigInt(match[2]!);
  return value < intMin || value > intMax ? undefined : value;
}

/** With the letter that ends such literals, or without. */
export function parseUint64(text: string): Uint | undefined {
  const digits = text.replace(/[uU]$/, '');
  if (!/^(0x[0-9a-fA-F]+|[0-9]+)$/.test(digits) || digits.length > 80) return undefined;
  const value = BigInt(digits);
  return value > uintMax ? undefined : new Uint(value);
}

export function parseFloat64(text: string): number | undefined {
  const value = Number(text);
  return text.trim() === '' || Number.isNaN(value) || !Number.isFinite(value) ? undefined : value;
}

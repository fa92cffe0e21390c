// resource.Quantity: an exact decimal with the suffix family that it was written in. Texts that are already canonical are
// kept as written, as upstream does. No floating point but in quantityToNumber, which says so.

export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent';

/** The amount is value * 10^scale. */
export interface Quantity {
  readonly value: bigint;
  readonly scale: number;
  readonly format: QuantityFormat;
  /** Set where the text as written is what is shown. */
  readonly text?: string | undefined;
  /** Upstream keeps it as a decimal of any length, and shows that where it dumps it. */
  readonly isBeyondInt64?: true;
  /** It was more than what upstream allows in powers of two. */
  readonly isCapped?: true;
}

export class QuantityError extends Error {}

const formatWrong = () =>
  new QuantityError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");

const decimalSuffixes: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  '': 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const decimalByExponent = new Map(Object.entries(decimalSuffixes).map(([suffix, exponent]) => [exponent, suffix]));
const binarySuffixes: Readonly<Record<string, number>> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 };
const binaryNames = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const int64Max = (1n << 63n) - 1n;
/** Beyond this an exponent says nothing more; it keeps hostile exponents from costing memory. */
const exponentMax = 400;
/** Upstream has no limit; a body full of longer ones would hold up everybody. */
const charactersMax = 10_000;

/** Each part begins with what the one before cannot hold: the text is anybody's, and may be long. */
const pattern = /^([+-]?)([0-9]*)(?:(\.)([0-9]*))?((?:[eEinumkKMGTP]+[-+]?[0-9]*|[-+][0-9]*)?)$/;

interface Suffix {
  readonly base: 2 | 10;
  readonly exponent: number;
  readonly format: QuantityFormat;
}

function interpretSuffix(suffix: string): Suffix | undefined {
  const decimal = decimalSuffixes[suffix];
  if (decimal !== undefined) return { base: 10, exponent: decimal, format: 'DecimalSI' };
  const binary = binarySuffixes[suffix];
  if (binary !== undefined) return { base: 2, exponent: binary, format: 'BinarySI' };
  if (!/^[eE][+-]?\d+$/.test(suffix)) return undefined;
  const exponent = Number(suffix.slice(1));
  return { base: 10, exponent: Math.max(-exponentMax, Math.min(exponentMax, exponent)), format: 'DecimalExponent' };
}

/** Throws QuantityError with upstream's text. */
export function parseQuantity(text: string): Quantity {
  if (text === '') throw formatWrong();
  if (text.length > charactersMax)
    throw new QuantityError(`quantities may not be longer than ${charactersMax} characters`);
  if (text === '0') return { value: 0n, scale: 0, format: 'DecimalSI', text };
  const match = pattern.exec(text);
  if (match === null) throw formatWrong();
  const [, sign = '', digits = '', point, fraction = '', suffixText = ''] = match;
  const suffix = interpretSuffix(suffixText);
  if (suffix === undefined) throw new QuantityError("unable to parse quantity's suffix");
  if (digits === '' && fraction === '' && (point !== undefined || suffixText !== ''))
    throw new QuantityError('unable to parse numeric part of quantity');
  const negative = sign === '-';
  const numerator = digits.replace(/^0+/, '') || '0';
  const shifted = BigInt(numerator + fraction);
  const signed = (value: bigint) => (negative ? -value : value);

  // Small amounts: kept exactly, and as written when that is canonical.
  const digitsCount = numerator.length + fraction.length;
  const { base, exponent } = suffix;
  let { format } = suffix;
  const isSmall = base === 10 ? digitsCount <= 18 : fraction === '' && 14 - numerator.length - exponent * 0.3 >= 0;
  if (isSmall) {
    const scale = (base === 10 ? exponent : 0) - fraction.length;
    const value = base === 10 ? shifted : shifted << BigInt(exponent);
    if (scale >= -9 && value <= int64Max) {
      const written = numerator + fraction;
      const canonical =
        base === 2 ? (shifted & 7n) !== 0n : scale % 3 === 0 && !written.endsWith('000') && written[0] !== '0';
      return { value: signed(value), scale, format, text: canonical ? text : undefined };
    }
  }

  let value = shifted;
  let scale = -fraction.length;
  if (base === 10) scale += exponent;
  else value <<= BigInt(exponent);
  if (value !== 0n && scale < -9) {
    const divisor = 10n ** BigInt(-9 - scale);
    value = (value + divisor - 1n) / divisor;
    scale = -9;
  }
  let isCapped = false;
  if (format === 'BinarySI') {
    const one = scale < 0 ? 10n ** BigInt(-scale) : 1n;
    if (value > int64Max * one) {
      value = int64Max;
      scale = 0;
      isCapped = true;
    } else if (value < one && value > 0n) format = 'DecimalSI';
  }
  return { value: signed(value), scale, format, isBeyondInt64: true, ...(isCapped ? { isCapped } : {}) };
}

const isInteger = (quantity: Quantity): boolean =>
  quantity.scale >= 0 || quantity.value % 10n ** BigInt(-quantity.scale) === 0n;

const magnitude = (value: bigint) => (value < 0n ? -value : value);

/** The canonical text. */
export function formatQuantity(quantity: Quantity): string {
  if (quantity.text !== undefined) return quantity.text;
  if (quantity.value === 0n) return '0';
  let { format } = quantity;
  if (format === 'BinarySI') {
    const whole = atScale(quantity, 0);
    if (!isInteger(quantity) || magnitude(whole) < 1024n) format = 'DecimalSI';
    else {
      let value = whole;
      let step = 0;
      while (value % 1024n === 0n && step < 6) {
        value /= 1024n;
        step++;
      }
      return `${value}${binaryNames[step]}`;
    }
  }
  let { value, scale } = quantity;
  // By its text: dividing digit by digit takes the square of their number.
  const zeros = /0*$/.exec(String(value))![0].length;
  if (zeros > 0) value /= 10n ** BigInt(zeros);
  scale += zeros;
  const excess = ((scale % 3) + 3) % 3;
  value *= 10n ** BigInt(excess);
  scale -= excess;
  if (format === 'DecimalExponent') return scale === 0 ? String(value) : `${value}e${scale}`;
  const suffix = decimalByExponent.get(scale);
  if (suffix !== undefined) return `${value}${suffix}`;
  return `${value * 10n ** BigInt(scale - 18)}E`;
}

/** value * 10^-scale, rounded up (away from zero), as upstream's ScaledValue. */
function atScale(quantity: Quantity, scale: number): bigint {
  const shift = quantity.scale - scale;
  if (shift >= 0) return quantity.value * 10n ** BigInt(shift);
  const divisor = 10n ** BigInt(-shift);
  const { value } = quantity;
  return value >= 0n ? (value + divisor - 1n) / divisor : -((-value + divisor - 1n) / divisor);
}

const asQuantity = (one: Quantity | string): Quantity => (typeof one === 'string' ? parseQuantity(one) : one);

/** -1, 0 or 1. */
export function compareQuantities(left: Quantity | string, right: Quantity | string): number {
  const [a, b] = [asQuantity(left), asQuantity(right)];
  const scale = Math.min(a.scale, b.scale);
  const [x, y] = [atScale(a, scale), atScale(b, scale)];
  return x < y ? -1 : x > y ? 1 : 0;
}

/** The format of the left one, unless it is zero. */
export function addQuantities(left: Quantity | string, right: Quantity | string): Quantity {
  const [a, b] = [asQuantity(left), asQuantity(right)];
  const scale = Math.min(a.scale, b.scale);
  return { value: atScale(a, scale) + atScale(b, scale), scale, format: a.value === 0n ? b.format : a.format };
}

export function subtractQuantities(left: Quantity | string, right: Quantity | string): Quantity {
  const b = asQuantity(right);
  return addQuantities(left, { value: -b.value, scale: b.scale, format: b.format });
}

/** Upstream's Value(): whole units, rounded up. */
export const quantityValue = (one: Quantity | string): bigint => atScale(asQuantity(one), 0);

/** Thousandths, rounded up: CPU in millicores. */
export const milliAmount = (one: Quantity | string): bigint => atScale(asQuantity(one), -3);
export const milliValue = (one: Quantity | string): number => Number(milliAmount(one));

/** Nearest floating-point number. */
export function quantityToNumber(one: Quantity | string): number {
  const { value, scale } = asQuantity(one);
  if (scale >= 0) return Number(value * 10n ** BigInt(scale));
  const divisor = 10n ** BigInt(-scale);
  return value % divisor === 0n ? Number(value / divisor) : Number(value) / 10 ** -scale;
}

/** Rounded up to thousandths, as every ResourceList is when it is stored. */
export function roundUpToMilli(quantity: Quantity): Quantity {
  if (quantity.scale >= -3) return quantity;
  const value = atScale(quantity, -3);
  return { value, scale: -3, format: quantity.format };
}

const canonicalTexts = new Map<string, string>();
const canonicalTextsMax = 4096;

/** The text that upstream stores for this text. Few distinct texts make up almost all traffic, so they are remembered. */
export function canonicalQuantity(text: string): string {
  const known = canonicalTexts.get(text);
  if (known !== undefined) return known;
  const canonical = formatQuantity(parseQuantity(text));
  if (canonicalTexts.size >= canonicalTextsMax) canonicalTexts.clear();
  canonicalTexts.set(text, canonical);
  return canonical;
}

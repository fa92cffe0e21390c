// meta.v1 Duration: Go's duration text to the form that Go prints.

export const unitNanoseconds: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

const int64Max = (1n << 63n) - 1n;

/** The canonical text, such as `1h0m0s`, or why it is none. */
export function parseDuration(text: string): string | { readonly error: string } {
  const nanoseconds = parseNanoseconds(text);
  if (typeof nanoseconds !== 'bigint') return nanoseconds;
  return (nanoseconds < 0n ? '-' : '') + printDuration(nanoseconds < 0n ? -nanoseconds : nanoseconds);
}

/** Nanoseconds, or why it is no duration. */
export function parseNanoseconds(text: string): bigint | { readonly error: string } {
  const invalid = { error: `time: invalid duration ${JSON.stringify(text)}` };
  const match = /^([+-]?)(.*)$/.exec(text);
  const body = match?.[2] ?? '';
  if (body === '0') return 0n;
  if (body === '') return invalid;
  let total = 0n;
  let rest = body;
  while (rest !== '') {
    const part = /^(\d*)(?:\.(\d*))?([^\d.]*)/.exec(rest);
    if (part === null || ((part[1] ?? '') === '' && (part[2] ?? '') === '')) return invalid;
    const [whole, digits = '', fraction = '', unit = ''] = part;
    if (unit === '') return { error: `time: missing unit in duration ${JSON.stringify(text)}` };
    const scale = unitNanoseconds[unit];
    if (scale === undefined)
      return { error: `time: unknown unit ${JSON.stringify(unit)} in duration ${JSON.stringify(text)}` };
    total += BigInt(digits || '0') * scale + (BigInt(fraction || '0') * scale) / 10n ** BigInt(fraction.length);
    if (total > int64Max) return invalid;
    rest = rest.slice(whole.length);
  }
  return match?.[1] === '-' ? -total : total;
}

const decimal = (value: bigint, unit: bigint): string => {
  const width = unit.toString().length - 1;
  const fraction = (value % unit).toString().padStart(width, '0').replace(/0+$/, '');
  return `${value / unit}${fraction === '' ? '' : `.${fraction}`}`;
};

/** Of an amount that is not negative. */
export function printDuration(nanoseconds: bigint): string {
  if (nanoseconds === 0n) return '0s';
  if (nanoseconds < 1_000n) return `${nanoseconds}ns`;
  if (nanoseconds < 1_000_000n) return `${decimal(nanoseconds, 1_000n)}µs`;
  if (nanoseconds < 1_000_000_000n) return `${decimal(nanoseconds, 1_000_000n)}ms`;
  const minutes = nanoseconds / 60_000_000_000n;
  const seconds = decimal(nanoseconds % 60_000_000_000n, 1_000_000_000n);
  if (minutes === 0n) return `${seconds}s`;
  return minutes < 60n ? `${minutes}m${seconds}s` : `${minutes / 60n}h${minutes % 60n}m${seconds}s`;
}

// string.format(): %s %d %f %e %b %x %X %o %% over a list of values.
import { formatDuration, formatTimestamp } from '../run/time.ts';
import {
  CelError,
  CelList,
  CelMap,
  CelObject,
  Duration,
  Opaque,
  Timestamp,
  typeOf,
  TypeValue,
  Uint,
} from '../run/values.ts';
import { doubleText } from './conversions.ts';

const formattingError = (text: string): CelError => new CelError(`error during formatting: ${text}`);

export function formatText(format: string, values: CelList): string {
  let index = 0;
  return format.replace(
    /%(?:%|(?:\.([0-9]+))?([a-zA-Z])?)/g,
    (whole, precision: string | undefined, clause: string | undefined) => {
      if (whole === '%%') return '%';
      if (clause === undefined) throw new CelError('could not parse formatting clause: unexpected end of string');
      if (index >= values.size) throw new CelError(`index ${index} out of range`);
      const value = values.at(index++);
      const digits = precision === undefined ? 6 : Number(precision);
      if (digits > 100) throw formattingError('precision is too large');
      switch (clause) {
        case 's':
          return textOf(value);
        case 'd':
          return decimal(value);
        case 'f':
          return fixed(value, digits);
        case 'e':
          return scientific(value, digits);
        case 'b':
          return based(value, 2, 'binary', 'b');
        case 'o':
          return based(value, 8, 'octal', 'o');
        case 'x':
          return hex(value);
        case 'X':
          return hex(value).toUpperCase();
        default:
          throw new CelError(`could not parse formatting clause: unrecognized formatting clause "${clause}"`);
      }
    },
  );
}

const innerText = (value: unknown): string => (typeof value === 'string' ? JSON.stringify(value) : textOf(value));

export function textOf(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'number') return doubleText(value);
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (value instanceof Uint) return String(value.value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (value instanceof Duration) return formatDuration(value);
  if (value instanceof Timestamp) return formatTimestamp(value);
  if (value instanceof TypeValue) return value.type.name;
  if (value instanceof CelList) return `[${Array.from(value, innerText).join(', ')}]`;
  if (value instanceof CelMap || value instanceof CelObject) {
    const entries = Array.from(
      value.keys() as Iterable<string>,
      (key) => `${innerText(key)}: ${innerText(value.get(key))}`,
    );
    return `{${entries.toSorted().join(', ')}}`;
  }
  if (value instanceof Opaque)
    throw formattingError(
      `string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given ${value.celType.name}`,
    );
  throw formattingError(
    `string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given ${typeOf(value).name}`,
  );
}

const special = (value: number): string | undefined =>
  Number.isNaN(value) ? 'NaN' : Number.isFinite(value) ? undefined : value > 0 ? 'Infinity' : '-Infinity';

function decimal(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Uint) return String(value.value);
  if (typeof value === 'number') {
    const text = special(value);
    if (text !== undefined) return text;
  }
  throw formattingError(`decimal clause can only be used on integers, was given ${typeOf(value).name}`);
}

function doubleOf(value: unknown, clause: string): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Uint) return Number(value.value);
  if (typeof value === 'string' && /^(NaN|-?Infinity)$/.test(value)) return Number(value);
  throw formattingError(`${clause} clause can only be used on doubles, was given ${typeOf(value).name}`);
}
function fixed(value: unknown, digits: number): string {
  const number = doubleOf(value, 'fixed-point');
  return (
    special(number) ??
    (Math.abs(number) < 1e21
      ? number.toFixed(digits)
      : `${BigInt(number)}${digits > 0 ? `.${'0'.repeat(digits)}` : ''}`)
  );
}
const superscripts = Array.from('⁰¹²³⁴⁵⁶⁷⁸⁹');
function scientific(value: unknown, digits: number): string {
  const number = doubleOf(value, 'scientific');
  const text = special(number);
  if (text !== undefined) return text;
  const [mantissa, exponent] = number.toExponential(digits).split('e') as [string, string];
  // Upstream's %e writes it as mathematicians do.
  const digitsText = Array.from(exponent.slice(1).padStart(2, '0'), (one) => superscripts[Number(one)]).join('');
  return `${mantissa}\u00d710${exponent[0] === '-' ? '\u207b' : ''}${digitsText}`;
}
function based(value: unknown, base: number, name: string, clause: string): string {
  if (typeof value === 'bigint') return value.toString(base);
  if (value instanceof Uint) return value.value.toString(base);
  if (typeof value === 'boolean' && clause === 'b') return value ? '1' : '0';
  throw formattingError(
    `${clause === 'b' ? 'only integers and bools can be formatted as binary' : `${name} clause can only be used on integers`}, was given ${typeOf(value).name}`,
  );
}
function hex(value: unknown): string {
  if (typeof value === 'bigint') return value.toString(16);
  if (value instanceof Uint) return value.value.toString(16);
  if (typeof value === 'string') return Buffer.from(value).toString('hex');
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  throw formattingError(
    `only integers, byte buffers, and strings can be formatted as hex, was given ${typeOf(value).name}`,
  );
}

// Conversions between types, size(), type() and dyn().
import type { FunctionTable, Run } from '../check/functions.ts';
import {
  conversionError,
  durationNanos,
  formatDuration,
  formatTimestamp,
  secondNanos,
  timestampNanos,
  isInRange,
} from '../run/time.ts';
import { CelError, Duration, sizeOf, Timestamp, typeOf, TypeValue, Uint } from '../run/values.ts';
import { intMax, parseFloat64, parseInt64, parseUint64 } from '../syntax/numbers.ts';

const need = <T>(value: T | undefined, from: string, to: string): T => {
  if (value === undefined) throw conversionError(from, to);
  return value;
};
const trues = ['1', 't', 'T', 'TRUE', 'true', 'True'];
const falses = ['0', 'f', 'F', 'FALSE', 'false', 'False'];
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** As Go's 'g' with the shortest digits that read back the same. */
export function doubleText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (Object.is(value, -0)) return '-0';
  const size = Math.abs(value);
  if (value !== 0 && (size < 1e-4 || size >= 1e21)) {
    const [digits, exponent] = value.toExponential().split('e') as [string, string];
    const sign = exponent[0] === '-' ? '-' : '+';
    return `${digits}e${sign}${exponent.replace(/^[+-]/, '').padStart(2, '0')}`;
  }
  return String(value);
}

const doubleToInt = (value: number): bigint => {
  if (Number.isNaN(value) || value <= -(2 ** 63) || value >= 2 ** 63) throw new CelError('integer overflow');
  return BigInt(Math.trunc(value));
};

export function declareConversions(table: FunctionTable): void {
  const add = (signature: string, run: Run): void => table.declare(signature, run);
  const identity = (value: unknown): unknown => value;

  const size = (value: unknown): bigint => BigInt(sizeOf(value)!);
  for (const [type, name] of [
    ['bytes', 'bytes'],
    ['list(A)', 'list'],
    ['map(A, B)', 'map'],
    ['string', 'string'],
  ] as const) {
    add(`size_${name}: size(${type}): int`, size);
    add(`${name}_size: ${type}.size(): int`, size);
  }
  add('type: type(A): type(A)', (value: unknown) => new TypeValue(typeOf(value)));
  add('to_dyn: dyn(A): dyn', identity);

  add('bool_to_bool: bool(bool): bool', identity);
  add('string_to_bool: bool(string): bool', (text: string) => {
    if (trues.includes(text)) return true;
    if (falses.includes(text)) return false;
    throw conversionError('string', 'bool');
  });
  add('bytes_to_bytes: bytes(bytes): bytes', identity);
  add('string_to_bytes: bytes(string): bytes', (text: string) => new Uint8Array(Buffer.from(text)));

  add('double_to_double: double(double): double', identity);
  add('int64_to_double: double(int): double', (value: bigint) => Number(value));
  add('string_to_double: double(string): double', (text: string) =>
    need(specialDouble(text) ?? parseFloat64(text), 'string', 'double'),
  );
  add('uint64_to_double: double(uint): double', ({ value }: Uint) => Number(value));

  add('duration_to_duration: duration(duration): duration', identity);
  add('int64_to_duration: duration(int): duration', (value: bigint) => new Duration(value));
  add(
    'string_to_duration: duration(string): duration',
    (text: string) => new Duration(need(durationNanos(text), 'string', 'google.protobuf.Duration')),
  );

  add('int64_to_int64: int(int): int', identity);
  add('double_to_int64: int(double): int', doubleToInt);
  add('duration_to_int64: int(duration): int', ({ nanos }: Duration) => nanos);
  add('string_to_int64: int(string): int', (text: string) =>
    need(/x/i.test(text) ? undefined : parseInt64(text), 'string', 'int'),
  );
  add('timestamp_to_int64: int(timestamp): int', ({ nanos }: Timestamp) => {
    const rest = ((nanos % secondNanos) + secondNanos) % secondNanos;
    return (nanos - rest) / secondNanos;
  });
  add('uint64_to_int64: int(uint): int', ({ value }: Uint) => {
    if (value > intMax) throw new CelError('integer overflow');
    return value;
  });

  add('string_to_string: string(string): string', identity);
  add('bool_to_string: string(bool): string', String);
  add('bytes_to_string: string(bytes): string', (bytes: Uint8Array) => {
    try {
      return utf8.decode(bytes);
    } catch {
      throw new CelError('invalid UTF-8 in bytes, cannot convert to string');
    }
  });
  add('double_to_string: string(double): string', doubleText);
  add('duration_to_string: string(duration): string', formatDuration);
  add('int64_to_string: string(int): string', String);
  add('timestamp_to_string: string(timestamp): string', formatTimestamp);
  add('uint64_to_string: string(uint): string', ({ value }: Uint) => String(value));

  add('timestamp_to_timestamp: timestamp(timestamp): timestamp', identity);
  add('int64_to_timestamp: timestamp(int): timestamp', (seconds: bigint) => {
    const nanos = seconds * secondNanos;
    if (!isInRange(nanos)) throw new CelError('timestamp overflow');
    return new Timestamp(nanos);
  });
  add(
    'string_to_timestamp: timestamp(string): timestamp',
    (text: string) => new Timestamp(need(timestampNanos(text), 'string', 'google.protobuf.Timestamp')),
  );

  add('uint64_to_uint64: uint(uint): uint', identity);
  add('double_to_uint64: uint(double): uint', (value: number) => {
    if (Number.isNaN(value) || value < 0 || value >= 2 ** 64) throw new CelError('unsigned integer overflow');
    return new Uint(BigInt(Math.trunc(value)));
  });
  add('int64_to_uint64: uint(int): uint', (value: bigint) => {
    if (value < 0n) throw new CelError('unsigned integer overflow');
    return new Uint(value);
  });
  add('string_to_uint64: uint(string): uint', (text: string) =>
    need(/^[0-9]+$/.test(text) ? parseUint64(text) : undefined, 'string', 'uint'),
  );
}

const specialDouble = (text: string): number | undefined => {
  if (/^[+-]?nan$/i.test(text)) return Number.NaN;
  return /^[+-]?inf(inity)?$/i.test(text) ? (text.startsWith('-') ? -Infinity : Infinity) : undefined;
};

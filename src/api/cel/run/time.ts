// Durations and timestamps as texts, and parts of timestamps in a zone. Nanoseconds throughout.
import { unitNanoseconds } from '../../schema/duration.ts';
import { CelError, Duration, Timestamp } from './values.ts';

export const secondNanos = 1_000_000_000n;
const int64Max = (1n << 63n) - 1n;
/** Of year 1 and of year 9999, in seconds. */
const secondsMin = -62_135_596_800n;
const secondsMax = 253_402_300_799n;

export const conversionError = (from: string, to: string): CelError =>
  new CelError(`type conversion error from '${from}' to '${to}'`);

/** Go's durations: `1h30m`, `-1.5s`. Undefined for anything else. */
export function durationNanos(text: string): bigint | undefined {
  const match = /^([+-]?)(0|(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+)$/.exec(text);
  if (match === null || text.length > 200) return undefined;
  let total = 0n;
  for (const [, whole = '', fraction = '', unit] of match[2]!.matchAll(/([0-9]*)\.?([0-9]*)([a-zµμ]+)/g)) {
    const nanos = unitNanoseconds[unit!]!;
    const digits = fraction.slice(0, 18);
    total += BigInt(whole === '' ? '0' : whole) * nanos;
    if (digits !== '') total += (BigInt(digits) * nanos) / 10n ** BigInt(digits.length);
  }
  if (total > int64Max) return undefined;
  return match[1] === '-' ? -total : total;
}

export function parseDuration(text: string): Duration {
  const nanos = durationNanos(text);
  if (nanos === undefined) throw conversionError('string', 'google.protobuf.Duration');
  return new Duration(nanos);
}

/** `90.5s` */
export function formatDuration({ nanos }: Duration): string {
  const sign = nanos < 0n ? '-' : '';
  const size = nanos < 0n ? -nanos : nanos;
  return `${sign}${size / secondNanos}${fractionText(size % secondNanos)}s`;
}
const fractionText = (nanos: bigint): string =>
  nanos === 0n ? '' : `.${String(nanos).padStart(9, '0').replace(/0+$/, '')}`;

const timestampPattern =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt](\d{2}):(\d{2}):(\d{2})(?:[.,](\d{1,30}))?([Zz]|[+-]\d{2}:\d{2}))?$/;

/** RFC 3339, or a date alone when `allowsDate`. Undefined for anything else. */
export function timestampNanos(text: string, allowsDate = false): bigint | undefined {
  const match = timestampPattern.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', zone] = match;
  if (zone === undefined && !allowsDate) return undefined;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const millis = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(millis) || new Date(millis).getUTCDate() !== Number(day)) return undefined;
  let nanos = BigInt(millis) * 1_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
  if (zone !== undefined && zone.length > 1) {
    const offset = offsetMinutes(zone);
    if (offset === undefined) return undefined;
    nanos -= BigInt(offset) * 60n * secondNanos;
  }
  return isInRange(nanos) ? nanos : undefined;
}

export const isInRange = (nanos: bigint): boolean =>
  nanos >= secondsMin * secondNanos && nanos < (secondsMax + 1n) * secondNanos;

export function parseTimestamp(text: string): Timestamp {
  const nanos = timestampNanos(text, true);
  if (nanos === undefined) throw conversionError('string', 'google.protobuf.Timestamp');
  return new Timestamp(nanos);
}

export function formatTimestamp({ nanos }: Timestamp): string {
  const rest = ((nanos % secondNanos) + secondNanos) % secondNanos;
  const whole = new Date(Number((nanos - rest) / 1_000_000n)).toISOString().slice(0, 19);
  return `${whole}${fractionText(rest)}Z`;
}

function offsetMinutes(zone: string): number | undefined {
  const match = /^([+-]?)(\d{2}):(\d{2})$/.exec(zone);
  if (match === null || Number(match[2]) > 23 || Number(match[3]) > 59) return undefined;
  return (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3]));
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** The timestamp's wall clock in the zone, as a date whose UTC parts say it. */
export function inZone({ nanos }: Timestamp, zone: string): Date {
  const millis = Number((nanos - (((nanos % 1_000_000n) + 1_000_000n) % 1_000_000n)) / 1_000_000n);
  if (zone === 'UTC' || zone === '') return new Date(millis);
  const offset = offsetMinutes(zone);
  if (offset !== undefined) return new Date(millis + offset * 60_000);
  let format = formats.get(zone);
  if (format === undefined) {
    try {
      format = new Intl.DateTimeFormat('en-US', {
        timeZone: zone,
        hourCycle: 'h23',
        year: 'numeric',
        month: 'numeric',
        day: 'numeric',
        hour: 'numeric',
        minute: 'numeric',
        second: 'numeric',
      });
    } catch {
      throw new CelError(`unknown time zone ${zone}`);
    }
    if (formats.size >= zonesMax) formats.clear();
    formats.set(zone, format);
  }
  const part: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(millis)) part[type] = Number(value);
  const milli = ((millis % 1000) + 1000) % 1000;
  return new Date(
    Date.UTC(part['year']!, part['month']! - 1, part['day']!, part['hour']!, part['minute']!, part['second']!, milli),
  );
}
const zonesMax = 50;

// meta.v1 Time and MicroTime: RFC 3339 texts to the one form that upstream writes (UTC; whole seconds, or six digits).

interface TimeError {
  readonly error: string;
}

const pattern = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)$/;
const canonicalTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const canonicalMicroTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

const quote = (text: string) => JSON.stringify(text);
const layouts = { time: '2006-01-02T15:04:05Z07:00', microTime: '2006-01-02T15:04:05.000000Z07:00' } as const;

/** Which part of the layout Go's time.Parse stops at. */
function parseError(text: string, layout: string): TimeError {
  const parts: readonly (readonly [element: string, pattern: RegExp])[] = [
    ['2006', /^\d{4}/],
    ['-', /^-/],
    ['01', /^\d\d/],
    ['-', /^-/],
    ['02', /^\d\d/],
    ['T', /^T/],
    ['15', /^\d\d?/],
    [':', /^:/],
    ['04', /^\d\d/],
    [':', /^:/],
    ['05', layout.includes('.') ? /^\d\d/ : /^\d\d(?:[.,]\d+)?/],
    ...(layout.includes('.') ? [['.000000', /^[.,]\d{6}/] as const] : []),
    ['Z07:00', /^(?:Z|[+-]\d\d:\d\d)/],
  ];
  let rest = text;
  for (const [element, expected] of parts) {
    const match = expected.exec(rest);
    if (match === null)
      return {
        error: `parsing time ${quote(text)} as ${quote(layout)}: cannot parse ${quote(rest)} as ${quote(element)}`,
      };
    rest = rest.slice(match[0].length);
  }
  return rest === ''
    ? { error: `parsing time ${quote(text)}: day out of range` }
    : { error: `parsing time ${quote(text)}: extra text: ${quote(rest)}` };
}

const daysOf = (year: number, month: number): number =>
  month === 2
    ? year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
      ? 29
      : 28
    : [4, 6, 9, 11].includes(month)
      ? 30
      : 31;

function rangeError(text: string, parts: readonly number[]): TimeError | undefined {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts;
  const outOfRange = (name: string): TimeError => ({ error: `parsing time ${quote(text)}: ${name} out of range` });
  if (month < 1 || month > 12) return outOfRange('month');
  if (hour > 23) return outOfRange('hour');
  if (minute > 59) return outOfRange('minute');
  if (second > 59) return outOfRange('second');
  return day < 1 || day > daysOf(year, month) ? outOfRange('day') : undefined;
}

const isValidUtc = (text: string): boolean => {
  const month = Number(text.slice(5, 7));
  const day = Number(text.slice(8, 10));
  return (
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    day <= 28 &&
    text.slice(11, 13) < '24' &&
    text[14]! < '6' &&
    text[17]! < '6'
  );
};

function normalize(text: string, layout: string, digits: number): string | null | TimeError {
  const match = pattern.exec(text);
  if (match === null) return parseError(text, layout);
  const parts = match.slice(1, 7).map(Number);
  const error = rangeError(text, parts);
  if (error !== undefined) return error;
  const fraction = match[7] ?? '';
  if (digits === 6 && fraction.length !== 6) return parseError(text, layout);
  const zone = match[8]!;
  const offsetMinutes =
    zone === 'Z' ? 0 : (zone.startsWith('-') ? -1 : 1) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4)));
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute - offsetMinutes, second);
  const iso = date.toISOString().slice(0, 19);
  if (iso === '0001-01-01T00:00:00' && Number(fraction) === 0) return null;
  return digits === 0 ? `${iso}Z` : `${iso}.${fraction}Z`;
}

/** Null for the zero time. */
export const normalizeTime = (text: string): string | null | TimeError =>
  canonicalTime.test(text) && isValidUtc(text) && !text.startsWith('0001') ? text : normalize(text, layouts.time, 0);

export const normalizeMicroTime = (text: string): string | null | TimeError =>
  canonicalMicroTime.test(text) && isValidUtc(text) && !text.startsWith('0001')
    ? text
    : normalize(text, layouts.microTime, 6);

// When a cron schedule fires, as robfig/cron reads it.
import { Cron } from 'croner';

/** The first time after `after` (both milliseconds since the epoch); undefined: never. */
export type Schedule = (after: number) => number | undefined;

const named: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};
const lastOfField = ['59', '23', '31', '12', '6'];
const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Throws when it cannot be read. Without a time zone it is the machine's. */
export function parseSchedule(text: string, timeZone: string | undefined): Schedule {
  const prefix = /^(?:CRON_)?TZ=(\S+)\s+(.*)$/.exec(text);
  if (prefix !== null) return parseSchedule(prefix[2]!, prefix[1]);
  const every = /^@every (.+)$/.exec(text);
  if (every !== null) {
    const delayMs = durationMs(every[1]!);
    return (after) => Math.floor(after / 1000) * 1000 + delayMs;
  }
  const fields = (named[text] ?? text).trim().split(/\s+/);
  const pattern = fields
    .map((field, index) =>
      field
        .split(',')
        .map((part) => plain(part, index))
        .join(','),
    )
    .join(' ');
  const cron = new Cron(pattern, timeZone === undefined ? { paused: true } : { timezone: timeZone, paused: true });
  return (after) => cron.nextRun(new Date(after))?.getTime();
}

/** `?` means `*`, and a start with a step goes to the end of the field. */
function plain(part: string, index: number): string {
  const [range = '', step] = part.replaceAll('?', '*').split('/');
  if (step === undefined) return range;
  return `${range === '*' || range.includes('-') ? range : `${range}-${lastOfField[index]!}`}/${step}`;
}

function durationMs(text: string): number {
  let sum = 0;
  for (const [, amount, unit] of text.matchAll(/(?<!\d)(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g))
    sum += Number(amount) * unitMs[unit!]!;
  return Math.max(1000, Math.floor(sum / 1000) * 1000);
}

export interface Due {
  /** The last time at which it should have run; undefined: none since it last did. */
  readonly at: number | undefined;
  readonly missed: 'none' | 'few' | 'many';
  /** From when on was looked. */
  readonly since: number;
}
const manyMissed = 100;

/** Throws when the schedule never fires. */
export function lastDue(schedule: Schedule, since: number, now: number): Due {
  const first = schedule(since);
  const second = first === undefined ? undefined : schedule(first);
  if (first !== undefined && now < first) return { at: undefined, missed: 'none', since };
  if (second !== undefined && now < second) return { at: first, missed: 'none', since };
  if (first === undefined || second === undefined)
    throw new Error('time difference between two schedules is less than 1 second');
  const interval = Math.round((second - first) / 1000);
  const missed = Math.floor((now - first) / 1000 / interval) + 1;
  let at: number | undefined;
  // Near the end, so that a long gap costs no long walk.
  for (
    let next = schedule(first + (missed - 2) * interval * 1000);
    next !== undefined && next <= now;
    next = schedule(next)
  )
    at = next;
  return { at, missed: missed > manyMissed ? 'many' : 'few', since };
}

/** RFC 3339 with the zone's offset. */
export function timeInZone(at: number, timeZone: string | undefined): string {
  if (timeZone === undefined) return new Date(at).toISOString().replace('.000Z', 'Z');
  const parts = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' }).formatToParts(at);
  const match = /([+-])(\d\d):(\d\d)/.exec(parts.find((one) => one.type === 'timeZoneName')?.value ?? '');
  if (match === null) return timeInZone(at, undefined);
  const offsetMs = (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3])) * 60_000;
  if (offsetMs === 0) return timeInZone(at, undefined);
  return new Date(at + offsetMs).toISOString().replace('.000Z', match[0]);
}

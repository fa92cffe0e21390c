// Times of the API (RFC 3339) and durations as people read them in kubectl's AGE.
import { flatText } from '#base/flat-text.ts';

let lastSecond = Number.NaN;
let lastText = '';

/** metadata times: whole seconds, UTC. Many are written in one second: its text is kept. */
export function formatTime(milliseconds: number): string {
  const second = Math.floor(milliseconds / 1000);
  if (second === lastSecond) return lastText;
  lastText = flatText(`${new Date(milliseconds).toISOString().slice(0, -5)}Z`);
  lastSecond = second;
  return lastText;
}

/** Leases and events: microseconds. */
export const formatMicroTime = (milliseconds: number): string =>
  new Date(milliseconds).toISOString().replace(/Z$/, '000Z');

const pattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

/** Milliseconds since the epoch; undefined when absent or no RFC 3339 time. */
export function parseTime(text: string | undefined): number | undefined {
  if (text === undefined || text === null || !pattern.test(text)) return undefined;
  const milliseconds = Date.parse(text);
  return Number.isNaN(milliseconds) ? undefined : milliseconds;
}

const withRest = (count: number, unit: string, rest: number, restUnit: string) =>
  rest === 0 ? `${count}${unit}` : `${count}${unit}${rest}${restUnit}`;

/** Two to three significant figures, as k8s.io/apimachinery duration.HumanDuration: 5s, 3m20s, 26h, 4d2h, 2y30d. */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 10) return withRest(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 8) return withRest(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / 24);
  if (hours < 24 * 8) return withRest(days, 'd', hours % 24, 'h');
  if (hours < 24 * 365 * 2) return `${days}d`;
  const years = Math.trunc(days / 365);
  return hours < 24 * 365 * 8 ? withRest(years, 'y', days % 365, 'd') : `${years}y`;
}

/** The age of something made at `time`, or upstream's `<unknown>`. */
export function ageOf(time: string | undefined, now: number): string {
  const since = parseTime(time);
  return since === undefined ? '<unknown>' : humanDuration(now - since);
}

// Parts of timestamps and durations.
import type { FunctionTable } from '../check/functions.ts';
import { inZone } from '../run/time.ts';
import type { Duration, Timestamp } from '../run/values.ts';

const dayMs = 86_400_000;
const parts: Readonly<Record<string, readonly [id: string, part: (date: Date) => number]>> = {
  getFullYear: ['timestamp_to_year', (date) => date.getUTCFullYear()],
  getMonth: ['timestamp_to_month', (date) => date.getUTCMonth()],
  getDayOfYear: [
    'timestamp_to_day_of_year',
    (date) => Math.floor((date.getTime() - new Date(date).setUTCMonth(0, 1)) / dayMs),
  ],
  getDayOfMonth: ['timestamp_to_day_of_month', (date) => date.getUTCDate() - 1],
  getDate: ['timestamp_to_day_of_month_1_based', (date) => date.getUTCDate()],
  getDayOfWeek: ['timestamp_to_day_of_week', (date) => date.getUTCDay()],
  getHours: ['timestamp_to_hours', (date) => date.getUTCHours()],
  getMinutes: ['timestamp_to_minutes', (date) => date.getUTCMinutes()],
  getSeconds: ['timestamp_to_seconds', (date) => date.getUTCSeconds()],
  getMilliseconds: ['timestamp_to_milliseconds', (date) => date.getUTCMilliseconds()],
};
const divisions: Readonly<Record<string, readonly [id: string, nanos: bigint]>> = {
  getHours: ['duration_to_hours', 3_600_000_000_000n],
  getMinutes: ['duration_to_minutes', 60_000_000_000n],
  getSeconds: ['duration_to_seconds', 1_000_000_000n],
  getMilliseconds: ['duration_to_milliseconds', 1_000_000n],
};

export function declareTimes(table: FunctionTable): void {
  for (const [name, [id, part]] of Object.entries(parts)) {
    table.declare(`${id}: timestamp.${name}(): int`, (time: Timestamp) => BigInt(part(inZone(time, 'UTC'))));
    table.declare(`${id}_with_tz: timestamp.${name}(string): int`, (time: Timestamp, zone: string) =>
      BigInt(part(inZone(time, zone))),
    );
  }
  for (const [name, [id, nanos]] of Object.entries(divisions))
    table.declare(`${id}: duration.${name}(): int`, (duration: Duration) => duration.nanos / nanos);
}

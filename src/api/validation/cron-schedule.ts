// The five fields of a cron schedule, as upstream's parser takes them. When it fires is the controller's matter.

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const fields: readonly { readonly low: number; readonly high: number; readonly names?: readonly string[] }[] = [
  { low: 0, high: 59 },
  { low: 0, high: 23 },
  { low: 1, high: 31 },
  { low: 1, high: 12, names: months },
  { low: 0, high: 6, names: days },
];
const descriptors = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'];

function numberOf(text: string, { low, names }: (typeof fields)[number]): number | string {
  const named = names?.indexOf(text.toLowerCase()) ?? -1;
  if (named >= 0) return named + low;
  return /^\d+$/.test(text)
    ? Number(text)
    : `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`;
}

function rangeProblem(expression: string, field: (typeof fields)[number]): string | undefined {
  const [range = '', step, ...more] = expression.split('/');
  const [first = '', last, ...extra] = range.split('-');
  if (extra.length > 0) return `too many hyphens: ${expression}`;
  if (more.length > 0) return `too many slashes: ${expression}`;
  const isAny = range === '*' || range === '?';
  const start = isAny ? field.low : numberOf(first, field);
  if (typeof start === 'string') return start;
  const end = isAny
    ? field.high
    : last === undefined
      ? step === undefined
        ? start
        : field.high
      : numberOf(last, field);
  if (typeof end === 'string') return end;
  const stepSize = step === undefined ? 1 : numberOf(step, { low: 0, high: field.high });
  if (typeof stepSize === 'string') return stepSize;
  if (start < field.low) return `beginning of range (${start}) below minimum (${field.low}): ${expression}`;
  if (end > field.high) return `end of range (${end}) above maximum (${field.high}): ${expression}`;
  if (start > end) return `beginning of range (${start}) beyond end of range (${end}): ${expression}`;
  return stepSize === 0 ? `step of range should be a positive number: ${expression}` : undefined;
}

/** What is wrong with it; undefined when nothing is. */
export function cronScheduleProblem(schedule: string): string | undefined {
  if (schedule.startsWith('@')) {
    if (descriptors.includes(schedule)) return undefined;
    const every = /^@every (.+)$/.exec(schedule);
    if (every === null) return `unrecognized descriptor: ${schedule}`;
    return /^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(every[1]!)
      ? undefined
      : `failed to parse duration ${schedule}: time: invalid duration ${JSON.stringify(every[1])}`;
  }
  const parts = schedule.trim().split(/\s+/);
  if (parts.length !== fields.length) return `expected exactly 5 fields, found ${parts.length}: [${parts.join(' ')}]`;
  for (const [index, part] of parts.entries())
    for (const expression of part.split(',').filter((one) => one !== '')) {
      const problem = rangeProblem(expression, fields[index]!);
      if (problem !== undefined) return problem;
    }
  return undefined;
}

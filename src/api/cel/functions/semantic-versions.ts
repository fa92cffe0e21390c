// Semantic versions (semver.org 2.0) in expressions.
import type { FunctionTable, Run } from '../check/functions.ts';
import { CelError, Opaque } from '../run/values.ts';
import { semverType, type CelType } from '../types.ts';
import { uintMax } from '../syntax/numbers.ts';

export class SemverValue extends Opaque {
  readonly numbers: readonly [bigint, bigint, bigint];
  readonly prerelease: readonly string[];
  constructor(numbers: readonly [bigint, bigint, bigint], prerelease: readonly string[]) {
    super();
    this.numbers = numbers;
    this.prerelease = prerelease;
  }
  override get celType(): CelType {
    return semverType;
  }
  override equals(other: unknown): boolean {
    return other instanceof SemverValue && order(this, other) === 0;
  }
}

const isDigits = (text: string): boolean => /^[0-9]+$/.test(text);

/** A text says what is wrong, as upstream's library does. */
export function parseSemver(text: string): SemverValue | string {
  if (text === '') return 'Version string empty';
  const parts = splitMost(text, '.', 3);
  if (parts.length !== 3) return 'No Major.Minor.Patch elements found';
  const numbers: bigint[] = [];
  let [, , last] = parts as [string, string, string];
  const plus = last.indexOf('+');
  const build = plus < 0 ? undefined : last.slice(plus + 1);
  if (plus >= 0) last = last.slice(0, plus);
  const dash = last.indexOf('-');
  const prerelease = dash < 0 ? undefined : last.slice(dash + 1);
  if (dash >= 0) last = last.slice(0, dash);
  for (const [name, part] of [
    ['Major', parts[0]!],
    ['Minor', parts[1]!],
    ['Patch', last],
  ] as const) {
    if (!isDigits(part)) return `Invalid character(s) found in ${name.toLowerCase()} number ${JSON.stringify(part)}`;
    if (part.length > 1 && part.startsWith('0'))
      return `${name} number must not contain leading zeroes ${JSON.stringify(part)}`;
    const value = part.length > 20 ? uintMax + 1n : BigInt(part);
    if (value > uintMax) return `strconv.ParseUint: parsing ${JSON.stringify(part)}: value out of range`;
    numbers.push(value);
  }
  const identifiers = prerelease?.split('.') ?? [];
  for (const one of identifiers) {
    if (one === '') return 'Prerelease is empty';
    if (isDigits(one) && one.length > 1 && one.startsWith('0'))
      return `Numeric PreRelease version must not contain leading zeroes ${JSON.stringify(one)}`;
    if (!/^[0-9A-Za-z-]+$/.test(one)) return `Invalid character(s) found in prerelease ${JSON.stringify(one)}`;
  }
  for (const one of build?.split('.') ?? []) {
    if (one === '') return 'Build meta data is empty';
    if (!/^[0-9A-Za-z-]+$/.test(one)) return `Invalid character(s) found in build meta data ${JSON.stringify(one)}`;
  }
  return new SemverValue(numbers as unknown as readonly [bigint, bigint, bigint], identifiers);
}

function splitMost(text: string, by: string, count: number): string[] {
  const parts = text.split(by);
  return parts.length <= count ? parts : [...parts.slice(0, count - 1), parts.slice(count - 1).join(by)];
}

/** `v1.02` as `1.2.0`. */
function normalized(text: string): string | { readonly problem: string } {
  const parts = splitMost(text.replace(/^v/, ''), '.', 3).map((part) => {
    if (part.length <= 1) return part;
    const short = part.replace(/^0+/, '');
    return short === '' || !/^[0-9]/.test(short) ? `0${short}` : short;
  });
  if (parts.length < 3 && /[+-]/.test(parts.at(-1)!))
    return { problem: 'short version cannot contain PreRelease/Build meta data' };
  while (parts.length < 3) parts.push('0');
  return parts.join('.');
}

function parseAs(text: string, isNormalized: boolean): SemverValue | string {
  if (!isNormalized) return parseSemver(text);
  const form = normalized(text);
  return typeof form === 'string' ? parseSemver(form) : form.problem;
}

function order(one: SemverValue, other: SemverValue): number {
  for (const [index, value] of one.numbers.entries()) {
    const against = other.numbers[index]!;
    if (value !== against) return value < against ? -1 : 1;
  }
  const [left, right] = [one.prerelease, other.prerelease];
  if (left.length === 0 || right.length === 0) return Number(right.length > 0) - Number(left.length > 0);
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const [a, b] = [left[index]!, right[index]!];
    if (a === b) continue;
    const [isA, isB] = [isDigits(a), isDigits(b)];
    if (isA && isB) return BigInt(a) < BigInt(b) ? -1 : 1;
    if (isA !== isB) return isA ? -1 : 1;
    return a < b ? -1 : 1;
  }
  return Math.sign(left.length - right.length);
}

export function declareSemanticVersions(table: FunctionTable): void {
  const add = (signature: string, run: Run): void => table.declare(signature, run);
  const type = 'kubernetes.Semver';
  const made = (text: string, isNormalized = false): SemverValue => {
    const value = parseAs(text, isNormalized);
    if (typeof value === 'string') throw new CelError(value);
    return value;
  };
  add(`string_to_semver: semver(string): ${type}`, (text: string) => made(text));
  add(`string_bool_to_semver: semver(string, bool): ${type}`, made);
  add('is_semver_string: isSemver(string): bool', (text: string) => typeof parseSemver(text) !== 'string');
  add(
    'is_semver_string_bool: isSemver(string, bool): bool',
    (text: string, isNormalized: boolean) => typeof parseAs(text, isNormalized) !== 'string',
  );
  add(
    `semver_is_greater_than: ${type}.isGreaterThan(${type}): bool`,
    (one: SemverValue, other: SemverValue) => order(one, other) > 0,
  );
  add(
    `semver_is_less_than: ${type}.isLessThan(${type}): bool`,
    (one: SemverValue, other: SemverValue) => order(one, other) < 0,
  );
  add(`semver_compare_to: ${type}.compareTo(${type}): int`, (one: SemverValue, other: SemverValue) =>
    BigInt(order(one, other)),
  );
  add(`semver_major: ${type}.major(): int`, ({ numbers }: SemverValue) => numbers[0]);
  add(`semver_minor: ${type}.minor(): int`, ({ numbers }: SemverValue) => numbers[1]);
  add(`semver_patch: ${type}.patch(): int`, ({ numbers }: SemverValue) => numbers[2]);
}

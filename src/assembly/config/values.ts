// The keys' values with their defaults, as check.ts asks for them: what is wrong is noted, and the default goes on in its
// place, so that all mistakes are found at once.
import type { RawConfiguration } from './keys.ts';
import { keysByPath } from './keys.ts';
import type { RawObject, RawValue } from './keys/key.ts';
import { assert } from '#base/errors.ts';
import type { ConfigurationProblem } from './problems.ts';
import { durationMs } from './typed.ts';

export interface ShownValue {
  readonly value: RawValue;
  /** Absent: the default. */
  readonly source?: string;
}

export class ConfigurationValues {
  readonly #raw: RawConfiguration;
  readonly problems: ConfigurationProblem[] = [];
  /** What holds, in the form of the file, by key. */
  readonly shown = new Map<string, ShownValue>();

  constructor(raw: RawConfiguration) {
    this.#raw = raw;
  }

  /** `nodeName (from /etc/microshift/config.yaml:1:1)`. */
  where(path: string): string {
    const found = this.#raw.get(path);
    return found === undefined ? `${path} (default)` : `${found.name} (from ${found.source})`;
  }
  isGiven(path: string): boolean {
    return this.#raw.has(path);
  }
  /** Nothing was written, or what holds anyway. */
  asksDefault(path: string): boolean {
    const found = this.#raw.get(path);
    return found === undefined || found.value === '' || found.value === this.#row(path).default;
  }
  wrong(path: string, says: string, remedy: string, value: RawValue | undefined = this.#raw.get(path)?.value): void {
    const shown = value === undefined ? '' : `, and is ${JSON.stringify(value)}`;
    this.add(path, `${this.where(path)} ${says}${shown}.`, remedy);
  }
  add(path: string, message: string, remedy: string): void {
    const found = this.#raw.get(path);
    // One mistake a key: what follows from it is not said again.
    if (this.problems.some((one) => one.key === path)) return;
    this.problems.push({ key: path, source: found?.source ?? 'default', message, remedy });
  }
  hasProblem(path: string): boolean {
    return this.problems.some((one) => one.key === path);
  }

  text(path: string, computed?: string): string {
    return this.#of(path, computed, (value) => value as string, true);
  }
  integer(path: string): number {
    return this.#bounded(path, (value) => value as number);
  }
  durationMs(path: string): number {
    return this.#bounded(path, (value) => durationMs(value as string) ?? 0);
  }
  boolean(path: string): boolean {
    return this.#of(path, undefined, (value) => value as boolean, false);
  }
  list(path: string): readonly string[] {
    return this.#of(path, undefined, (value) => value as readonly string[], false);
  }
  objects(path: string): readonly RawObject[] {
    return this.#of(path, undefined, (value) => value as readonly RawObject[], false);
  }
  directory(path: string, computed?: string): string {
    const value = this.text(path, computed);
    if (value !== '' && !value.startsWith('/')) {
      this.wrong(path, 'must be an absolute path', 'Write it from the root, beginning with "/".', value);
      return '/';
    }
    return value === '/' ? value : value.replace(/\/+$/, '');
  }
  /** Where what holds is not what was written: the address that was found, for example. */
  show(path: string, value: RawValue): void {
    const before = this.shown.get(path);
    this.shown.set(path, { ...before, value });
  }

  #bounded(path: string, convert: (value: RawValue) => number): number {
    const row = this.#row(path);
    const value = this.#of(path, undefined, convert, true);
    const { least = -Infinity, most = Infinity } = row;
    if (value === 0 && row.zeroIsDefault === true) return convert(row.default!);
    if (value < least || value > most) {
      const unit = row.type === 'duration' ? ' ms' : '';
      this.wrong(
        path,
        most === Infinity ? `must be at least ${least}${unit}` : `must be from ${least} to ${most}${unit}`,
        'Choose a value in that range.',
      );
    }
    return value;
  }
  #row(path: string) {
    const row = keysByPath.get(path);
    assert(row !== undefined, `the table of keys has no ${path}`);
    return row;
  }
  #of<T>(path: string, computed: RawValue | undefined, convert: (value: RawValue) => T, emptyIsDefault: boolean): T {
    const row = this.#row(path);
    const fallback = computed ?? row.default;
    assert(fallback !== undefined, `the key ${path} has no default`);
    const found = this.#raw.get(path);
    const asksDefault =
      found === undefined ||
      (emptyIsDefault && found.value === '') ||
      (row.zeroIsDefault === true && found.value === 0);
    let value = asksDefault ? fallback : found.value;
    if (row.oneOf !== undefined) {
      const { oneOf } = row;
      const named = Array.isArray(value) ? (value as readonly unknown[]) : [value];
      if (!named.every((one) => typeof one === 'string' && oneOf.includes(one))) {
        const shown = oneOf.filter((one) => one !== '').join(', ');
        const some = row.type === 'list' ? 'hold only' : 'be one of';
        this.wrong(path, `must ${some} ${shown}`, `Choose of these: ${shown}.`);
        value = fallback;
      }
    }
    if (row.change === 'missing' && found !== undefined && JSON.stringify(value) !== JSON.stringify(fallback))
      this.add(
        path,
        `${this.where(path)} is a key whose feature is not in this version yet.`,
        'Remove it, or wait for a version that has it: docs/STATUS.md.',
      );
    this.shown.set(path, { value, ...(found === undefined ? {} : { source: found.source }) });
    return convert(value);
  }
}

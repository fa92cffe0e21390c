// Optional values. or() and orValue() look at their argument only when they need it: they are planned (run/plan.ts).
import type { FunctionTable, Run } from '../check/functions.ts';
import {
  ArrayList,
  CelError,
  CelList,
  CelMap,
  CelObject,
  Duration,
  Opaque,
  Optional,
  sizeOf,
  Timestamp,
  Uint,
} from '../run/values.ts';

/** What `ofNonZeroValue` takes for nothing. */
function isZero(value: unknown): boolean {
  if (value === null || value === false || value === 0n || value === 0 || value === '') return true;
  if (value instanceof Uint) return value.value === 0n;
  if (value instanceof Duration) return value.nanos === 0n;
  if (value instanceof Timestamp) return value.nanos === 0n;
  if (value instanceof Optional) return !value.hasValue;
  if (value instanceof Opaque) return false;
  return value instanceof CelList ||
    value instanceof CelMap ||
    value instanceof CelObject ||
    value instanceof Uint8Array
    ? sizeOf(value) === 0
    : false;
}

function unwrap(list: CelList): ArrayList {
  const items: unknown[] = [];
  for (const one of list) {
    if (!(one instanceof Optional)) throw new CelError(`value ${String(one)} is not optional`);
    if (one.hasValue) items.push(one.value);
  }
  return new ArrayList(items);
}
const endOf = (value: unknown): Optional => (value === undefined ? Optional.none : Optional.of(value));

export function declareOptionals(table: FunctionTable): void {
  const add = (signature: string, run: Run): void => table.declare(signature, run);
  add('optional_of: optional.of(V): optional(V)', (value: unknown) => Optional.of(value));
  add('optional_ofNonZeroValue: optional.ofNonZeroValue(V): optional(V)', (value: unknown) =>
    isZero(value) ? Optional.none : Optional.of(value),
  );
  add('optional_none: optional.none(): optional(V)', () => Optional.none);
  add('optional_value: optional(V).value(): V', (one: Optional) => {
    if (!one.hasValue) throw new CelError('optional.none() dereference');
    return one.value;
  });
  add('optional_hasValue: optional(V).hasValue(): bool', (one: Optional) => one.hasValue);
  add('optional_or_optional: optional(V).or(optional(V)): optional(V)', (one: Optional, other: Optional) =>
    one.hasValue ? one : other,
  );
  add('optional_orValue_value: optional(V).orValue(V): V', (one: Optional, other: unknown) =>
    one.hasValue ? one.value : other,
  );
  add('list_last: list(V).last(): optional(V)', (list: CelList) => endOf(list.at(list.size - 1)));
  add('list_first: list(V).first(): optional(V)', (list: CelList) => endOf(list.at(0)));
  add('optional_unwrap: optional.unwrap(list(optional(V))): list(V)', unwrap);
  add('optional_unwrapOpt: list(optional(V)).unwrapOpt(): list(V)', unwrap);
}

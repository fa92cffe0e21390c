// Operators: arithmetic within 64 bits, order, equality, membership. What is short-circuited is planned (run/plan.ts) and only
// declared here.
import type { FunctionTable, Run } from '../check/functions.ts';
import { isInRange } from '../run/time.ts';
import { indexed, optionalIndexed } from '../run/access.ts';
import {
  ArrayList,
  CelError,
  CelList,
  CelMap,
  CelObject,
  compare,
  Duration,
  equals,
  mapKeyOf,
  Timestamp,
  typeOf,
  Uint,
} from '../run/values.ts';
import { intMax, intMin, uintMax } from '../syntax/numbers.ts';

const int = (value: bigint): bigint => {
  if (value < intMin || value > intMax) throw new CelError('integer overflow');
  return value;
};
const uint = (value: bigint): Uint => {
  if (value < 0n || value > uintMax) throw new CelError('unsigned integer overflow');
  return new Uint(value);
};
const duration = (nanos: bigint): Duration => {
  if (nanos < intMin || nanos > intMax) throw new CelError('duration overflow');
  return new Duration(nanos);
};
const timestamp = (nanos: bigint): Timestamp => {
  if (!isInRange(nanos)) throw new CelError('timestamp overflow');
  return new Timestamp(nanos);
};
const divisor = (value: bigint, name: string): bigint => {
  if (value === 0n) throw new CelError(`${name} by zero`);
  return value;
};
/** Textures of texts cost what they are long: this is beyond what any budget allows. */
const textMax = 64 * 1024 * 1024;

const inList = (value: unknown, list: CelList): boolean => {
  for (const one of list) if (equals(value, one)) return true;
  return false;
};
export const inMap = (key: unknown, map: CelMap | CelObject): boolean =>
  map instanceof CelObject
    ? typeof key === 'string' && map.get(key) !== undefined
    : mapKeyOf(key) !== undefined && map.contains(key);

const planned: Run = () => {
  throw new CelError('no such overload');
};

export function declareOperators(table: FunctionTable): void {
  const add = (signature: string, run: Run): void => table.declare(signature, run);
  add('conditional: _?_:_(bool, A, A): A', planned);
  add('logical_and: _&&_(bool, bool): bool', planned);
  add('logical_or: _||_(bool, bool): bool', planned);
  add('not_strictly_false: @not_strictly_false(bool): bool', planned);
  add('logical_not: !_(bool): bool', (value: boolean) => !value);
  add('equals: _==_(A, A): bool', (one: unknown, other: unknown) => equals(one, other));
  add('not_equals: _!=_(A, A): bool', (one: unknown, other: unknown) => !equals(one, other));

  add(
    'add_bytes: _+_(bytes, bytes): bytes',
    (one: Uint8Array, other: Uint8Array) => new Uint8Array(Buffer.concat([one, other])),
  );
  add('add_double: _+_(double, double): double', (one: number, other: number) => one + other);
  add('add_duration_duration: _+_(duration, duration): duration', (one: Duration, other: Duration) =>
    duration(one.nanos + other.nanos),
  );
  add('add_duration_timestamp: _+_(duration, timestamp): timestamp', (one: Duration, other: Timestamp) =>
    timestamp(one.nanos + other.nanos),
  );
  add('add_timestamp_duration: _+_(timestamp, duration): timestamp', (one: Timestamp, other: Duration) =>
    timestamp(one.nanos + other.nanos),
  );
  add('add_int64: _+_(int, int): int', (one: bigint, other: bigint) => int(one + other));
  add('add_list: _+_(list(A), list(A)): list(A)', (one: CelList, other: CelList) =>
    one.concatenate === undefined ? new ArrayList([...one, ...other]) : one.concatenate(other),
  );
  add('add_string: _+_(string, string): string', (one: string, other: string) => {
    if (one.length + other.length > textMax) throw new CelError('string is too long');
    return one + other;
  });
  add('add_uint64: _+_(uint, uint): uint', (one: Uint, other: Uint) => uint(one.value + other.value));

  add('divide_double: _/_(double, double): double', (one: number, other: number) => one / other);
  add('divide_int64: _/_(int, int): int', (one: bigint, other: bigint) => int(one / divisor(other, 'division')));
  add('divide_uint64: _/_(uint, uint): uint', (one: Uint, other: Uint) =>
    uint(one.value / divisor(other.value, 'division')),
  );
  add('modulo_int64: _%_(int, int): int', (one: bigint, other: bigint) => int(one % divisor(other, 'modulus')));
  add('modulo_uint64: _%_(uint, uint): uint', (one: Uint, other: Uint) =>
    uint(one.value % divisor(other.value, 'modulus')),
  );
  add('multiply_double: _*_(double, double): double', (one: number, other: number) => one * other);
  add('multiply_int64: _*_(int, int): int', (one: bigint, other: bigint) => int(one * other));
  add('multiply_uint64: _*_(uint, uint): uint', (one: Uint, other: Uint) => uint(one.value * other.value));
  add('negate_double: -_(double): double', (value: number) => -value);
  add('negate_int64: -_(int): int', (value: bigint) => int(-value));

  add('subtract_double: _-_(double, double): double', (one: number, other: number) => one - other);
  add('subtract_duration_duration: _-_(duration, duration): duration', (one: Duration, other: Duration) =>
    duration(one.nanos - other.nanos),
  );
  add('subtract_int64: _-_(int, int): int', (one: bigint, other: bigint) => int(one - other));
  add('subtract_timestamp_duration: _-_(timestamp, duration): timestamp', (one: Timestamp, other: Duration) =>
    timestamp(one.nanos - other.nanos),
  );
  add('subtract_timestamp_timestamp: _-_(timestamp, timestamp): duration', (one: Timestamp, other: Timestamp) =>
    duration(one.nanos - other.nanos),
  );
  add('subtract_uint64: _-_(uint, uint): uint', (one: Uint, other: Uint) => uint(one.value - other.value));

  declareOrders(add);

  add('index_list: _[_](list(A), int): A', (list: CelList, index: bigint) => indexed(list, index));
  add('index_map: _[_](map(A, B), A): B', (map: CelMap, key: unknown) => indexed(map, key));
  add('optional_list_index_int: _[_](optional(list(V)), int): optional(V)', (list: unknown, index: bigint) =>
    indexed(list, index),
  );
  add('optional_map_index_value: _[_](optional(map(K, V)), K): optional(V)', (map: unknown, key: unknown) =>
    indexed(map, key),
  );
  for (const signature of [
    'list_optindex_optional_int: _[?_](list(V), int): optional(V)',
    'optional_list_optindex_optional_int: _[?_](optional(list(V)), int): optional(V)',
    'map_optindex_optional_value: _[?_](map(K, V), K): optional(V)',
    'optional_map_optindex_optional_value: _[?_](optional(map(K, V)), K): optional(V)',
  ])
    add(signature, (from: unknown, index: unknown) => optionalIndexed(from, index, false));
  add('select_optional_field: _?._(dyn, string): optional(V)', (from: unknown, field: string) =>
    optionalIndexed(from, field, true),
  );
  add('in_list: @in(A, list(A)): bool', inList);
  add('in_map: @in(A, map(A, B)): bool', inMap);
}

const orders = [
  ['_<_', 'less', (sign: number) => sign < 0],
  ['_<=_', 'less_equals', (sign: number) => sign <= 0],
  ['_>_', 'greater', (sign: number) => sign > 0],
  ['_>=_', 'greater_equals', (sign: number) => sign >= 0],
] as const;
const numbers = [
  ['int', 'int64'],
  ['uint', 'uint64'],
  ['double', 'double'],
] as const;

function declareOrders(add: (signature: string, run: Run) => void): void {
  for (const [symbol, name, holds] of orders) {
    const run = (one: unknown, other: unknown): boolean => {
      const sign = compare(one, other);
      if (sign === undefined) {
        if (typeof one === 'number' || typeof other === 'number')
          // Nothing is less or greater than what is not a number.
          throw new CelError('NaN values cannot be ordered');
        throw new CelError(`no such overload: ${typeOf(one).name}`);
      }
      return holds(sign);
    };
    add(`${name}_bool: ${symbol}(bool, bool): bool`, run);
    for (const [left, leftId] of numbers)
      for (const [right, rightId] of numbers)
        add(`${name}_${leftId}${left === right ? '' : `_${rightId}`}: ${symbol}(${left}, ${right}): bool`, run);
    for (const type of ['string', 'bytes', 'timestamp', 'duration'])
      add(`${name}_${type}: ${symbol}(${type}, ${type}): bool`, run);
  }
}

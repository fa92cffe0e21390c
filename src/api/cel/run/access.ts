// Fields, keys and indexes of values, and what is said when there are none.
import { CelError, CelList, CelMap, CelObject, mapKeyOf, Optional, Uint } from './values.ts';

const noKey = (key: unknown): CelError => new CelError(`no such key: ${keyText(key)}`);
const keyText = (key: unknown): string => String(key instanceof Uint ? key.value : key);

/** Undefined where there is none. */
export function keyed(from: unknown, key: unknown): unknown {
  if (from instanceof CelObject) return typeof key === 'string' ? from.get(key) : undefined;
  if (from instanceof CelMap) {
    if (mapKeyOf(key) === undefined && typeof key !== 'number')
      throw new CelError(`unsupported key type: ${typeof key}`);
    return from.get(key);
  }
  return undefined;
}

export function fieldOf(from: unknown, field: string): unknown {
  if (from instanceof Optional) return from.hasValue ? optionalIndexed(from.value, field, true) : Optional.none;
  const value = keyed(from, field);
  if (value === undefined) throw noKey(field);
  return value;
}

function position(index: unknown): number {
  if (typeof index === 'bigint') return Number(index);
  if (index instanceof Uint) return Number(index.value);
  if (typeof index === 'number' && Number.isInteger(index)) return index;
  if (typeof index === 'number') throw new CelError(`unsupported index value ${index} in list`);
  const name = typeof index === 'boolean' ? 'bool' : typeof index;
  throw new CelError(`unsupported index type '${name}' in list`);
}

export function indexed(from: unknown, index: unknown): unknown {
  if (from instanceof Optional) return from.hasValue ? optionalIndexed(from.value, index, false) : Optional.none;
  if (from instanceof CelList) {
    const at = position(index);
    const value = from.at(at);
    if (value === undefined) throw new CelError(`index out of bounds: ${at}`);
    return value;
  }
  const value = keyed(from, index);
  if (value === undefined) throw noKey(index);
  return value;
}

/** An optional of what is there. Of an optional none, none. */
export function optionalIndexed(given: unknown, index: unknown, isField: boolean): Optional {
  const from = given instanceof Optional ? given.value : given;
  if (from === undefined) return Optional.none;
  const value = from instanceof CelList && !isField ? from.at(position(index)) : keyed(from, index);
  if (value === undefined) return Optional.none;
  return value instanceof Optional ? value : Optional.of(value);
}

// The cells of a custom resource in a Table: its name, and the columns that its definition names.
import type { CustomResourceColumnDefinition } from '../generated/types.ts';
import type { KubernetesObject } from '../kind.ts';
import { ageOf, parseTime } from '../meta/time.ts';
import { parseJsonPath } from './json-path.ts';

export function printerCells(
  columns: readonly CustomResourceColumnDefinition[],
): (object: KubernetesObject, now: number) => unknown[] {
  const paths = columns.map((column) => ({ type: column.type, path: parseJsonPath(column.jsonPath) }));
  return (object, now) => [
    object.metadata.name ?? '',
    ...paths.map(({ type, path }) => cellOf(type, path?.(object)[0], now)),
  ];
}

/** Null where the value is not of the column's type. */
function cellOf(type: string, value: unknown, now: number): unknown {
  if (value === undefined || value === null) return null;
  switch (type) {
    case 'string':
      return typeof value === 'string' ? value : JSON.stringify(value);
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date':
      if (typeof value !== 'string') return null;
      return parseTime(value) === undefined ? '<invalid>' : ageOf(value, now);
    default:
      return null;
  }
}

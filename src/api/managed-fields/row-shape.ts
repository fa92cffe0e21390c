// How the objects of a row are owned and merged: by their type in the table, or by the schema of a custom resource.
import type { KindRow } from '../kind.ts';
import { canonicalize } from '../schema/canonical.ts';
import { typeFacts } from '../schema/type-table.ts';
import { shapeOfStruct, type MapShape } from './shape.ts';

export const shapeOfRow = (row: Pick<KindRow, 'typeName' | 'custom'>): MapShape =>
  row.custom?.shape ?? shapeOfStruct(typeFacts(row.typeName));

const nothingOf = new WeakMap<MapShape, object>();

/** The same to look at: it is not to become part of an object. */
export function nothingYet(row: Pick<KindRow, 'typeName' | 'custom'>): object {
  const shape = shapeOfRow(row);
  let nothing = nothingOf.get(shape);
  if (nothing === undefined) nothingOf.set(shape, (nothing = emptyObject(row)));
  return nothing;
}

/** What an object is before it is there: the fields that are written even when nothing is in them. */
export const emptyObject = (row: Pick<KindRow, 'typeName' | 'custom'>): object =>
  row.custom === undefined ? canonicalize(typeFacts(row.typeName), {}) : {};

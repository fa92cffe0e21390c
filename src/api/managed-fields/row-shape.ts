// How the objects of a row are owned and merged: by their type in the table, or by the schema of a custom resource.
import type { KindRow } from '../kind.ts';
import { canonicalize } from '../schema/canonical.ts';
import { typeFacts } from '../schema/type-table.ts';
import { shapeOfStruct, type MapShape } from './shape.ts';

export const shapeOfRow = (row: Pick<KindRow, 'typeName' | 'custom'>): MapShape =>
  row.custom?.shape ?? shapeOfStruct(typeFacts(row.typeName));

/** What an object is before it is there: the fields that are written even when nothing is in them. */
export const emptyObject = (row: Pick<KindRow, 'typeName' | 'custom'>): object =>
  row.custom === undefined ? canonicalize(typeFacts(row.typeName), {}) : {};

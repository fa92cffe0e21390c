// TEMPORARY until api/table is in the tree.
import type { KindRow, KubernetesObject } from '#api/kind.ts';

export const tableCells = (row: KindRow, object: KubernetesObject, _now: number): unknown[] =>
  row.columns.map(([name]) => (name === 'Name' ? object.metadata.name : ''));

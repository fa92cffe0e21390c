// TEMPORARY until api/schema/validate.ts, api/managed-fields and api/table are in the tree.
import type { FieldError } from '#api/field-error.ts';
import type { KindRow, KubernetesObject, Mutable } from '#api/kind.ts';

export const validateSchema = (_typeName: string, _object: unknown): FieldError[] => [];
export function trackUpdate(
  _row: KindRow,
  _previous: KubernetesObject | undefined,
  _object: Mutable<KubernetesObject>,
  _options: { readonly manager: string; readonly subresource: string; readonly now: number },
): void {}
export const tableCells = (row: KindRow, object: KubernetesObject, _now: number): unknown[] =>
  row.columns.map(([name]) => (name === 'Name' ? object.metadata.name : ''));

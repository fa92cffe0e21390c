// meta.k8s.io Table: what kubectl get prints.
import type { KindRow, KubernetesObject } from '#api/kind.ts';
import type { ListMetadata, ResponseBody } from '#api/request.ts';
import { tableCells } from '#api/table/cells.ts';
import { columnDescription } from '#api/table/column-descriptions.ts';
import { badRequestError } from '#api/status.ts';
import { conversionOf, storageRow } from './conversion.ts';
import { metadataAlone } from './metadata-alone.ts';
import type { OutputForm } from './negotiate.ts';
import { textBody } from './text-pieces.ts';

export interface Table {
  readonly kind: 'Table';
  readonly apiVersion: string;
  readonly metadata: Partial<ListMetadata> | { readonly resourceVersion?: string | undefined };
  readonly columnDefinitions: readonly unknown[] | null;
  readonly rows: readonly unknown[];
}

const includeValues = new Set(['None', 'Metadata', 'Object']);

/** Kinds that are shown in another version than the stored one are printed as they are stored, but Projects. */
function cellsOf(row: KindRow, object: KubernetesObject, now: number): readonly unknown[] {
  const conversion = row.resource === 'projects' ? undefined : conversionOf(row);
  return conversion === undefined
    ? tableCells(row, object, now)
    : tableCells(storageRow(row), conversion.toStorage(object), now);
}

/** `metadata` undefined: the table of one object, whose version it carries. */
export function tableOf(
  row: KindRow,
  objects: readonly KubernetesObject[],
  metadata: Partial<ListMetadata> | undefined,
  form: OutputForm,
  query: URLSearchParams,
  now: number,
  withColumns = true,
): Table {
  const rowOf = rowMaker(row, form, query, now);
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${form.metaVersion}`,
    metadata: metadata ?? { resourceVersion: objects[0]?.metadata.resourceVersion },
    columnDefinitions: withColumns
      ? row.columns.map(([name, type, format, priority], index) => ({
          name,
          type,
          format,
          description: columnDescription(row, index),
          priority,
        }))
      : null,
    rows: objects.map(rowOf),
  };
}

/** Throws an ApiError (400) for an option that nobody knows. */
function rowMaker(row: KindRow, form: OutputForm, query: URLSearchParams, now: number) {
  const asked = query.get('includeObject') ?? '';
  const include = asked === '' ? 'Metadata' : asked;
  if (!includeValues.has(include)) throw badRequestError(`unrecognized includeObject value: ${JSON.stringify(asked)}`);
  const part = (object: KubernetesObject): unknown =>
    include === 'Object'
      ? object
      : include === 'None'
        ? undefined
        : {
            kind: 'PartialObjectMetadata',
            apiVersion: `meta.k8s.io/${form.metaVersion}`,
            metadata: metadataAlone(object),
          };
  return (object: KubernetesObject) => ({ cells: cellsOf(row, object, now), object: part(object) ?? null });
}

/** The table of many objects, whose rows are made as it goes out. */
export function tableBody(
  row: KindRow,
  each: () => IteratorObject<KubernetesObject>,
  metadata: Partial<ListMetadata>,
  form: OutputForm,
  query: URLSearchParams,
  now: number,
): ResponseBody {
  const rowOf = rowMaker(row, form, query, now);
  const { rows: _, ...head } = tableOf(row, [], metadata, form, query, now);
  return textBody(head, 'rows', () => each().map(rowOf));
}

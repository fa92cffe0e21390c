// Objects on their way out in the form that the client negotiated. The plain form sends stored bytes as they are.
import { apiVersionOf, kindTable } from '#api/kinds.ts';
import type { KindRow, KubernetesObject } from '#api/kind.ts';
import type { ApiResponse, ListMetadata, Pieces, ResponseBody } from '#api/request.ts';
import { ApiError, notAcceptableError } from '#api/status.ts';
import { listStepItemsMax } from '#base/limits.ts';
import { listPieces, objectLine } from '#storage/encode.ts';
import type { StoredObject } from '#storage/store.ts';
import type { RequestContext } from '../context.ts';
import { objectBody, respond } from '../responses.ts';
import { convertedFrom, conversionOf, customObject, isStoredForm } from './conversion.ts';
import type { OutputForm } from './negotiate.ts';
import { metadataAlone } from './metadata-alone.ts';
import { tableBody, tableOf } from './table.ts';
import { textBody, textPieces } from './text-pieces.ts';

/** The object as this row serves it: shared when the stored version is the served one. */
export const objectOf = (row: KindRow, stored: StoredObject): KubernetesObject =>
  row.custom === undefined
    ? conversionOf(row) === undefined
      ? stored.object()
      : convertedFrom(row, stored)
    : customObject(row, stored);

export const partialOf = (object: KubernetesObject, metaVersion: string): KubernetesObject => ({
  kind: 'PartialObjectMetadata',
  apiVersion: `meta.k8s.io/${metaVersion}`,
  metadata: metadataAlone(object),
});

/** A class: an accessor in an object literal makes a new hidden class each time, which holds all of its request until a full collection. */
class StoredBody {
  readonly type = 'object';
  readonly #stored: StoredObject;
  constructor(stored: StoredObject) {
    this.#stored = stored;
  }
  get object(): KubernetesObject {
    return this.#stored.object();
  }
  bytes(): readonly Uint8Array[] {
    return [objectLine(this.#stored)];
  }
}

export const storedBody = (row: KindRow, stored: StoredObject): ResponseBody =>
  isStoredForm(row, stored) ? new StoredBody(stored) : objectBody(objectOf(row, stored));

/** As upstream names it in errors: the internal type. */
const goTypeOf = (row: KindRow, suffix = ''): string =>
  row.custom === undefined
    ? `*${row.group === '' ? 'core' : row.group.split('.', 1)[0]!}.${row.kind}${suffix}`
    : `*unstructured.Unstructured${suffix}`;

/** Items of built-in kinds do not repeat what the list says. */
const listItem = (row: KindRow, object: KubernetesObject): unknown =>
  row.custom === undefined ? { ...object, kind: undefined, apiVersion: undefined } : object;

const isPlain = (form: OutputForm): boolean =>
  form.encoding !== 'yaml' && form.encoding !== 'cbor' && form.transform === 'none' && !form.pretty;

/** One object that may not be stored (dry run, subresources). */
export function respondWith(
  context: RequestContext,
  row: KindRow,
  object: KubernetesObject,
  form: OutputForm,
  status = 200,
): ApiResponse {
  const { query } = context.request;
  const now = context.server.options.clock.now();
  if (form.transform === 'table' && object.kind !== 'Status')
    return respond(status, objectBody(tableOf(row, [object], undefined, form, query, now)));
  if (form.transform === 'partial' && object.kind !== 'Status') {
    if (form.partialList === true && row.custom !== undefined) throw new ApiError(500, '', 'content is not a list');
    if (form.partialList === true)
      throw notAcceptableError(
        `you requested PartialObjectMetadataList, but the requested object is not a list (${goTypeOf(row)})`,
      );
    return respond(status, objectBody(partialOf(object, form.metaVersion)));
  }
  return respond(status, objectBody(object));
}

export function respondStored(
  context: RequestContext,
  row: KindRow,
  stored: StoredObject,
  form: OutputForm,
  status = 200,
): ApiResponse {
  return isPlain(form)
    ? respond(status, storedBody(row, stored))
    : respondWith(context, row, objectOf(row, stored), form, status);
}

export function respondList(
  context: RequestContext,
  row: KindRow,
  items: readonly StoredObject[],
  given: ListMetadata,
  form: OutputForm,
): ApiResponse {
  // Lists of custom resources say so where nothing follows.
  const metadata = row.custom !== undefined && form.transform === 'none' ? { continue: '', ...given } : given;
  const objects = (): KubernetesObject[] => items.map((item) => objectOf(row, item));
  const each = (): IteratorObject<KubernetesObject> => items.values().map((item) => objectOf(row, item));
  const kind = kindTable.listTypeName(row);
  const apiVersion = apiVersionOf(row);
  if (isPlain(form)) {
    const pieces = (): Pieces => {
      const head = `{"kind":"${kind}","apiVersion":"${apiVersion}","metadata":${JSON.stringify(metadata)},"items":[`;
      const isCustom = row.custom !== undefined;
      if (isCustom ? items.every((item) => isStoredForm(row, item)) : conversionOf(row) === undefined)
        return listPieces(head, items, ']}\n', isCustom);
      return textPieces(
        head,
        each().map((object) => JSON.stringify(listItem(row, object))),
        ']}\n',
      );
    };
    const bytes = (): readonly Uint8Array[] => [...pieces().parts()];
    return respond(200, { type: 'list', kind, apiVersion, metadata, objects, each, bytes, pieces });
  }
  if (form.encoding === 'json' && !form.pretty && items.length >= listStepItemsMax) {
    const { query } = context.request;
    const now = context.server.options.clock.now();
    if (form.transform === 'table') return respond(200, tableBody(row, each, metadata, form, query, now));
    if (form.transform === 'partial' && form.partialList === true)
      return respond(200, partialListBody(each, metadata, form.metaVersion));
  }
  return respondObjects(context, row, objects(), metadata, form);
}

const partialListBody = (
  each: () => IteratorObject<KubernetesObject>,
  metadata: Partial<ListMetadata>,
  version: string,
): ResponseBody => {
  const head = { kind: 'PartialObjectMetadataList', apiVersion: `meta.k8s.io/${version}`, metadata };
  return textBody(head, 'items', () => each().map((object) => partialOf(object, version)));
};

/** A list of objects that are not stored as they are. */
export function respondObjects(
  context: RequestContext,
  row: KindRow,
  objects: readonly KubernetesObject[],
  metadata: Partial<ListMetadata>,
  form: OutputForm,
): ApiResponse {
  const kind = kindTable.listTypeName(row);
  const apiVersion = apiVersionOf(row);
  if (form.transform === 'table') {
    const { clock } = context.server.options;
    return respond(200, objectBody(tableOf(row, objects, metadata, form, context.request.query, clock.now())));
  }
  if (form.transform === 'partial' && form.partialList !== true)
    throw notAcceptableError(
      `you requested PartialObjectMetadata, but the requested object is a list (${goTypeOf(row, 'List')})`,
    );
  const list =
    form.transform === 'partial'
      ? {
          kind: 'PartialObjectMetadataList',
          apiVersion: `meta.k8s.io/${form.metaVersion}`,
          metadata,
          items: objects.map((object) => partialOf(object, form.metaVersion)),
        }
      : {
          kind,
          apiVersion,
          metadata,
          items: objects.map((object) => listItem(row, object)),
        };
  return respond(200, objectBody(list));
}

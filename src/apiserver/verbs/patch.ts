// PATCH: JSON patch, merge patch, strategic merge patch, server-side apply. Retried on the newest state when another writer
// was first, unless the patch names a resource version.
import { applyRowDefaults } from '#api/schema/defaults.ts';
import { type DecodeOptions, decodeCauseOf, decodeObject } from '#api/schema/decode.ts';
import type { ManagedFieldsEntry } from '#api/generated/types.ts';
import type { KindRow, KubernetesObject, Mutable } from '#api/kind.ts';
import { apiVersionOf } from '#api/kinds.ts';
import { forbidden, invalid } from '#api/field-error.ts';
import { goMap } from '#api/patch/strategic-merge.ts';
import type { ApiRequest, ApiResponse } from '#api/request.ts';
import { ApiError, invalidError, notFoundError } from '#api/status.ts';
import { checkServed, conversionOf, storageRow } from '../content/conversion.ts';
import { endpointOf, negotiateOutput } from '../content/negotiate.ts';
import { checkCustomPatch, isApply, readPatch } from '../content/read-patch.ts';
import type { ReadPatch } from '../content/read-patch.ts';
import { managerOf, writeOptions } from '../content/request-options.ts';
import type { WriteOptions } from '../content/request-options.ts';
import { track } from '../registry/track.ts';
import { checkName, groupResource, storedOf } from '../registry/resource-request.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import { foldOwners } from '../registry/fold-owners.ts';
import { updateObject } from '../registry/update-object.ts';
import { apply } from './apply.ts';
import { respondWritten } from './create.ts';

/** What came out of a patch is judged as the patch: upstream names it, or what it led to, in its answer. */
export function decodePatched<T>(
  read: ReadPatch,
  document: unknown,
  { fieldValidation }: WriteOptions,
  decode: (options: DecodeOptions) => { readonly object: T; readonly warnings: readonly string[] },
): { object: T; warnings: string[] } {
  const isStrategic = read.type === 'strategic';
  const shown = (): string => (isStrategic ? goMap(read.body.value) : JSON.stringify(document));
  const refused = (cause: string): ApiError =>
    invalidError({ group: '', kind: '' }, '', [invalid('patch', shown(), cause)]);
  const said = fieldValidation === 'Ignore' ? [] : [...read.unknownFields, ...read.body.duplicates];
  let decoded;
  try {
    // Strict is judged here, where it is known what else was wrong.
    decoded = decode({ fieldValidation: fieldValidation === 'Ignore' ? 'Ignore' : 'Warn', isConverted: isStrategic });
  } catch (error) {
    const cause = decodeCauseOf(error);
    if (cause === undefined) throw error;
    throw refused(isStrategic ? cause.unstructuredText : cause.text);
  }
  const warnings = [...said, ...decoded.warnings];
  if (fieldValidation === 'Strict' && warnings.length > 0)
    throw refused(`strict decoding error: ${warnings.join(', ')}`);
  return { object: decoded.object, warnings };
}

/** A strategic merge patch works on the typed object: what it says of its kind has no effect, unless it is no text. */
function withHeader(row: KindRow, document: unknown): unknown {
  const { kind, apiVersion } = document as { kind?: unknown; apiVersion?: unknown };
  for (const one of [kind, apiVersion])
    if (typeof one !== 'string' && one !== undefined && one !== null)
      throw invalidError({ group: '', kind: '' }, '', [
        invalid(
          'patch',
          goMap(document),
          typeof one === 'number' && Number.isInteger(one)
            ? 'cannot convert int64 to string'
            : 'unrecognized type: string',
        ),
      ]);
  return { ...(document as object), kind: row.kind, apiVersion: apiVersionOf(row) };
}

type WithMetadata = { readonly metadata?: KubernetesObject['metadata'] };

/** A patch that leaves the owners of fields alone has the very list of before in its document: there is nothing to decode, or to compare. */
function keptOwners(document: unknown, shown: KubernetesObject): readonly ManagedFieldsEntry[] | undefined {
  const before = shown.metadata.managedFields;
  return (document as WithMetadata | null)?.metadata?.managedFields === before ? before : undefined;
}
const withoutOwners = (document: unknown): unknown => ({
  ...(document as WithMetadata),
  metadata: { ...(document as WithMetadata).metadata, managedFields: undefined },
});

function patchedObject(
  request: ResourceRequest,
  read: ReadPatch,
  current: KubernetesObject,
  options: WriteOptions,
): Mutable<KubernetesObject> {
  const { row, context } = request;
  const conversion = conversionOf(row);
  const shown = conversion?.fromStorage(current) ?? current;
  const document = read.apply!(row.typeName, shown);
  const typed = read.type === 'strategic' ? withHeader(row, document) : document;
  const owners = row.custom === undefined ? keptOwners(document, shown) : undefined;
  const { object, warnings } = decodePatched(read, document, options, (how) =>
    decodeObject(row, owners === undefined ? typed : withoutOwners(typed), how),
  );
  if (options.fieldValidation === 'Warn') context.warnings.push(...warnings);
  applyRowDefaults(row, object, context.server.options.clock.now());
  if (owners !== undefined) object.metadata.managedFields = owners as Mutable<ManagedFieldsEntry>[];
  return conversion?.toStorage(object) ?? object;
}

/** Only an apply takes fields from others. */
function checkForce(request: ApiRequest, type: ReadPatch['type']): void {
  if (type !== 'apply' && request.query.has('force'))
    throw invalidError({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', [
      forbidden('force', 'may not be specified for non-apply patch'),
    ]);
}

export async function patch(request: ResourceRequest): Promise<ApiResponse> {
  const { context, subresource } = request;
  const form = negotiateOutput(context.request, endpointOf(request.row));
  if (request.row.custom !== undefined) checkCustomPatch(context.request);
  const options = writeOptions(context.request, 'PatchOptions');
  const read = await readPatch(context.request, {
    allowsStrategic: request.row.custom === undefined,
    duplicates: options.fieldValidation !== 'Ignore',
  }).catch((error: unknown) => {
    // Upstream reads a patch when it has the object: one that is not there is told of first.
    if (error instanceof ApiError && error.code === 400 && !isApply(context.request))
      storedOf({ ...request, row: storageRow(request.row) });
    throw error;
  });
  checkForce(context.request, read.type);
  if (read.type === 'apply') return apply(request, read.body, options, form);
  const manager = managerOf(options, context.request);
  const { clock } = context.server.options;
  const row = storageRow(request.row);
  const written = await updateObject(
    { ...request, row },
    (current) => {
      if (current === undefined) throw notFoundError(groupResource(row), request.name);
      const object = patchedObject(request, read, current, options);
      checkName(request, object);
      checkServed(request.row, request.namespace, object, current);
      foldOwners(object, context.warnings, true);
      track(request.row, current, object, { manager, subresource, now: clock.now() });
      return object;
    },
    { dryRun: options.dryRun, createWhenAbsent: false, retriesConflicts: true, fieldManager: manager, isPatch: true },
  );
  return respondWritten(context, request, written, form);
}

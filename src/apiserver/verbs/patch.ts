// PATCH: JSON patch, merge patch, strategic merge patch, server-side apply. Retried on the newest state when another writer
// was first, unless the patch names a resource version.
import { applyRowDefaults } from '#api/schema/defaults.ts';
import { decodeObject } from '#api/schema/decode.ts';
import { trackUpdate } from '#api/managed-fields/track-update.ts';
import type { KubernetesObject, Mutable } from '#api/kind.ts';
import type { ApiResponse } from '#api/request.ts';
import { badRequestError, notFoundError } from '#api/status.ts';
import { conversionOf, storageRow } from '../content/conversion.ts';
import { endpointOf, negotiateOutput } from '../content/negotiate.ts';
import { readPatch } from '../content/read-patch.ts';
import type { ReadPatch } from '../content/read-patch.ts';
import { managerOf, writeOptions } from '../content/request-options.ts';
import type { WriteOptions } from '../content/request-options.ts';
import { groupResource } from '../registry/resource-request.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import { updateObject } from '../registry/update-object.ts';
import { apply } from './apply.ts';
import { respondWritten } from './create.ts';

function patchedObject(
  request: ResourceRequest,
  read: ReadPatch,
  current: KubernetesObject,
  options: WriteOptions,
): Mutable<KubernetesObject> {
  const { row, context } = request;
  const conversion = conversionOf(row);
  const document = read.apply!(row.typeName, conversion?.fromStorage(current) ?? current);
  const strict = options.fieldValidation === 'Strict' && read.unknownFields.length > 0;
  if (strict) throw badRequestError(`strict decoding error: ${read.unknownFields.join(', ')}`);
  const { object, warnings } = decodeObject(row, document, { fieldValidation: options.fieldValidation });
  if (options.fieldValidation === 'Warn') context.warnings.push(...read.unknownFields, ...warnings);
  applyRowDefaults(row, object);
  return conversion?.toStorage(object) ?? object;
}

export async function patch(request: ResourceRequest): Promise<ApiResponse> {
  const { context, subresource } = request;
  const form = negotiateOutput(context.request, endpointOf(request.row));
  const options = writeOptions(context.request, 'PatchOptions');
  const read = await readPatch(context.request, request.row.custom === undefined);
  if (read.type === 'apply') return apply(request, read.body, options, form);
  const manager = managerOf(options, context.request);
  const { clock } = context.server.options;
  const row = storageRow(request.row);
  const written = await updateObject(
    { ...request, row },
    (current) => {
      if (current === undefined) throw notFoundError(groupResource(row), request.name);
      const object = patchedObject(request, read, current, options);
      conversionOf(request.row)?.check?.(object, current);
      trackUpdate(row, current, object, { manager, subresource, now: clock.now() });
      return object;
    },
    { dryRun: options.dryRun, createWhenAbsent: false, retriesConflicts: true, fieldManager: manager },
  );
  return respondWritten(context, request, written, form);
}

// Server-side apply: PATCH with application/apply-patch+yaml. The merge is api/managed-fields'; here are its options, its
// create when there is nothing yet, and its retry when another writer was first.
import type { KindRow } from '#api/kind.ts';
import { apiVersionOf } from '#api/kinds.ts';
import { required } from '#api/field-error.ts';
import { applyConfiguration } from '#api/managed-fields/apply-configuration.ts';
import { badRequestError, invalidError, notFoundError } from '#api/status.ts';
import type { ApiResponse } from '#api/request.ts';
import type { RequestContext } from '../context.ts';
import { checkServed, conversionOf, storageRow } from '../content/conversion.ts';
import type { OutputForm } from '../content/negotiate.ts';
import type { ParsedBody } from '../content/read-body.ts';
import type { WriteOptions } from '../content/request-options.ts';
import { checkName, groupResource } from '../registry/resource-request.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import { updateObject } from '../registry/update-object.ts';
import { respondWritten } from './create.ts';

/** What is there twice is told after what cannot be applied. */
function checkDuplicates({ warnings }: RequestContext, { duplicates }: ParsedBody, options: WriteOptions): void {
  if (duplicates.length === 0) return;
  if (options.fieldValidation === 'Strict')
    throw badRequestError(
      `error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  ${duplicates.join('\n  ')}`,
    );
  // A retry finds them again; each is told once.
  if (options.fieldValidation === 'Warn') warnings.push(...duplicates.filter((text) => !warnings.includes(text)));
}

/** Whether it can be applied at all. Throws ApiError 400, 422. */
export function checkApplied(row: KindRow, applied: unknown, fieldManager: string): void {
  if (fieldManager === '')
    throw invalidError({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', [
      required('fieldManager', 'is required for apply patch'),
    ]);
  const { apiVersion = '', kind = '' } = (applied ?? {}) as { apiVersion?: unknown; kind?: unknown };
  if (kind !== row.kind || apiVersion !== apiVersionOf(row))
    throw badRequestError(
      `invalid object type: ${String(apiVersion).includes('/') ? '' : '/'}${String(apiVersion)}, Kind=${typeof kind === 'string' ? kind : ''}`,
    );
}

export async function apply(
  request: ResourceRequest,
  body: ParsedBody,
  options: WriteOptions,
  form: OutputForm,
): Promise<ApiResponse> {
  const { context, subresource } = request;
  // Applied in the version of the request, stored in its own.
  const { row } = request;
  const conversion = conversionOf(row);
  checkApplied(row, body.value, options.fieldManager);
  const { clock } = context.server.options;
  const force = context.request.query.get('force') === 'true';
  const written = await updateObject(
    { ...request, row: storageRow(row) },
    (current) => {
      const live = current === undefined ? undefined : (conversion?.fromStorage(current) ?? current);
      if (live === undefined && subresource !== '') throw notFoundError(groupResource(row), request.name);
      const object = applyConfiguration({
        row,
        live,
        applied: body.value,
        manager: options.fieldManager,
        force,
        subresource,
        now: clock.now(),
      });
      checkDuplicates(context, body, options);
      checkName(request, object);
      // The version that the client applies from is its precondition; without one the newest state is meant.
      const sent = (body.value as { metadata?: { resourceVersion?: string } }).metadata?.resourceVersion;
      if (sent === undefined && live !== undefined) object.metadata.resourceVersion = live.metadata.resourceVersion;
      if (conversion === undefined) return object;
      const stored = conversion.toStorage(object);
      checkServed(row, request.namespace, stored, current);
      return stored;
    },
    { dryRun: options.dryRun, createWhenAbsent: true, retriesConflicts: true, fieldManager: '', isPatch: true },
  );
  return respondWritten(context, request, written, form);
}

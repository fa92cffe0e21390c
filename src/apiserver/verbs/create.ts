// POST on a collection or a subresource that has its own creation: one new object.
import { applyRowDefaults } from '#api/schema/defaults.ts';
import { decodeObject } from '#api/schema/decode.ts';
import type { KubernetesObject, Mutable } from '#api/kind.ts';
import type { ApiResponse } from '#api/request.ts';
import { checkServed, conversionOf, storageRow } from '../content/conversion.ts';
import { endpointOf, negotiateOutput } from '../content/negotiate.ts';
import type { OutputForm } from '../content/negotiate.ts';
import { respondStored, respondWith } from '../content/present.ts';
import { readWrittenBody } from '../content/read-body.ts';
import type { ParsedBody } from '../content/read-body.ts';
import { managerOf, writeOptions } from '../content/request-options.ts';
import type { WriteOptions } from '../content/request-options.ts';
import { createObject } from '../registry/create-object.ts';
import type { Written } from '../registry/create-object.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import type { RequestContext } from '../context.ts';

/** The body as an object of the row's kind, in the stored version, defaulted. */
export async function readObject(request: ResourceRequest, options: WriteOptions): Promise<Mutable<KubernetesObject>> {
  return decodeValue(request, await readBody(request, options), options);
}

export const readBody = ({ context, row }: ResourceRequest, options: WriteOptions): Promise<ParsedBody> =>
  readWrittenBody(context.request, row, options.fieldValidation !== 'Ignore');

export function decodeValue(
  { context, row }: ResourceRequest,
  body: ParsedBody,
  options: WriteOptions,
): Mutable<KubernetesObject> {
  const { object, warnings } = decodeObject(row, body.value, { ...body, fieldValidation: options.fieldValidation });
  if (options.fieldValidation === 'Warn') context.warnings.push(...warnings);
  applyRowDefaults(row, object, context.server.options.clock.now());
  context.audited?.onObject(row, object);
  return conversionOf(row)?.toStorage(object) ?? object;
}

export function respondWritten(
  context: RequestContext,
  request: ResourceRequest,
  written: Written,
  form: OutputForm,
): ApiResponse {
  const status = written.created ? 201 : 200;
  if (written.type === 'stored') return respondStored(context, request.row, written.stored, form, status);
  const object = conversionOf(request.row)?.fromStorage(written.object) ?? written.object;
  return respondWith(context, request.row, object, form, status);
}

export async function create(request: ResourceRequest): Promise<ApiResponse> {
  const { context } = request;
  const form = negotiateOutput(context.request, endpointOf(request.row));
  const options = writeOptions(context.request, 'CreateOptions');
  const object = await readObject(request, options);
  checkServed(request.row, request.namespace, object, undefined);
  const written = await createObject({ ...request, row: storageRow(request.row), served: request.row }, object, {
    dryRun: options.dryRun,
    fieldManager: managerOf(options, context.request),
  });
  return respondWritten(context, request, written, form);
}

// The object in the body of a POST, for kinds that are answered and not stored.
import type { KubernetesObject, Mutable } from '#api/kind.ts';
import { nothingOf } from '#api/schema/canonical.ts';
import { typeFacts } from '#api/schema/type-table.ts';
import { checkGroupVersionKind, decodeObject, decodeType } from '#api/schema/decode.ts';
import { isObject } from '#api/schema/value-decoder.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import type { RequestContext } from '../context.ts';
import { readWrittenBody } from './read-body.ts';
import type { BodyTarget } from './read-body.ts';
import { writeOptions } from './request-options.ts';
import type { WriteOptions } from './request-options.ts';

export interface Created {
  readonly object: Mutable<KubernetesObject>;
  readonly options: ReturnType<typeof writeOptions>;
}

/** The body of a subresource that has a type of its own. */
export async function readTyped(
  { audited, request, warnings: told }: RequestContext,
  typeName: string,
  target: BodyTarget,
  { fieldValidation }: WriteOptions,
  /** Versions in which it is the same. */
  alike: readonly string[] = [],
): Promise<Record<string, unknown>> {
  const body = await readWrittenBody(request, target, fieldValidation !== 'Ignore');
  if (isObject(body.value) && !(body.value['kind'] === target.kind && alike.includes(String(body.value['apiVersion']))))
    checkGroupVersionKind(body.value, target, body.source);
  const { object, warnings } = decodeType(typeName, body.value, { ...body, fieldValidation });
  if (fieldValidation === 'Warn') told.push(...warnings);
  audited?.onObject(target, object);
  return object;
}

/** Throws an ApiError; what strict reading finds becomes warnings when the client wants that. */
export async function readCreated({ context, row }: ResourceRequest): Promise<Created> {
  const options = writeOptions(context.request, 'CreateOptions');
  const body = await readWrittenBody(context.request, row, options.fieldValidation !== 'Ignore');
  const { object, warnings } = decodeObject(row, body.value, { ...body, fieldValidation: options.fieldValidation });
  if (options.fieldValidation === 'Warn') context.warnings.push(...warnings);
  context.audited?.onObject(row, { ...nothingOf(typeFacts(row.typeName)), ...object });
  return { object, options };
}

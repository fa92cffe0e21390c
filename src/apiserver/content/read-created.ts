// The object in the body of a POST, for kinds that are answered and not stored.
import type { KubernetesObject, Mutable } from '#api/kind.ts';
import { decodeObject } from '#api/schema/decode.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import { readWrittenBody } from './read-body.ts';
import { writeOptions } from './request-options.ts';

export interface Created {
  readonly object: Mutable<KubernetesObject>;
  readonly options: ReturnType<typeof writeOptions>;
}

/** Throws an ApiError; what strict reading finds becomes warnings when the client wants that. */
export async function readCreated({ context, row }: ResourceRequest): Promise<Created> {
  const options = writeOptions(context.request, 'CreateOptions');
  const body = await readWrittenBody(context.request, row, options.fieldValidation !== 'Ignore');
  const { object, warnings } = decodeObject(row, body.value, { ...body, fieldValidation: options.fieldValidation });
  if (options.fieldValidation === 'Warn') context.warnings.push(...warnings);
  return { object, options };
}

// What all reviews have in common: the body is read, admitted, answered, and given back with its status.
import type { KubernetesObject, Mutable } from '#api/kind.ts';
import type { ApiResponse } from '#api/request.ts';
import { badRequestError } from '#api/status.ts';
import { negotiateOutput, plainEndpoint } from '../content/negotiate.ts';
import { respondWith } from '../content/present.ts';
import { readCreated } from '../content/read-created.ts';
import { managerOf } from '../content/request-options.ts';
import { admissionAttributes } from '../registry/admission-attributes.ts';
import { admitMutating, admitValidating, finish } from '../registry/admit.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import { track } from '../registry/track.ts';

export interface Review<T> {
  /** Throws an ApiError for what is wrong with it; before anybody else judges it. */
  check?(object: T): void;
  answer(object: T): object | Promise<object>;
}

type Reviewed = Mutable<KubernetesObject> & { spec?: object };

/** What every creation does to the object before anybody looks at it: nothing of the system's is the client's to say. */
function complete({ row, namespace }: ResourceRequest, object: Reviewed): void {
  const { metadata } = object;
  for (const name of [
    'uid',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'selfLink',
  ] as const)
    delete metadata[name];
  if (!row.namespaced) delete metadata.namespace;
  else if ((metadata.namespace ?? '') === '') metadata.namespace = namespace;
  else if (metadata.namespace !== namespace)
    throw badRequestError('the namespace of the provided object does not match the namespace sent on the request');
  // Without one it asks about nobody and nothing, which the checks say.
  object.spec ??= {};
}

export async function respondReview<T>(request: ResourceRequest, review: Review<T>): Promise<ApiResponse> {
  const { context, row } = request;
  const form = negotiateOutput(context.request, plainEndpoint);
  const { object, options } = await readCreated(request);
  complete(request, object);
  track(row, undefined, object, {
    manager: managerOf(options, context.request),
    subresource: '',
    now: context.server.options.clock.now(),
  });
  const attributes = admissionAttributes(context, {
    operation: 'CREATE',
    row,
    subresource: '',
    namespace: request.namespace,
    name: object.metadata.name ?? '',
    object,
    old: undefined,
    dryRun: options.dryRun,
  });
  try {
    await admitMutating(context.server, attributes);
    review.check?.(object as T);
    await admitValidating(context.server, attributes);
    const answer = (await review.answer(object as T)) as Mutable<KubernetesObject>;
    return respondWith(context, row, answer, form, 201);
  } finally {
    finish(attributes);
  }
}

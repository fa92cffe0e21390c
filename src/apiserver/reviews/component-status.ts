// Deprecated upstream: the parts of the control plane and whether they are well. Here they are parts of one process, which says of
// each what is wrong with it.
import type { KubernetesObject } from '#api/kind.ts';
import type { ApiResponse } from '#api/request.ts';
import { methodNotSupportedError, notFoundError } from '#api/status.ts';
import { collectionOf, negotiateOutput, objectEndpoint } from '../content/negotiate.ts';
import { respondObjects, respondWith } from '../content/present.ts';
import type { ReadinessCheck } from '../options.ts';
import { groupResource, type ResourceRequest } from '../registry/resource-request.ts';

/** The store alone, where nobody tells of more. */
const storeOnly: readonly ReadinessCheck[] = [{ name: 'etcd-0', check: () => undefined }];

const statusOf = (component: ReadinessCheck): KubernetesObject => {
  const problem = component.check();
  const told = problem === undefined ? { status: 'True', message: 'ok' } : { status: 'False', message: problem };
  const object = { metadata: { name: component.name }, conditions: [{ type: 'Healthy', ...told }] };
  return { kind: 'ComponentStatus', apiVersion: 'v1', ...object };
};

export async function respondComponentStatus(request: ResourceRequest): Promise<ApiResponse> {
  const { context, row } = request;
  const { verb } = context.info;
  if (verb !== 'list' && verb !== 'get') throw methodNotSupportedError(groupResource(row), verb);
  const form = negotiateOutput(context.request, verb === 'list' ? collectionOf(row) : objectEndpoint);
  const components = context.server.options.components ?? storeOnly;
  if (verb === 'list') return respondObjects(context, row, components.map(statusOf), {}, form);
  const found = components.find((one) => one.name === request.name);
  if (found === undefined) throw notFoundError(groupResource(row), request.name);
  return respondWith(context, row, statusOf(found), form);
}

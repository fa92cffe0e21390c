// Deprecated upstream: what they measured does not exist here as parts; the store's health is what there is to say.
import type { ApiResponse } from '#api/request.ts';
import { methodNotSupportedError, notFoundError } from '#api/status.ts';
import { negotiateOutput, plainEndpoint } from '../content/negotiate.ts';
import { respondWith } from '../content/present.ts';
import { groupResource, type ResourceRequest } from '../registry/resource-request.ts';

const name = 'etcd-0';
const conditions = [{ type: 'Healthy', status: 'True', message: 'ok' }];

export async function respondComponentStatus(request: ResourceRequest): Promise<ApiResponse> {
  const { context, row } = request;
  const { verb } = context.info;
  if (verb !== 'list' && verb !== 'get') throw methodNotSupportedError(groupResource(row), verb);
  context.warnings.push('v1 ComponentStatus is deprecated in v1.19+');
  const form = negotiateOutput(context.request, plainEndpoint);
  if (verb === 'get') {
    if (request.name !== name) throw notFoundError(groupResource(row), request.name);
    const one = { kind: 'ComponentStatus', apiVersion: 'v1', metadata: { name }, conditions };
    return respondWith(context, row, one as never, form);
  }
  const list = {
    kind: 'ComponentStatusList',
    apiVersion: 'v1',
    metadata: {},
    items: [{ metadata: { name }, conditions }],
  };
  return respondWith(context, row, list as never, { ...form, transform: 'none' });
}

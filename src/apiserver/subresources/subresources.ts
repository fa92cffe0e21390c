// Which code answers a subresource. Those with the shape of the object itself go through the ordinary verbs.
import type { ApiResponse } from '#api/request.ts';
import type { Answered } from '../context.ts';
import { ApiError, methodNotAllowedError, methodNotSupportedError } from '#api/status.ts';
import { get } from '../verbs/get.ts';
import { patch } from '../verbs/patch.ts';
import { update } from '../verbs/update.ts';
import { groupResource } from '../registry/resource-request.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import { bindPod } from './binding.ts';
import { evictPod } from './eviction.ts';
import { requestToken } from './token.ts';
import { scale } from './scale.ts';
import { podLog } from './pod-log.ts';
import { connect } from './connect.ts';
import { proxy } from './proxy.ts';

type Handler = (request: ResourceRequest) => Answered;

const ownShape: Readonly<Record<string, Handler>> = { get, update, patch };

const byName: Readonly<Record<string, Handler>> = {
  'pods/binding': bindPod,
  'pods/eviction': evictPod,
  'pods/log': podLog,
  'pods/exec': connect,
  'pods/attach': connect,
  'pods/portforward': connect,
  'pods/proxy': proxy,
  'services/proxy': proxy,
  'nodes/proxy': proxy,
  'serviceaccounts/token': requestToken,
};

export async function respondSubresource(request: ResourceRequest): Promise<ApiResponse> {
  const { row, subresource, context } = request;
  const known = Object.hasOwn(row.subresources, subresource) ? row.subresources[subresource] : undefined;
  if (known === undefined || request.name === '')
    throw new ApiError(404, 'NotFound', 'the server could not find the requested resource', {});
  const handler = byName[`${row.resource}/${subresource}`];
  const { verb } = context.info;
  const methodOf = (): Handler | undefined => {
    if (handler !== undefined) return handler;
    if (subresource === 'scale') return scale;
    return known.kind === row.kind ? ownShape[verb] : undefined;
  };
  const found = methodOf();
  // OPTIONS is no verb of the API, and a pod's own business.
  const isPassedOn = handler === proxy && context.request.method === 'OPTIONS';
  if (found === undefined || !(known.verbs.includes(verb) || isPassedOn))
    throw row.custom === undefined
      ? methodNotAllowedError()
      : methodNotSupportedError(groupResource(row), verb === '' ? context.request.method : verb);
  const pending = context.server.options.store.consistent(context.request);
  if (pending !== undefined) await pending;
  return found(request);
}

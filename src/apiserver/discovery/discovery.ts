// /api, /apis and what is below them, aggregated where the client takes that.
import type { ApiResponse } from '#api/request.ts';
import type { RequestContext } from '../context.ts';
import { negotiateOutput, parseAccept } from '../content/negotiate.ts';
import { respond, respondObject, respondText } from '../responses.ts';
import { aggregatedDocument, apiGroup, apiGroupList, apiVersions, resourceList } from './documents.ts';

function aggregatedVersion(accept: string | undefined): 'v2' | 'v2beta1' | undefined {
  for (const { type, parameters } of parseAccept(accept ?? '')) {
    if (type !== 'application/json') continue;
    if (parameters['as'] === undefined) return undefined;
    if (parameters['as'] !== 'APIGroupDiscoveryList' || parameters['g'] !== 'apidiscovery.k8s.io') continue;
    const version = parameters['v'];
    if (version === 'v2' || version === 'v2beta1') return version;
  }
  return undefined;
}

export async function respondDiscovery(context: RequestContext, path: string): Promise<ApiResponse> {
  const { request } = context;
  const { kinds } = context.server;
  const parts = path.split('/').slice(1);
  if (path === '/api' || path === '/apis') {
    const version = aggregatedVersion(request.headers['accept']);
    if (version !== undefined) {
      const { bytes, etag } = aggregatedDocument(kinds, path, version);
      const headers = { etag, vary: 'Accept', 'cache-control': 'public' };
      if (request.headers['if-none-match'] === etag) return respond(304, { type: 'none' }, headers);
      return respond(
        200,
        {
          type: 'bytes',
          contentType: `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`,
          parts: [bytes],
        },
        headers,
      );
    }
    negotiateOutput(request, false);
    const document = path === '/apis' ? apiGroupList(kinds) : apiVersions(kinds, request.headers['host'] ?? '');
    return { ...respondObject(document), headers: { vary: 'Accept' } };
  }
  negotiateOutput(request, false);
  const isLegacy = parts[0] === 'api';
  const document =
    parts.length === 2 && isLegacy
      ? resourceList(kinds, '', parts[1]!)
      : parts.length === 2
        ? apiGroup(kinds, parts[1]!)
        : parts.length === 3 && !isLegacy
          ? resourceList(kinds, parts[1]!, parts[2]!)
          : undefined;
  return document === undefined ? respondText('404 page not found\n', 404) : respondObject(document);
}

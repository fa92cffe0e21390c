// /api, /apis and what is below them, aggregated where the client takes that.
import type { ApiResponse } from '#api/request.ts';
import type { RequestContext } from '../context.ts';
import { firstAccepted } from '../content/media-types.ts';
import {
  mediaTypeOfForm,
  generalEndpoint,
  negotiateOutput,
  plainEndpoint,
  unroutedEndpoint,
} from '../content/negotiate.ts';
import { unknownResourceError } from '#api/status.ts';
import { respond, respondObject, respondText } from '../responses.ts';
import type { AggregatedDocument } from './documents.ts';
import { aggregatedDocument, apiGroup, apiGroupList, apiVersions, resourceList } from './documents.ts';

interface AggregatedForm {
  readonly encoding: 'json' | 'protobuf';
  /** False: the document of old. */
  readonly isAggregated: boolean;
}

function aggregatedForm(accept: string | undefined): AggregatedForm | undefined {
  return firstAccepted(accept ?? '', (encoding, { as, g, v }): AggregatedForm | undefined => {
    if (encoding === 'yaml' || encoding === 'cbor') return undefined;
    if (as === undefined && g === undefined && v === undefined) return { encoding, isAggregated: false };
    const isOurs = as === 'APIGroupDiscoveryList' && g === 'apidiscovery.k8s.io' && v === 'v2';
    return isOurs ? { encoding, isAggregated: true } : undefined;
  });
}

/** Made once for a document. */
const inProtobuf = new WeakMap<object, readonly Uint8Array[]>();

async function aggregatedParts(document: AggregatedDocument, form: AggregatedForm): Promise<readonly Uint8Array[]> {
  if (form.encoding === 'json') return [document.bytes];
  let parts = inProtobuf.get(document);
  if (parts === undefined) {
    const { objectParts } = await import('../content/encode-protobuf.ts');
    inProtobuf.set(document, (parts = objectParts(document.object)));
  }
  return parts;
}

export async function respondDiscovery(context: RequestContext, path: string): Promise<ApiResponse> {
  const { request } = context;
  const kinds = context.server.aggregation.served();
  const parts = path.split('/').slice(1);
  if (path === '/api' || path === '/apis') {
    const form = aggregatedForm(request.headers['accept']);
    if (form?.isAggregated === true) {
      const document = aggregatedDocument(kinds, path);
      const { etag } = document;
      const headers = { etag, vary: 'Accept', 'cache-control': 'public' };
      if (request.headers['if-none-match'] === etag) return respond(304, { type: 'none' }, headers);
      return respond(
        200,
        {
          type: 'bytes',
          contentType: `${mediaTypeOfForm(form)};g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList`,
          parts: await aggregatedParts(document, form),
        },
        headers,
      );
    }
    negotiateOutput(request, path === '/api' ? generalEndpoint : unroutedEndpoint);
    const document = path === '/apis' ? apiGroupList(kinds) : apiVersions(kinds, request.headers['host'] ?? '');
    return respondObject(document);
  }
  const isLegacy = parts[0] === 'api';
  negotiateOutput(request, isLegacy || parts.length > 2 ? plainEndpoint : unroutedEndpoint);
  const document =
    parts.length === 2 && isLegacy
      ? resourceList(kinds, '', parts[1]!)
      : parts.length === 2
        ? apiGroup(kinds, parts[1]!)
        : parts.length === 3 && !isLegacy
          ? resourceList(kinds, parts[1]!, parts[2]!)
          : undefined;
  if (document !== undefined) return respondObject(document);
  // Whoever answers for a group says so of its versions, too.
  if (isLegacy || (parts.length > 2 && apiGroup(kinds, parts[1]!) !== undefined)) throw unknownResourceError();
  return respondText('404 page not found\n', 404);
}

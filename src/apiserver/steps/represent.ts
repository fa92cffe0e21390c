// The outermost step: what the other steps answer is an object or a list; here it gets the encoding that the client takes,
// failures included. A failure is told in JSON to a client that takes nothing that we write.
import { setImmediate } from 'node:timers/promises';
import { ApiError } from '#api/status.ts';
import type { ApiResponse, ResponseBody } from '#api/request.ts';
import type { Answered, Next, RequestContext } from '../context.ts';
import { endpointOf, generalEndpoint, mediaTypeOfForm, negotiate, plainEndpoint } from '../content/negotiate.ts';
import { objectEndpoint, plainJson, prettyJson } from '../content/negotiate.ts';
import type { Endpoint, OutputForm } from '../content/negotiate.ts';
import { respondStatus } from '../responses.ts';

const bytesBody = (contentType: string, parts: readonly Uint8Array[]): ResponseBody => ({
  type: 'bytes',
  contentType,
  parts,
});

const hasKind = (object: unknown): boolean =>
  typeof object === 'object' && object !== null && typeof (object as { kind?: unknown }).kind === 'string';

/** Its discovery is a group's own; what is above is written by others. */
const versionOfGroup = /^\/api(?:s\/[^/]+)?\/[^/]+\/?$/;

function endpoint({ info, row }: RequestContext): Endpoint {
  if (!info.isResource) return versionOfGroup.test(info.path) ? plainEndpoint : generalEndpoint;
  if (row === undefined) return plainEndpoint;
  // Scales are no custom resources, whatever they scale.
  return info.subresource === 'scale' ? objectEndpoint : endpointOf(row);
}

/** Before anybody knows what is asked for, less can be written. */
const failure = ({ isRouted }: RequestContext): Endpoint => (isRouted === true ? plainEndpoint : generalEndpoint);

/** Undefined: it goes out as it is. */
async function encoded(body: ResponseBody, form: OutputForm): Promise<ResponseBody | undefined> {
  if (body.type !== 'object' && body.type !== 'list') return undefined;
  if (form.encoding === 'protobuf') {
    const { encodeBody } = await import('../content/encode-protobuf.ts');
    const parts = await encodeBody(body, () => setImmediate());
    return parts === undefined ? undefined : bytesBody(mediaTypeOfForm(form), parts);
  }
  if (form.encoding === 'json' && !form.pretty) return undefined;
  const object =
    body.type === 'object' ? body.object : (JSON.parse(Buffer.concat(body.bytes()).toString('utf8')) as unknown);
  if (!hasKind(object)) return undefined;
  if (form.encoding === 'cbor') {
    const { encodeCborObject } = await import('#api/cbor/encode.ts');
    return bytesBody(mediaTypeOfForm(form), [encodeCborObject(object as object)]);
  }
  if (form.encoding === 'yaml') {
    const { printLongYaml } = await import('#wire/yaml-writer.ts');
    return bytesBody(mediaTypeOfForm(form), [Buffer.from(await printLongYaml(object, () => setImmediate()))]);
  }
  return bytesBody(mediaTypeOfForm(form), [Buffer.from(JSON.stringify(object, undefined, 2))]);
}

export function represent(context: RequestContext, next: Next): Answered {
  const answered = next(context);
  return answered instanceof Promise
    ? answered.then((response) => represented(context, response))
    : represented(context, answered);
}

function represented(context: RequestContext, response: ApiResponse): Answered {
  const { type } = response.body;
  if (type !== 'object' && type !== 'list') return response;
  // The same question that was asked before the work was done; what cannot be negotiated was refused then, or is a failure.
  const form = negotiate(context.request, response.status >= 400 ? failure(context) : endpoint(context)) ?? prettyJson;
  return form === plainJson ? response : inForm(response, form);
}

async function inForm(response: ApiResponse, form: OutputForm): Promise<ApiResponse> {
  try {
    const body = await encoded(response.body, form);
    return body === undefined ? response : { ...response, body };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { ...respondStatus(error.toStatus()), warnings: response.warnings };
  }
}

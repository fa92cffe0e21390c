// What form of answer the client takes: plain, Table or PartialObjectMetadata, and in which encoding. RFC 9110 section 12.5.1
// with Kubernetes' `as`, `g` and `v` parameters.
import type { KindRow } from '#api/kind.ts';
import { ApiError, notAcceptableError } from '#api/status.ts';
import type { ApiRequest } from '#api/request.ts';
import {
  firstAccepted,
  mediaTypeByEncoding,
  namesOneOf,
  objectMediaTypes,
  streamMediaTypes,
  type AcceptTerm,
  type Encoding,
} from './media-types.ts';

export interface OutputForm {
  readonly encoding: Encoding;
  readonly transform: 'none' | 'table' | 'partial';
  /** Of `partial`: a list of them was asked for. */
  readonly partialList?: boolean;
  /** Version of meta.k8s.io for transformed answers. */
  readonly metaVersion: 'v1' | 'v1beta1';
  readonly pretty: boolean;
}

export interface Endpoint {
  /** `as=` is taken. */
  readonly transforms: boolean;
  /** Custom resources have no protobuf form; their metadata has. */
  readonly custom: boolean;
  /** Upstream's router looks at the types before its handlers do, with words of its own. */
  readonly routed: boolean;
  /** Collections can be watched: their list of types is longer. */
  readonly collection: boolean;
  /** The answer is a stream of events. */
  readonly stream?: boolean;
  /** Never in CBOR. */
  readonly withoutCbor?: boolean;
  /** There is only one way to write it. */
  readonly jsonOnly?: boolean;
}

export const objectEndpoint: Endpoint = { transforms: true, custom: false, routed: true, collection: false };
/** The resource is no object or list: reviews, discovery, errors. */
export const plainEndpoint: Endpoint = { transforms: false, custom: false, routed: true, collection: false };
/** Discovery above a group's versions, and what is refused before it is known what is asked for. */
export const generalEndpoint: Endpoint = { ...plainEndpoint, withoutCbor: true };
/** What no object is: the version. */
export const jsonEndpoint: Endpoint = { ...generalEndpoint, jsonOnly: true };
export const unroutedEndpoint: Endpoint = { ...generalEndpoint, routed: false };
const customEndpoint: Endpoint = { transforms: true, custom: true, routed: false, collection: false };

/** Kinds of the system that were never given numbers for protobuf: asked for it, they come in JSON to who takes that too. */
const kindsWithoutProtobuf = new Set(['NodeMetrics', 'PodMetrics', 'ProjectRequest']);

export const endpointOf = (row: KindRow): Endpoint =>
  row.custom === undefined && !kindsWithoutProtobuf.has(row.kind) ? objectEndpoint : customEndpoint;
export const collectionOf = (row: KindRow): Endpoint => ({ ...endpointOf(row), collection: true });
export const streamOf = (row: KindRow): Endpoint => ({ ...endpointOf(row), collection: true, stream: true });

export const plainJson: OutputForm = { encoding: 'json', transform: 'none', metaVersion: 'v1', pretty: false };
export const prettyJson: OutputForm = { ...plainJson, pretty: true };

const trueTexts = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const peopleAgents = ['curl', 'Wget', 'Mozilla/5.0'];

/** People are shown lines: by parameter, or by the tool they use. */
function wantsPretty({ query, headers }: ApiRequest): boolean {
  const asked = query.get('pretty');
  if (asked !== null && asked !== '') return trueTexts.has(asked);
  const agent = headers['user-agent'];
  return agent !== undefined && peopleAgents.some((name) => agent.startsWith(name));
}

const transformByKind: Readonly<Record<string, OutputForm['transform']>> = {
  Table: 'table',
  PartialObjectMetadata: 'partial',
  PartialObjectMetadataList: 'partial',
};

function formOf(
  encoding: Encoding,
  parameters: AcceptTerm['parameters'],
  endpoint: Endpoint,
  pretty: boolean,
): OutputForm | undefined {
  const { as, g, v, stream = '', sv = '' } = parameters;
  if (stream !== '' && (encoding === 'yaml' || stream !== 'watch')) return undefined;
  if (sv !== '' && sv !== 'v1') return undefined;
  const isPretty = pretty || parameters['pretty'] === '1';
  if (as === undefined && g === undefined && v === undefined)
    return endpoint.custom && encoding === 'protobuf'
      ? undefined
      : { encoding, transform: 'none', metaVersion: 'v1', pretty: isPretty };
  const transform = Object.hasOwn(transformByKind, as ?? '') ? transformByKind[as!] : undefined;
  if (!endpoint.transforms || transform === undefined || g !== 'meta.k8s.io') return undefined;
  if (v !== 'v1' && v !== 'v1beta1') return undefined;
  if (transform === 'table' && (encoding === 'protobuf' || encoding === 'cbor')) return undefined;
  return { encoding, transform, partialList: as!.endsWith('List'), metaVersion: v, pretty: isPretty };
}

const acceptedOnly = (types: readonly string[]): ApiError =>
  notAcceptableError(`only the following media types are accepted: ${types.join(', ')}`);

const writesCbor = (request: ApiRequest, endpoint: Endpoint): boolean =>
  request.takesCbor === true && endpoint.withoutCbor !== true;

/** Undefined: nothing that the client takes can be written. */
export function negotiate(request: ApiRequest, endpoint: Endpoint): OutputForm | undefined {
  const header = request.headers['accept'];
  const pretty = wantsPretty(request);
  if (header === undefined || header === '' || header === 'application/json' || header === '*/*')
    return pretty ? prettyJson : plainJson;
  const withCbor = writesCbor(request, endpoint);
  return firstAccepted(header, (encoding, parameters) =>
    encoding === 'cbor' && !withCbor ? undefined : formOf(encoding, parameters, endpoint, pretty),
  );
}

/** Throws 406 with upstream's lists of what there is. */
export function negotiateOutput(request: ApiRequest, endpoint: Endpoint = objectEndpoint): OutputForm {
  const header = request.headers['accept'] ?? '';
  const withCbor = writesCbor(request, endpoint);
  const routed = endpoint.jsonOnly === true ? [mediaTypeByEncoding.json] : objectMediaTypes(withCbor);
  const all = endpoint.collection ? [...routed, ...streamMediaTypes(withCbor)] : routed;
  if (header !== '' && endpoint.routed && !namesOneOf(header, all)) {
    throw new ApiError(406, 'NotAcceptable', `406: Not Acceptable\n\nAvailable representations: ${all.join(', ')}`, {});
  }
  const form = negotiate(request, endpoint);
  if (form === undefined) throw acceptedOnly(objectMediaTypes(withCbor));
  if (endpoint.stream === true && form.encoding === 'yaml') throw acceptedOnly(streamMediaTypes(withCbor));
  return form;
}

export const mediaTypeOfForm = (form: Pick<OutputForm, 'encoding'>): string => mediaTypeByEncoding[form.encoding];

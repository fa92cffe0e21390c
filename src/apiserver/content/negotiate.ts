// What form of answer the client takes: plain, Table or PartialObjectMetadata, in JSON or YAML. RFC 9110 section 12.5.1 with
// Kubernetes' `as`, `g` and `v` parameters. Protobuf and CBOR are not spoken: 406 when nothing else is accepted.
import { notAcceptableError } from '#api/status.ts';
import type { ApiRequest } from '#api/request.ts';

export interface OutputForm {
  readonly encoding: 'json' | 'yaml';
  readonly transform: 'none' | 'table' | 'partial';
  /** Version of meta.k8s.io for transformed answers. */
  readonly metaVersion: 'v1' | 'v1beta1';
  readonly pretty: boolean;
}

export interface AcceptTerm {
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly quality: number;
}

export const plainJson: OutputForm = { encoding: 'json', transform: 'none', metaVersion: 'v1', pretty: false };
const supported = 'application/json, application/yaml';

export function parseAccept(header: string): AcceptTerm[] {
  return header
    .split(',')
    .flatMap((term): AcceptTerm[] => {
      const [type = '', ...rest] = term.split(';').map((part) => part.trim());
      if (type === '') return [];
      const parameters: Record<string, string> = {};
      for (const one of rest) {
        const equals = one.indexOf('=');
        if (equals > 0) parameters[one.slice(0, equals).toLowerCase()] = one.slice(equals + 1).replaceAll('"', '');
      }
      const quality = parameters['q'] === undefined ? 1 : Number(parameters['q']);
      return quality > 0 ? [{ type: type.toLowerCase(), parameters, quality }] : [];
    })
    .toSorted((a, b) => b.quality - a.quality);
}

const encodingOf = (type: string): OutputForm['encoding'] | undefined =>
  type === 'application/json' || type === '*/*' || type === 'application/*'
    ? 'json'
    : type === 'application/yaml'
      ? 'yaml'
      : undefined;

/** `transforms` false: the resource is no object or list (subresource answers, deletes): `as=` is not taken. */
export function negotiateOutput(request: ApiRequest, transforms = true): OutputForm {
  const header = request.headers['accept'];
  const pretty = request.query.get('pretty') === 'true' || request.query.get('pretty') === '1';
  if (header === undefined || header === '' || header === 'application/json')
    return pretty ? { ...plainJson, pretty } : plainJson;
  for (const { type, parameters } of parseAccept(header)) {
    const encoding = encodingOf(type);
    if (encoding === undefined) continue;
    const as = parameters['as'];
    if (as === undefined) return { encoding, transform: 'none', metaVersion: 'v1', pretty };
    if (!transforms || parameters['g'] !== 'meta.k8s.io') continue;
    const metaVersion = parameters['v'];
    if (metaVersion !== 'v1' && metaVersion !== 'v1beta1') continue;
    if (as === 'Table') return { encoding, transform: 'table', metaVersion, pretty };
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList')
      return { encoding, transform: 'partial', metaVersion, pretty };
  }
  throw notAcceptableError(`only the following media types are accepted: ${supported}`);
}

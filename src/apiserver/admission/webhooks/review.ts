// AdmissionReview, v1 and v1beta1: the request that a webhook gets, and what its answer may be. Pure; texts are upstream's.
import { isJsonObject } from '#api/patch/json-values.ts';
import type { StatusDetails } from '#api/status.ts';
import type { AdmissionAttributes, GroupVersionKind } from '../../context.ts';
import { AnswerProblem, goType, parseAnswer } from '../../outgoing/answer.ts';
import { namespaceOf, type Matched } from '../dynamic/request-matcher.ts';
import type { VersionedObjects } from '../dynamic/versioned-object.ts';

export type ReviewVersion = 'v1' | 'v1beta1';
const group = 'admission.k8s.io';

/** The first of what the webhook understands that is known here; undefined: none. */
export const reviewVersionOf = (accepted: readonly string[]): ReviewVersion | undefined =>
  accepted.find((one): one is ReviewVersion => one === 'v1' || one === 'v1beta1');

const groupVersionResource = ({ row }: Pick<Matched, 'row'>) => ({
  group: row.group,
  version: row.version,
  resource: row.resource,
});

/** As `request` of an AdmissionReview, and as the variable `request` of expressions, which leave the objects out. */
export function admissionRequest(attributes: AdmissionAttributes, matched: Matched): Readonly<Record<string, unknown>> {
  const { requested, subresource, operation, user, dryRun, name } = attributes;
  const namespace = namespaceOf(attributes);
  const requestKind: GroupVersionKind = attributes.subresourceKind ?? {
    group: requested.group,
    version: requested.version,
    kind: requested.kind,
  };
  const { extra } = user;
  return {
    kind: kindOf(matched.kind),
    resource: groupVersionResource(matched),
    ...(matched.subresource === '' ? {} : { subResource: matched.subresource }),
    requestKind: kindOf(requestKind),
    requestResource: groupVersionResource({ row: requested }),
    ...(subresource === '' ? {} : { requestSubResource: subresource }),
    ...(name === '' ? {} : { name }),
    ...(namespace === '' ? {} : { namespace }),
    operation,
    userInfo: {
      username: user.name,
      ...((user.uid ?? '') === '' ? {} : { uid: user.uid }),
      ...(user.groups.length === 0 ? {} : { groups: user.groups }),
      ...(extra === undefined || Object.keys(extra).length === 0 ? {} : { extra }),
    },
    dryRun,
    options: attributes.options ?? null,
  };
}

const kindOf = ({ group: own, version, kind }: GroupVersionKind) => ({ group: own, version, kind });

export function admissionReview(
  version: ReviewVersion,
  uid: string,
  request: Readonly<Record<string, unknown>>,
  { object, old }: VersionedObjects,
): Readonly<Record<string, unknown>> {
  const { dryRun, options, ...rest } = request;
  return {
    kind: 'AdmissionReview',
    apiVersion: `${group}/${version}`,
    request: { uid, ...rest, object, oldObject: old, dryRun, options },
  };
}

export interface ReviewResponse {
  readonly allowed: boolean;
  readonly result: ReviewResult | undefined;
  /** Base64 of a JSON patch; '' for none. */
  readonly patch: string;
  readonly patchType: string;
  readonly warnings: readonly string[];
  readonly auditAnnotations: Readonly<Record<string, string>>;
}
export interface ReviewResult {
  readonly code: number;
  readonly status: string;
  readonly message: string;
  readonly reason: string;
  readonly details: StatusDetails | undefined;
  readonly metadata: Readonly<Record<string, unknown>>;
}

const unreadable = (message: string): AnswerProblem => new AnswerProblem(message, false);
const invalid = (message: string): AnswerProblem => new AnswerProblem(message, true);

const field = <T>(from: Readonly<Record<string, unknown>>, name: string, type: string, none: T, path: string): T => {
  const value = from[name];
  if (value === undefined || value === null) return none;
  if (typeof value !== type)
    throw unreadable(`json: cannot unmarshal ${goType(value)} into Go struct field ${path}.${name} of type ${type}`);
  return value as T;
};
const objectField = (from: Readonly<Record<string, unknown>>, name: string, path: string) => {
  const value = from[name];
  if (value === undefined || value === null) return undefined;
  if (!isJsonObject(value))
    throw unreadable(`json: cannot unmarshal ${goType(value)} into Go struct field ${path}.${name}`);
  return value;
};

const schemeName = 'k8s.io/apiserver/pkg/util/webhook/client.go:71';
const base64Text = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Throws a AnswerProblem. */
export function parseReview(text: string, version: ReviewVersion, uid: string, mutating: boolean): ReviewResponse {
  const review = parseAnswer(text);
  const kind = field<string>(review, 'kind', 'string', '', '');
  const apiVersion = field<string>(review, 'apiVersion', 'string', '', '');
  const hasHeader = kind !== '' || apiVersion !== '';
  const given = apiVersion.split('/').at(-1)!;
  if (hasHeader && (kind !== 'AdmissionReview' || ![`${group}/v1`, `${group}/v1beta1`].includes(apiVersion)))
    throw unreadable(
      `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} in scheme ${JSON.stringify(schemeName)}`,
    );
  if (hasHeader && given !== version)
    throw unreadable(`converting (${given}.AdmissionReview) to (${version}.AdmissionReview): unknown conversion`);
  const response = objectField(review, 'response', 'AdmissionReview');
  const path = 'AdmissionReview.response';
  const patch = response === undefined ? '' : field(response, 'patch', 'string', '', path);
  if (!base64Text.test(patch)) throw unreadable(`illegal base64 data at input byte ${base64ErrorAt(patch)}`);
  if (response === undefined) throw invalid('webhook response was absent');
  const patchType = response['patchType'] === null ? undefined : response['patchType'];
  if (version === 'v1') {
    const answered = field(response, 'uid', 'string', '', path);
    if (answered !== uid)
      throw invalid(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(answered)}`);
    if (!hasHeader) throw invalid(`expected webhook response of ${group}/v1, Kind=AdmissionReview, got /, Kind=`);
    checkPatchMembers(patch, patchType, mutating);
  }
  const annotations = objectField(response, 'auditAnnotations', path) ?? {};
  const warnings = response['warnings'] ?? [];
  return {
    allowed: field(response, 'allowed', 'boolean', false, path),
    result: resultOf(objectField(response, 'status', path)),
    patch,
    // Not looked at in v1beta1.
    patchType: version === 'v1' ? (typeof patchType === 'string' ? patchType : '') : 'JSONPatch',
    warnings: Array.isArray(warnings) ? warnings.filter((one): one is string => typeof one === 'string') : [],
    auditAnnotations: Object.fromEntries(
      Object.entries(annotations).filter((one): one is [string, string] => typeof one[1] === 'string'),
    ),
  };
}

function checkPatchMembers(patch: string, patchType: unknown, mutating: boolean): void {
  if (!mutating) {
    if (patch !== '') throw invalid('validating webhook may not return response.patch');
    if (patchType !== undefined) throw invalid('validating webhook may not return response.patchType');
    return;
  }
  if (patch !== '' && patchType === undefined)
    throw invalid('webhook returned response.patch but not response.patchType');
  if (patch === '' && patchType !== undefined)
    throw invalid('webhook returned response.patchType but not response.patch');
  if (patchType === '') throw invalid('webhook returned invalid response.patchType of ""');
}

const base64ErrorAt = (text: string): number => {
  const index = text.search(/[^A-Za-z0-9+/=]/);
  return index < 0 ? text.length - (text.length % 4) : index;
};

function resultOf(status: Readonly<Record<string, unknown>> | undefined): ReviewResult | undefined {
  if (status === undefined) return undefined;
  const path = 'AdmissionReview.response.status';
  return {
    code: field(status, 'code', 'number', 0, path),
    status: field(status, 'status', 'string', '', path),
    message: field(status, 'message', 'string', '', path),
    reason: field(status, 'reason', 'string', '', path),
    details: objectField(status, 'details', path),
    metadata: objectField(status, 'metadata', path) ?? {},
  };
}

// SubjectAccessReview and its local and own forms: what authorization would say. Rules of upstream's
// pkg/apis/authorization/validation and pkg/registry/authorization.
import { invalid, required, type FieldError } from '#api/field-error.ts';
import type {
  LocalSubjectAccessReview,
  ResourceAttributes,
  SelfSubjectAccessReview,
  SubjectAccessReview,
} from '#api/generated/types.ts';
import type { ApiResponse, Identity } from '#api/request.ts';
import { invalidError } from '#api/status.ts';
import type { AccessAttributes, AccessDecision } from '../context.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import { respondReview } from './respond-review.ts';
import { checkRequirements, fieldText, labelText, type AskedSelector } from './selector-attributes.ts';

type Review = SubjectAccessReview | SelfSubjectAccessReview | LocalSubjectAccessReview;
type Spec = Partial<SubjectAccessReview['spec']>;

const present = <T>(value: T | undefined | null): T | undefined => value ?? undefined;

export function respondAccessReview(request: ResourceRequest): Promise<ApiResponse> {
  const isSelf = request.row.resource === 'selfsubjectaccessreviews';
  const isLocal = request.row.resource === 'localsubjectaccessreviews';
  return respondReview<Review>(request, {
    check(review) {
      const errors = [
        ...specErrors(review.spec, isSelf),
        ...metadataErrors(review, isLocal),
        ...(isLocal ? localErrors(review as LocalSubjectAccessReview, request.namespace) : []),
      ];
      if (errors.length > 0) throw invalidError({ group: request.row.group, kind: '' }, '', errors);
    },
    async answer(review) {
      const { user } = request.context;
      const status = await statusOf(request, isSelf ? user : subjectOf(review.spec), review.spec);
      return { ...review, status };
    },
  });
}

function specErrors(spec: Spec, isSelf: boolean): FieldError[] {
  const errors: FieldError[] = [];
  const resource = present(spec.resourceAttributes);
  const other = present(spec.nonResourceAttributes);
  if (resource !== undefined && other !== undefined)
    errors.push(
      invalid(
        'spec.nonResourceAttributes',
        { Path: other.path ?? '', Verb: other.verb ?? '' },
        'cannot be specified in combination with resourceAttributes',
      ),
    );
  if (resource === undefined && other === undefined)
    errors.push(
      invalid(
        'spec.resourceAttributes',
        null,
        'exactly one of nonResourceAttributes or resourceAttributes must be specified',
      ),
    );
  if (!isSelf && (spec.user ?? '') === '' && (spec.groups ?? []).length === 0)
    errors.push(invalid('spec.user', '', 'at least one of user or group must be specified'));
  if (resource !== undefined)
    for (const name of ['fieldSelector', 'labelSelector'] as const)
      errors.push(...selectorErrors(resource[name], `spec.resourceAttributes.${name}`));
  return errors;
}

function selectorErrors(selector: AskedSelector | undefined | null, path: string): FieldError[] {
  if (selector === undefined || selector === null) return [];
  const raw = selector.rawSelector ?? '';
  const requirements = selector.requirements ?? [];
  return [
    ...(raw !== '' && requirements.length > 0
      ? [invalid(`${path}.rawSelector`, raw, 'may not specified at the same time as requirements')]
      : []),
    ...(raw === '' && requirements.length === 0
      ? [required(`${path}.requirements`, `when ${path} is specified, requirements or rawSelector is required`)]
      : []),
    ...checkRequirements(requirements, `${path}.requirements`),
  ];
}

function metadataErrors({ metadata }: Review, isLocal: boolean): FieldError[] {
  const left = Object.entries(metadata).filter(
    ([name, value]) =>
      value !== undefined && value !== null && name !== 'managedFields' && !(isLocal && name === 'namespace'),
  );
  if (left.length === 0) return [];
  return [invalid('metadata', metadata, isLocal ? 'must be empty except for namespace' : 'must be empty')];
}

function localErrors({ metadata, spec }: LocalSubjectAccessReview, namespace: string): FieldError[] {
  const own = metadata?.namespace ?? namespace;
  const resource = present(spec.resourceAttributes);
  const other = present(spec.nonResourceAttributes);
  return [
    ...(resource !== undefined && (resource.namespace ?? '') !== own
      ? [invalid('spec.resourceAttributes.namespace', resource.namespace ?? '', 'must match metadata.namespace')]
      : []),
    ...(other === undefined
      ? []
      : [
          invalid(
            'spec.nonResourceAttributes',
            { Path: other.path ?? '', Verb: other.verb ?? '' },
            'disallowed on this kind of request',
          ),
        ]),
  ];
}

const subjectOf = (spec: Spec): Identity => ({
  name: spec.user ?? '',
  groups: spec.groups ?? [],
  ...(spec.uid === undefined ? {} : { uid: spec.uid }),
  ...(spec.extra === undefined ? {} : { extra: spec.extra }),
});

async function statusOf({ context }: ResourceRequest, user: Identity, spec: Spec): Promise<object> {
  const resource = present(spec.resourceAttributes);
  const fields = fieldText(resource?.fieldSelector);
  const labels = labelText(resource?.labelSelector);
  const attributes: AccessAttributes =
    resource === undefined
      ? { ...nothing, user, verb: spec.nonResourceAttributes?.verb ?? '', path: spec.nonResourceAttributes?.path ?? '' }
      : { ...ofResource(user, resource), fieldSelector: fields.text, labelSelector: labels.text };
  const decision: AccessDecision = await context.server.authorizer.authorize(attributes);
  const errors = [
    decision.error,
    fields.problem && `spec.resourceAttributes.fieldSelector ${fields.problem}`,
    labels.problem && `spec.resourceAttributes.labelSelector ${labels.problem}`,
  ].filter((one) => one !== undefined);
  return {
    allowed: decision.decision === 'allow',
    ...(decision.decision === 'deny' ? { denied: true } : {}),
    ...(decision.reason === '' ? {} : { reason: decision.reason }),
    ...(errors.length === 0 ? {} : { evaluationError: errors.join('; ') }),
  };
}

const nothing = {
  isResource: false,
  group: '',
  version: '',
  resource: '',
  subresource: '',
  namespace: '',
  name: '',
  path: '',
};

const ofResource = (user: Identity, resource: ResourceAttributes): AccessAttributes => ({
  user,
  isResource: true,
  verb: resource.verb ?? '',
  group: resource.group ?? '',
  version: (resource.version ?? '') === '' ? '*' : resource.version!,
  resource: resource.resource ?? '',
  subresource: resource.subresource ?? '',
  namespace: resource.namespace ?? '',
  name: resource.name ?? '',
  path: '',
});

// Kinds that are answered and never stored: access reviews, token review, who am I, Binding by collection.
import { decodeObject } from '#api/schema/decode.ts';
import { invalid, required } from '#api/field-error.ts';
import type { FieldError } from '#api/field-error.ts';
import type {
  ResourceAttributes,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  TokenReview,
} from '#api/generated/types.ts';
import type { ApiResponse, Identity } from '#api/request.ts';
import { badRequestError, invalidError, methodNotSupportedError } from '#api/status.ts';
import type { AccessAttributes, RequestContext } from '../context.ts';
import { readBody } from '../content/read-body.ts';
import { writeOptions } from '../content/request-options.ts';
import { negotiateOutput, plainEndpoint } from '../content/negotiate.ts';
import { respondWith } from '../content/present.ts';
import { groupKind, groupResource } from '../registry/resource-request.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import { bindPod } from '../subresources/binding.ts';

type AccessSpec = Pick<SubjectAccessReview['spec'], 'resourceAttributes' | 'nonResourceAttributes'>;

function checkSpec(spec: AccessSpec, errors: FieldError[]): void {
  const has = (value: object | undefined): boolean => value !== undefined && value !== null;
  if (has(spec.resourceAttributes) && has(spec.nonResourceAttributes))
    errors.push(
      invalid(
        'spec.nonResourceAttributes',
        spec.nonResourceAttributes,
        'cannot be specified in combination with resourceAttributes',
      ),
    );
  if (!has(spec.resourceAttributes) && !has(spec.nonResourceAttributes))
    errors.push(
      invalid(
        'spec.resourceAttributes',
        spec.nonResourceAttributes ?? null,
        'exactly one of nonResourceAttributes or resourceAttributes must be specified',
      ),
    );
}

function attributesFor(user: Identity, spec: AccessSpec): AccessAttributes {
  const resource: ResourceAttributes = spec.resourceAttributes ?? {};
  return {
    user,
    isResource: spec.resourceAttributes !== undefined,
    verb: spec.resourceAttributes?.verb ?? spec.nonResourceAttributes?.verb ?? '',
    group: resource.group ?? '',
    version: resource.version ?? '',
    resource: resource.resource ?? '',
    subresource: resource.subresource ?? '',
    namespace: resource.namespace ?? '',
    name: resource.name ?? '',
    path: spec.nonResourceAttributes?.path ?? '',
    fieldSelector: resource.fieldSelector?.rawSelector,
  };
}

async function accessStatus(context: RequestContext, user: Identity, spec: AccessSpec): Promise<object> {
  const { decision, reason, error } = await context.server.authorizer.authorize(attributesFor(user, spec));
  return {
    allowed: decision === 'allow',
    ...(decision === 'deny' ? { denied: true } : {}),
    ...(reason === '' ? {} : { reason }),
    ...(error === undefined ? {} : { evaluationError: error }),
  };
}

const subjectOf = (spec: SubjectAccessReview['spec']): Identity => ({
  name: spec.user ?? '',
  groups: spec.groups ?? [],
  ...(spec.uid === undefined ? {} : { uid: spec.uid }),
  ...(spec.extra === undefined ? {} : { extra: spec.extra }),
});

async function subjectReview(request: ResourceRequest, review: SubjectAccessReview): Promise<object> {
  const errors: FieldError[] = [];
  checkSpec(review.spec, errors);
  if ((review.spec.user ?? '') === '' && (review.spec.groups ?? []).length === 0)
    errors.push(invalid('spec.user', review.spec.user ?? '', 'at least one of user or group must be specified'));
  if (errors.length > 0) throw invalidError(groupKind(request.row), '', errors);
  if (request.row.resource === 'localsubjectaccessreviews') {
    const { namespace } = request;
    if (review.spec.resourceAttributes === undefined)
      throw invalidError(groupKind(request.row), '', [
        invalid('spec.resourceAttributes', null, 'must be specified for a local review'),
      ]);
    if ((review.spec.resourceAttributes.namespace ?? '') !== namespace)
      throw badRequestError(`spec.resourceAttributes.namespace must match namespace: ${namespace}`);
  }
  return { ...review, status: await accessStatus(request.context, subjectOf(review.spec), review.spec) };
}

async function selfReview(request: ResourceRequest, review: SelfSubjectAccessReview): Promise<object> {
  const errors: FieldError[] = [];
  checkSpec(review.spec, errors);
  if (errors.length > 0) throw invalidError(groupKind(request.row), '', errors);
  return { ...review, status: await accessStatus(request.context, request.context.user, review.spec) };
}

function rulesReview(request: ResourceRequest, review: SelfSubjectRulesReview): object {
  const namespace = review.spec.namespace ?? '';
  if (namespace === '') throw badRequestError('no namespace on request');
  const { rules, errors } = request.context.server.rules.rulesFor(request.context.user, namespace);
  const masters = request.context.user.groups.includes('system:masters');
  const list = (values: readonly string[]) => (values.length === 0 ? undefined : values);
  const resourceRules = rules.flatMap((rule) =>
    rule.resources.length === 0
      ? []
      : [
          {
            verbs: rule.verbs,
            apiGroups: list(rule.apiGroups),
            resources: rule.resources,
            resourceNames: list(rule.resourceNames),
          },
        ],
  );
  const nonResourceRules = rules.flatMap((rule) =>
    rule.nonResourceURLs.length === 0 ? [] : [{ verbs: rule.verbs, nonResourceURLs: rule.nonResourceURLs }],
  );
  const everything = { verbs: ['*'], apiGroups: ['*'], resources: ['*'] };
  return {
    ...review,
    status: {
      resourceRules: masters ? [everything, ...resourceRules] : resourceRules,
      nonResourceRules: masters ? [{ verbs: ['*'], nonResourceURLs: ['*'] }, ...nonResourceRules] : nonResourceRules,
      incomplete: errors.length > 0,
      ...(errors.length === 0 ? {} : { evaluationError: errors.join(', ') }),
    },
  };
}

async function tokenReview(request: ResourceRequest, review: TokenReview): Promise<object> {
  const token = review.spec.token ?? '';
  if (token === '')
    throw invalidError(groupKind(request.row), '', [
      required('spec.token', 'token is required for TokenReview in authentication'),
    ]);
  const { server } = request.context;
  const own = server.options.serviceAccountTokens.audiences;
  const asked = review.spec.audiences ?? [];
  const result = await server.tokens.authenticate(token, asked.length === 0 ? own : asked);
  return {
    ...review,
    status:
      result === undefined
        ? { user: {}, error: 'the token is not valid for any of the audiences' }
        : {
            authenticated: true,
            user: {
              username: result.user.name,
              ...(result.user.uid === undefined ? {} : { uid: result.user.uid }),
              groups: [...result.user.groups, 'system:authenticated'],
              ...(result.user.extra === undefined ? {} : { extra: result.user.extra }),
            },
            audiences: result.audiences,
          },
  };
}

function whoAmI(request: ResourceRequest, review: object): object {
  const { user } = request.context;
  return {
    ...review,
    status: {
      userInfo: {
        username: user.name,
        ...(user.uid === undefined ? {} : { uid: user.uid }),
        groups: user.groups,
        ...(user.extra === undefined ? {} : { extra: user.extra }),
      },
    },
  };
}

/** POST to a kind that is never stored. */
export async function respondReview(request: ResourceRequest): Promise<ApiResponse> {
  const { row, context } = request;
  if (context.info.verb === 'list' && row.resource === 'componentstatuses') return componentStatuses(request);
  if (row.group === 'metrics.k8s.io') return (await import('../resource-usage/respond.ts')).respondUsage(request);
  if (row.resource === 'users') return (await import('./current-user.ts')).respondCurrentUser(request);
  if (row.resource === 'projectrequests')
    return (await import('../projects/request.ts')).respondProjectRequest(request);
  if (context.info.verb !== 'create') throw methodNotSupportedError(groupResource(row), context.info.verb);
  if (row.resource === 'bindings') return bindPod(request);
  const form = negotiateOutput(context.request, plainEndpoint);
  const options = writeOptions(context.request, 'CreateOptions');
  const body = await readBody(context.request, options.fieldValidation !== 'Ignore');
  const { object, warnings } = decodeObject(row, body?.value, {
    fieldValidation: options.fieldValidation,
    duplicates: body?.duplicates,
  });
  if (options.fieldValidation === 'Warn') context.warnings.push(...warnings);
  const answer = await answerOf(request, object);
  return respondWith(context, row, answer as typeof object, form, 201);
}

async function answerOf(request: ResourceRequest, object: object): Promise<object> {
  switch (request.row.resource) {
    case 'subjectaccessreviews':
    case 'localsubjectaccessreviews':
      return subjectReview(request, object as SubjectAccessReview);
    case 'selfsubjectaccessreviews':
      return selfReview(request, object as SelfSubjectAccessReview);
    case 'selfsubjectrulesreviews':
      return rulesReview(request, object as SelfSubjectRulesReview);
    case 'tokenreviews':
      return tokenReview(request, object as TokenReview);
    case 'selfsubjectreviews':
      return whoAmI(request, object);
    default:
      throw methodNotSupportedError(groupResource(request.row), 'create');
  }
}

/** Deprecated upstream: what they measured does not exist here as parts; the store's health is what there is to say. */
function componentStatuses(request: ResourceRequest): Promise<ApiResponse> {
  const { context, row } = request;
  const item = {
    metadata: { name: 'etcd-0' },
    conditions: [{ type: 'Healthy', status: 'True', message: 'ok' }],
  };
  const list = { kind: 'ComponentStatusList', apiVersion: 'v1', metadata: {}, items: [item] };
  context.warnings.push('v1 ComponentStatus is deprecated in v1.19+');
  return respondWith(context, row, list as never, {
    ...negotiateOutput(context.request, plainEndpoint),
    transform: 'none',
  });
}

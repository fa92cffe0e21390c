// SelfSubjectRulesReview: everything that the caller may do in a namespace, as far as roles say it.
import type { SelfSubjectRulesReview } from '#api/generated/types.ts';
import type { ApiResponse } from '#api/request.ts';
import { badRequestError } from '#api/status.ts';
import { nodeOf } from '../authorization/node.ts';
import type { AccessRule } from '../context.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import { respondReview } from './respond-review.ts';

const list = (values: readonly string[]) => (values.length === 0 ? undefined : values);

export const respondRulesReview = (request: ResourceRequest): Promise<ApiResponse> =>
  respondReview<SelfSubjectRulesReview>(request, {
    check({ spec }) {
      if ((spec.namespace ?? '') === '') throw badRequestError('no namespace on request');
    },
    answer: ({ spec }) => ({
      kind: request.row.kind,
      apiVersion: `${request.row.group}/${request.row.version}`,
      metadata: {},
      spec: {},
      status: statusOf(request, spec.namespace!),
    }),
  });

function statusOf({ context }: ResourceRequest, namespace: string): object {
  const { user, server } = context;
  const { rules, errors: unresolved } = server.rules.rulesFor(user, namespace);
  // Not every authorizer can list what it would allow.
  const errors = [
    ...(nodeOf(user) === undefined ? [] : ['node authorizer does not support user rule resolution']),
    ...unresolved,
    ...(server.rules.incomplete === true ? ['webhook authorizer does not support user rule resolution'] : []),
  ];
  const isMaster = user.groups.includes('system:masters');
  const everything: AccessRule = {
    verbs: ['*'],
    apiGroups: ['*'],
    resources: ['*'],
    resourceNames: [],
    nonResourceURLs: [],
  };
  const all = isMaster ? [everything, ...rules] : rules;
  return {
    resourceRules: all
      .filter((rule) => rule.resources.length > 0)
      .map(({ verbs, apiGroups, resources, resourceNames }) => ({
        verbs,
        apiGroups: list(apiGroups),
        resources,
        resourceNames: list(resourceNames),
      })),
    nonResourceRules: [
      ...(isMaster ? [{ verbs: ['*'], nonResourceURLs: ['*'] }] : []),
      ...rules
        .filter((rule) => rule.nonResourceURLs.length > 0)
        .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
    ],
    incomplete: errors.length > 0,
    ...(errors.length === 0 ? {} : { evaluationError: errors.length === 1 ? errors[0] : `[${errors.join(', ')}]` }),
  };
}

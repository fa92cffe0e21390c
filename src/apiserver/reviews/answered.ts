// THE table of kinds that are answered and never stored. What a review needs is loaded when the first one comes.
import type { ApiResponse } from '#api/request.ts';
import { ApiError } from '#api/status.ts';
import type { KindRow } from '#api/kind.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';

type Answer = (request: ResourceRequest) => Promise<ApiResponse>;

const accessReview: Answer = async (request) => (await import('./access-review.ts')).respondAccessReview(request);
const usage: Answer = async (request) => (await import('../resource-usage/respond.ts')).respondUsage(request);

/** By group and resource; what follows only takes POST. */
const answered: Readonly<Record<string, Answer>> = {
  'metrics.k8s.io/nodes': usage,
  'metrics.k8s.io/pods': usage,
  '/componentstatuses': async (request) => (await import('./component-status.ts')).respondComponentStatus(request),
  'user.openshift.io/users': async (request) => (await import('./current-user.ts')).respondCurrentUser(request),
  'project.openshift.io/projectrequests': async (request) =>
    (await import('../projects/request.ts')).respondProjectRequest(request),
};
const posted: Readonly<Record<string, Answer>> = {
  '/bindings': async (request) => (await import('../subresources/binding.ts')).bindPod(request),
  'authorization.k8s.io/subjectaccessreviews': accessReview,
  'authorization.k8s.io/localsubjectaccessreviews': accessReview,
  'authorization.k8s.io/selfsubjectaccessreviews': accessReview,
  'authorization.k8s.io/selfsubjectrulesreviews': async (request) =>
    (await import('./rules-review.ts')).respondRulesReview(request),
  'authentication.k8s.io/tokenreviews': async (request) =>
    (await import('./token-review.ts')).respondTokenReview(request),
  'authentication.k8s.io/selfsubjectreviews': async (request) => (await import('./who-am-i.ts')).respondWhoAmI(request),
};

export const isAnswered = (row: KindRow): boolean => row.storage === undefined;

/** Throws an ApiError (404, 405) for what is no question. */
export function respondAnswered(request: ResourceRequest): Promise<ApiResponse> {
  const { row, context } = request;
  const { verb } = context.info;
  const key = `${row.group}/${row.resource}`;
  const answer = answered[key] ?? (verb === 'create' && request.name === '' ? posted[key] : undefined);
  if (answer !== undefined) return answer(request);
  // There is nothing behind the collection, and the collection takes POST alone.
  if (request.name !== '') throw new ApiError(404, 'NotFound', 'the server could not find the requested resource', {});
  throw new ApiError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
}

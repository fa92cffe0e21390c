// TokenReview: whom a token stands for.
import type { TokenReview } from '#api/generated/types.ts';
import type { ApiResponse } from '#api/request.ts';
import { badRequestError } from '#api/status.ts';
import { noteToken } from '../authentication/note-token.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import { respondReview } from './respond-review.ts';
import { userInfo } from './who-am-i.ts';

const allAuthenticated = 'system:authenticated';

export const respondTokenReview = (request: ResourceRequest): Promise<ApiResponse> =>
  respondReview<TokenReview>(request, {
    check({ spec }) {
      if ((spec.token ?? '') === '') throw badRequestError('token is required for TokenReview in authentication');
    },
    answer: async (review) => ({ ...review, status: await statusOf(request, review.spec) }),
  });

async function statusOf({ context }: ResourceRequest, spec: TokenReview['spec']): Promise<object> {
  const { server } = context;
  const asked = spec.audiences ?? [];
  const audiences = asked.length === 0 ? server.options.serviceAccountTokens.audiences : asked;
  const result = await server.tokens.authenticate(spec.token!, audiences);
  if (result.notes !== undefined) noteToken(context, result.notes);
  if (!('user' in result)) return { user: {}, error: result.error };
  const { user } = result;
  const groups = user.groups.includes(allAuthenticated) ? user.groups : [...user.groups, allAuthenticated];
  return {
    authenticated: true,
    user: userInfo({ ...user, groups }),
    ...(result.audiences.length === 0 ? {} : { audiences: result.audiences }),
  };
}

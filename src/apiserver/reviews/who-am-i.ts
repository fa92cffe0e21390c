// SelfSubjectReview: who the server takes the caller for.
import { formatTime } from '#api/meta/time.ts';
import type { ApiResponse, Identity } from '#api/request.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import { respondReview } from './respond-review.ts';

export const userInfo = (user: Identity): object => ({
  username: user.name,
  ...(user.uid === undefined || user.uid === '' ? {} : { uid: user.uid }),
  ...(user.groups.length === 0 ? {} : { groups: user.groups }),
  ...(user.extra === undefined || Object.keys(user.extra).length === 0 ? {} : { extra: user.extra }),
});

export const respondWhoAmI = (request: ResourceRequest): Promise<ApiResponse> =>
  respondReview<object>(request, {
    answer: () => ({
      kind: request.row.kind,
      apiVersion: `${request.row.group}/${request.row.version}`,
      metadata: { creationTimestamp: formatTime(request.context.server.options.clock.now()) },
      status: { userInfo: userInfo(request.context.user) },
    }),
  });

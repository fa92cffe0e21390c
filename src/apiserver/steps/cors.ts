// Cross-origin requests of browsers, from the origins that the operator allows. In the chain only if there are any. What a browser
// asks before such a request is answered here: it carries no credentials.
import type { ApiResponse } from '#api/request.ts';
import type { Step } from '../context.ts';
import { respond } from '../responses.ts';

const fixed = {
  'access-control-allow-methods': 'POST, GET, OPTIONS, PUT, DELETE, PATCH',
  'access-control-allow-headers':
    'Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token, Authorization, X-Requested-With, If-Modified-Since',
  'access-control-expose-headers': 'Date',
  'access-control-allow-credentials': 'true',
};

export function cors(isAllowed: (origin: string) => boolean): Step {
  return async (context, next): Promise<ApiResponse> => {
    const { origin } = context.request.headers;
    if (origin === undefined || origin === '' || !isAllowed(origin)) return next(context);
    const headers = { 'access-control-allow-origin': origin, ...fixed };
    if (context.request.method === 'OPTIONS') return respond(204, { type: 'none' }, headers);
    const response = await next(context);
    return { ...response, headers: { ...response.headers, ...headers } };
  };
}

// /openapi/v3 and /openapi/v2.
import type { ApiResponse } from '#api/request.ts';
import { ApiError } from '#api/status.ts';
import type { RequestContext } from '../context.ts';

export async function respondOpenApi(_context: RequestContext, _path: string): Promise<ApiResponse> {
  throw new ApiError(404, 'NotFound', 'the server could not find the requested resource', {});
}

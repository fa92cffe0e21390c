// Server-side apply.
import { ApiError } from '#api/status.ts';
import type { ApiResponse } from '#api/request.ts';
import type { OutputForm } from '../content/negotiate.ts';
import type { ParsedBody } from '../content/read-body.ts';
import type { WriteOptions } from '../content/request-options.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';

export async function apply(
  _request: ResourceRequest,
  _body: ParsedBody,
  _options: WriteOptions,
  _form: OutputForm,
): Promise<ApiResponse> {
  throw new ApiError(501, 'NotImplemented', 'server-side apply is not there yet');
}

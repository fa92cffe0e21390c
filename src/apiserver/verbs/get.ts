// GET of one object, as bytes where nobody asked for another form.
import type { ApiResponse } from '#api/request.ts';
import { endpointOf, negotiateOutput } from '../content/negotiate.ts';
import { parseResourceVersion } from '../content/request-options.ts';
import { respondStored } from '../content/present.ts';
import { storedOf } from '../registry/resource-request.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import { convertAhead } from '../custom-resources/conversion.ts';
import { waitForRevision } from './wait-for-revision.ts';

/** GET of one object: the newest state, at least as new as `resourceVersion`. */
export async function get(request: ResourceRequest): Promise<ApiResponse> {
  const { context } = request;
  const form = negotiateOutput(context.request, endpointOf(request.row));
  await waitForRevision(context, parseResourceVersion(context.request.query.get('resourceVersion') ?? ''));
  const stored = storedOf(request);
  const conversion = convertAhead(context.server, request.row, [stored]);
  if (conversion !== undefined) await conversion;
  return respondStored(context, request.row, stored, form);
}

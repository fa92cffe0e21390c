// GET of one object, as bytes where nobody asked for another form.
import type { KindRow } from '#api/kind.ts';
import type { Answered } from '../context.ts';
import { endpointOf, negotiateOutput, type OutputForm } from '../content/negotiate.ts';
import { parseListVersion, parseResourceVersion } from '../content/request-options.ts';
import { respondStored } from '../content/present.ts';
import { storedOf } from '../registry/resource-request.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import { convertAhead } from '../custom-resources/conversion.ts';
import { isCached } from './list.ts';
import { waitForRevision } from './wait-for-revision.ts';

/** What is not cached is refused by the database, in its words. */
const versionIn = (text: string, row: KindRow): number =>
  isCached(row) ? parseResourceVersion(text) : parseListVersion(text);

/** GET of one object: the newest state, at least as new as `resourceVersion`. */
export function get(request: ResourceRequest): Answered {
  const { context } = request;
  const form = negotiateOutput(context.request, endpointOf(request.row));
  const { query } = context.request;
  const revision = query.size === 0 ? 0 : versionIn(query.get('resourceVersion') ?? '', request.row);
  const pending = waitForRevision(context, revision);
  return pending === undefined ? read(request, form) : pending.then(() => read(request, form));
}

function read(request: ResourceRequest, form: OutputForm): Answered {
  const { context, row } = request;
  const stored = storedOf(request);
  const conversion = row.custom === undefined ? undefined : convertAhead(context.server, row, [stored]);
  return conversion === undefined
    ? respondStored(context, row, stored, form)
    : conversion.then(() => respondStored(context, row, stored, form));
}

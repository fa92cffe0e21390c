// PUT: one object replaced, or made where the kind allows it.
import type { KubernetesObject, Mutable } from '#api/kind.ts';
import type { ApiResponse } from '#api/request.ts';
import { checkServed, storageRow } from '../content/conversion.ts';
import { endpointOf, negotiateOutput } from '../content/negotiate.ts';
import { managerOf, writeOptions } from '../content/request-options.ts';
import { foldOwners } from '../registry/fold-owners.ts';
import { updateObject } from '../registry/update-object.ts';
import { track } from '../registry/track.ts';
import { checkName, type ResourceRequest } from '../registry/resource-request.ts';
import { decodeValue, readBody, respondWritten } from './create.ts';

/** PUT of an object or of a subresource that has the object's own shape. */
export async function update(request: ResourceRequest): Promise<ApiResponse> {
  const { context, subresource } = request;
  const form = negotiateOutput(context.request, endpointOf(request.row));
  const options = writeOptions(context.request, 'UpdateOptions');
  const body = await readBody(request, options);
  /** Of the body; each attempt changes its own. */
  const decoded = (): Mutable<KubernetesObject> => {
    const object = decodeValue(request, body, options);
    checkName(request, object);
    foldOwners(object, context.warnings);
    return object;
  };
  let first: Mutable<KubernetesObject> | undefined = decoded();
  const manager = managerOf(options, context.request);
  const { clock } = context.server.options;
  const row = storageRow(request.row);
  const written = await updateObject(
    { ...request, row, served: request.row },
    (current) => {
      const sent = first ?? decoded();
      first = undefined;
      if (current !== undefined) checkServed(request.row, request.namespace, sent, current);
      if (current !== undefined) track(request.row, current, sent, { manager, subresource, now: clock.now() });
      return sent;
    },
    {
      dryRun: options.dryRun,
      createWhenAbsent: subresource === '' && storageRow(request.row).strategy.allowCreateOnUpdate,
      retriesConflicts: true,
      fieldManager: manager,
    },
  );
  return respondWritten(context, request, written, form);
}

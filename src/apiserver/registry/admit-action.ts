// Admission of what is asked of an object without being its new state: a Binding, an Eviction, a token, a review, a
// connection. Webhooks and policies see it in its own type; of the others only those that are about the place of it.
import type { KubernetesObject, Mutable } from '#api/kind.ts';
import type { AdmissionOperation, AdmissionPlugin, GroupVersionKind, Server } from '../context.ts';
import { admissionAttributes } from './admission-attributes.ts';
import { admitMutating, admitValidating, finish } from './admit.ts';
import type { ResourceRequest } from './resource-request.ts';

export interface AdmittedAction {
  readonly operation: AdmissionOperation;
  /** This request's own copy, with kind and apiVersion; plugins may change it. */
  readonly object: object;
  readonly kind: GroupVersionKind;
  readonly dryRun: boolean;
}

const forActions = new WeakMap<readonly AdmissionPlugin[], readonly AdmissionPlugin[]>();
function pluginsFor({ admission }: Server): readonly AdmissionPlugin[] {
  let found = forActions.get(admission);
  if (found === undefined)
    forActions.set(admission, (found = admission.filter((one) => one.isDynamic === true || one.seesActions === true)));
  return found;
}

/** Throws an ApiError. */
export async function admitAction(request: ResourceRequest, action: AdmittedAction): Promise<void> {
  const { context, row, subresource, namespace, name } = request;
  const { server } = context;
  const plugins = pluginsFor(server);
  const attributes = admissionAttributes(context, {
    operation: action.operation,
    row,
    subresource,
    subresourceKind: action.kind,
    namespace,
    name,
    object: action.object as Mutable<KubernetesObject>,
    old: undefined,
    dryRun: action.dryRun,
  });
  try {
    await admitMutating(server, attributes, plugins);
    await admitValidating(server, attributes, plugins);
  } finally {
    finish(attributes);
  }
}

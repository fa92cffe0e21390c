// Runs the admission plugins in their order (admission/order.ts): first all that change, later all that only judge. When a
// webhook or a policy has changed the object, those that change run once more, as upstream's reinvocation.
import type { KubernetesObject } from '#api/kind.ts';
import { restoreManagedFields } from '../admission/dynamic/managed-fields.ts';
import type { AdmissionAttributes, Server } from '../context.ts';

export async function admitMutating(server: Server, attributes: AdmissionAttributes): Promise<void> {
  const before: KubernetesObject['metadata']['managedFields'] = attributes.object?.metadata?.managedFields;
  await mutateAll(server, attributes);
  const { reinvocation } = attributes;
  if (reinvocation.isWanted) {
    reinvocation.isReinvoked = true;
    await mutateAll(server, attributes);
  }
  if (attributes.object?.metadata?.managedFields !== before) restoreManagedFields(attributes, before);
}

async function mutateAll(server: Server, attributes: AdmissionAttributes): Promise<void> {
  for (const plugin of server.admission) {
    const pending = plugin.mutate?.(attributes, server);
    if (pending !== undefined) await pending;
  }
}

export async function admitValidating(server: Server, attributes: AdmissionAttributes): Promise<void> {
  for (const plugin of server.admission) {
    const pending = plugin.validate?.(attributes, server);
    if (pending !== undefined) await pending;
  }
}

export function finish(attributes: AdmissionAttributes): void {
  for (const end of attributes.onFinished.splice(0)) end();
}

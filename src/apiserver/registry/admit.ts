// Runs the admission plugins in their order (admission/order.ts): first all that change, later all that only judge. When a
// webhook or a policy has changed the object, those that change run once more, as upstream's reinvocation.
import type { KubernetesObject } from '#api/kind.ts';
import { restoreManagedFields } from '../admission/dynamic/managed-fields.ts';
import type { AdmissionAttributes, AdmissionPlugin, Server } from '../context.ts';

export async function admitMutating(
  server: Server,
  attributes: AdmissionAttributes,
  plugins: readonly AdmissionPlugin[] = server.admission,
): Promise<void> {
  const before: KubernetesObject['metadata']['managedFields'] = attributes.object?.metadata?.managedFields;
  await mutateAll(server, attributes, plugins);
  const { reinvocation } = attributes;
  if (reinvocation.isWanted) {
    reinvocation.isReinvoked = true;
    await mutateAll(server, attributes, plugins);
  }
  if (attributes.object?.metadata?.managedFields !== before) restoreManagedFields(attributes, before);
}

const mutateAll = (
  server: Server,
  attributes: AdmissionAttributes,
  plugins: readonly AdmissionPlugin[],
): Promise<void> => askAll('mutate', server, attributes, plugins);

export const admitValidating = (
  server: Server,
  attributes: AdmissionAttributes,
  plugins: readonly AdmissionPlugin[] = server.admission,
): Promise<void> => askAll('validate', server, attributes, plugins);

async function askAll(
  phase: 'mutate' | 'validate',
  server: Server,
  attributes: AdmissionAttributes,
  plugins: readonly AdmissionPlugin[],
): Promise<void> {
  const times = server.metrics.admission.begin(phase === 'mutate' ? 'admit' : 'validate', attributes.operation);
  for (const plugin of plugins) {
    if (plugin[phase] === undefined) continue;
    try {
      const pending = plugin[phase](attributes, server);
      if (pending !== undefined) await pending;
    } catch (error) {
      times.refused(plugin.name);
      throw error;
    }
    times.passed(plugin.name);
  }
  times.done();
}

export function finish(attributes: AdmissionAttributes): void {
  for (const end of attributes.onFinished.splice(0)) end();
}

// Objects that every cluster has besides its policy: namespaces, priority classes, where the authorities are published.
import { ConfigMaps, Namespaces, PriorityClasses } from '#api/generated/kind-references.ts';
import type { ConfigMap, PriorityClass } from '#api/generated/types.ts';
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import { isAlreadyExists } from '#api/status.ts';
import type { Client } from '#client/client.ts';
import { sameValue } from '../registry/same-object.ts';

export const systemNamespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'] as const;

async function createMissing<T extends KubernetesObject>(
  client: Client,
  kind: KindReference<T>,
  object: T,
): Promise<void> {
  const { name = '', namespace } = object.metadata;
  const resource = client.resource(kind);
  if ((await resource.find({ name, namespace })) !== undefined) return;
  await resource.create(object).catch((error: unknown) => {
    if (!isAlreadyExists(error)) throw error;
  });
}

const priorityClass = (name: string, value: number, description: string): PriorityClass => ({
  kind: 'PriorityClass',
  apiVersion: 'scheduling.k8s.io/v1',
  metadata: { name },
  value,
  description,
  preemptionPolicy: 'PreemptLowerPriority',
});

/** Before bootstrapPolicy. */
export async function bootstrapNamespaces(client: Client): Promise<void> {
  await Promise.all(
    systemNamespaces.map((name) =>
      createMissing(client, Namespaces, { kind: 'Namespace', apiVersion: 'v1', metadata: { name }, spec: {} }),
    ),
  );
}

export async function bootstrapObjects(client: Client, options: { readonly clientAuthorities: string }): Promise<void> {
  await Promise.all([
    createMissing(
      client,
      PriorityClasses,
      priorityClass(
        'system-cluster-critical',
        2_000_000_000,
        'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
      ),
    ),
    createMissing(
      client,
      PriorityClasses,
      priorityClass(
        'system-node-critical',
        2_000_001_000,
        'Used for system critical pods that must not be moved from their current node.',
      ),
    ),
    publishAuthorities(client, options.clientAuthorities),
  ]);
}

/** For aggregated API servers: how they verify clients that come through this one. */
async function publishAuthorities(client: Client, clientAuthorities: string): Promise<void> {
  const key = { namespace: 'kube-system', name: 'extension-apiserver-authentication' };
  const data = { 'client-ca-file': clientAuthorities };
  const resource = client.resource(ConfigMaps);
  const there = await resource.find(key);
  const object: ConfigMap = { kind: 'ConfigMap', apiVersion: 'v1', metadata: key, data };
  if (there === undefined) await createMissing(client, ConfigMaps, object);
  else if (!sameValue(there.data?.['client-ca-file'], clientAuthorities))
    await resource.update({ ...there, data: { ...there.data, ...data } });
}

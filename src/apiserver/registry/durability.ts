// Which writes may be acknowledged before they are on disk (DESIGN decision 7): Events, a node Lease's renewal, and the
// heartbeat times in a node's status.
import { eventTtlSeconds } from '#base/limits.ts';
import type { KindRow, KubernetesObject } from '#api/kind.ts';
import type { Lease, Node, NodeCondition } from '#api/generated/types.ts';
import type { Durability } from '#storage/store.ts';
import { sameValue } from './same-object.ts';

export const isEvent = (row: KindRow): boolean =>
  row.resource === 'events' && (row.group === '' || row.group === 'events.k8s.io');

const withoutRenewal = (lease: Lease): unknown => ({ ...lease.spec, renewTime: undefined });
const withoutHeartbeat = (node: Node): unknown => ({
  ...node.status,
  conditions: node.status?.conditions?.map((one: NodeCondition) => ({ ...one, lastHeartbeatTime: undefined })),
});
/** managedFields change with every write. */
const withoutManagers = (object: KubernetesObject): unknown => ({
  ...object.metadata,
  resourceVersion: undefined,
  managedFields: undefined,
});

export function durabilityOf(
  row: KindRow,
  object: KubernetesObject,
  previous: KubernetesObject | undefined,
): { readonly durability: Durability; readonly timeToLiveSeconds?: number } {
  if (isEvent(row)) return { durability: 'lazy', timeToLiveSeconds: eventTtlSeconds };
  if (previous === undefined) return { durability: 'durable' };
  const metadataSame = () => sameValue(withoutManagers(object), withoutManagers(previous));
  if (row.resource === 'leases' && object.metadata.namespace === 'kube-node-lease')
    return sameValue(withoutRenewal(object as Lease), withoutRenewal(previous as Lease)) && metadataSame()
      ? { durability: 'lazy' }
      : { durability: 'durable' };
  if (row.resource === 'nodes' && row.group === '')
    return sameValue(withoutHeartbeat(object as Node), withoutHeartbeat(previous as Node)) &&
      sameValue((object as Node).spec, (previous as Node).spec) &&
      metadataSame()
      ? { durability: 'lazy' }
      : { durability: 'durable' };
  return { durability: 'durable' };
}

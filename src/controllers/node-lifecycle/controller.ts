// Node life cycle: notices nodes that went silent.
import { Leases, Nodes, Pods } from '#api/generated/kind-references.ts';
import type { Lease, Node } from '#api/generated/types.ts';
import { nodeIndex } from '../pod-gc/controller.ts';
import {
  keyedController,
  partChanges,
  read,
  self,
  write,
  writeSubresource,
  type Controller,
  type Lookup,
} from '../runtime/declaration.ts';
import { allAreDown, decide, isOfOtherMode } from './decide.ts';
import { nodeMeasures } from './metrics.ts';

const leaseNamespace = 'kube-node-lease';

interface Heard {
  readonly lease: string | undefined;
  readonly heartbeat: string | undefined;
  readonly atMs: number;
}

const heartbeatOf = (node: Node): string | undefined =>
  node.status?.conditions?.find((one) => one.type === 'Ready')?.lastHeartbeatTime;

/** The first node that is ready, and the last that is not any more, change what the others' taints should be. */
function concerned(node: Node, lookup: Lookup): readonly string[] {
  const nodes = lookup.list(Nodes);
  const areAllDown = allAreDown(nodes);
  const others = nodes.filter((one) => isOfOtherMode(one, areAllDown)).map((one) => one.metadata.name!);
  return [...self(node), ...others];
}

export function nodeLifecycle(): Controller {
  /** When each node was last heard of, on the clock that never jumps. */
  const heard = new Map<string, Heard>();
  return keyedController({
    name: 'node-lifecycle',
    account: 'node-controller',
    measures: nodeMeasures,
    reads: [
      read(Nodes, concerned),
      read(Leases, ({ metadata }: Lease) => (metadata.namespace === leaseNamespace ? [metadata.name!] : [])),
      read(
        Pods,
        (pod) => (pod.spec.nodeName ? [pod.spec.nodeName] : []),
        partChanges((pod) => pod.spec.nodeName),
      ),
    ],
    writes: [
      write(Nodes, 'update'),
      writeSubresource(Nodes, 'status', 'update'),
      writeSubresource(Pods, 'status', 'patch'),
    ],
    snapshot(lookup, key, { monotonicMs }) {
      const node = lookup.get(Nodes, undefined, key);
      if (node === undefined) {
        heard.delete(key);
        return undefined;
      }
      const lease = lookup.get(Leases, leaseNamespace, key)?.spec?.renewTime;
      const heartbeat = heartbeatOf(node);
      const last = heard.get(key);
      const news = last === undefined || last.lease !== lease || last.heartbeat !== heartbeat;
      const current = news ? { lease, heartbeat, atMs: monotonicMs } : last;
      if (news) heard.set(key, current);
      return {
        node,
        pods: lookup.byIndex(Pods, nodeIndex, key),
        silentForMs: monotonicMs - current.atMs,
        allAreDown: allAreDown(lookup.list(Nodes)),
      };
    },
    decide,
  });
}

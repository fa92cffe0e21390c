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
import { allAreDown, awaitsEviction, decide, isOfOtherMode, type NodeLifecycleSnapshot } from './decide.ts';
import { nodeMeasures } from './metrics.ts';
import { EvictionPace } from './pace.ts';

const leaseNamespace = 'kube-node-lease';

interface Heard {
  readonly uid: string | undefined;
  readonly lease: string | undefined;
  readonly heartbeat: string | undefined;
  readonly atMs: number;
}

const heartbeatOf = (node: Node): string | undefined =>
  node.status?.conditions?.find((one) => one.type === 'Ready')?.lastHeartbeatTime;

export function nodeLifecycle(): Controller {
  /** When each node was last heard of, on the clock that never jumps. */
  const heard = new Map<string, Heard>();
  const pace = new EvictionPace();
  let wokenForAllDown = false;
  /** The first node that is ready, and the last that is not any more, change what the others' taints should be. */
  const concerned = (node: Node, lookup: Lookup): readonly string[] => {
    const nodes = lookup.list(Nodes);
    const areAllDown = allAreDown(nodes);
    if (areAllDown === wokenForAllDown) return self(node);
    wokenForAllDown = areAllDown;
    const others = nodes.filter((one) => isOfOtherMode(one, areAllDown)).map((one) => one.metadata.name!);
    return [...self(node), ...others];
  };
  let wereAllDown = false;
  /** When the first is heard of again, the others get the time to be heard, too. */
  const noteMode = (areAllDown: boolean, monotonicMs: number): void => {
    if (wereAllDown && !areAllDown) {
      for (const [name, last] of heard) heard.set(name, { ...last, atMs: monotonicMs });
      pace.restart(monotonicMs);
    }
    wereAllDown = areAllDown;
  };
  return keyedController<NodeLifecycleSnapshot>({
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
        const known = heard.get(key);
        heard.delete(key);
        pace.forget(key);
        return known === undefined ? undefined : { gone: { name: key, uid: known.uid } };
      }
      const { uid } = node.metadata;
      const areAllDown = allAreDown(lookup.list(Nodes));
      noteMode(areAllDown, monotonicMs);
      const lease = lookup.get(Leases, leaseNamespace, key)?.spec?.renewTime;
      const heartbeat = heartbeatOf(node);
      const last = heard.get(key);
      const news = last === undefined || last.lease !== lease || last.heartbeat !== heartbeat;
      const current = news ? { uid, lease, heartbeat, atMs: monotonicMs } : last;
      if (news) heard.set(key, current);
      const evicts = !areAllDown && awaitsEviction(node);
      if (!evicts) pace.forget(key);
      return {
        node,
        pods: lookup.byIndex(Pods, nodeIndex, key),
        silentForMs: monotonicMs - current.atMs,
        allAreDown: areAllDown,
        evictionInMs: evicts ? pace.ask(node, () => lookup.list(Nodes), monotonicMs) : undefined,
        isNew: last === undefined,
      };
    },
    decide,
  });
}

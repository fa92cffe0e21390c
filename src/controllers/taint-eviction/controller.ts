// Evicts Pods from tainted nodes.
import { Nodes, Pods } from '#api/generated/kind-references.ts';
import type { Node, Pod } from '#api/generated/types.ts';
import { nodeIndex } from '../pod-gc/controller.ts';
import {
  keyText,
  keyedController,
  partChanges,
  read,
  self,
  splitKey,
  write,
  writeSubresource,
  type Lookup,
} from '../runtime/declaration.ts';
import { decide } from './decide.ts';
import { taintEvictionMeasures } from './metrics.ts';

const podsOfNode = ({ metadata }: Node, lookup: Lookup) => lookup.byIndex(Pods, nodeIndex, metadata.name!).map(keyText);

export const taintEviction = keyedController({
  name: 'taint-eviction',
  account: 'node-controller',
  measures: taintEvictionMeasures,
  component: 'taint-eviction-controller',
  reads: [
    read(
      Pods,
      self,
      partChanges((pod: Pod) => [pod.spec.nodeName, pod.spec.tolerations]),
    ),
    read(
      Nodes,
      podsOfNode,
      partChanges((one) => one.spec?.taints?.filter((taint) => taint.effect === 'NoExecute')),
    ),
  ],
  writes: [write(Pods, 'delete'), writeSubresource(Pods, 'status', 'patch')],
  snapshot(lookup, key) {
    const { namespace, name } = splitKey(key);
    const pod = lookup.get(Pods, namespace, name);
    if (pod === undefined || !pod.spec.nodeName) return undefined;
    return { pod, node: lookup.get(Nodes, undefined, pod.spec.nodeName) };
  },
  decide,
});

// Pod garbage collector.
import { Nodes, Pods } from '#api/generated/kind-references.ts';
import type { Node, Pod } from '#api/generated/types.ts';
import type { InformerIndex } from '#client/client.ts';
import {
  keyText,
  keyedController,
  partChanges,
  read,
  self,
  splitKey,
  write,
  writeSubresource,
  type Controller,
  type Lookup,
} from '../runtime/declaration.ts';
import { decide } from './decide.ts';

export const nodeIndex: InformerIndex<Pod> = {
  name: 'node',
  keysOf: (pod) => (pod.spec.nodeName ? [pod.spec.nodeName] : []),
};
const podsOfNode = ({ metadata }: Node, lookup: Lookup) => lookup.byIndex(Pods, nodeIndex, metadata.name!).map(keyText);

export function podGarbageCollector(): Controller {
  /** When each missing node was first missed, on the clock that never jumps. */
  const missingSince = new Map<string, number>();
  return keyedController({
    name: 'pod-gc',
    account: 'pod-garbage-collector',
    reads: [
      read(
        Pods,
        self,
        partChanges((pod: Pod) => [pod.spec.nodeName, pod.metadata.deletionTimestamp]),
      ),
      read(Nodes, podsOfNode, (previous, current) => previous === undefined || current === undefined),
    ],
    writes: [write(Pods, 'delete'), writeSubresource(Pods, 'status', 'patch')],
    snapshot(lookup, key, { monotonicMs }) {
      const { namespace, name } = splitKey(key);
      const pod = lookup.get(Pods, namespace, name);
      if (pod === undefined) return undefined;
      const node = pod.spec.nodeName ?? '';
      const nodeExists = node !== '' && lookup.get(Nodes, undefined, node) !== undefined;
      if (nodeExists || node === '') missingSince.delete(node);
      else if (!missingSince.has(node)) missingSince.set(node, monotonicMs);
      return { pod, nodeExists, missingForMs: monotonicMs - (missingSince.get(node) ?? monotonicMs) };
    },
    decide,
  });
}

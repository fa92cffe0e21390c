// Pod garbage collector.
import { Nodes, Pods } from '#api/generated/kind-references.ts';
import type { Node, Pod } from '#api/generated/types.ts';
import type { InformerIndex } from '#client/client.ts';
import { podIsTerminal } from '#rules/pod-is-active.ts';
import {
  keyText,
  keyedController,
  partChanges,
  read,
  splitKey,
  write,
  writeSubresource,
  type Controller,
  type Lookup,
} from '../runtime/declaration.ts';
import { decide, endedPodsMax, isOutOfService, type PodGarbageSnapshot } from './decide.ts';
import { podGarbageMeasures } from './metrics.ts';

export const nodeIndex: InformerIndex<Pod> = {
  name: 'node',
  keysOf: (pod) => (pod.spec.nodeName ? [pod.spec.nodeName] : []),
};
const endedIndex: InformerIndex<Pod> = { name: 'ended', keysOf: (pod) => (podIsTerminal(pod) ? [''] : []) };
/** The key for all that have ended; no Pod has it. */
const endedKey = '';

const podsOfNode = ({ metadata }: Node, lookup: Lookup) => lookup.byIndex(Pods, nodeIndex, metadata.name!).map(keyText);

export function podGarbageCollector(endedMax = endedPodsMax): Controller {
  /** When each missing node was first missed, on the clock that never jumps. */
  const missingSince = new Map<string, number>();
  return keyedController<PodGarbageSnapshot>({
    name: 'pod-gc',
    account: 'pod-garbage-collector',
    measures: podGarbageMeasures,
    reads: [
      read(
        Pods,
        (pod) => (podIsTerminal(pod) ? [keyText(pod), endedKey] : [keyText(pod)]),
        partChanges((pod: Pod) => [pod.spec.nodeName, pod.metadata.deletionTimestamp, podIsTerminal(pod)]),
      ),
      read(Nodes, podsOfNode, partChanges(isOutOfService)),
    ],
    writes: [write(Pods, 'delete'), writeSubresource(Pods, 'status', 'patch')],
    snapshot(lookup, key, { monotonicMs }) {
      if (key === endedKey) return { ended: lookup.byIndex(Pods, endedIndex, ''), limit: endedMax };
      const { namespace, name } = splitKey(key);
      const pod = lookup.get(Pods, namespace, name);
      if (pod === undefined) return undefined;
      const nodeName = pod.spec.nodeName ?? '';
      const node = nodeName === '' ? undefined : lookup.get(Nodes, undefined, nodeName);
      if (node !== undefined) missingSince.delete(nodeName);
      else if (nodeName !== '' && !missingSince.has(nodeName)) missingSince.set(nodeName, monotonicMs);
      return { pod, node, missingForMs: monotonicMs - (missingSince.get(nodeName) ?? monotonicMs) };
    },
    decide,
  });
}

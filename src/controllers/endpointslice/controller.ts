// EndpointSlice: where a Service's Pods answer.
import { EndpointSlices, Nodes, Pods, Services } from '#api/generated/kind-references.ts';
import type { EndpointSlice, Node } from '#api/generated/types.ts';
import type { InformerIndex } from '#client/client.ts';
import { matchesLabels } from '#rules/matches-labels.ts';
import {
  keyText,
  keyedController,
  partChanges,
  read,
  self,
  splitKey,
  write,
  type Lookup,
} from '../runtime/declaration.ts';
import { decide, hasEndpoints, managedByLabel, managedByUs, serviceNameLabel } from './decide.ts';
import { endpointSliceMeasures } from './metrics.ts';
import { endpointPart, servicesOfPod } from './wakes.ts';

const serviceIndex: InformerIndex<EndpointSlice> = {
  name: 'managed-service',
  keysOf: ({ metadata }) =>
    metadata.labels?.[managedByLabel] === managedByUs && metadata.labels[serviceNameLabel] !== undefined
      ? [`${metadata.namespace!}/${metadata.labels[serviceNameLabel]}`]
      : [],
};
const everyService = (_node: Node, lookup: Lookup) => lookup.list(Services).filter(hasEndpoints).map(keyText);

export const endpointSlice = keyedController({
  name: 'endpointslice',
  account: 'endpointslice-controller',
  measures: endpointSliceMeasures,
  reads: [
    read(Services, self),
    read(Pods, servicesOfPod, partChanges(endpointPart)),
    read(
      Nodes,
      everyService,
      partChanges((one) => one.metadata.labels?.['topology.kubernetes.io/zone'] ?? ''),
    ),
    read(EndpointSlices, serviceIndex.keysOf),
  ],
  writes: [write(EndpointSlices, 'create', 'update', 'delete')],
  snapshot(lookup, key) {
    const { namespace, name } = splitKey(key);
    const service = lookup.get(Services, namespace, name);
    if (service === undefined) return undefined;
    return {
      service,
      pods: hasEndpoints(service)
        ? lookup.list(Pods, namespace).filter((one) => matchesLabels(service.spec.selector, one.metadata.labels))
        : [],
      node: (nodeName: string) => lookup.get(Nodes, undefined, nodeName),
      slices: lookup.byIndex(EndpointSlices, serviceIndex, key),
    };
  },
  decide,
});

// Endpoints: what clients that do not know EndpointSlices read.
import { Endpoints, Pods, Services } from '#api/generated/kind-references.ts';
import { matchesLabels } from '#rules/matches-labels.ts';
import { hasEndpoints } from '../endpointslice/decide.ts';
import { endpointPart, servicesOfPod } from '../endpointslice/wakes.ts';
import { keyedController, partChanges, read, self, splitKey, write } from '../runtime/declaration.ts';
import { decide } from './decide.ts';

export const endpoints = keyedController({
  name: 'endpoints',
  account: 'endpoint-controller',
  reads: [read(Services, self), read(Pods, servicesOfPod, partChanges(endpointPart)), read(Endpoints, self)],
  writes: [write(Endpoints, 'create', 'update', 'delete')],
  snapshot(lookup, key) {
    const { namespace, name } = splitKey(key);
    const service = lookup.get(Services, namespace, name);
    const found = lookup.get(Endpoints, namespace, name);
    if (service === undefined && found === undefined) return undefined;
    const pods =
      service !== undefined && hasEndpoints(service)
        ? lookup.list(Pods, namespace).filter((one) => matchesLabels(service.spec.selector, one.metadata.labels))
        : [];
    return { service, pods, endpoints: found };
  },
  decide,
});

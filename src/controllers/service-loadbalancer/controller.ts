// Gives LoadBalancer Services the addresses of the nodes.
import { Nodes, Services } from '#api/generated/kind-references.ts';
import { partChanges, read, snapshotController, writeSubresource } from '../runtime/declaration.ts';
import { decide } from './decide.ts';

const everything = (): readonly string[] => [''];

export const serviceLoadBalancer = snapshotController({
  name: 'service-loadbalancer',
  account: 'service-controller',
  reads: [
    read(
      Services,
      everything,
      partChanges(({ metadata, spec, status }) => [
        metadata.deletionTimestamp,
        spec.type,
        spec.ports,
        spec.ipFamilies,
        spec.loadBalancerClass,
        status?.loadBalancer,
      ]),
    ),
    read(
      Nodes,
      everything,
      partChanges(({ status }) => status?.addresses),
    ),
  ],
  writes: [writeSubresource(Services, 'status', 'update')],
  snapshot: (lookup) => ({ services: lookup.list(Services), nodes: lookup.list(Nodes) }),
  decide,
});

// Node address management: spec.podCIDRs from the cluster networks.
import { Nodes } from '#api/generated/kind-references.ts';
import { partChanges, read, snapshotController, write, type Controller } from '../runtime/declaration.ts';
import { decide, type ClusterNetwork } from './decide.ts';

export const nodeIpam = (networks: readonly ClusterNetwork[]): Controller =>
  snapshotController({
    name: 'node-ipam',
    account: 'node-controller',
    component: 'cidrAllocator',
    reads: [
      read(
        Nodes,
        () => [''],
        partChanges((one) => one.spec?.podCIDRs),
      ),
    ],
    writes: [write(Nodes, 'patch')],
    snapshot: (lookup) => ({ nodes: lookup.list(Nodes), networks }),
    decide,
  });

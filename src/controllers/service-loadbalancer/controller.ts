// Gives LoadBalancer Services the addresses of the nodes.
import { Nodes, Pods, Services } from '#api/generated/kind-references.ts';
import type { Pod } from '#api/generated/types.ts';
import type { InformerIndex } from '#client/client.ts';
import { hostPortsOf } from '#rules/host-ports.ts';
import { podIsTerminal } from '#rules/pod-is-active.ts';
import { partChanges, read, snapshotController, writeSubresource, type Controller } from '../runtime/declaration.ts';
import { decide } from './decide.ts';

const everything = (): readonly string[] => [''];

const hostPortIndex: InformerIndex<Pod> = {
  name: 'has-host-port',
  keysOf: (pod) => (hostPortsOf(pod).length === 0 ? [] : ['true']),
};

/** `reserved`: ports of what runs on the node itself, such as `TCP/6443`, and the words for whose they are. */
export const serviceLoadBalancer = (reserved: ReadonlyMap<string, string>): Controller =>
  snapshotController({
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
      read(
        Pods,
        (pod) => (hostPortsOf(pod).length === 0 ? [] : everything()),
        // Its ports never change, but a Pod that is over gives them back.
        partChanges(podIsTerminal),
      ),
    ],
    writes: [writeSubresource(Services, 'status', 'update')],
    snapshot: (lookup) => ({
      services: lookup.list(Services),
      nodes: lookup.list(Nodes),
      pods: lookup.byIndex(Pods, hostPortIndex, 'true').filter((pod) => !podIsTerminal(pod)),
      reserved,
    }),
    decide,
  });

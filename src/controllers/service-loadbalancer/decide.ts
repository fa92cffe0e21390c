// LoadBalancer Services get the nodes' addresses, each port once: there is no cloud, the node itself answers.
import { Services } from '#api/generated/kind-references.ts';
import type { Node, Pod, Service } from '#api/generated/types.ts';
import { updateStatus, type Action, type Decision, type EventRequest } from '../runtime/action.ts';
import { hostPortsOf } from '#rules/host-ports.ts';

export interface LoadBalancersSnapshot {
  readonly services: readonly Service[];
  readonly nodes: readonly Node[];
  /** Those with host ports. */
  readonly pods: readonly Pod[];
  /** What listens on the node itself: `TCP/6443` to the words for its owner. */
  readonly reserved: ReadonlyMap<string, string>;
}

const isOurs = ({ spec, metadata }: Service): boolean =>
  spec.type === 'LoadBalancer' && spec.loadBalancerClass === undefined && metadata.deletionTimestamp === undefined;
/** The router listens on its ports itself, and tells its addresses itself: they are nobody else's. */
const isRouter = ({ metadata }: Service): boolean =>
  metadata.namespace === 'openshift-ingress' && metadata.name === 'router-default';
const ingressOf = (service: Service): readonly string[] =>
  (service.status?.loadBalancer?.ingress ?? []).map((one) => one.ip ?? one.hostname ?? '');
const keyOf = (port: number, protocol = 'TCP'): string => `${protocol}/${port}`;
const portsOf = ({ spec }: Service) =>
  (spec.ports ?? []).map(({ port, protocol }) => ({ port, key: keyOf(port, protocol) }));
const nameOf = ({ metadata }: Service | Pod): string => `${metadata.namespace!}/${metadata.name!}`;

/** Those that have addresses already keep their ports; then the older comes first. */
function byClaim(one: Service, other: Service): number {
  const [held, otherHeld] = [ingressOf(one).length > 0, ingressOf(other).length > 0];
  if (held !== otherHeld) return held ? -1 : 1;
  const text = (service: Service) => `${service.metadata.creationTimestamp ?? ''} ${nameOf(service)}`;
  return text(one) < text(other) ? -1 : 1;
}

/** Ports of the node that are somebody's already, with who that is. */
function holdersOf({ services, pods, reserved }: LoadBalancersSnapshot): Map<string, string> {
  const holders = new Map(reserved);
  for (const service of services.filter((one) => isOurs(one) && isRouter(one)))
    for (const { key } of portsOf(service)) holders.set(key, `Service ${nameOf(service)}`);
  for (const pod of pods)
    for (const { port, protocol } of hostPortsOf(pod)) holders.set(keyOf(port, protocol), `Pod ${nameOf(pod)}`);
  for (const service of services)
    for (const { nodePort, protocol } of service.spec.ports ?? [])
      if (nodePort !== undefined && nodePort !== 0)
        holders.set(keyOf(nodePort, protocol), `the node port of Service ${nameOf(service)}`);
  return holders;
}

export function decide(snapshot: LoadBalancersSnapshot): Decision {
  const { services, nodes } = snapshot;
  const actions: Action[] = [];
  const events: EventRequest[] = [];
  const addresses = nodes.flatMap(({ status }) =>
    (status?.addresses ?? []).filter((one) => one.type === 'InternalIP').map((one) => one.address),
  );
  const holders = holdersOf(snapshot);
  for (const service of services.filter((one) => isOurs(one) && !isRouter(one)).toSorted(byClaim)) {
    const taken = portsOf(service).find(({ key }) => holders.has(key));
    if (taken !== undefined) {
      events.push({
        about: { ...service, kind: 'Service', apiVersion: 'v1' },
        type: 'Warning',
        reason: 'SyncLoadBalancerFailed',
        message: `Error syncing load balancer: node port ${taken.port} occupied by ${holders.get(taken.key)!}`,
      });
      setIngress(service, []);
      continue;
    }
    for (const { key } of portsOf(service)) holders.set(key, `Service ${nameOf(service)}`);
    const families = service.spec.ipFamilies ?? [];
    setIngress(
      service,
      addresses.filter((one) => families.length === 0 || families.includes(one.includes(':') ? 'IPv6' : 'IPv4')),
    );
  }
  // One that is no load balancer any more has no such addresses either.
  for (const service of services) if (service.spec.type !== 'LoadBalancer') setIngress(service, []);
  return { actions, events };

  function setIngress(service: Service, ips: readonly string[]): void {
    if (ingressOf(service).join() === ips.join()) return;
    const loadBalancer = ips.length === 0 ? {} : { ingress: ips.map((ip) => ({ ip })) };
    actions.push(updateStatus(Services, { ...service, status: { ...service.status, loadBalancer } }));
  }
}

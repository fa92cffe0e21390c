// Host ports are given once a node.
import { hostPortsOf, type HostPort } from '../../node-info.ts';
import { resolvable, type SchedulerPlugin } from '../../plugin.ts';

const conflicts = (one: HostPort, other: HostPort): boolean =>
  one.port === other.port &&
  one.protocol === other.protocol &&
  (one.ip === other.ip || one.ip === '0.0.0.0' || other.ip === '0.0.0.0');

export const nodePorts: SchedulerPlugin = {
  name: 'NodePorts',
  wakesOn: ['node', 'pod-removed'],
  filter(pod, node) {
    const wanted = hostPortsOf(pod);
    if (wanted.length === 0) return undefined;
    for (const used of node.hostPorts())
      if (wanted.some((one) => conflicts(one, used)))
        return resolvable("node(s) didn't have free ports for the requested pod ports");
    return undefined;
  },
};

// Host ports are given once a node.
import { hostPortsConflict, hostPortsOf } from '#rules/host-ports.ts';
import { resolvable, type SchedulerPlugin } from '../../plugin.ts';

export const nodePorts: SchedulerPlugin = {
  name: 'NodePorts',
  wakesOn: ['node', 'pod-removed'],
  filter(pod, node) {
    const wanted = hostPortsOf(pod);
    if (wanted.length === 0) return undefined;
    for (const used of node.hostPorts())
      if (wanted.some((one) => hostPortsConflict(one, used)))
        return resolvable("node(s) didn't have free ports for the requested pod ports");
    return undefined;
  },
};

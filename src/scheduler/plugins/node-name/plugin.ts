// The Pod names its node.
import { unresolvable, type SchedulerPlugin } from '../../plugin.ts';

export const nodeName: SchedulerPlugin = {
  name: 'NodeName',
  wakesOn: ['node'],
  filter: (pod, node) =>
    pod.spec.nodeName === undefined || pod.spec.nodeName === '' || pod.spec.nodeName === node.name
      ? undefined
      : unresolvable("node(s) didn't match the requested node name"),
};

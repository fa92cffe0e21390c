// Cordoned nodes take only Pods that tolerate it.
import { toleratedBy } from '#rules/tolerates-taint.ts';
import { unresolvable, type SchedulerPlugin } from '../../plugin.ts';

const taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

export const nodeUnschedulable: SchedulerPlugin = {
  name: 'NodeUnschedulable',
  wakesOn: ['node'],
  filter: (pod, { node }) =>
    node.spec?.unschedulable === true && toleratedBy(pod.spec.tolerations, taint) === undefined
      ? unresolvable('node(s) were unschedulable')
      : undefined,
};

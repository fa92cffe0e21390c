// Taints keep away Pods that do not tolerate them; PreferNoSchedule lowers the score.
import { toleratedBy, untoleratedTaint } from '#rules/tolerates-taint.ts';
import { normalised, unresolvable, type SchedulerPlugin } from '../../plugin.ts';

const hard = ['NoSchedule', 'NoExecute'];

export const taintToleration: SchedulerPlugin = {
  name: 'TaintToleration',
  wakesOn: ['node'],
  filter: (pod, { node }) =>
    untoleratedTaint(pod.spec.tolerations, node.spec?.taints, hard) === undefined
      ? undefined
      : unresolvable('node(s) had untolerated taint(s)'),
  score: {
    weight: 3,
    of(pod, nodes) {
      const tolerations = pod.spec.tolerations?.filter(
        (one) => one.effect === undefined || one.effect === '' || one.effect === 'PreferNoSchedule',
      );
      return normalised(
        nodes.map(
          ({ node }) =>
            (node.spec?.taints ?? []).filter(
              (one) => one.effect === 'PreferNoSchedule' && toleratedBy(tolerations, one) === undefined,
            ).length,
        ),
        true,
      );
    },
  },
};

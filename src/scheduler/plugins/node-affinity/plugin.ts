// nodeSelector and node affinity.
import { matchesNodeSelectorTerm, podMatchesNode } from '#rules/matches-node-selector.ts';
import { normalised, unresolvable, type SchedulerPlugin } from '../../plugin.ts';

export const nodeAffinity: SchedulerPlugin = {
  name: 'NodeAffinity',
  wakesOn: ['node'],
  filter: (pod, { node }) =>
    podMatchesNode(pod, node) ? undefined : unresolvable("node(s) didn't match Pod's node affinity/selector"),
  score: {
    weight: 2,
    of(pod, nodes) {
      const preferred = pod.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
      return normalised(
        nodes.map(({ node }) =>
          preferred.reduce(
            (sum, { weight, preference }) => sum + (matchesNodeSelectorTerm(preference, node) ? weight : 0),
            0,
          ),
        ),
      );
    },
  },
};

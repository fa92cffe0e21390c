// The Pod of a DaemonSet for one node, and whether that node takes it.
import { DaemonSets } from '#api/generated/kind-references.ts';
import type { DaemonSet, Node, Pod, PodSpec, Toleration } from '#api/generated/types.ts';
import { podMatchesNode } from '#rules/matches-node-selector.ts';
import { untoleratedTaint } from '#rules/tolerates-taint.ts';
import { podFromTemplate } from '../replicaset/replicas.ts';
import { revisionLabel } from '../revisions/revisions.ts';

const generationAnnotation = 'deprecated.daemonset.template.generation';
const generationLabel = 'pod-template-generation';

const tolerated: readonly (readonly [key: string, effect: string])[] = [
  ['node.kubernetes.io/not-ready', 'NoExecute'],
  ['node.kubernetes.io/unreachable', 'NoExecute'],
  ['node.kubernetes.io/disk-pressure', 'NoSchedule'],
  ['node.kubernetes.io/memory-pressure', 'NoSchedule'],
  ['node.kubernetes.io/pid-pressure', 'NoSchedule'],
  ['node.kubernetes.io/unschedulable', 'NoSchedule'],
];

/** A node's troubles do not drive its daemons away. */
function tolerationsOf(spec: PodSpec): readonly Toleration[] {
  const wanted = [
    ...tolerated,
    ...(spec.hostNetwork === true ? [['node.kubernetes.io/network-unavailable', 'NoSchedule'] as const] : []),
  ];
  const tolerations = [...(spec.tolerations ?? [])];
  for (const [key, effect] of wanted) {
    const one: Toleration = { key, operator: 'Exists', effect };
    const index = tolerations.findIndex(
      (other) => other.key === key && other.effect === effect && (other.operator ?? 'Equal') === 'Exists',
    );
    if (index < 0) tolerations.push(one);
    else tolerations[index] = one;
  }
  return tolerations;
}

export interface Fit {
  /** A Pod belongs on the node. */
  readonly runs: boolean;
  /** One that is there stays. */
  readonly stays: boolean;
}

export function fit(daemonSet: DaemonSet, node: Node): Fit {
  const { spec } = daemonSet.spec.template;
  const pod: Pod = { metadata: {}, spec };
  if ((spec.nodeName ?? '') !== '' && spec.nodeName !== node.metadata.name) return { runs: false, stays: false };
  if (!podMatchesNode(pod, node)) return { runs: false, stays: false };
  const tolerations = tolerationsOf(spec);
  const taints = node.spec?.taints;
  if (untoleratedTaint(tolerations, taints, ['NoSchedule', 'NoExecute']) === undefined)
    return { runs: true, stays: true };
  return { runs: false, stays: untoleratedTaint(tolerations, taints, ['NoExecute']) === undefined };
}

export function daemonPod(daemonSet: DaemonSet, node: string, hash: string): Pod {
  const pod = podFromTemplate(DaemonSets, daemonSet, daemonSet.spec.template);
  const generation = daemonSet.metadata.annotations?.[generationAnnotation];
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      labels: {
        ...pod.metadata.labels,
        ...(generation === undefined ? {} : { [generationLabel]: generation }),
        [revisionLabel]: hash,
      },
    },
    spec: {
      ...pod.spec,
      tolerations: tolerationsOf(pod.spec),
      affinity: {
        ...pod.spec.affinity,
        nodeAffinity: {
          ...pod.spec.affinity?.nodeAffinity,
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] }],
          },
        },
      },
    },
  };
}

/** The node for which a Pod was made. */
export function nodeOf(pod: Pod): string | undefined {
  if ((pod.spec.nodeName ?? '') !== '') return pod.spec.nodeName;
  const terms = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  const field = terms
    ?.flatMap((one) => one.matchFields ?? [])
    .find((one) => one.key === 'metadata.name' && one.operator === 'In');
  return field?.values?.length === 1 ? field.values[0] : undefined;
}

export function isUpdated(daemonSet: DaemonSet, pod: Pod, hash: string): boolean {
  const { labels } = pod.metadata;
  const generation = daemonSet.metadata.annotations?.[generationAnnotation];
  return labels?.[revisionLabel] === hash || (generation !== undefined && labels?.[generationLabel] === generation);
}

// Labels of nodes that have newer names: whoever selects by them is warned.
import type { LabelSelector } from '../generated/types.ts';

const deprecated = new Map([
  ['beta.kubernetes.io/arch', 'deprecated since v1.14; use "kubernetes.io/arch" instead'],
  ['beta.kubernetes.io/os', 'deprecated since v1.14; use "kubernetes.io/os" instead'],
  ['failure-domain.beta.kubernetes.io/region', 'deprecated since v1.17; use "topology.kubernetes.io/region" instead'],
  ['failure-domain.beta.kubernetes.io/zone', 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead'],
  ['beta.kubernetes.io/instance-type', 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead'],
  ['app.kubernetes.io/created-by', 'deprecated since v1.9'],
  ['scheduler.alpha.kubernetes.io/preferAvoidPods', 'deprecated since v1.22; use Taints and Tolerations instead'],
]);

/** Undefined: the label is not deprecated. */
export const nodeLabelDeprecation = (key: string): string | undefined => deprecated.get(key);

export const nodeSelectorWarnings = (path: string, selector: LabelSelector | undefined): string[] => [
  ...(selector?.matchExpressions ?? []).flatMap(({ key }, index) => {
    const text = deprecated.get(key);
    return text === undefined ? [] : [`${path}.matchExpressions[${index}].key: ${key} is ${text}`];
  }),
  ...Object.keys(selector?.matchLabels ?? {}).flatMap((key) => {
    const text = deprecated.get(key);
    return text === undefined ? [] : [`${path}.matchLabels.${key}: ${text}`];
  }),
];

// Warnings about where a Pod may run: labels with newer names, and selectors that select nothing.
import type { NodeSelectorTerm, PodSpec } from '../generated/types.ts';
import { labelValue } from '../meta/names.ts';
import { nodeLabelDeprecation } from './deprecated-node-labels.ts';

const emptySelector = 'a null labelSelector results in matching no pod';

export function termWarnings(path: string, term: NodeSelectorTerm, withValues: boolean): string[] {
  return (term.matchExpressions ?? []).flatMap(({ key, values = [] }, index) => {
    const at = `${path}.matchExpressions[${index}]`;
    const text = nodeLabelDeprecation(key);
    return [
      ...(text === undefined ? [] : [`${at}.key: ${key} is ${text}`]),
      ...(withValues
        ? values.flatMap((value, position) =>
            labelValue(value).map((wrong) => `${at}.values[${position}]: ${value} is invalid, ${wrong}`),
          )
        : []),
    ];
  });
}

/** `selectors` come first among all warnings, `terms` late. */
export function placementWarnings(path: string, spec: PodSpec): { selectors: string[]; terms: string[] } {
  const selectors: string[] = [];
  for (const key of Object.keys(spec.nodeSelector ?? {})) {
    const text = nodeLabelDeprecation(key);
    if (text !== undefined) selectors.push(`${path}.nodeSelector[${key}]: ${text}`);
  }
  const { nodeAffinity } = spec.affinity ?? {};
  const at = `${path}.affinity.nodeAffinity`;
  for (const [index, term] of (
    nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []
  ).entries())
    selectors.push(
      ...termWarnings(`${at}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[${index}]`, term, false),
    );
  for (const [index, { preference }] of (nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).entries())
    selectors.push(
      ...termWarnings(`${at}.preferredDuringSchedulingIgnoredDuringExecution[${index}].preference`, preference, true),
    );
  for (const [index, { topologyKey, labelSelector }] of (spec.topologySpreadConstraints ?? []).entries()) {
    const of = `${path}.topologySpreadConstraints[${index}]`;
    const text = nodeLabelDeprecation(topologyKey);
    if (text !== undefined) selectors.push(`${of}.topologyKey: ${topologyKey} is ${text}`);
    if (labelSelector === undefined) selectors.push(`${of}.labelSelector: ${emptySelector}`);
  }
  const terms: string[] = [];
  for (const kind of ['podAffinity', 'podAntiAffinity'] as const) {
    const affinity = spec.affinity?.[kind];
    const of = `${path}.affinity.${kind}`;
    for (const [index, term] of (affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).entries())
      if (term.labelSelector === undefined)
        terms.push(`${of}.requiredDuringSchedulingIgnoredDuringExecution[${index}].labelSelector: ${emptySelector}`);
    for (const [index, term] of (affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).entries())
      if (term.podAffinityTerm.labelSelector === undefined)
        terms.push(
          `${of}.preferredDuringSchedulingIgnoredDuringExecution[${index}].podAffinityTerm.labelSelector: ${emptySelector}`,
        );
  }
  return { selectors, terms };
}

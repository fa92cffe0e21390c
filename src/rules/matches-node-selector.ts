// Whether a node satisfies node selectors: of Pods, PersistentVolumes and storage topologies.
import type { NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, ObjectMeta, Pod } from '#api/generated/types.ts';
import { matchesLabels } from './matches-labels.ts';

interface NodeLike {
  readonly metadata: ObjectMeta;
}

function matchesRequirement({ operator, values = [] }: NodeSelectorRequirement, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
    case 'Lt': {
      if (value === undefined || !/^[+-]?\d+$/.test(value) || !/^[+-]?\d+$/.test(values[0] ?? '')) return false;
      return operator === 'Gt' ? BigInt(value) > BigInt(values[0]!) : BigInt(value) < BigInt(values[0]!);
    }
    default:
      return false;
  }
}

/** An empty term matches nothing. */
export function matchesNodeSelectorTerm(term: NodeSelectorTerm, node: NodeLike): boolean {
  const { matchExpressions = [], matchFields = [] } = term;
  if (matchExpressions.length === 0 && matchFields.length === 0) return false;
  return (
    matchExpressions.every((one) => matchesRequirement(one, node.metadata.labels?.[one.key])) &&
    matchFields.every((one) => one.key === 'metadata.name' && matchesRequirement(one, node.metadata.name))
  );
}

/** Terms are alternatives; no selector at all matches. */
export const matchesNodeSelector = (selector: NodeSelector | undefined, node: NodeLike): boolean =>
  selector === undefined || selector.nodeSelectorTerms.some((term) => matchesNodeSelectorTerm(term, node));

/** spec.nodeSelector and required node affinity. */
export const podMatchesNode = (pod: Pod, node: NodeLike): boolean =>
  matchesLabels(pod.spec.nodeSelector, node.metadata.labels) &&
  matchesNodeSelector(pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution, node);

// The order of the result: kinds that others need come first, webhooks last.
import { kindText, type Resource, type ResourceId } from './resource.ts';

const defaultFirst = [
  'Namespace',
  'ResourceQuota',
  'StorageClass',
  'CustomResourceDefinition',
  'ServiceAccount',
  'PodSecurityPolicy',
  'Role',
  'ClusterRole',
  'RoleBinding',
  'ClusterRoleBinding',
  'ConfigMap',
  'Secret',
  'Endpoints',
  'Service',
  'LimitRange',
  'PriorityClass',
  'PersistentVolume',
  'PersistentVolumeClaim',
  'Deployment',
  'StatefulSet',
  'CronJob',
  'PodDisruptionBudget',
];
const defaultLast = ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'];

const kindSortText = ({ group, version, kind }: ResourceId) => `${group || '~G'}_${version || '~V'}_${kind || '~K'}`;
const idSortText = (id: ResourceId) => `${kindText(id)}|${id.namespace || '~X'}|${id.name || '~N'}`;
const compareTexts = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** kustomize's order `legacy`, which is the default. */
export function legacyOrder(
  first: readonly string[] = defaultFirst,
  last: readonly string[] = defaultLast,
): (a: Resource, b: Resource) => number {
  const ranks = new Map<string, number>();
  first.forEach((kind, index) => ranks.set(kind, index - first.length));
  last.forEach((kind, index) => ranks.set(kind, index + 1));
  return (left, right) => {
    const [a, b] = [left.id, right.id];
    const rank = (ranks.get(a.kind) ?? 0) - (ranks.get(b.kind) ?? 0);
    if (rank !== 0) return rank;
    const kinds = compareTexts(kindSortText(a), kindSortText(b));
    // `~G` of the core group is behind every name: its Namespace is first all the same.
    if (kinds !== 0) return a.kind === 'Namespace' && b.kind === 'Namespace' ? -kinds : kinds;
    return compareTexts(idSortText(a), idSortText(b));
  };
}

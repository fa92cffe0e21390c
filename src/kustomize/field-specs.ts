// Where names, labels, images and the like are in objects: kustomize's default transformer configuration, as tables.
import type { GroupVersionKind } from './resource.ts';

/** A path with `/` between its parts (`\/` for one inside a part), in the kinds that the rest selects. */
export interface FieldSpec extends Partial<GroupVersionKind> {
  readonly path: string;
  /** Made where it is missing. */
  readonly create?: boolean;
}

const template = 'spec/template/metadata';
const jobTemplate = 'spec/jobTemplate';
/** Kinds with a Pod template in spec.template, restricted as the tables of labels and annotations restrict them. */
const templated = (kindOfStatefulSet: Partial<GroupVersionKind>): readonly Partial<GroupVersionKind>[] => [
  { version: 'v1', kind: 'ReplicationController' },
  { kind: 'Deployment' },
  { kind: 'ReplicaSet' },
  { kind: 'DaemonSet' },
  kindOfStatefulSet,
  { group: 'batch', kind: 'Job' },
];
const cronJob = { group: 'batch', kind: 'CronJob' } as const;
const statefulSet = { group: 'apps', kind: 'StatefulSet' } as const;

const metadataSpecs = (field: 'labels' | 'annotations'): readonly FieldSpec[] => [
  { path: `metadata/${field}`, create: true },
  ...templated(field === 'labels' ? statefulSet : { kind: 'StatefulSet' }).map((kind) => ({
    ...kind,
    path: `${template}/${field}`,
    create: true,
  })),
  ...(field === 'labels'
    ? [{ ...statefulSet, path: 'spec/volumeClaimTemplates[]/metadata/labels', create: true }]
    : []),
  { ...cronJob, path: `${jobTemplate}/metadata/${field}`, create: true },
  { ...cronJob, path: `${jobTemplate}/${template}/${field}`, create: true },
];

const affinityPaths = ['podAffinity', 'podAntiAffinity'].flatMap((field) => [
  `affinity/${field}/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm`,
  `affinity/${field}/requiredDuringSchedulingIgnoredDuringExecution`,
]);
const selfSelectors = [...affinityPaths, 'topologySpreadConstraints'];
const networkPolicy = { group: 'networking.k8s.io', kind: 'NetworkPolicy' } as const;

export const annotationSpecs: readonly FieldSpec[] = metadataSpecs('annotations');
/** metadata.labels, and those of templates. */
export const templateLabelSpecs: readonly FieldSpec[] = metadataSpecs('labels');
/** Those, and selectors. */
export const commonLabelSpecs: readonly FieldSpec[] = [
  { path: 'spec/selector', create: true, version: 'v1', kind: 'Service' },
  { path: 'spec/selector', create: true, version: 'v1', kind: 'ReplicationController' },
  ...[{ kind: 'Deployment' }, { kind: 'ReplicaSet' }, { kind: 'DaemonSet' }, statefulSet].map((kind) => ({
    ...kind,
    path: 'spec/selector/matchLabels',
    create: true,
  })),
  ...['Deployment', 'StatefulSet'].flatMap((kind) =>
    selfSelectors.map((path) => ({
      group: 'apps',
      kind,
      path: `spec/template/spec/${path}/labelSelector/matchLabels`,
    })),
  ),
  { path: 'spec/selector/matchLabels', group: 'batch', kind: 'Job' },
  { path: `${jobTemplate}/spec/selector/matchLabels`, ...cronJob },
  { path: 'spec/selector/matchLabels', group: 'policy', kind: 'PodDisruptionBudget' },
  { path: 'spec/podSelector/matchLabels', ...networkPolicy },
  { path: 'spec/ingress/from/podSelector/matchLabels', ...networkPolicy },
  { path: 'spec/egress/to/podSelector/matchLabels', ...networkPolicy },
  ...templateLabelSpecs,
];

export const imageSpecs: readonly FieldSpec[] = ['spec', 'spec/template/spec'].flatMap((spec) =>
  ['containers[]/image', 'initContainers[]/image', 'volumes[]/image/reference'].map((path) => ({
    path: `${spec}/${path}`,
    create: true,
  })),
);

/** Beside metadata.namespace and the subjects of role bindings, which have rules of their own. */
export const namespaceSpecs: readonly FieldSpec[] = [
  { path: 'metadata/name', kind: 'Namespace', create: true },
  { path: 'spec/service/namespace', group: 'apiregistration.k8s.io', kind: 'APIService', create: true },
  {
    path: 'spec/conversion/webhook/clientConfig/service/namespace',
    group: 'apiextensions.k8s.io',
    kind: 'CustomResourceDefinition',
  },
];

export const replicaSpecs: readonly FieldSpec[] = [
  'Deployment',
  'ReplicationController',
  'ReplicaSet',
  'StatefulSet',
].map((kind) => ({ path: 'spec/replicas', kind, create: true }));

const containerTexts = ['args', 'command', 'env/value', 'volumeMounts/mountPath'];
const podTexts = ['containers', 'initContainers'].flatMap((list) => containerTexts.map((field) => `${list}/${field}`));
/** Where `$(NAME)` of vars is replaced. */
export const variableSpecs: readonly FieldSpec[] = [
  ...podTexts.map((path) => ({ kind: 'CronJob', path: `${jobTemplate}/spec/template/spec/${path}` })),
  { kind: 'CronJob', path: `${jobTemplate}/spec/template/volumes/nfs/server` },
  ...['DaemonSet', 'Deployment', 'Job', 'ReplicaSet', 'StatefulSet'].flatMap((kind) =>
    podTexts.map((path) => ({ kind, path: `spec/template/spec/${path}` })),
  ),
  ...['DaemonSet', 'Deployment', 'Job', 'ReplicaSet'].map((kind) => ({
    kind,
    path: 'spec/template/spec/volumes/nfs/server',
  })),
  { kind: 'Deployment', path: 'spec/template/metadata/annotations' },
  { kind: 'StatefulSet', path: 'spec/volumeClaimTemplates/spec/nfs/server' },
  ...['rules/host', 'tls/hosts', 'tls/secretName'].map((path) => ({ kind: 'Ingress', path: `spec/${path}` })),
  ...podTexts.map((path) => ({ kind: 'Pod', path: `spec/${path}` })),
  { kind: 'Pod', path: 'spec/volumes/nfs/server' },
  { kind: 'Service', path: 'spec/ports/port' },
  { kind: 'Service', path: 'spec/ports/targetPort' },
  { kind: 'PersistentVolume', path: 'spec/nfs/server' },
  { path: 'metadata/labels' },
  { path: 'metadata/annotations' },
];

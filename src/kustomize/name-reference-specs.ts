// Which fields hold the name of another object: kustomize's default name references, as a table.
import type { FieldSpec } from './field-specs.ts';
import type { GroupVersionKind } from './resource.ts';

export interface NameReference {
  readonly target: Partial<GroupVersionKind>;
  readonly fields: readonly FieldSpec[];
}

const podV1 = { version: 'v1', kind: 'Pod' } as const;
/** Each kind's Pod spec. */
const templated: readonly (readonly [string, Partial<GroupVersionKind>])[] = [
  ...['Deployment', 'ReplicaSet', 'DaemonSet', 'StatefulSet', 'Job'].map(
    (kind) => ['spec/template/spec', { kind }] as const,
  ),
  ['spec/jobTemplate/spec/template/spec', { kind: 'CronJob' }],
];
const pods: typeof templated = [['spec', podV1], ['template/spec', { kind: 'PodTemplate' }], ...templated];
/** The later entries of upstream's table name these kinds. */
const plainPods: typeof templated = [
  ['spec', { kind: 'Pod' }],
  ...['StatefulSet', 'Deployment', 'ReplicationController', 'DaemonSet', 'Job'].map(
    (kind) => ['spec/template/spec', { kind }] as const,
  ),
  ['spec/jobTemplate/spec/template/spec', { kind: 'CronJob' }],
];

const inPods = (kinds: typeof templated, paths: readonly string[]): FieldSpec[] =>
  kinds.flatMap(([spec, kind]) => paths.map((path) => ({ ...kind, path: `${spec}/${path}` })));
const inContainers = (paths: readonly string[]): string[] =>
  ['containers', 'initContainers'].flatMap((list) => paths.map((path) => `${list}/${path}`));

const rbac = 'rbac.authorization.k8s.io';
const roleKinds: readonly FieldSpec[] = ['Role', 'ClusterRole'].map((kind) => ({ path: 'rules/resourceNames', kind }));
const webhookKinds = ['ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration'];

export const nameReferences: readonly NameReference[] = [
  ...['Deployment', 'ReplicationController', 'ReplicaSet', 'StatefulSet'].map((kind) => ({
    target: { kind },
    fields: [{ path: 'spec/scaleTargetRef/name', kind: 'HorizontalPodAutoscaler' }],
  })),
  {
    target: { kind: 'ConfigMap', version: 'v1' },
    fields: [
      ...inPods(pods, [
        'volumes/configMap/name',
        'volumes/projected/sources/configMap/name',
        ...inContainers(['env/valueFrom/configMapKeyRef/name', 'envFrom/configMapRef/name']),
      ]),
      { path: 'spec/configSource/configMap', kind: 'Node' },
      ...roleKinds,
      { path: 'metadata/annotations/nginx.ingress.kubernetes.io\\/fastcgi-params-configmap', kind: 'Ingress' },
    ],
  },
  {
    target: { kind: 'Secret', version: 'v1' },
    fields: [
      ...inPods(pods, [
        'volumes/secret/secretName',
        'volumes/projected/sources/secret/name',
        'imagePullSecrets/name',
        ...inContainers(['env/valueFrom/secretKeyRef/name', 'envFrom/secretRef/name']),
      ]),
      { path: 'spec/tls/secretName', kind: 'Ingress' },
      ...['ingress', 'nginx.ingress'].map((prefix) => ({
        path: `metadata/annotations/${prefix}.kubernetes.io\\/auth-secret`,
        kind: 'Ingress',
      })),
      { path: 'metadata/annotations/nginx.ingress.kubernetes.io\\/auth-tls-secret', kind: 'Ingress' },
      { path: 'imagePullSecrets/name', kind: 'ServiceAccount' },
      ...['secretName', 'adminSecretName', 'userSecretName', 'secretRef'].map((field) => ({
        path: `parameters/${field}`,
        kind: 'StorageClass',
      })),
      ...roleKinds,
      {
        path: 'spec/template/spec/containers/env/valueFrom/secretKeyRef/name',
        group: 'serving.knative.dev',
        version: 'v1',
        kind: 'Service',
      },
      { path: 'spec/azureFile/secretName', kind: 'PersistentVolume' },
    ],
  },
  {
    target: { kind: 'Service', version: 'v1' },
    fields: [
      { path: 'spec/serviceName', group: 'apps', kind: 'StatefulSet' },
      ...[
        'rules/http/paths/backend/serviceName',
        'backend/serviceName',
        'rules/http/paths/backend/service/name',
        'defaultBackend/service/name',
      ].map((path) => ({ path: `spec/${path}`, kind: 'Ingress' })),
      { path: 'spec/service/name', group: 'apiregistration.k8s.io', kind: 'APIService' },
      ...webhookKinds.map((kind) => ({
        path: 'webhooks/clientConfig/service',
        group: 'admissionregistration.k8s.io',
        kind,
      })),
    ],
  },
  { target: { kind: 'Role', group: rbac }, fields: [{ path: 'roleRef/name', group: rbac, kind: 'RoleBinding' }] },
  {
    target: { kind: 'ClusterRole', group: rbac },
    fields: ['RoleBinding', 'ClusterRoleBinding'].map((kind) => ({ path: 'roleRef/name', group: rbac, kind })),
  },
  {
    target: { kind: 'ServiceAccount', version: 'v1' },
    fields: [
      ...['RoleBinding', 'ClusterRoleBinding'].map((kind) => ({ path: 'subjects', group: rbac, kind })),
      ...inPods(plainPods, ['serviceAccountName']),
    ],
  },
  {
    target: { kind: 'PersistentVolumeClaim', version: 'v1' },
    fields: inPods(plainPods, ['volumes/persistentVolumeClaim/claimName']),
  },
  {
    target: { kind: 'PersistentVolume', version: 'v1' },
    fields: [
      { path: 'spec/volumeName', kind: 'PersistentVolumeClaim' },
      { path: 'rules/resourceNames', kind: 'ClusterRole' },
    ],
  },
  {
    target: { kind: 'StorageClass', version: 'v1', group: 'storage.k8s.io' },
    fields: [
      { path: 'spec/storageClassName', kind: 'PersistentVolume' },
      { path: 'spec/storageClassName', kind: 'PersistentVolumeClaim' },
      { path: 'spec/volumeClaimTemplates/spec/storageClassName', kind: 'StatefulSet' },
    ],
  },
  {
    target: { kind: 'PriorityClass', version: 'v1', group: 'scheduling.k8s.io' },
    fields: inPods(plainPods, ['priorityClassName']),
  },
  {
    // The group is written so upstream: no IngressClass is in it, and none is renamed.
    target: { kind: 'IngressClass', version: 'v1', group: 'networking.k8s.io/v1' },
    fields: [{ path: 'spec/ingressClassName', kind: 'Ingress' }],
  },
  {
    target: { kind: 'ValidatingAdmissionPolicy', group: 'admissionregistration.k8s.io' },
    fields: [
      { path: 'spec/policyName', group: 'admissionregistration.k8s.io', kind: 'ValidatingAdmissionPolicyBinding' },
    ],
  },
];

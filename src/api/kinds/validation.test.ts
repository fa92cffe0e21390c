// The rules of the kinds on defaulted objects, with the texts that users of upstream know.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kindTable } from '../kinds.ts';
import { applyDefaults } from '../schema/defaults.ts';
import type { KubernetesObject, Mutable } from '../kind.ts';

type Json = { [key: string]: Json } | Json[] | string | number | boolean | null;
type JsonObject = { [key: string]: Json };

const context = { now: Date.parse('2026-01-01T00:00:00Z'), subresource: '', userName: 'ann', uuid: () => 'u' };

function rowOf(apiVersion: string, kind: string) {
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  const row = kindTable.findKind(group!, version!, kind);
  assert.ok(row, kind);
  return row;
}

/** Defaulted and prepared as the API server does before validation. */
function made(apiVersion: string, kind: string, fields: JsonObject): KubernetesObject {
  const row = rowOf(apiVersion, kind);
  const object = structuredClone({
    apiVersion,
    kind,
    metadata: { name: 'web', ...(row.namespaced ? { namespace: 'default' } : {}), uid: 'u1' },
    ...fields,
  });
  applyDefaults(row.typeName, object);
  kindTable.behaviour(row).prepareForCreate?.(object as Mutable<KubernetesObject>, context);
  return object;
}
const show = (errors: readonly { field: string; message: string }[]) =>
  errors.map((one) => `${one.field}: ${one.message}`);
function errorsOf(apiVersion: string, kind: string, fields: JsonObject): string[] {
  const object = made(apiVersion, kind, fields);
  return show(kindTable.behaviour(rowOf(apiVersion, kind)).validate?.(object) ?? []);
}
function updateErrorsOf(
  apiVersion: string,
  kind: string,
  before: JsonObject,
  after: JsonObject,
  subresource = '',
): string[] {
  const [previous, object] = [made(apiVersion, kind, before), made(apiVersion, kind, after)];
  const behaviour = kindTable.behaviour(rowOf(apiVersion, kind));
  behaviour.prepareForUpdate?.(object as Mutable<KubernetesObject>, previous, { ...context, subresource });
  return show(behaviour.validateUpdate?.(object, previous, subresource) ?? []);
}

const container = { name: 'app', image: 'example:1' };
const podSpec = (fields: JsonObject = {}, more: JsonObject = {}): JsonObject => ({
  spec: { containers: [{ ...container, ...fields }], ...more },
});
const labelled = { metadata: { labels: { app: 'web' } }, spec: { containers: [container] } };
const workload = (fields: JsonObject = {}): JsonObject => ({
  spec: { selector: { matchLabels: { app: 'web' } }, template: labelled, ...fields },
});
const servicePorts = { ports: [{ port: 80 }] };
const clusterService = {
  ...servicePorts,
  clusterIP: '10.43.0.5',
  clusterIPs: ['10.43.0.5'],
  ipFamilies: ['IPv4'],
  ipFamilyPolicy: 'SingleStack',
};
const claim = {
  accessModes: ['ReadWriteOnce'],
  resources: { requests: { storage: '1Gi' } },
  storageClassName: 'local',
};
const routeTo = { to: { kind: 'Service', name: 'web' } };
const rule = { apiGroups: [''], resources: ['pods'], verbs: ['get'] };
const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' };
const notLabel = /a lowercase RFC 1123 label must consist of/;

const creations: readonly [
  name: string,
  apiVersion: string,
  kind: string,
  fields: JsonObject,
  expected: readonly (string | RegExp)[],
][] = [
  ['a plain Pod', 'v1', 'Pod', podSpec(), []],
  ['no containers', 'v1', 'Pod', { spec: { containers: [] } }, ['spec.containers: Required value']],
  ['a bad container name', 'v1', 'Pod', podSpec({ name: 'App' }), [notLabel]],
  ['no image', 'v1', 'Pod', podSpec({ image: '' }), ['spec.containers[0].image: Required value']],
  [
    'a padded image',
    'v1',
    'Pod',
    podSpec({ image: ' x' }),
    ['spec.containers[0].image: Invalid value: " x": must not have leading or trailing whitespace'],
  ],
  [
    'two containers of one name',
    'v1',
    'Pod',
    { spec: { containers: [container, container] } },
    ['spec.containers[1].name: Duplicate value: "app"'],
  ],
  [
    'a port out of range',
    'v1',
    'Pod',
    podSpec({ ports: [{ containerPort: 70000 }] }),
    ['spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive'],
  ],
  [
    'an unknown protocol',
    'v1',
    'Pod',
    podSpec({ ports: [{ containerPort: 80, protocol: 'ICMP' }] }),
    ['spec.containers[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"'],
  ],
  [
    'requests above limits',
    'v1',
    'Pod',
    podSpec({ resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } }),
    ['spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'],
  ],
  [
    'a negative amount',
    'v1',
    'Pod',
    podSpec({ resources: { requests: { memory: '-1' } } }),
    ['spec.containers[0].resources.requests[memory]: Invalid value: "-1": must be greater than or equal to 0'],
  ],
  [
    'an unknown resource',
    'v1',
    'Pod',
    podSpec({ resources: { limits: { gpu: '1' } } }),
    [
      'spec.containers[0].resources.limits[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified',
      'spec.containers[0].resources.limits[gpu]: Invalid value: "gpu": must be a standard resource for containers',
      /requests\[gpu\]: .*fully qualified$/,
      /requests\[gpu\]: .*for containers$/,
    ],
  ],
  [
    'half a device',
    'v1',
    'Pod',
    podSpec({ resources: { limits: { 'example.com/gpu': '500m' } } }),
    [
      /limits\[example.com\/gpu\]: Invalid value: "500m": must be an integer$/,
      /requests\[example.com\/gpu\]: Invalid value: "500m": must be an integer$/,
    ],
  ],
  [
    'a mount without volume',
    'v1',
    'Pod',
    podSpec({ volumeMounts: [{ name: 'data', mountPath: '/data' }] }),
    ['spec.containers[0].volumeMounts[0].name: Not found: "data"'],
  ],
  [
    'two mounts at one path',
    'v1',
    'Pod',
    podSpec(
      {
        volumeMounts: [
          { name: 'a', mountPath: '/d' },
          { name: 'a', mountPath: '/d' },
        ],
      },
      { volumes: [{ name: 'a', emptyDir: {} }] },
    ),
    ['spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/d": must be unique'],
  ],
  [
    'two sources of a volume',
    'v1',
    'Pod',
    podSpec({}, { volumes: [{ name: 'a', emptyDir: {}, configMap: { name: 'c' } }] }),
    ['spec.volumes[0].configMap: Forbidden: may not specify more than 1 volume type'],
  ],
  [
    'a hostPath that climbs',
    'v1',
    'Pod',
    podSpec({}, { volumes: [{ name: 'a', hostPath: { path: '/a/../b' } }] }),
    ['spec.volumes[0].hostPath.path: Invalid value: "/a/../b": must not contain \'..\''],
  ],
  [
    'a secret file outside',
    'v1',
    'Pod',
    podSpec({}, { volumes: [{ name: 'a', secret: { secretName: 's', items: [{ key: 'k', path: '/x' }] } }] }),
    ['spec.volumes[0].secret.items[0].path: Invalid value: "/x": must be a relative path'],
  ],
  [
    'an empty valueFrom',
    'v1',
    'Pod',
    podSpec({ env: [{ name: 'A', valueFrom: {} }] }),
    [/must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`$/],
  ],
  [
    'an unknown field',
    'v1',
    'Pod',
    podSpec({ env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'spec.color' } } }] }),
    [
      'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "spec.color": error converting fieldPath: field label not supported: spec.color',
    ],
  ],
  [
    'a probe without handler',
    'v1',
    'Pod',
    podSpec({ readinessProbe: {} }),
    ['spec.containers[0].readinessProbe: Required value: must specify a handler type'],
  ],
  [
    'a probe with two',
    'v1',
    'Pod',
    podSpec({ livenessProbe: { exec: { command: ['x'] }, tcpSocket: { port: 80 } } }),
    ['spec.containers[0].livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type'],
  ],
  [
    'a liveness probe that counts successes',
    'v1',
    'Pod',
    podSpec({ livenessProbe: { tcpSocket: { port: 80 }, successThreshold: 2 } }),
    ['spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1'],
  ],
  [
    'a bad restart policy',
    'v1',
    'Pod',
    podSpec({}, { restartPolicy: 'Sometimes' }),
    ['spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"'],
  ],
  [
    'a probe of an init container',
    'v1',
    'Pod',
    podSpec({}, { initContainers: [{ ...container, name: 'i', livenessProbe: { tcpSocket: { port: 1 } } }] }),
    [
      'spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always',
    ],
  ],
  [
    'a sidecar with a probe',
    'v1',
    'Pod',
    podSpec(
      {},
      {
        initContainers: [
          { ...container, name: 'i', restartPolicy: 'Always', livenessProbe: { tcpSocket: { port: 1 } } },
        ],
      },
    ),
    [],
  ],
  [
    'ephemeral containers',
    'v1',
    'Pod',
    podSpec({}, { ephemeralContainers: [{ name: 'e', image: 'x' }] }),
    ['spec.ephemeralContainers: Forbidden: cannot be set on create'],
  ],
  [
    'a toleration without key',
    'v1',
    'Pod',
    podSpec({}, { tolerations: [{ value: 'x' }] }),
    [/operator must be Exists when `key` is empty, which means "match all values and all keys"$/],
  ],
  [
    'affinity without terms',
    'v1',
    'Pod',
    podSpec(
      {},
      { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } } } },
    ),
    [/nodeSelectorTerms: Required value: must have at least one node selector term$/],
  ],
  [
    'privileged without escalation',
    'v1',
    'Pod',
    podSpec({ securityContext: { privileged: true, allowPrivilegeEscalation: false } }),
    [/cannot set `allowPrivilegeEscalation` to false and `privileged` to true$/],
  ],
  [
    'a user id out of range',
    'v1',
    'Pod',
    podSpec({ securityContext: { runAsUser: -1 } }),
    ['spec.containers[0].securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive'],
  ],
  [
    'no nameserver',
    'v1',
    'Pod',
    podSpec({}, { dnsPolicy: 'None' }),
    ['spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None'],
  ],

  ['a plain Deployment', 'apps/v1', 'Deployment', workload(), []],
  [
    'a selector that misses',
    'apps/v1',
    'Deployment',
    workload({ selector: { matchLabels: { app: 'other' } } }),
    ['spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`'],
  ],
  [
    'an empty selector',
    'apps/v1',
    'Deployment',
    workload({ selector: {} }),
    [/^spec.selector: Invalid value: .*: empty selector is invalid for deployment$/],
  ],
  [
    'Pods that end',
    'apps/v1',
    'Deployment',
    workload({ template: { ...labelled, spec: { ...labelled.spec, restartPolicy: 'Never' } } }),
    ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
  ],
  [
    'negative replicas',
    'apps/v1',
    'Deployment',
    workload({ replicas: -1 }),
    ['spec.replicas: Invalid value: -1: must be greater than or equal to 0'],
  ],
  [
    'a roll-out that cannot move',
    'apps/v1',
    'Deployment',
    workload({ strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } } }),
    ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0'],
  ],
  ['a plain ReplicaSet', 'apps/v1', 'ReplicaSet', workload(), []],
  ['a plain DaemonSet', 'apps/v1', 'DaemonSet', workload(), []],
  ['a plain StatefulSet', 'apps/v1', 'StatefulSet', workload({ serviceName: 'web' }), []],
  [
    'a plain Job',
    'batch/v1',
    'Job',
    { spec: { template: { spec: { containers: [container], restartPolicy: 'Never' } } } },
    [],
  ],
  [
    'a Job that never ends',
    'batch/v1',
    'Job',
    { spec: { template: { spec: { containers: [container] } } } },
    ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
  ],
  [
    'a bad schedule',
    'batch/v1',
    'CronJob',
    {
      spec: {
        schedule: '* * *',
        jobTemplate: { spec: { template: { spec: { containers: [container], restartPolicy: 'Never' } } } },
      },
    },
    ['spec.schedule: Invalid value: "* * *": expected exactly 5 fields, found 3: [* * *]'],
  ],

  ['a Service without ports', 'v1', 'Service', { spec: {} }, ['spec.ports: Required value']],
  ['a plain Service', 'v1', 'Service', { spec: clusterService }, []],
  [
    'two ports without names',
    'v1',
    'Service',
    { spec: { ports: [{ port: 80 }, { port: 81 }] } },
    ['spec.ports[0].name: Required value', 'spec.ports[1].name: Required value'],
  ],
  [
    'a node port on ClusterIP',
    'v1',
    'Service',
    { spec: { ports: [{ port: 80, nodePort: 30000 }] } },
    ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
  ],
  [
    'a headless NodePort',
    'v1',
    'Service',
    { spec: { ...servicePorts, type: 'NodePort', clusterIP: 'None', clusterIPs: ['None'] } },
    ['spec.clusterIPs[0]: Invalid value: "None": may not be set to \'None\' for NodePort services'],
  ],
  [
    'an external name that is none',
    'v1',
    'Service',
    { spec: { type: 'ExternalName' } },
    ['spec.externalName: Required value'],
  ],
  [
    'a loopback external IP',
    'v1',
    'Service',
    { spec: { ...servicePorts, externalIPs: ['127.0.0.1'] } },
    ['spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)'],
  ],

  [
    'a bad key',
    'v1',
    'ConfigMap',
    { data: { 'a/b': '1' } },
    [/^data\[a\/b\]: Invalid value: "a\/b": a valid config key must consist of/],
  ],
  [
    'a key in both',
    'v1',
    'ConfigMap',
    { data: { a: '1' }, binaryData: { a: 'MQ==' } },
    ['data[a]: Invalid value: "a": duplicate of key present in binaryData'],
  ],
  [
    'a large one',
    'v1',
    'ConfigMap',
    { data: { a: 'x'.repeat(1_048_577) } },
    ['[]: Too long: may not be more than 1048576 bytes'],
  ],
  [
    'a TLS secret without key',
    'v1',
    'Secret',
    { type: 'kubernetes.io/tls', data: { 'tls.crt': 'MQ==' } },
    ['data[tls.key]: Required value'],
  ],
  [
    'no password',
    'v1',
    'Secret',
    { type: 'kubernetes.io/basic-auth' },
    ['data[username]: Required value', 'data[password]: Required value'],
  ],
  [
    'a broken pull secret',
    'v1',
    'Secret',
    { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': 'e' } },
    [/^data\[.dockerconfigjson\]: Invalid value: "<secret contents redacted>"/],
  ],
  [
    'a claim without size',
    'v1',
    'PersistentVolumeClaim',
    { spec: { accessModes: ['ReadWriteOnce'] } },
    ['spec.resources[storage]: Required value'],
  ],
  [
    'a claim of nothing',
    'v1',
    'PersistentVolumeClaim',
    { spec: { ...claim, resources: { requests: { storage: '0' } } } },
    ['spec.resources[storage]: Invalid value: "0": must be greater than zero'],
  ],
  [
    'an unknown access mode',
    'v1',
    'PersistentVolumeClaim',
    { spec: { ...claim, accessModes: ['Any'] } },
    [
      'spec.accessModes: Unsupported value: "Any": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"',
    ],
  ],
  [
    'a volume without source',
    'v1',
    'PersistentVolume',
    { spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' } } },
    ['spec: Required value: must specify a volume type'],
  ],
  [
    'a class without provisioner',
    'storage.k8s.io/v1',
    'StorageClass',
    { provisioner: '' },
    ['provisioner: Required value'],
  ],
  [
    'a taint twice',
    'v1',
    'Node',
    {
      spec: {
        taints: [
          { key: 'a', effect: 'NoSchedule' },
          { key: 'a', effect: 'NoSchedule' },
        ],
      },
    },
    [/^metadata.taints\[1\]: Duplicate value: .*: taints must be unique by key and effect pair$/],
  ],
  [
    'a rule without verbs',
    'rbac.authorization.k8s.io/v1',
    'Role',
    { rules: [{ ...rule, verbs: [] }] },
    ['rules[0].verbs: Required value: verbs must contain at least one value'],
  ],
  [
    'URLs in a namespace',
    'rbac.authorization.k8s.io/v1',
    'Role',
    { rules: [{ nonResourceURLs: ['/x'], verbs: ['get'] }] },
    ['rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs'],
  ],
  [
    'an unknown subject',
    'rbac.authorization.k8s.io/v1',
    'RoleBinding',
    { roleRef, subjects: [{ kind: 'Robot', name: 'r' }] },
    ['subjects[0].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"'],
  ],
  [
    'an Ingress without rules',
    'networking.k8s.io/v1',
    'Ingress',
    { spec: {} },
    ['spec: Invalid value: null: either `defaultBackend` or `rules` must be specified'],
  ],
  [
    'an endless lease',
    'coordination.k8s.io/v1',
    'Lease',
    { spec: { leaseDurationSeconds: 0 } },
    ['spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0'],
  ],
  [
    'both bounds',
    'policy/v1',
    'PodDisruptionBudget',
    { spec: { minAvailable: 1, maxUnavailable: 1 } },
    [/minAvailable and maxUnavailable cannot be both set$/],
  ],
  [
    'a system class',
    'scheduling.k8s.io/v1',
    'PriorityClass',
    { metadata: { name: 'system-x' }, value: 1 },
    [
      "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-x is not a known system priority class",
    ],
  ],

  ['a plain Route', 'route.openshift.io/v1', 'Route', { spec: routeTo }, []],
  [
    'a Route to a Pod',
    'route.openshift.io/v1',
    'Route',
    { spec: { to: { kind: 'Pod', name: 'a' } } },
    ['spec.to.kind: Invalid value: "Pod": must reference a Service'],
  ],
  [
    'a heavy Route',
    'route.openshift.io/v1',
    'Route',
    { spec: { to: { kind: 'Service', name: 'a', weight: 300 } } },
    ['spec.to.weight: Invalid value: 300: weight must be an integer between 0 and 256'],
  ],
  [
    'a relative path',
    'route.openshift.io/v1',
    'Route',
    { spec: { ...routeTo, path: 'x' } },
    ['spec.path: Invalid value: "x": path must begin with /'],
  ],
  [
    'a path behind passthrough',
    'route.openshift.io/v1',
    'Route',
    { spec: { ...routeTo, path: '/x', tls: { termination: 'passthrough' } } },
    ['spec.path: Invalid value: "/x": passthrough termination does not support paths'],
  ],
  [
    'a certificate behind passthrough',
    'route.openshift.io/v1',
    'Route',
    { spec: { ...routeTo, tls: { termination: 'passthrough', certificate: 'x' } } },
    [
      'spec.tls.certificate: Invalid value: "redacted certificate data": passthrough termination does not support certificates',
    ],
  ],
  [
    'a wildcard without host',
    'route.openshift.io/v1',
    'Route',
    { spec: { ...routeTo, wildcardPolicy: 'Subdomain' } },
    ['spec.wildcardPolicy: Invalid value: "Subdomain": host name not specified for wildcard policy'],
  ],
  [
    'a bad host',
    'route.openshift.io/v1',
    'Route',
    { spec: { ...routeTo, host: 'a_b' } },
    ['spec.host: Invalid value: "a_b": host must conform to DNS 952 subdomain conventions', notLabel],
  ],
];

for (const [name, apiVersion, kind, fields, expected] of creations)
  test(`creating a ${kind}: ${name}`, () => {
    const errors = errorsOf(apiVersion, kind, fields);
    assert.equal(errors.length, expected.length, errors.join('\n') || 'no errors');
    for (const [index, one] of expected.entries())
      if (typeof one === 'string') assert.equal(errors[index], one);
      else assert.match(errors[index]!, one);
  });

const bound = { status: { phase: 'Bound', capacity: { storage: '1Gi' } } };
const updates: readonly [
  name: string,
  apiVersion: string,
  kind: string,
  before: JsonObject,
  after: JsonObject,
  expected: readonly (string | RegExp)[],
][] = [
  ['a new image', 'v1', 'Pod', podSpec(), podSpec({ image: 'example:2' }), []],
  ['a new toleration', 'v1', 'Pod', podSpec(), podSpec({}, { tolerations: [{ key: 'a', operator: 'Exists' }] }), []],
  [
    'a new command',
    'v1',
    'Pod',
    podSpec(),
    podSpec({ command: ['x'] }),
    [
      /^spec: Forbidden: pod updates may not change fields other than `spec.containers\[\*\].image`,`spec.initContainers\[\*\].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` \(only additions to existing tolerations\),`spec.terminationGracePeriodSeconds` \(allow it to be set to 1 if it was previously negative\)\n {2}spec.containers\[0\].command: null -> \["x"\]$/,
    ],
  ],
  [
    'a container more',
    'v1',
    'Pod',
    podSpec(),
    { spec: { containers: [container, { ...container, name: 'b' }] } },
    ['spec.containers: Forbidden: pod updates may not add or remove containers'],
  ],
  [
    'another selector',
    'apps/v1',
    'Deployment',
    workload(),
    workload({ selector: { matchLabels: { a: 'b' } }, template: { ...labelled, metadata: { labels: { a: 'b' } } } }),
    [/^spec.selector: Invalid value: .*: field is immutable$/],
  ],
  ['more replicas', 'apps/v1', 'Deployment', workload(), workload({ replicas: 5 }), []],
  [
    'another serviceName',
    'apps/v1',
    'StatefulSet',
    workload({ serviceName: 'a' }),
    workload({ serviceName: 'b' }),
    [/^spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals'/],
  ],
  [
    'another cluster IP',
    'v1',
    'Service',
    { spec: clusterService },
    { spec: { ...clusterService, clusterIP: '10.43.0.6', clusterIPs: ['10.43.0.6'] } },
    ['spec.clusterIPs[0]: Invalid value: ["10.43.0.6"]: may not change once set'],
  ],
  [
    'a type without address',
    'v1',
    'Service',
    { spec: clusterService },
    { spec: { ...clusterService, type: 'ExternalName', externalName: 'a.example' } },
    [],
  ],
  [
    'immutable data',
    'v1',
    'ConfigMap',
    { immutable: true, data: { a: '1' } },
    { data: { a: '2' } },
    [
      'immutable: Forbidden: field is immutable when `immutable` is set',
      'data: Forbidden: field is immutable when `immutable` is set',
    ],
  ],
  [
    'another type',
    'v1',
    'Secret',
    { type: 'Opaque' },
    { type: 'x/y' },
    ['type: Invalid value: "x/y": field is immutable'],
  ],
  [
    'another claim size before it is bound',
    'v1',
    'PersistentVolumeClaim',
    { spec: claim },
    { spec: { ...claim, resources: { requests: { storage: '2Gi' } } } },
    [
      /^spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n/,
    ],
  ],
  ['its volume', 'v1', 'PersistentVolumeClaim', { spec: claim }, { spec: { ...claim, volumeName: 'pv' } }, []],
  [
    'another role',
    'rbac.authorization.k8s.io/v1',
    'RoleBinding',
    { roleRef },
    { roleRef: { ...roleRef, name: 'writer' } },
    [
      'roleRef: Invalid value: {"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"writer"}: cannot change roleRef',
    ],
  ],
  [
    'another provisioner',
    'storage.k8s.io/v1',
    'StorageClass',
    { provisioner: 'a/b' },
    { provisioner: 'a/c' },
    ['provisioner: Invalid value: "a/c": field is immutable'],
  ],
  [
    'another wildcard policy',
    'route.openshift.io/v1',
    'Route',
    { spec: { ...routeTo, host: 'a.b' } },
    { spec: { ...routeTo, host: 'a.b', wildcardPolicy: 'Subdomain' } },
    ['spec.wildcardPolicy: Invalid value: "Subdomain": field is immutable'],
  ],
];

for (const [name, apiVersion, kind, before, after, expected] of updates)
  test(`updating a ${kind}: ${name}`, () => {
    const errors = updateErrorsOf(apiVersion, kind, before, after);
    assert.equal(errors.length, expected.length, errors.join('\n') || 'no errors');
    for (const [index, one] of expected.entries())
      if (typeof one === 'string') assert.equal(errors[index], one);
      else assert.match(errors[index]!, one);
  });

test('a bound claim may grow', () => {
  const row = rowOf('v1', 'PersistentVolumeClaim');
  const previous = { ...made('v1', 'PersistentVolumeClaim', { spec: claim }), ...bound };
  const object = {
    ...made('v1', 'PersistentVolumeClaim', { spec: { ...claim, resources: { requests: { storage: '2Gi' } } } }),
    ...bound,
  };
  const behaviour = kindTable.behaviour(row);
  assert.deepEqual(behaviour.validateUpdate!(object, previous, ''), []);
  assert.deepEqual(
    show(
      behaviour.validateUpdate!(
        previous,
        { ...object, status: { phase: 'Bound', capacity: { storage: '2Gi' } } } as KubernetesObject,
        '',
      ),
    ),
    ['spec.resources.requests.storage: Forbidden: field can not be less than status.capacity'],
  );
});

test('preparation: what the server says of a new object', () => {
  const pod = made('v1', 'Pod', { ...podSpec(), status: { phase: 'Running' } }) as KubernetesObject & {
    status: unknown;
  };
  assert.deepEqual(pod.status, { phase: 'Pending', qosClass: 'BestEffort' });
  const space = made('v1', 'Namespace', {}) as KubernetesObject & { spec: unknown; status: unknown };
  assert.deepEqual([space.spec, space.status], [{ finalizers: ['kubernetes'] }, { phase: 'Active' }]);
  const route = made('route.openshift.io/v1', 'Route', {
    spec: { to: { kind: '', name: 'web' }, tls: { termination: 'edge' } },
  }) as KubernetesObject & { spec: JsonObject };
  assert.deepEqual(route.spec['to'], { kind: 'Service', name: 'web', weight: 100 });
  assert.equal(route.spec['wildcardPolicy'], 'None');
});

test('graceful deletion: bound Pods that run get their period, others go at once', () => {
  const behaviour = kindTable.behaviour(rowOf('v1', 'Pod'));
  const free = made('v1', 'Pod', podSpec());
  const onNode = made('v1', 'Pod', podSpec({}, { nodeName: 'n1' }));
  assert.deepEqual(behaviour.gracefulDeletion!(free, {}, 0), { gracePeriodSeconds: 0 });
  assert.deepEqual(behaviour.gracefulDeletion!(onNode, {}, 0), { gracePeriodSeconds: 30 });
  assert.deepEqual(behaviour.gracefulDeletion!(onNode, { gracePeriodSeconds: 5 }, 0), { gracePeriodSeconds: 5 });
  assert.deepEqual(behaviour.gracefulDeletion!({ ...onNode, status: { phase: 'Failed' } } as KubernetesObject, {}, 0), {
    gracePeriodSeconds: 0,
  });
});

test('what is accepted and yet hardly meant is told', () => {
  const behaviour = kindTable.behaviour(rowOf('v1', 'Pod'));
  const warn = (fields: JsonObject) => behaviour.warnings!(made('v1', 'Pod', fields), undefined);
  assert.deepEqual(warn(podSpec()), []);
  const env = [
    { name: 'A', value: '1' },
    { name: 'A', value: '$(A)2' },
    { name: 'A', value: '3' },
  ];
  assert.deepEqual(warn(podSpec({ env })), [
    'spec.containers[0].env[2]: hides previous definition of "A", which may be dropped when using apply',
  ]);
  assert.deepEqual(warn(podSpec({ ports: [{ containerPort: 80 }, { containerPort: 80 }] })), [
    'spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]',
  ]);
  const deployment = made(
    'apps/v1',
    'Deployment',
    workload({ template: { ...labelled, spec: { containers: [{ ...container, env }] } } }),
  );
  const ofDeployment = kindTable.behaviour(rowOf('apps/v1', 'Deployment'));
  assert.deepEqual(ofDeployment.warnings!(deployment, undefined), [
    'spec.template.spec.containers[0].env[2]: hides previous definition of "A", which may be dropped when using apply',
  ]);
  assert.deepEqual(ofDeployment.warnings!(deployment, deployment), []);
});

test('an IPAddress is named by its canonical address and keeps its parent', () => {
  const behaviour = kindTable.behaviour(rowOf('networking.k8s.io/v1', 'IPAddress'));
  const nameErrors = (name: string) => behaviour.validateName?.(name, false);
  for (const name of ['10.43.0.1', 'fe80::42:1dff:fe84:f9e2', '::1']) assert.deepEqual(nameErrors(name), [], name);
  assert.deepEqual(nameErrors('fe80:0::1'), ['must be in canonical form ("fe80::1")']);
  assert.deepEqual(nameErrors('web'), ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']);
  const parentRef = { resource: 'services', namespace: 'default', name: 'web' };
  const address = (fields: JsonObject) => errorsOf('networking.k8s.io/v1', 'IPAddress', { spec: fields });
  assert.deepEqual(address({ parentRef }), []);
  assert.deepEqual(address({}), ['spec.parentRef: Required value']);
  assert.deepEqual(address({ parentRef: { resource: 'a/b', name: '' } }), [
    'spec.parentRef.resource: Invalid value: "a/b": may not contain \'/\'',
    'spec.parentRef.name: Required value',
  ]);
  assert.deepEqual(
    updateErrorsOf(
      'networking.k8s.io/v1',
      'IPAddress',
      { spec: { parentRef } },
      { spec: { parentRef: { ...parentRef, name: 'db' } } },
    ).map((one) => one.split(':')[0]),
    ['spec.parentRef'],
  );
});

test('a ServiceCIDR has one range a family, and may only gain the second', () => {
  const range = (...cidrs: string[]) => errorsOf('networking.k8s.io/v1', 'ServiceCIDR', { spec: { cidrs } });
  const change = (before: string[], after: string[]) =>
    updateErrorsOf('networking.k8s.io/v1', 'ServiceCIDR', { spec: { cidrs: before } }, { spec: { cidrs: after } });
  assert.deepEqual(range('10.43.0.0/16', 'fd00:1::/112'), []);
  assert.deepEqual(range(), ['spec.cidrs: Required value: at least one CIDR required']);
  assert.match(range('10.43.0.0/16', '10.44.0.0/16')[0] ?? '', /no more than one IP for each IP family/);
  assert.deepEqual(range('fd00:0001::/112'), [
    'spec.cidrs[0]: Invalid value: "fd00:0001::/112": must be in canonical form ("fd00:1::/112")',
  ]);
  assert.deepEqual(change(['10.43.0.0/16'], ['10.43.0.0/16', 'fd00:1::/112']), []);
  assert.deepEqual(change(['10.43.0.0/16'], ['10.44.0.0/16']), [
    'spec.cidrs[0]: Invalid value: "10.44.0.0/16": field is immutable',
  ]);
  assert.equal(change(['10.43.0.0/16', 'fd00:1::/112'], ['10.43.0.0/16']).length, 1);
});

// What a client can send at least answers: no rule, warning or cell throws on objects with holes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiVersionOf, kindTable } from '../kinds.ts';
import type { KubernetesObject, Mutable } from '../kind.ts';
import { decodeObject } from '../schema/decode.ts';
import { applyDefaults } from '../schema/defaults.ts';
import { ApiError } from '../status.ts';
import { podWarnings } from '../validation/pod-warnings.ts';
import { resourceRequirementErrors } from '../validation/resources.ts';
import { affinityErrors, spreadErrors } from '../validation/scheduling.ts';
import { certificateSigningRequest } from './certificates/certificate-signing-request.ts';
import { tableCells } from '../table/cells.ts';

test('names of signers: a domain with a dot and a path, however long the text', () => {
  const isRefused = (signerName: string): boolean =>
    certificateSigningRequest.validate!({ metadata: { name: 'x' }, spec: { signerName } } as never).some(
      (one) => one.field === 'spec.signerName',
    );
  for (const name of ['a.b/c', 'example.com/a/b', 'a..b/c', '.../c']) assert.equal(isRefused(name), false, name);
  const started = performance.now();
  for (const name of ['a', 'a/b', '.a/b', 'a./b', 'a.b', 'a.b/', '/a.b/c', '.'.repeat(200_000)])
    assert.equal(isRefused(name), true, name.slice(0, 20));
  assert.ok(performance.now() - started < 1_000);
});

const hollowPod = {
  containers: [
    {
      env: [{}, { valueFrom: {} }],
      envFrom: [{}],
      ports: [{}],
      volumeMounts: [{}],
      volumeDevices: [{}],
      readinessProbe: { httpGet: {} },
      lifecycle: { preStop: {} },
      securityContext: { seccompProfile: {}, appArmorProfile: {} },
      resizePolicy: [{}],
    },
  ],
  initContainers: [{}],
  ephemeralContainers: [{}],
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {},
      preferredDuringSchedulingIgnoredDuringExecution: [{}],
    },
    podAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [{}],
      preferredDuringSchedulingIgnoredDuringExecution: [{}],
    },
  },
  topologySpreadConstraints: [{}],
  volumes: [
    {},
    { secret: {} },
    { configMap: {} },
    { projected: { sources: [{}, { secret: {} }, { serviceAccountToken: {} }] } },
    { ephemeral: {} },
    { ephemeral: { volumeClaimTemplate: {} } },
    { csi: {} },
    { hostPath: {} },
    { image: {} },
    { downwardAPI: { items: [{}] } },
  ],
  tolerations: [{}],
  hostAliases: [{}],
  schedulingGates: [{}],
  readinessGates: [{}],
  resourceClaims: [{}],
  dnsConfig: { options: [{}] },
};
const hollow: readonly object[] = [
  {},
  { spec: {} },
  { spec: { template: {} } },
  {
    spec: {
      selector: {},
      template: { spec: hollowPod },
      jobTemplate: {},
      updateStrategy: {},
      strategy: {},
      volumeClaimTemplates: [{}],
    },
  },
  { spec: hollowPod },
  {
    spec: {
      ports: [{}],
      tls: {},
      to: {},
      alternateBackends: [{}],
      httpHeaders: { actions: { request: [{}] } },
      port: {},
      rules: [{ http: {} }, { http: { paths: [{}] } }],
      defaultBackend: {},
      limits: [{}],
      hard: {},
      taints: [{}],
      parameters: {},
      claimRef: {},
      dataSource: {},
      dataSourceRef: {},
      scopeSelector: {},
      podFailurePolicy: { rules: [{}] },
    },
  },
  { spec: { tls: [{}], ingressClassName: '' } },
  {
    subsets: [{}, { ports: [{}], addresses: [{}] }],
    rules: [{}],
    subjects: [{}],
    endpoints: [{}],
    ports: [{}],
    roleRef: {},
    aggregationRule: {},
  },
  {
    status: {
      conditions: [{}],
      containerStatuses: [{}],
      podIPs: [{}],
      addresses: [{}],
      loadBalancer: { ingress: [{}] },
      ingress: [{}],
    },
  },
];
const context = { now: 0, subresource: '', userName: 'ann', uuid: () => 'u' };

test('objects with holes are answered, never a crash', async () => {
  let checked = 0;
  for (const row of kindTable.rows.filter((one) => one.servedByDefault)) {
    const behaviour = kindTable.behaviour(row);
    for (const fields of hollow) {
      let object: Mutable<KubernetesObject>;
      try {
        const raw = {
          apiVersion: apiVersionOf(row),
          kind: row.kind,
          metadata: { name: 'x' },
          ...structuredClone(fields),
        };
        ({ object } = decodeObject(row, raw, { fieldValidation: 'Ignore' }));
      } catch (error) {
        assert.ok(error instanceof ApiError, `${row.kind}: ${String(error)}`);
        continue;
      }
      applyDefaults(row.typeName, object, 0);
      await behaviour.load?.(object);
      const previous = structuredClone(object);
      behaviour.prepareForCreate?.(object, context);
      behaviour.validate?.(object);
      behaviour.warnings?.(object, undefined);
      behaviour.selectableFields?.(object);
      for (const subresource of ['', ...Object.keys(row.subresources)]) {
        const changed = structuredClone(object);
        behaviour.prepareForUpdate?.(changed, previous, { ...context, subresource });
        behaviour.validateUpdate?.(changed, previous, subresource);
      }
      // Of addresses upstream tells an age for which it has no column.
      const more = row.kind === 'IPAddress' ? 1 : 0;
      assert.equal(tableCells(row, object, 0).length, row.columns.length + more, row.kind);
      checked++;
    }
  }
  assert.ok(checked > 300, `${checked} objects`);
});

test('long lists of a Pod that are alike cost time and memory with their length, not with its square', () => {
  const ports = Array.from({ length: 20_000 }, () => ({ containerPort: 80 }));
  const apart = Array.from({ length: 20_000 }, (_, index) => ({ containerPort: 80, hostPort: 1 + index }));
  const topologySpreadConstraints = Array.from({ length: 20_000 }, (_, index) => ({
    maxSkew: 1,
    topologyKey: `example.com/${index}`,
    whenUnsatisfiable: 'DoNotSchedule',
  }));
  const started = performance.now();
  const warnings = podWarnings('', { containers: [{ name: 'a', ports }] }, undefined);
  assert.equal(warnings.length, 100);
  assert.equal(warnings[0], 'spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]');
  assert.deepEqual(podWarnings('', { containers: [{ name: 'a', ports: apart }] }, undefined), []);
  assert.deepEqual(spreadErrors('spec', topologySpreadConstraints), []);
  const keys = (prefix: string) => Array.from({ length: 20_000 }, (_, index) => `${prefix}${index}`);
  const term = {
    topologyKey: 'zone',
    labelSelector: { matchLabels: { app: 'web' } },
    matchLabelKeys: keys('a'),
    mismatchLabelKeys: keys('b'),
  };
  const affinity = { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } };
  assert.deepEqual(affinityErrors('spec', affinity), []);
  const claims = keys('c').map((name) => ({ name }));
  assert.deepEqual(resourceRequirementErrors('spec', { claims }, new Set(keys('c'))), []);
  assert.equal(resourceRequirementErrors('spec', { claims }, new Set(keys('d'))).length, 20_000);
  const unknown = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`u${index}`, 1]));
  const row = kindTable.findKind('', 'v1', 'ConfigMap')!;
  assert.equal(
    decodeObject(row, { metadata: { name: 'x' }, ...unknown }, { fieldValidation: 'Warn' }).warnings.length,
    100,
  );
  assert.ok(performance.now() - started < 3_000);
});

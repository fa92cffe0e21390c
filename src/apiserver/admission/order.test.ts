import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import { createMemoryStore } from '#storage/memory/store.ts';
import { kindTable } from '#api/kinds.ts';
import type { AdmissionAttributes, Server } from '../context.ts';
import { admissionOrder } from './order.ts';

/** Those that are on by default in 1.36, in the order in which upstream runs them (kube-apiserver's AllOrderedPlugins). */
const upstream = [
  'NamespaceLifecycle',
  'LimitRanger',
  'ServiceAccount',
  'NodeRestriction',
  'TaintNodesByCondition',
  'PodSecurity',
  'Priority',
  'DefaultTolerationSeconds',
  'DefaultStorageClass',
  'StorageObjectInUseProtection',
  'PodGroupProtection',
  'PersistentVolumeClaimResize',
  'RuntimeClass',
  'CertificateApproval',
  'CertificateSigning',
  'ClusterTrustBundleAttest',
  'CertificateSubjectRestriction',
  'DefaultIngressClass',
  'PodTopologyLabels',
  'PodGroupWorkloadExists',
  'NodeDeclaredFeatureValidator',
  'JobValidation',
  'PodResizeValidator',
  'MutatingAdmissionPolicy',
  'MutatingAdmissionWebhook',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionWebhook',
  'ResourceQuota',
];
/** Plugins here that are several of upstream's at once, each of another kind of object, so that no order among them is seen. */
const several: Readonly<Record<string, readonly string[]>> = {
  CertificateRequests: ['CertificateApproval', 'CertificateSigning', 'CertificateSubjectRestriction'],
  PodCertificates: ['ClusterTrustBundleAttest'],
  PodGroups: ['PodGroupProtection', 'PodGroupWorkloadExists', 'JobValidation'],
};
/** What upstream does elsewhere than in admission, or not at all. */
const own = new Set(['RouteHost', 'RBACEscalation', 'PolicyParamAccess']);
/** Done where a Pod is resized (registry), not by a plugin. */
const elsewhere = new Set(['PodResizeValidator']);

test("plugins run in upstream's order, and none that is on by default is missing", () => {
  const plugins = admissionOrder(createMemoryStore({ clock: new VirtualClock(0) }));
  const names = plugins.map((one) => one.name);
  const places = names.filter((name) => !own.has(name)).map((name) => (several[name] ?? [name])[0]!);
  const expected = upstream.filter((name) => places.includes(name));
  assert.deepEqual(places, expected);
  const all = new Set(names.flatMap((name) => several[name] ?? [name]));
  assert.deepEqual(
    upstream.filter((name) => !all.has(name) && !elsewhere.has(name)),
    [],
  );
  // Between what completes the object and what others decide about it; grants are looked at as upstream's storage does.
  const [firstOfOthers, lastThatChanges] = ['MutatingAdmissionPolicy', 'MutatingAdmissionWebhook'];
  const isLast = (name: string) => name === 'RBACEscalation';
  assert.ok([...own].every((name) => isLast(name) || names.indexOf(name) < names.indexOf(firstOfOthers!)));
  assert.ok(names.indexOf('RBACEscalation') > names.indexOf(lastThatChanges!));
  for (const plugin of plugins) plugin.close?.();
});

test('a plugin that says a kind does not concern it leaves all of that kind as it is', async () => {
  const never = (what: string): never => {
    throw new Error(`${what} was looked at`);
  };
  const nothing = (what: string): never => new Proxy({}, { get: () => never(what), has: () => never(what) }) as never;
  const server = {
    options: { podSecurity: undefined },
    gates: { isOn: () => true },
  } as unknown as Server;
  const operations = ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'] as const;
  const rows = kindTable.rows;
  const spared = new Set<string>();
  for (const plugin of admissionOrder(createMemoryStore({ clock: new VirtualClock(0) })))
    for (const row of rows) {
      if (plugin.concerns?.(row) ?? true) continue;
      spared.add(plugin.name);
      for (const operation of operations)
        for (const subresource of ['', 'status', 'resize', 'binding', 'approval', 'eviction', 'ephemeralcontainers']) {
          const attributes = {
            operation,
            row,
            requested: row,
            subresource,
            namespace: 'default',
            name: 'one',
            object: nothing('the object'),
            old: nothing('the old object'),
            user: nothing('the user'),
          } as unknown as AdmissionAttributes;
          assert.equal(plugin.mutate?.(attributes, server), undefined, `${plugin.name}: ${row.resource}`);
          assert.equal(plugin.validate?.(attributes, server), undefined, `${plugin.name}: ${row.resource}`);
        }
    }
  assert.deepEqual([...spared].toSorted(), [
    'CertificateRequests',
    'DefaultIngressClass',
    'DefaultStorageClass',
    'DefaultTolerationSeconds',
    'LimitRanger',
    'NodeDeclaredFeatureValidator',
    'PersistentVolumeClaimResize',
    'PodCertificates',
    'PodGroups',
    'PodSecurity',
    'PodTopologyLabels',
    'PolicyParamAccess',
    'Priority',
    'RBACEscalation',
    'RouteHost',
    'RuntimeClass',
    'ServiceAccount',
    'StorageObjectInUseProtection',
    'TaintNodesByCondition',
  ]);
  assert.ok(rows.length > 60);
});

// A namespace that ends, with content that does not go by itself: conditions and messages as observed upstream.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  ConfigMaps,
  Namespaces,
  Secrets,
  ServiceAccounts,
  ValidatingAdmissionPolicies,
  ValidatingAdmissionPolicyBindings,
} from '#api/generated/kind-references.ts';
import type { Json } from '#kit/start-api-server.ts';
import { startControlPlane, type TestControlPlane } from '#kit/start-control-plane.ts';

let cluster: TestControlPlane;
before(async () => void (cluster = await startControlPlane()));
after(() => cluster[Symbol.asyncDispose]());

const fine = [
  ['NamespaceDeletionDiscoveryFailure', 'False', 'ResourcesDiscovered', 'All resources successfully discovered'],
  [
    'NamespaceDeletionGroupVersionParsingFailure',
    'False',
    'ParsedGroupVersions',
    'All legacy kube types successfully parsed',
  ],
  [
    'NamespaceDeletionContentFailure',
    'False',
    'ContentDeleted',
    'All content successfully deleted, may be waiting on finalization',
  ],
];
const conditionsOf = async (name: string): Promise<string[][]> => {
  const { conditions } = (await cluster.find(Namespaces, undefined, name)).status;
  return (conditions ?? []).map((one: Json) => [one.type, one.status, one.reason, one.message]);
};
const isGone = (name: string) =>
  cluster.eventually(async () => assert.equal(await cluster.find(Namespaces, undefined, name), undefined), 60_000);

test('what has finalizers holds it up; its conditions count them; nothing new comes in', async () => {
  await cluster.create(Namespaces, { metadata: { name: 'held' } });
  const hold = ['example.com/hold'];
  const here = { namespace: 'held' };
  await cluster.create(ConfigMaps, { metadata: { name: 'a', ...here, finalizers: hold } });
  await cluster.create(ConfigMaps, { metadata: { name: 'b', ...here, finalizers: [...hold, 'example.com/other'] } });
  await cluster.create(Secrets, { metadata: { name: 's', ...here, finalizers: hold } });
  await cluster.create(ServiceAccounts, { metadata: { name: 'goes', ...here } });
  const path = '/api/v1/namespaces/held';
  const answer = await cluster.api.delete(path);
  assert.equal(answer.kind, 'Namespace');
  assert.equal(answer.status.phase, 'Terminating');
  assert.deepEqual(answer.spec.finalizers, ['kubernetes']);
  await cluster.eventually(async () =>
    assert.deepEqual(await conditionsOf('held'), [
      ...fine,
      [
        'NamespaceContentRemaining',
        'True',
        'SomeResourcesRemain',
        'Some resources are remaining: configmaps. has 2 resource instances, secrets. has 1 resource instances',
      ],
      [
        'NamespaceFinalizersRemaining',
        'True',
        'SomeFinalizersRemain',
        'Some content in the namespace has finalizers remaining: example.com/hold in 3 resource instances, example.com/other in 1 resource instances',
      ],
    ]),
  );
  assert.equal(await cluster.find(ServiceAccounts, 'held', 'goes'), undefined);

  const late = await cluster.api.send('POST', `${path}/configmaps`, { body: { metadata: { name: 'late' } } });
  assert.equal(late.status, 403);
  assert.deepEqual(late.json.details, {
    name: 'late',
    kind: 'configmaps',
    causes: [
      {
        reason: 'NamespaceTerminating',
        message: 'namespace held is being terminated',
        field: 'metadata.namespace',
      },
    ],
  });
  assert.equal((await cluster.api.delete(path)).status.phase, 'Terminating', 'asked once more, it goes on');

  for (const rest of ['configmaps/a', 'configmaps/b', 'secrets/s'])
    await cluster.api.patch(`${path}/${rest}`, 'merge', { metadata: { finalizers: null } });
  await isGone('held');
});

test('what may not be deleted is told, each kind once, and keeps nothing else', async () => {
  await cluster.create(Namespaces, { metadata: { name: 'guarded', labels: { guarded: 'yes' } } });
  await cluster.create(ValidatingAdmissionPolicies, {
    metadata: { name: 'keep' },
    spec: {
      matchConstraints: {
        resourceRules: [
          { apiGroups: [''], apiVersions: ['v1'], operations: ['DELETE'], resources: ['configmaps', 'secrets'] },
        ],
        namespaceSelector: { matchLabels: { guarded: 'yes' } },
      },
      validations: [{ expression: "!('keep' in oldObject.metadata.?labels.orValue({}))", message: 'is to stay' }],
    },
  });
  const binding = { policyName: 'keep', validationActions: ['Deny'] };
  await cluster.create(ValidatingAdmissionPolicyBindings, { metadata: { name: 'keep' }, spec: binding });
  const keep = { namespace: 'guarded', labels: { keep: '1' } };
  // More than are deleted at a time, and before all that may go.
  const kept = Array.from({ length: 60 }, (_, index) => `a-${index + 10}`);
  for (const name of kept) await cluster.create(ConfigMaps, { metadata: { name, ...keep } });
  await cluster.create(Secrets, { metadata: { name: 's', ...keep } });
  for (const name of ['y', 'z']) await cluster.create(ConfigMaps, { metadata: { name, namespace: 'guarded' } });
  await cluster.create(ServiceAccounts, { metadata: { name: 'goes', namespace: 'guarded' } });
  await cluster.api.delete('/api/v1/namespaces/guarded');
  const denied = (what: string): string =>
    `${what} is forbidden: ValidatingAdmissionPolicy 'keep' with binding 'keep' denied request: is to stay`;
  await cluster.eventually(async () => {
    const conditions = await conditionsOf('guarded');
    assert.deepEqual(
      conditions.filter(([, status]) => status === 'True'),
      [
        [
          'NamespaceDeletionContentFailure',
          'True',
          'ContentDeletionFailed',
          `Failed to delete all resource types, 2 remaining: ${denied('configmaps "a-10"')}, ${denied('secrets "s"')}`,
        ],
      ],
    );
  }, 30_000);
  const left = await cluster.list(ConfigMaps, 'guarded');
  assert.deepEqual(
    left.map((one) => one.metadata.name),
    kept,
  );
  assert.deepEqual(await cluster.list(ServiceAccounts, 'guarded'), []);

  await cluster.api.delete('/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/keep');
  await isGone('guarded');
});

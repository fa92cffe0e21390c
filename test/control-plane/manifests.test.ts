// Directories of manifests on the whole control plane: applied, retried, changed, deleted, and their mistakes told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigMaps, Events, Namespaces, Secrets } from '#api/generated/kind-references.ts';
import { Manifests } from '#assembly/manifests/manifests.ts';
import { silentLogger } from '#base/log.ts';
import { Scope } from '#base/scope.ts';
import { createEventRecorder } from '#client/event-recorder.ts';
import { memoryFileTree } from '#kustomize/file-tree.ts';
import { startControlPlane, type TestControlPlane } from '#kit/start-control-plane.ts';

const patterns = ['/data/manifests', '/etc/manifests', '/etc/manifests.d/*'];
const configMap = (name: string, data = 'a: "1"', namespace = 'default') =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}, namespace: ${namespace}}\ndata: {${data}}\n`;

interface Machine extends AsyncDisposable {
  readonly files: Record<string, string>;
  readonly manifests: Manifests;
  /** Paths that are watched now. */
  watched(): readonly string[];
  /** As the kernel would. */
  changed(): void;
}

function startManifests(plane: TestControlPlane, files: Record<string, string>): Machine {
  const clock = plane.api.virtualClock;
  let watched: readonly string[] = [];
  let listener = () => {};
  const recorder = createEventRecorder({ client: plane.admin, component: 'test', clock, logger: silentLogger });
  const manifests = new Manifests({
    client: plane.admin,
    events: async () => recorder,
    clock,
    logger: silentLogger,
    tree: memoryFileTree(files),
    matching: async (pattern) => {
      const directories = new Set(Object.keys(files).map((file) => file.slice(0, file.lastIndexOf('/'))));
      const wanted = new RegExp(`^${pattern.replaceAll('*', '[^/]*')}$`);
      return [...directories].filter((one) => wanted.test(one)).toSorted();
    },
    watch: (paths, onChange) => {
      watched = paths;
      listener = onChange;
      return { watch: (next) => void (watched = next), [Symbol.dispose]: () => {} };
    },
    patterns: () => patterns,
  });
  const scope = new Scope('manifests', (task, error) => {
    throw new Error(`${task}: ${String(error)}`);
  });
  manifests.start(scope);
  return {
    files,
    manifests,
    watched: () => watched,
    changed: () => listener(),
    async [Symbol.asyncDispose]() {
      await scope.close();
      await recorder.close();
    },
  };
}

const dataOf = async (plane: TestControlPlane, name: string, namespace = 'default') =>
  (await plane.find(ConfigMaps, namespace, name))?.data;
const events = async (plane: TestControlPlane): Promise<string[]> =>
  (await plane.list(Events, 'default'))
    .filter((one) => one.involvedObject.name === 'kube-system')
    .map((one) => `${one.type} ${one.reason} ${one.message}`);

test('objects are applied by server-side apply, namespaces first, and over what others set', async () => {
  await using plane = await startControlPlane();
  await plane.create(ConfigMaps, {
    metadata: { name: 'taken', namespace: 'default' },
    data: { a: 'theirs', b: 'kept' },
  });
  await using machine = startManifests(plane, {
    '/etc/manifests/kustomization.yaml':
      'sortOptions: {order: fifo}\nresources: [web.yaml, taken.yaml, namespace.yaml]\nsecretGenerator: [{name: key, literals: [k=v]}]\n',
    '/etc/manifests/web.yaml': configMap('web', 'a: "1"', 'shop'),
    '/etc/manifests/taken.yaml': configMap('taken', 'a: ours'),
    '/etc/manifests/namespace.yaml': 'apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n',
  });
  await plane.eventually(async () => {
    assert.deepEqual(await dataOf(plane, 'web', 'shop'), { a: '1' });
    assert.deepEqual(await dataOf(plane, 'taken'), { a: 'ours', b: 'kept' });
    const secrets = (await plane.list(Secrets, 'default')).map((one) => one.metadata.name as string);
    assert.ok(secrets.some((name) => /^key-[a-z0-9]{10}$/.test(name)));
  });
  const [owner] = (await plane.find(ConfigMaps, 'shop', 'web')).metadata.managedFields;
  assert.deepEqual([owner.manager, owner.operation], ['microshift-manifests', 'Apply']);
  assert.deepEqual(machine.manifests.problems(), []);
  await plane.eventually(async () =>
    assert.deepEqual(await events(plane), ['Normal ManifestsApplied /etc/manifests: 4 objects applied']),
  );
});

test('a directory that cannot be read is told; its neighbours are applied; mending it is enough', async () => {
  await using plane = await startControlPlane();
  await using machine = startManifests(plane, {
    '/data/manifests/kustomization.yaml': 'resources: [missing.yaml]\n',
    '/etc/manifests.d/a/Kustomization': 'resources: [a.yaml]\n',
    '/etc/manifests.d/a/a.yaml': configMap('a'),
    '/etc/manifests.d/b/kustomization.yml': 'resources: [b.yaml]\nnonsense: true\n',
    '/etc/manifests.d/b/b.yaml': configMap('b'),
    '/etc/manifests.d/none/readme.txt': 'no kustomization',
  });
  await plane.eventually(async () => assert.deepEqual(await dataOf(plane, 'a'), { a: '1' }));
  await plane.eventually(async () => assert.equal(machine.manifests.problems().length, 2));
  const [first, second] = machine.manifests.problems();
  assert.equal(
    first,
    "/data/manifests/kustomization.yaml: accumulating resources from 'missing.yaml': 'missing.yaml': no such file or directory",
  );
  assert.equal(second, '/etc/manifests.d/b/kustomization.yml: invalid Kustomization: json: unknown field "nonsense"');
  await plane.eventually(async () => assert.ok((await events(plane)).includes(`Warning ManifestsFailed ${first}`)));
  assert.ok(machine.watched().includes('/data/manifests/missing.yaml'), machine.watched().join(' '));

  machine.files['/data/manifests/missing.yaml'] = configMap('found');
  machine.files['/etc/manifests.d/b/kustomization.yml'] = 'resources: [b.yaml]\n';
  machine.changed();
  await plane.eventually(async () => {
    assert.deepEqual(await dataOf(plane, 'found'), { a: '1' });
    assert.deepEqual(await dataOf(plane, 'b'), { a: '1' });
    assert.deepEqual(machine.manifests.problems(), []);
  }, 200);
});

test('what the cluster refuses is tried again, alone, until it is taken', async () => {
  await using plane = await startControlPlane();
  await using machine = startManifests(plane, {
    '/etc/manifests/kustomization.yaml': 'resources: [all.yaml]\n',
    '/etc/manifests/all.yaml': `${configMap('early')}---\n${configMap('late', 'a: "1"', 'not-yet')}`,
  });
  await plane.eventually(async () => {
    assert.deepEqual(await dataOf(plane, 'early'), { a: '1' });
    assert.deepEqual(machine.manifests.problems(), [
      '/etc/manifests: one object is not applied: ConfigMap not-yet/late: namespaces "not-yet" not found',
    ]);
  });
  await plane.api.patch('/api/v1/namespaces/default/configmaps/early', 'merge', { data: { a: 'changed' } });
  await plane.create(Namespaces, { metadata: { name: 'not-yet' } });
  await plane.eventually(async () => {
    assert.deepEqual(await dataOf(plane, 'late', 'not-yet'), { a: '1' });
    assert.deepEqual(machine.manifests.problems(), []);
  }, 30_000);
  assert.deepEqual(await dataOf(plane, 'early'), { a: 'changed' });
});

test('after ten minutes of failures it is tried every five minutes', async () => {
  await using plane = await startControlPlane();
  await using machine = startManifests(plane, {
    '/etc/manifests/kustomization.yaml': 'resources: [a.yaml]\n',
    '/etc/manifests/a.yaml': configMap('a', 'a: "1"', 'missing'),
  });
  await plane.eventually(async () => assert.equal(machine.manifests.problems().length, 1));
  await plane.pass(620_000);
  const clock = plane.api.virtualClock;
  await plane.create(Namespaces, { metadata: { name: 'missing' } });
  await plane.pass(60_000);
  assert.equal(await dataOf(plane, 'a', 'missing'), undefined, `at ${clock.monotonicMs()} ms`);
  await plane.pass(300_000);
  assert.deepEqual(await dataOf(plane, 'a', 'missing'), { a: '1' });
});

test('changed files are applied at once, new directories too, and unchanged ones are left alone', async () => {
  await using plane = await startControlPlane();
  await using machine = startManifests(plane, {
    '/etc/manifests/kustomization.yaml': 'resources: [a.yaml, ../base]\n',
    '/etc/manifests/a.yaml': configMap('a'),
    '/etc/base/kustomization.yaml': 'resources: [c.yaml]\n',
    '/etc/base/c.yaml': configMap('c'),
  });
  await plane.eventually(async () => assert.deepEqual(await dataOf(plane, 'c'), { a: '1' }));
  for (const path of ['/etc/manifests', '/etc/manifests.d', '/etc/base/c.yaml', '/etc/manifests/a.yaml'])
    assert.ok(machine.watched().includes(path), path);
  const { resourceVersion } = (await plane.find(ConfigMaps, 'default', 'a')).metadata;

  machine.changed();
  await plane.pass(2_000);
  assert.equal((await plane.find(ConfigMaps, 'default', 'a')).metadata.resourceVersion, resourceVersion);

  machine.files['/etc/base/c.yaml'] = configMap('c', 'b: "2"');
  machine.files['/etc/manifests.d/new/kustomization.yaml'] = 'configMapGenerator: [{name: made, literals: [x=y]}]\n';
  machine.changed();
  await plane.eventually(async () => {
    assert.deepEqual(await dataOf(plane, 'c'), { b: '2' });
    assert.ok((await plane.list(ConfigMaps, 'default')).some((one) => one.metadata.name.startsWith('made-')));
  }, 200);
});

test('the directory delete removes its objects before anything is applied, and none is no failure', async () => {
  await using plane = await startControlPlane();
  await plane.create(ConfigMaps, { metadata: { name: 'old', namespace: 'default' } });
  await plane.create(ConfigMaps, { metadata: { name: 'again', namespace: 'default' }, data: { old: 'yes' } });
  await plane.create(ConfigMaps, { metadata: { name: 'dropped', namespace: 'default' } });
  await using machine = startManifests(plane, {
    '/etc/manifests/delete/kustomization.yaml': 'resources: [old.yaml]\n',
    '/etc/manifests/delete/old.yaml': `${configMap('old')}---\n${configMap('again')}---\n${configMap('never')}---\napiVersion: x.example.com/v1\nkind: Unknown\nmetadata: {name: u}\n`,
    '/etc/manifests.d/delete/app/kustomization.yaml': 'resources: [x.yaml]\n',
    '/etc/manifests.d/delete/app/x.yaml': configMap('dropped'),
    '/etc/manifests/kustomization.yaml': 'resources: [again.yaml]\n',
    '/etc/manifests/again.yaml': configMap('again', 'new: "yes"'),
  });
  await plane.eventually(async () => {
    assert.equal(await plane.find(ConfigMaps, 'default', 'old'), undefined);
    assert.equal(await plane.find(ConfigMaps, 'default', 'dropped'), undefined);
    assert.deepEqual(await dataOf(plane, 'again'), { new: 'yes' });
  });
  assert.deepEqual(machine.manifests.problems(), []);
});

test('custom resources are applied behind their definition, as soon as they are served', async () => {
  await using plane = await startControlPlane();
  await using machine = startManifests(plane, {
    '/etc/manifests/kustomization.yaml':
      'sortOptions: {order: fifo}\nresources: [thing.yaml, other.yaml, definition.yaml]\n',
    '/etc/manifests/thing.yaml': 'apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: t}\nspec: {size: 3}\n',
    '/etc/manifests/other.yaml': 'apiVersion: other.example.com/v1\nkind: Other\nmetadata: {name: o}\n',
    '/etc/manifests/definition.yaml': JSON.stringify({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'things.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural: 'things', kind: 'Thing', listKind: 'ThingList', singular: 'thing' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        ],
      },
    }),
  });
  const things = { group: 'example.com', version: 'v1', resource: 'things', kind: 'Thing', namespaced: true };
  await plane.eventually(async () => {
    assert.deepEqual((await plane.find(things, 'default', 't'))?.spec, { size: 3 });
    assert.deepEqual(machine.manifests.problems(), [
      '/etc/manifests: one object is not applied: Other o: no matches for kind "Other" in version "other.example.com/v1"',
    ]);
  });
});

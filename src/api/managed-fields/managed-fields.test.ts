import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#kit/fuzz-seed.ts';
import type { KindRow, KubernetesObject, Mutable } from '../kind.ts';
import { applyDefaults } from '../schema/defaults.ts';
import { decodeObject } from '../schema/decode.ts';
import { typeFacts } from '../schema/type-table.ts';
import { ApiError } from '../status.ts';
import { applyConfiguration, type ApplyRequest } from './apply-configuration.ts';
import { FieldSet, fromFieldsV1, pathText, toFieldsV1 } from './field-set.ts';
import { shapeOfStruct } from './shape.ts';
import { trackUpdate } from './track-update.ts';
import { fieldSetOf } from './walk.ts';

const row = (
  group: string,
  kind: string,
  typeName: string,
  resetFields: Readonly<Record<string, string[]>> = {},
): KindRow =>
  ({
    group,
    version: 'v1',
    kind,
    typeName,
    resource: `${kind.toLowerCase()}s`,
    namespaced: true,
    strategy: { resetFields },
  }) as unknown as KindRow;
const deployments = row('apps', 'Deployment', 'io.k8s.api.apps.v1.Deployment', { '': ['status'], status: ['spec'] });
const configMaps = row('', 'ConfigMap', 'io.k8s.api.core.v1.ConfigMap');
const services = row('', 'Service', 'io.k8s.api.core.v1.Service', { '': ['status'] });
const now = Date.parse('2026-01-02T03:04:05.678Z');
const later = now + 60_000;

const stored = (target: KindRow, raw: unknown): Mutable<KubernetesObject> => {
  const { object } = decodeObject(target, raw, { fieldValidation: 'Strict' });
  applyDefaults(target.typeName, object);
  return object;
};
const created = (target: KindRow, raw: unknown, manager = 'creator'): Mutable<KubernetesObject> => {
  const object = stored(target, raw);
  trackUpdate(target, undefined, object, { manager, subresource: '', now });
  return object;
};
const updated = (
  target: KindRow,
  live: KubernetesObject,
  raw: unknown,
  manager: string,
  subresource = '',
  at = later,
) => {
  const object = stored(target, raw);
  trackUpdate(target, live, object, { manager, subresource, now: at });
  return object;
};
const applied = (
  target: KindRow,
  live: KubernetesObject | undefined,
  body: object,
  options: Partial<ApplyRequest> = {},
) =>
  applyConfiguration({
    row: target,
    live,
    applied: { apiVersion: target.group === '' ? 'v1' : `${target.group}/v1`, kind: target.kind, ...body },
    manager: 'applier',
    force: false,
    subresource: '',
    now,
    ...options,
  });
const owners = (object: KubernetesObject) =>
  Object.fromEntries(
    (object.metadata.managedFields ?? []).map((entry) => [
      `${entry.manager}/${entry.operation}${entry.subresource === undefined ? '' : `/${entry.subresource}`}`,
      entry.fieldsV1,
    ]),
  );
const member = (object: KubernetesObject, name: string): unknown =>
  (object as unknown as Record<string, unknown>)[name];

test('a created object is owned by its creator, server-set identity by nobody', () => {
  const object = created(configMaps, { metadata: { name: 'a', namespace: 'n', labels: { x: 'y' } }, data: { k: 'v' } });
  assert.deepEqual(object.metadata.managedFields, [
    {
      manager: 'creator',
      operation: 'Update',
      apiVersion: 'v1',
      time: '2026-01-02T03:04:05Z',
      fieldsType: 'FieldsV1',
      fieldsV1: { 'f:data': { '.': {}, 'f:k': {} }, 'f:metadata': { 'f:labels': { '.': {}, 'f:x': {} } } },
    },
  ]);
});

test('a Deployment has the owned fields that upstream records on create', () => {
  const object = created(deployments, {
    metadata: { name: 'd' },
    spec: {
      selector: { matchLabels: { a: 'b' } },
      template: {
        metadata: { labels: { a: 'b' } },
        spec: { containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80 }] }] },
      },
    },
  });
  assert.deepEqual(owners(object)['creator/Update'], {
    'f:spec': {
      'f:progressDeadlineSeconds': {},
      'f:replicas': {},
      'f:revisionHistoryLimit': {},
      'f:selector': {},
      'f:strategy': { 'f:rollingUpdate': { '.': {}, 'f:maxSurge': {}, 'f:maxUnavailable': {} }, 'f:type': {} },
      'f:template': {
        'f:metadata': { 'f:labels': { '.': {}, 'f:a': {} } },
        'f:spec': {
          'f:containers': {
            'k:{"name":"c"}': {
              '.': {},
              'f:image': {},
              'f:imagePullPolicy': {},
              'f:name': {},
              'f:ports': {
                '.': {},
                'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {}, 'f:protocol': {} },
              },
              'f:resources': {},
              'f:terminationMessagePath': {},
              'f:terminationMessagePolicy': {},
            },
          },
          'f:dnsPolicy': {},
          'f:restartPolicy': {},
          'f:schedulerName': {},
          'f:securityContext': {},
          'f:terminationGracePeriodSeconds': {},
        },
      },
    },
  });
});

test('who changes a field takes it, who changes nothing gets nothing, and times stay', () => {
  const object = created(configMaps, { metadata: { name: 'a' }, data: { k: 'v', l: 'w' } });
  const next = updated(configMaps, object, { metadata: { name: 'a' }, data: { k: 'new', l: 'w' } }, 'second');
  assert.deepEqual(owners(next), {
    'creator/Update': { 'f:data': { '.': {}, 'f:l': {} } },
    'second/Update': { 'f:data': { 'f:k': {} } },
  });
  const same = updated(
    configMaps,
    next,
    { metadata: { name: 'a' }, data: { k: 'new', l: 'w' } },
    'third',
    '',
    later + 60_000,
  );
  assert.deepEqual(same.metadata.managedFields, next.metadata.managedFields);
  const removed = updated(configMaps, next, { metadata: { name: 'a' }, data: { l: 'w' } }, 'third');
  assert.deepEqual(owners(removed), { 'creator/Update': { 'f:data': { '.': {}, 'f:l': {} } } });
});

test('status belongs to the updater of the status subresource', () => {
  const raw = { metadata: { name: 'd' }, spec: { selector: {}, template: { spec: { containers: [] } } } };
  const object = created(deployments, { ...raw, status: { replicas: 3 } });
  assert.equal('f:status' in owners(object)['creator/Update']!, false);
  const next = updated(
    deployments,
    object,
    { ...raw, spec: { ...raw.spec, replicas: 5 }, status: { replicas: 2 } },
    'controller',
    'status',
  );
  assert.deepEqual(owners(next)['controller/Update/status'], { 'f:status': { 'f:replicas': {} } });
});

test('objects without recorded owners stay without, and one empty entry makes the server forget', () => {
  const bare = stored(configMaps, { metadata: { name: 'a', uid: 'u' }, data: { k: 'v' } });
  assert.equal(
    updated(configMaps, bare, { metadata: { name: 'a' }, data: { k: 'x' } }, 'm').metadata.managedFields,
    undefined,
  );
  const object = created(configMaps, { metadata: { name: 'a' }, data: { k: 'v' } });
  assert.equal(
    updated(configMaps, object, { metadata: { name: 'a', managedFields: [{}] }, data: { k: 'v' } }, 'm').metadata
      .managedFields,
    undefined,
  );
});

test('old updaters are joined beyond ten', () => {
  let object = created(configMaps, { metadata: { name: 'a' }, data: { k0: '0' } }, 'm0');
  const data: Record<string, string> = { k0: '0' };
  for (let index = 1; index < 14; index++) {
    data[`k${index}`] = '1';
    object = updated(
      configMaps,
      object,
      { metadata: { name: 'a' }, data: { ...data } },
      `m${index}`,
      '',
      now + index * 1000,
    );
  }
  const names = (object.metadata.managedFields ?? []).map((entry) => entry.manager);
  assert.equal(names.length, 10);
  assert.ok(names.includes('ancient-changes'));
  assert.ok(names.includes('m13'));
});

test('apply creates, merges lists by their keys and keeps what others own', () => {
  const first = applied(deployments, undefined, {
    metadata: { name: 'd' },
    spec: {
      selector: { matchLabels: { a: 'b' } },
      template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i:1' }] } },
    },
  });
  assert.equal(member(first, 'kind'), 'Deployment');
  assert.deepEqual(owners(first)['applier/Apply'], {
    'f:spec': {
      'f:selector': {},
      'f:template': {
        'f:metadata': { 'f:labels': { 'f:a': {} } },
        'f:spec': { 'f:containers': { 'k:{"name":"c"}': { '.': {}, 'f:image': {}, 'f:name': {} } } },
      },
    },
  });
  const sidecar = applied(
    deployments,
    first,
    { metadata: { name: 'd' }, spec: { template: { spec: { containers: [{ name: 's', image: 's:1' }] } } } },
    { manager: 'injector' },
  );
  const containers = (object: KubernetesObject) =>
    (
      member(object, 'spec') as { template: { spec: { containers: { name: string; image: string }[] } } }
    ).template.spec.containers.map(({ name, image }) => `${name}=${image}`);
  assert.deepEqual(containers(sidecar), ['c=i:1', 's=s:1']);
  const gone = applied(deployments, sidecar, { metadata: { name: 'd' } }, { manager: 'injector' });
  assert.deepEqual(containers(gone), ['c=i:1']);
  assert.equal('injector/Apply' in owners(gone), false);
});

test('apply removes what it no longer names, unless another owns it too', () => {
  const one = applied(configMaps, undefined, {
    metadata: { name: 'a', labels: { x: '1', y: '1' } },
    data: { k: 'v', l: 'w' },
  });
  const two = applied(configMaps, one, { metadata: { name: 'a' }, data: { l: 'w' } }, { manager: 'other' });
  const three = applied(configMaps, two, { metadata: { name: 'a', labels: { x: '1' } } });
  assert.deepEqual(member(three, 'data'), { l: 'w' });
  assert.deepEqual(three.metadata.labels, { x: '1' });
  assert.deepEqual(owners(three), {
    'applier/Apply': { 'f:metadata': { 'f:labels': { 'f:x': {} } } },
    'other/Apply': { 'f:data': { 'f:l': {} } },
  });
});

test('a field that another owns with another value is a conflict; force takes it', () => {
  const live = created(configMaps, { metadata: { name: 'a' }, data: { k: 'v', l: 'w' } });
  const body = { metadata: { name: 'a' }, data: { k: 'mine', l: 'w' } };
  assert.throws(
    () => applied(configMaps, live, body),
    (error: unknown) => {
      assert.ok(error instanceof ApiError);
      assert.equal(error.code, 409);
      assert.equal(error.message, 'Apply failed with 1 conflict: conflict with "creator" using v1: .data.k');
      assert.deepEqual(error.details, {
        causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "creator" using v1', field: '.data.k' }],
      });
      return true;
    },
  );
  const forced = applied(configMaps, live, body, { force: true });
  assert.deepEqual(owners(forced), {
    'applier/Apply': { 'f:data': { 'f:k': {}, 'f:l': {} } },
    'creator/Update': { 'f:data': { '.': {}, 'f:l': {} } },
  });
  assert.throws(
    () => applied(configMaps, live, { metadata: { name: 'a' }, data: { k: '1', l: '2' } }),
    /^ApiError: Apply failed with 2 conflicts: conflicts with "creator" using v1:\n- \.data\.k\n- \.data\.l$/,
  );
});

test('applying the same again keeps the time; another set sets it', () => {
  const body = { metadata: { name: 'a' }, data: { k: 'v' } };
  const one = applied(configMaps, undefined, body);
  const again = applied(configMaps, one, body, { now: later });
  assert.deepEqual(again, one);
  const more = applied(configMaps, one, { metadata: { name: 'a' }, data: { k: 'v', l: 'w' } }, { now: later });
  assert.equal(more.metadata.managedFields?.[0]?.time, '2026-01-02T03:05:05Z');
});

test('list items with a defaulted key are the same item', () => {
  const one = applied(services, undefined, { metadata: { name: 's' }, spec: { ports: [{ port: 80, name: 'http' }] } });
  assert.deepEqual(
    Object.keys((owners(one)['applier/Apply'] as { 'f:spec': { 'f:ports': object } })['f:spec']['f:ports']),
    ['k:{"port":80,"protocol":"TCP"}'],
  );
  const two = applied(services, one, {
    metadata: { name: 's' },
    spec: { ports: [{ port: 80, protocol: 'TCP', name: 'web' }] },
  });
  assert.deepEqual((member(two, 'spec') as { ports: unknown[] }).ports, [
    { name: 'web', protocol: 'TCP', port: 80, targetPort: 80 },
  ]);
});

test('bad configurations say what is wrong', () => {
  const refused = (body: object, pattern: RegExp, code: number) =>
    assert.throws(
      () => applied(services, undefined, body),
      (error: unknown) => {
        assert.ok(error instanceof ApiError);
        assert.match(error.message, pattern);
        assert.equal(error.code, code);
        return true;
      },
    );
  refused(
    { metadata: { name: 's' }, spec: { foo: 1 } },
    /^failed to create typed patch object \(\/s; \/v1, Kind=Service\): \.spec\.foo: field not declared in schema$/,
    500,
  );
  refused(
    { metadata: {}, spec: { ports: [{ port: 80 }, { port: 80, protocol: 'TCP' }] } },
    /\.spec\.ports: duplicate entries for key \[port=80,protocol="TCP"\]/,
    500,
  );
  refused({ metadata: { managedFields: [] } }, /metadata\.managedFields must be nil/, 400);
  refused(
    { apiVersion: 'v2', metadata: {} },
    /^Incorrect version specified in apply patch\. Specified patch version: v2, expected: v1$/,
    400,
  );
  refused(
    { metadata: {}, spec: { type: 1 } },
    /\.spec\.type: expected string, got &value\.valueUnstructured\{Value:1\}/,
    500,
  );
});

test('an object from before server-side apply gets an owner first', () => {
  const live = stored(configMaps, { metadata: { name: 'a', uid: 'u' }, data: { k: 'v' } });
  assert.throws(
    () => applied(configMaps, live, { metadata: { name: 'a' }, data: { k: 'x' } }),
    /conflict with "before-first-apply" using v1: \.data\.k/,
  );
});

test('who moves from client-side apply has no conflict with themselves', () => {
  const annotation = {
    'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a' },
      data: { k: 'v' },
    }),
  };
  const live = created(
    configMaps,
    { metadata: { name: 'a', annotations: annotation }, data: { k: 'v' } },
    'kubectl-client-side-apply',
  );
  const next = applied(configMaps, live, { metadata: { name: 'a' }, data: { k: 'new' } }, { manager: 'kubectl' });
  assert.deepEqual(member(next, 'data'), { k: 'new' });
  assert.match(next.metadata.annotations?.['kubectl.kubernetes.io/last-applied-configuration'] ?? '', /"k":"new"/);
});

const paths = fc.array(
  fc.array(fc.constantFrom('f:a', 'f:b', 'k:{"name":"x"}', 'k:{"port":80}', 'v:1', 'v:"1"'), {
    minLength: 1,
    maxLength: 3,
  }),
  { maxLength: 12 },
);
const sets = paths.map((given) => FieldSet.of(...given));

test('set algebra', () => {
  fc.assert(
    fc.property(sets, sets, sets, (a, b, c) => {
      assert.ok(a.union(b).equals(b.union(a)));
      assert.ok(a.intersection(b).equals(b.intersection(a)));
      assert.ok(a.difference(b).intersection(b).isEmpty);
      assert.ok(a.difference(b).union(a.intersection(b)).equals(a));
      assert.ok(a.intersection(b.union(c)).equals(a.intersection(b).union(a.intersection(c))));
      assert.ok(a.recursiveDifference(b).difference(a).isEmpty);
    }),
  );
});

test('fieldsV1 round trip', () => {
  fc.assert(
    fc.property(sets, (set) => {
      const text = JSON.stringify(toFieldsV1(set));
      const back = fromFieldsV1(JSON.parse(text))!;
      assert.ok(back.equals(set));
      assert.equal(JSON.stringify(toFieldsV1(back)), text);
    }),
  );
  assert.equal(fromFieldsV1({ x: {} }), undefined);
  const set = FieldSet.of(['f:b'], ['k:{"port":443}'], ['k:{"port":80}'], ['v:"x"'], ['f:a']);
  assert.deepEqual(Object.keys(toFieldsV1(set)), ['f:a', 'f:b', 'k:{"port":80}', 'k:{"port":443}', 'v:"x"']);
  assert.equal(pathText(['f:spec', 'k:{"name":"a","port":80}', 'v:"x"']), '.spec[name="a",port=80][="x"]');
});

test('whatever is applied is there, and is owned', () => {
  const shape = shapeOfStruct(typeFacts(configMaps.typeName));
  const data = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom('1', '2'), { minKeys: 1 });
  fc.assert(
    fc.property(data, data, data, (first, second, third) => {
      const one = applied(configMaps, undefined, { metadata: { name: 'x' }, data: first });
      const two = applied(
        configMaps,
        one,
        { metadata: { name: 'x' }, data: second },
        { manager: 'other', force: true },
      );
      const three = applied(configMaps, two, { metadata: { name: 'x' }, data: third }, { force: true });
      assert.deepEqual({ ...(member(three, 'data') as object), ...third }, member(three, 'data'));
      const own = fromFieldsV1(owners(three)['applier/Apply'])!;
      assert.ok(fieldSetOf(shape, { data: third }).difference(own).isEmpty);
      const names = Object.keys(member(three, 'data') as object);
      assert.ok(names.every((name) => name in third || name in second));
    }),
  );
});

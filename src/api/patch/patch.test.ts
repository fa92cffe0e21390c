import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#kit/fuzz-seed.ts';
import { ApiError } from '../status.ts';
import { applyJsonPatch, unknownOperationFields } from './json-patch.ts';
import { equalJson } from './json-values.ts';
import { applyMergePatch } from './merge-patch.ts';
import { applyStrategicMergePatch } from './strategic-merge.ts';

const pod = 'io.k8s.api.core.v1.Pod';
const deployment = 'io.k8s.api.apps.v1.Deployment';
const strategic = (document: unknown, patch: unknown, typeName = pod) =>
  applyStrategicMergePatch(typeName, document, patch);
const codeOf = (run: () => unknown): number => {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof ApiError);
    return error.code;
  }
  return 200;
};

test('merge patch: the examples of RFC 7396', () => {
  const cases: [unknown, unknown, unknown][] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  for (const [document, patch, expected] of cases) assert.deepEqual(applyMergePatch(document, patch), expected);
  assert.equal(
    codeOf(() => applyMergePatch({}, 'x')),
    400,
  );
});

test('merge patch: what was asked for is there afterwards, and nothing given is changed', () => {
  const json = fc.dictionary(fc.string({ maxLength: 3 }), fc.jsonValue({ maxDepth: 2 }));
  fc.assert(
    fc.property(json, json, (document, patch) => {
      const before = JSON.stringify([document, patch]);
      const once = applyMergePatch(document, patch);
      assert.equal(JSON.stringify([document, patch]), before);
      assert.ok(equalJson(applyMergePatch(once, patch), once));
    }),
  );
});

test('JSON patch operations', () => {
  const document = { a: { b: [1, 2, 3] }, 'x/y': 1, 'm~n': 2 };
  const apply = (...operations: unknown[]) => applyJsonPatch(document, operations);
  assert.deepEqual(apply({ op: 'add', path: '/a/b/-', value: 4 }, { op: 'add', path: '/a/b/0', value: 0 }), {
    ...document,
    a: { b: [0, 1, 2, 3, 4] },
  });
  assert.deepEqual(
    apply(
      { op: 'remove', path: '/a/b/-1' },
      { op: 'remove', path: '/x~1y' },
      { op: 'replace', path: '/m~0n', value: null },
    ),
    { a: { b: [1, 2] }, 'm~n': null },
  );
  assert.deepEqual(apply({ op: 'move', from: '/a/b', path: '/c' }), { a: {}, 'x/y': 1, 'm~n': 2, c: [1, 2, 3] });
  assert.deepEqual(
    apply(
      { op: 'copy', from: '/a/b/0', path: '/d' },
      { op: 'test', path: '/d', value: 1 },
      { op: 'test', path: '/none', value: null },
    ),
    { ...document, d: 1 },
  );
  assert.deepEqual(apply({ op: 'replace', path: '', value: { z: 1 } }), { z: 1 });
  assert.deepEqual(document, { a: { b: [1, 2, 3] }, 'x/y': 1, 'm~n': 2 });
});

test('JSON patches that do not apply are 422, what is no patch is 400', () => {
  for (const operation of [
    { op: 'remove', path: '/none' },
    { op: 'replace', path: '/l/9', value: 1 },
    { op: 'add', path: '/none/x', value: 1 },
    { op: 'add', path: '/l/9', value: 1 },
    { op: 'test', path: '/l', value: [2] },
    { op: 'move', from: '/none', path: '/x' },
    { op: 'add', value: 1 },
  ])
    assert.equal(
      codeOf(() => applyJsonPatch({ l: [1] }, [operation])),
      422,
      JSON.stringify(operation),
    );
  assert.equal(
    codeOf(() => applyJsonPatch({}, {})),
    400,
  );
  assert.equal(
    codeOf(() =>
      applyJsonPatch(
        {},
        Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/a', value: null })),
      ),
    ),
    413,
  );
  assert.deepEqual(unknownOperationFields([{ op: 'add', path: '/a', valu: 1 }]), [
    'json patch unknown field "[0].valu"',
  ]);
});

const containers = (...names: string[]) => names.map((name) => ({ name, image: `${name}:1` }));

test('strategic: lists with a merge key merge by it, the patched ones first', () => {
  const document = { spec: { containers: containers('a', 'b') } };
  assert.deepEqual(
    strategic(document, {
      spec: {
        containers: [
          { name: 'b', image: 'new' },
          { name: 'c', image: 'c' },
        ],
      },
    }),
    {
      spec: {
        containers: [
          { name: 'a', image: 'a:1' },
          { name: 'b', image: 'new' },
          { name: 'c', image: 'c' },
        ],
      },
    },
  );
  assert.deepEqual(document, { spec: { containers: containers('a', 'b') } });
});

test('strategic: $patch deletes, replaces lists and replaces maps', () => {
  const document = { spec: { containers: containers('a', 'b'), securityContext: { runAsUser: 1, fsGroup: 2 } } };
  assert.deepEqual(strategic(document, { spec: { containers: [{ name: 'a', $patch: 'delete' }] } }), {
    spec: { ...document.spec, containers: containers('b') },
  });
  assert.deepEqual(strategic(document, { spec: { containers: [{ $patch: 'replace' }, { name: 'z' }] } }), {
    spec: { ...document.spec, containers: [{ name: 'z' }] },
  });
  assert.deepEqual(strategic(document, { spec: { securityContext: { $patch: 'replace', runAsUser: 9 } } }), {
    spec: { ...document.spec, securityContext: { runAsUser: 9 } },
  });
  assert.deepEqual(strategic(document, { spec: { $patch: 'delete' } }), { spec: {} });
  assert.equal(
    codeOf(() => strategic(document, { spec: { $patch: 'x' } })),
    500,
  );
});

test('strategic: lists without a strategy are replaced', () => {
  const document = { spec: { tolerations: [{ key: 'a' }], containers: [{ name: 'a', args: ['1', '2'] }] } };
  assert.deepEqual(
    strategic(document, { spec: { tolerations: [{ key: 'b' }], containers: [{ name: 'a', args: ['3'] }] } }),
    {
      spec: { tolerations: [{ key: 'b' }], containers: [{ name: 'a', args: ['3'] }] },
    },
  );
});

test('strategic: lists of scalars that are sets', () => {
  const document = { metadata: { finalizers: ['a', 'b', 'c'] } };
  assert.deepEqual(strategic(document, { metadata: { finalizers: ['d', 'a'] } }), {
    metadata: { finalizers: ['d', 'a', 'b', 'c'] },
  });
  assert.deepEqual(strategic(document, { metadata: { '$deleteFromPrimitiveList/finalizers': ['b'] } }), {
    metadata: { finalizers: ['a', 'c'] },
  });
  assert.deepEqual(strategic(document, { metadata: { '$setElementOrder/finalizers': ['c', 'a'] } }), {
    metadata: { finalizers: ['b', 'c', 'a'] },
  });
});

test('strategic: $setElementOrder orders what the patch names', () => {
  const document = { spec: { containers: containers('a', 'server', 'b') } };
  const patch = {
    spec: { '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }], containers: [{ name: 'a', image: 'new' }] },
  };
  assert.deepEqual(strategic(document, patch), {
    spec: {
      containers: [
        { name: 'server', image: 'server:1' },
        { name: 'b', image: 'b:1' },
        { name: 'a', image: 'new' },
      ],
    },
  });
  assert.equal(
    codeOf(() =>
      strategic(document, { spec: { '$setElementOrder/containers': [{ name: 'b' }], containers: [{ name: 'a' }] } }),
    ),
    500,
  );
  assert.equal(
    codeOf(() => strategic(document, { spec: { $setElementOrder: [] } })),
    400,
  );
});

test('strategic: $retainKeys clears the other members of a union', () => {
  const document = { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } };
  assert.deepEqual(
    strategic(document, { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } }, deployment),
    { spec: { strategy: { type: 'Recreate' } } },
  );
  assert.equal(
    codeOf(() => strategic(document, { spec: { strategy: { $retainKeys: ['type'], rollingUpdate: {} } } }, deployment)),
    400,
  );
});

test('strategic: null removes, and nulls of new parts are dropped', () => {
  assert.deepEqual(
    strategic(
      { metadata: { labels: { a: '1', b: '2' } } },
      { metadata: { labels: { a: null }, annotations: { x: null, y: '1' } } },
    ),
    {
      metadata: { labels: { b: '2' }, annotations: { y: '1' } },
    },
  );
});

test('strategic: an item without its merge key is refused', () => {
  assert.equal(
    codeOf(() => strategic({ spec: { containers: containers('a') } }, { spec: { containers: [{ image: 'x' }] } })),
    500,
  );
});

test('strategic: long lists cost time with their length, not with its square', () => {
  const name = 'io.k8s.api.core.v1.Container';
  const env = Array.from({ length: 30_000 }, (_, index) => ({ name: `E${index}`, value: 'a' }));
  const started = performance.now();
  const changed = applyStrategicMergePatch(name, { env }, { env: env.map((one) => ({ ...one, value: 'b' })) });
  assert.ok((changed as { env: typeof env }).env.every((one) => one.value === 'b'));
  const removed = applyStrategicMergePatch(
    name,
    { env },
    { env: env.map((one) => ({ name: one.name, $patch: 'delete' })) },
  );
  assert.deepEqual(removed, { env: [] });
  assert.ok(performance.now() - started < 3_000);
});

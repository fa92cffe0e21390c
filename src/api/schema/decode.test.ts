import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KindRow } from '../kind.ts';
import { ApiError } from '../status.ts';
import { decodeObject, decodeType, type DecodeOptions } from './decode.ts';

const row = (group: string, kind: string, typeName: string, version = 'v1') =>
  ({ group, version, kind, typeName, resource: `${kind.toLowerCase()}s`, namespaced: true }) as unknown as KindRow;
const pods = row('', 'Pod', 'io.k8s.api.core.v1.Pod');
const strict: DecodeOptions = { fieldValidation: 'Strict' };
const decode = (raw: unknown, options = strict) => decodeObject(pods, raw, options);
const refusal = (raw: unknown, target = pods): string => {
  try {
    decodeObject(target, raw, strict);
  } catch (error) {
    assert.ok(error instanceof ApiError);
    assert.equal(error.code, 400);
    assert.equal(error.reason, 'BadRequest');
    return error.message;
  }
  return 'accepted';
};
const prefix = 'Pod in version "v1" cannot be handled as a Pod: ';

test('fields come in schema order with kind, apiVersion and metadata first', () => {
  const { object } = decode({ spec: { nodeName: 'n', containers: [{ image: 'b', name: 'a' }] }, apiVersion: 'v1' });
  assert.equal(
    JSON.stringify(object),
    '{"kind":"Pod","apiVersion":"v1","metadata":{},"spec":{"containers":[{"name":"a","image":"b"}],"nodeName":"n"}}',
  );
});

test('zero values of fields without pointers go, those of pointers stay', () => {
  const { object } = decode({
    metadata: { labels: {}, generateName: '' },
    spec: {
      hostNetwork: false,
      nodeName: '',
      automountServiceAccountToken: false,
      priority: 0,
      volumes: [],
      activeDeadlineSeconds: null,
    },
  });
  assert.deepEqual(object.metadata, {});
  assert.deepEqual({ ...object }['spec' as never], { automountServiceAccountToken: false, priority: 0 });
});

test('an unknown field is refused, warned of, or dropped', () => {
  const raw = { metadata: {}, spec: { foo: 1, containers: [{ name: 'a', bar: {} }] }, baz: 1 };
  const expected = ['unknown field "spec.foo"', 'unknown field "spec.containers[0].bar"', 'unknown field "baz"'];
  assert.equal(refusal(raw), `${prefix}strict decoding error: ${expected.join(', ')}`);
  const warned = decode(raw, { fieldValidation: 'Warn' });
  assert.deepEqual(warned.warnings, expected);
  assert.equal(JSON.stringify(warned.object).includes('bar'), false);
  assert.deepEqual(decode(raw, { fieldValidation: 'Ignore' }).warnings, []);
});

test('duplicate keys are reported like unknown fields', () => {
  assert.deepEqual(decode({}, { fieldValidation: 'Warn', duplicates: ['duplicate field "metadata.name"'] }).warnings, [
    'duplicate field "metadata.name"',
  ]);
});

test('a value of the wrong type is named as Go names it', () => {
  const cases: [unknown, string][] = [
    [
      { spec: { containers: [{ name: 1 }] } },
      'json: cannot unmarshal number into Go struct field Container.spec.containers.name of type string',
    ],
    [
      { spec: { containers: {} } },
      'json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container',
    ],
    [
      { metadata: { labels: { a: 1 } } },
      'json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string',
    ],
    [
      { spec: { priority: 1.5 } },
      'json: cannot unmarshal number 1.5 into Go struct field PodSpec.spec.priority of type int32',
    ],
    [
      { spec: { priority: 2147483648 } },
      'json: cannot unmarshal number 2147483648 into Go struct field PodSpec.spec.priority of type int32',
    ],
    [{ spec: 'x' }, 'json: cannot unmarshal string into Go struct field Pod.spec of type v1.PodSpec'],
    [
      { metadata: { creationTimestamp: 'x' } },
      'parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"',
    ],
    [
      { spec: { containers: [{ resources: { limits: { cpu: 'x' } } }] } },
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
  ];
  for (const [raw, message] of cases) assert.equal(refusal(raw), prefix + message);
});

test('another kind or version than the path says is refused', () => {
  assert.equal(
    refusal({ kind: 'Service' }),
    'Service in version "v1" cannot be handled as a Pod: converting (v1.Service) to (core.Pod): unknown conversion',
  );
  assert.match(refusal({ kind: 'Nothing' }), /no kind "Nothing" is registered for version "v1"/);
  assert.equal(
    refusal({ apiVersion: 'v2' }),
    'Pod in version "v2" cannot be handled as a Pod: no kind "Pod" is registered for version "v2" in scheme "pkg/api/legacyscheme/scheme.go:30"',
  );
  assert.match(refusal([]), /must be of type Pod/);
});

test('texts with a canonical form get it', () => {
  const { object } = decode({
    metadata: { creationTimestamp: '2024-05-01T02:03:04.5+02:00' },
    spec: { containers: [{ name: 'a', resources: { limits: { cpu: 0.5, memory: '1024Mi' } } }] },
  });
  assert.equal(object.metadata.creationTimestamp, '2024-05-01T00:03:04Z');
  assert.deepEqual({ ...object }['spec' as never]['containers'][0]['resources'], {
    limits: { cpu: '500m', memory: '1Gi' },
  });
});

test('bytes must be base64', () => {
  const secrets = row('', 'Secret', 'io.k8s.api.core.v1.Secret');
  assert.match(refusal({ data: { a: 'a b' } }, secrets), /illegal base64 data at input byte 1$/);
  assert.equal(refusal({ data: { a: 'YQ==' } }, secrets), 'accepted');
});

test('null list members and map values are zero values; a hostile key stays a key', () => {
  const raw: unknown = JSON.parse('{"metadata":{"labels":{"__proto__":"x","a":null}},"spec":{"containers":[null]}}');
  const { object } = decode(raw);
  assert.deepEqual(Object.entries(object.metadata.labels ?? {}), [
    ['__proto__', 'x'],
    ['a', ''],
  ]);
  assert.deepEqual({ ...object }['spec' as never]['containers'], [{}]);
});

test('a microsecond time keeps six digits', () => {
  const leases = row('coordination.k8s.io', 'Lease', 'io.k8s.api.coordination.v1.Lease');
  const { object } = decodeObject(leases, { spec: { renewTime: '2024-05-01T02:03:04.123456Z' } }, strict);
  assert.deepEqual({ ...object }['spec' as never], { renewTime: '2024-05-01T02:03:04.123456Z' });
  assert.match(refusal({ spec: { renewTime: '2024-05-01T02:03:04Z' } }, leases), /cannot parse "Z" as "\.000000"/);
});

test('delete options decode by type name', () => {
  const { object } = decodeType(
    'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions',
    { gracePeriodSeconds: 0, propagationPolicy: 'Foreground' },
    strict,
  );
  assert.deepEqual(object, { gracePeriodSeconds: 0, propagationPolicy: 'Foreground' });
});

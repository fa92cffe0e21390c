// Conversions between versions of built-in kinds that no default server serves.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kindTable } from '#api/kinds.ts';
import type { KubernetesObject } from '#api/kind.ts';
import { conversionOf, storageRow } from './conversion.ts';

test('every version of every kind is converted to the stored one and back', () => {
  let checked = 0;
  for (const row of kindTable.rows) {
    const conversion = conversionOf(row);
    if (conversion === undefined) continue;
    const stored = storageRow(row);
    assert.notEqual(stored, row, row.kind);
    const prefix = (one: { group: string; version: string }) =>
      one.group === '' ? one.version : `${one.group}/${one.version}`;
    const object = { apiVersion: prefix(row), kind: row.kind, metadata: { name: 'x', namespace: 'n' } };
    const there = conversion.toStorage(object as KubernetesObject);
    assert.equal(there.apiVersion, prefix(stored));
    assert.equal(conversion.fromStorage(there).apiVersion, prefix(row));
    checked++;
  }
  assert.ok(checked > 15, `${checked}`);
});

test('requests and devices of resource.k8s.io/v1beta1 keep what they say', () => {
  const of = (resource: string) => conversionOf(kindTable.find('resource.k8s.io', 'v1beta1', resource)!)!;
  const claim = {
    apiVersion: 'resource.k8s.io/v1beta1',
    kind: 'ResourceClaim',
    metadata: { name: 'x', namespace: 'n' },
    spec: {
      devices: {
        requests: [
          { name: 'a', deviceClassName: 'c', allocationMode: 'ExactCount', count: 2 },
          {
            name: 'b',
            deviceClassName: '',
            firstAvailable: [{ name: 's', deviceClassName: 'c', allocationMode: 'All' }],
          },
        ],
      },
    },
  };
  const stored = of('resourceclaims').toStorage(claim as KubernetesObject) as unknown as typeof claim;
  assert.deepEqual(stored.spec.devices.requests, [
    { name: 'a', exactly: { deviceClassName: 'c', allocationMode: 'ExactCount', count: 2 } },
    { name: 'b', firstAvailable: [{ name: 's', deviceClassName: 'c', allocationMode: 'All' }] },
  ]);
  const back = of('resourceclaims').fromStorage(stored as KubernetesObject) as unknown as typeof claim;
  assert.deepEqual(back.spec, claim.spec);
  const slice = {
    apiVersion: 'resource.k8s.io/v1beta1',
    kind: 'ResourceSlice',
    metadata: { name: 'x' },
    spec: {
      driver: 'd',
      pool: { name: 'p', generation: 0, resourceSliceCount: 1 },
      devices: [{ name: 'x', basic: { attributes: { a: { int: 1 } } } }],
    },
  };
  const kept = of('resourceslices').toStorage(slice as KubernetesObject) as unknown as { spec: { devices: unknown } };
  assert.deepEqual(kept.spec.devices, [{ name: 'x', attributes: { a: { int: 1 } } }]);
  const shown = of('resourceslices').fromStorage(kept as unknown as KubernetesObject) as unknown as typeof slice;
  assert.deepEqual(shown.spec, slice.spec);
});

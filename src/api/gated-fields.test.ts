// Fields behind feature gates: left out while the gate is off, kept where the object had them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultGates, featureGates } from './feature-gates.ts';
import { dropGatedFields } from './gated-fields.ts';
import type { KubernetesObject, Mutable } from './kind.ts';

const drop = dropGatedFields(defaultGates);
const pods = { group: '', resource: 'pods' };
const cronJobs = { group: 'batch', resource: 'cronjobs' };
const slices = { group: 'resource.k8s.io', resource: 'resourceslices' };

function dropped(row: typeof pods, object: object, previous?: object, by = drop): unknown {
  const copy = structuredClone(object);
  by(row, copy as Mutable<KubernetesObject>, previous as KubernetesObject | undefined);
  return copy;
}
const pod = (spec: object) => ({ metadata: {}, spec });
const signal = (lifecycle: object) => pod({ containers: [{ name: 'a' }, { name: 'b', lifecycle }] });

test('a field goes, with an empty parent where upstream says so, and what is beside it stays', () => {
  assert.deepEqual(
    dropped(pods, signal({ stopSignal: 'SIGINT' })),
    pod({ containers: [{ name: 'a' }, { name: 'b' }] }),
  );
  const hook = { preStop: { sleep: { seconds: 1 } } };
  assert.deepEqual(dropped(pods, signal({ stopSignal: 'SIGINT', ...hook })), signal(hook));
  assert.deepEqual(dropped(pods, signal({})), signal({}), 'an empty parent of somebody else stays');
  const template = (spec: object) => ({ metadata: {}, spec: { jobTemplate: { spec: { template: { spec } } } } });
  assert.deepEqual(dropped(cronJobs, template({ schedulingGroup: {}, priority: 1 })), template({ priority: 1 }));
});

test('in use anywhere in the object before, it may be used everywhere', () => {
  const before = pod({ initContainers: [{ name: 'i', lifecycle: { stopSignal: 'SIGHUP' } }] });
  const now = signal({ stopSignal: 'SIGINT' });
  assert.deepEqual(dropped(pods, now, before), now);
  const devices = (attributes: object) => ({ metadata: {}, spec: { devices: [{ name: 'd', attributes }] } });
  const lists = devices({ a: { strings: ['x'] }, b: { int: 1 } });
  assert.deepEqual(dropped(slices, lists), devices({ a: {}, b: { int: 1 } }));
  assert.deepEqual(dropped(slices, lists, devices({ c: { bools: [true] } })), lists);
});

test('a gate that is on keeps its fields, one that is turned off opens none', () => {
  const gates = featureGates(
    new Map([
      ['ContainerStopSignals', true],
      ['PodLevelResources', false],
    ]),
  );
  const both = (more: object) => pod({ ...signal({ stopSignal: 'SIGINT' }).spec, ...more });
  const resources = { limits: { cpu: '1' } };
  assert.deepEqual(dropped(pods, both({ resources }), undefined, dropGatedFields(gates)), both({}));
  assert.deepEqual(
    dropped(pods, both({ resources: {} }), pod({ resources }), dropGatedFields(gates)),
    both({ resources: {} }),
  );
});

test('a condition of another field: sources of claims in other namespaces go whole', () => {
  const claims = { group: '', resource: 'persistentvolumeclaims' };
  const claim = (dataSourceRef?: object) => pod(dataSourceRef === undefined ? {} : { dataSourceRef });
  const other = claim({ kind: 'X', name: 'x', namespace: 'other' });
  assert.deepEqual(dropped(claims, other), claim());
  assert.deepEqual(dropped(claims, claim({ kind: 'X', name: 'x' })), claim({ kind: 'X', name: 'x' }));
  assert.deepEqual(dropped(claims, other, claim({ kind: 'X', name: 'x' })), other);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyDefaults } from './defaults.ts';
import { validateSchema } from './validate.ts';

const errorsOf = (typeName: string, object: Record<string, unknown>): string[] => {
  applyDefaults(typeName, object);
  return validateSchema(typeName, object).map((error) => `${error.field}: ${error.message}`);
};

test('required fields, closed sets of values and list keys', () => {
  assert.deepEqual(errorsOf('io.k8s.api.coordination.v1.Lease', { metadata: {}, spec: {} }), []);
  assert.deepEqual(
    errorsOf('io.k8s.api.scheduling.v1.PriorityClass', { metadata: {}, preemptionPolicy: 'Sometimes' }),
    ['preemptionPolicy: Unsupported value: "Sometimes": supported values: "Never", "PreemptLowerPriority"'],
  );
  assert.deepEqual(errorsOf('io.k8s.api.node.v1.RuntimeClass', { metadata: {} }), ['handler: Required value']);
  assert.deepEqual(
    errorsOf('io.k8s.api.storage.v1.CSINode', {
      metadata: {},
      spec: {
        drivers: [
          { name: 'a', nodeID: '1' },
          { name: 'a', nodeID: '2' },
        ],
      },
    }),
    ['spec.drivers[1]: Duplicate value: {"name":"a"}'],
  );
});

test('a status that controllers have not written yet is no error', () => {
  assert.deepEqual(
    errorsOf('io.k8s.api.apps.v1.StatefulSet', {
      metadata: {},
      spec: { selector: {}, serviceName: 's', template: { spec: { containers: [{ name: 'a' }] } } },
    }),
    [],
  );
});

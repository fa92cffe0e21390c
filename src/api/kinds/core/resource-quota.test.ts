// Scopes of quotas are judged as upstream does.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ResourceQuota } from '../../generated/types.ts';
import { resourceQuota } from './resource-quota.ts';

type Spec = NonNullable<ResourceQuota['spec']>;
const told = (spec: Spec): string[] =>
  resourceQuota.validate!({ metadata: { name: 'a' }, spec }).map(
    ({ field, message }) => `${field.replace('spec.', '').replace('scopeSelector.matchExpressions', 'x')}: ${message}`,
  );
const selecting = (scopeName: string, operator: string, values?: string[]): Spec => ({
  scopeSelector: { matchExpressions: [{ scopeName, operator, ...(values && { values }) }] },
});

test('a scope fits what is limited, and no other of the quota', () => {
  assert.deepEqual(told({ scopes: ['BestEffort'], hard: { pods: '1', 'example.com/a': '1' } }), []);
  assert.deepEqual(told({ scopes: ['BestEffort'], hard: { cpu: '1' } }), [
    'scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource',
  ]);
  assert.deepEqual(told({ scopes: ['Terminating', 'NotTerminating'] }), [
    'scopes: Invalid value: ["Terminating","NotTerminating"]: conflicting scopes',
  ]);
  assert.deepEqual(told(selecting('PriorityClass', 'In', ['a'])), []);
  assert.match(
    told(selecting('Terminating', 'In', ['a']))[0]!,
    /^x\.operator: .*must be 'Exists' when scope is any of/,
  );
  assert.deepEqual(told(selecting('PriorityClass', 'Like')), [
    'x.operator: Invalid value: "Like": not a valid selector operator',
  ]);
  assert.deepEqual(told(selecting('PriorityClass', 'Exists', ['a'])), [
    `x.values: Invalid value: ["a"]: must be no value when \`operator\` is 'Exist' or 'DoesNotExist' for scope selector`,
  ]);
});

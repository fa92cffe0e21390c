// status.typeChecking, as kube-controller-manager 1.36.2 wrote it for the same policies.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer, type Json, type TestApiServer } from '#kit/start-api-server.ts';

const policies = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies';
const rule = (apiGroups: string[], resources: string[], apiVersions = ['v1']) => ({
  resourceRules: [{ apiGroups, apiVersions, operations: ['CREATE'], resources }],
});

async function checked(api: TestApiServer, spec: object): Promise<Json> {
  await api.create(policies, { metadata: { name: 'p' }, spec });
  for (let turn = 0; turn < 1_000; turn++) {
    const policy = await api.get(`${policies}/p`);
    if (policy.status?.observedGeneration === policy.metadata.generation) return policy;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error('the policy is not checked');
}

test('each kind that a policy names is told of', async () => {
  const api = await startApiServer();
  const { status, metadata } = await checked(api, {
    matchConstraints: rule(['apps'], ['deployments', 'statefulsets']),
    validations: [
      { expression: "object.spec.replicas > '1'", messageExpression: "'x' + object.spec.replicas" },
      { expression: 'object.spec.colour == 1' },
      {
        expression:
          'object.metadata.labels.a == "x" && object.metadata.creationTimestamp > timestamp("2020-01-01T00:00:00Z")',
      },
      { expression: 'object.metadata.namespace == "x"' },
      { expression: 'object.spec.template.spec.containers.all(c, c.image == 1)' },
    ],
  });
  const both = (issue: string): string =>
    ['Deployment', 'StatefulSet'].map((kind) => `apps/v1, Kind=${kind}: ERROR: <input>:${issue}\n`).join('\n');
  assert.deepEqual(status, {
    observedGeneration: 1,
    typeChecking: {
      expressionWarnings: [
        {
          fieldRef: 'spec.validations[0].expression',
          warning: both(
            "1:22: found no matching overload for '_>_' applied to '(int, string)'\n | object.spec.replicas > '1'\n | .....................^",
          ),
        },
        {
          fieldRef: 'spec.validations[0].messageExpression',
          warning: both(
            "1:5: found no matching overload for '_+_' applied to '(string, int)'\n | 'x' + object.spec.replicas\n | ....^",
          ),
        },
        {
          fieldRef: 'spec.validations[1].expression',
          warning: both("1:12: undefined field 'colour'\n | object.spec.colour == 1\n | ...........^"),
        },
        {
          fieldRef: 'spec.validations[4].expression',
          warning: both(
            "1:53: found no matching overload for '_==_' applied to '(string, int)'\n | object.spec.template.spec.containers.all(c, c.image == 1)\n | ....................................................^",
          ),
        },
      ],
    },
  });
  const [entry] = metadata.managedFields.filter((one: Json) => one.subresource === 'status');
  assert.deepEqual(
    [entry.manager, entry.operation, entry.fieldsV1],
    [
      'validatingadmissionpolicy-status',
      'Apply',
      { 'f:status': { 'f:observedGeneration': {}, 'f:typeChecking': { 'f:expressionWarnings': {} } } },
    ],
  );
});

test('variables and parameters have their types, and a variable that fails is any value', async () => {
  const api = await startApiServer();
  const { status } = await checked(api, {
    matchConstraints: rule([''], ['configmaps']),
    paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
    variables: [
      { name: 'v', expression: 'object.data' },
      { name: 'bad', expression: 'object.nothing' },
    ],
    validations: [
      { expression: 'variables.v.x == 1' },
      { expression: 'params.data.x == 2' },
      { expression: 'params.what == 2' },
      { expression: 'variables.bad == 1' },
      { expression: "oldObject.data.x == 'a'" },
    ],
  });
  const warning = (index: number, issue: string) => ({
    fieldRef: `spec.validations[${index}].expression`,
    warning: `/v1, Kind=ConfigMap: ERROR: <input>:${issue}\n`,
  });
  assert.deepEqual(status.typeChecking.expressionWarnings, [
    warning(
      0,
      "1:15: found no matching overload for '_==_' applied to '(string, int)'\n | variables.v.x == 1\n | ..............^",
    ),
    warning(
      1,
      "1:15: found no matching overload for '_==_' applied to '(string, int)'\n | params.data.x == 2\n | ..............^",
    ),
    warning(2, "1:7: undefined field 'what'\n | params.what == 2\n | ......^"),
  ]);
});

test('custom kinds are checked by their schema; everything is not checked at all', async () => {
  const api = await startApiServer();
  await api.create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
    metadata: { name: 'crontabs.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'crontabs', kind: 'CronTab' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: {
                spec: {
                  type: 'object',
                  properties: {
                    replicas: { type: 'integer' },
                    'some-name': { type: 'array', items: { type: 'string' } },
                  },
                },
              },
            },
          },
        },
      ],
    },
  });
  await api.get('/apis/example.com/v1/crontabs');
  const validations = [
    { expression: "object.spec.replicas > '1'" },
    { expression: 'object.spec.maxRetries < 10' },
    { expression: "object.metadata.labels['x'] == 'y' && object.spec.some__dash__name.size() < 3" },
  ];
  const { status } = await checked(api, { matchConstraints: rule(['example.com'], ['crontabs']), validations });
  assert.deepEqual(
    status.typeChecking.expressionWarnings.map((one: Json) => [one.fieldRef, one.warning.split('\n')[0]]),
    [
      [
        'spec.validations[0].expression',
        "example.com/v1, Kind=CronTab: ERROR: <input>:1:22: found no matching overload for '_>_' applied to '(int, string)'",
      ],
      [
        'spec.validations[1].expression',
        "example.com/v1, Kind=CronTab: ERROR: <input>:1:12: undefined field 'maxRetries'",
      ],
    ],
  );
  await api.delete(`${policies}/p`);
  const everything = await checked(api, { matchConstraints: rule(['*'], ['*'], ['*']), validations });
  assert.deepEqual(everything.status.typeChecking, {});
});

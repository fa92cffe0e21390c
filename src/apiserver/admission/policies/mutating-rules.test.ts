// Rules of mutating policies, as kube-apiserver 1.36.2 answered the same objects: reasons, fields and messages of its causes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer } from '#kit/start-api-server.ts';

type Cause = readonly [reason: string, field: string, message: string];
/** No causes: it is taken. */
const observed: readonly (readonly [
  name: string,
  resource: string,
  spec: object | undefined,
  causes: readonly Cause[],
])[] = [
  [
    'mutation',
    'mutatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      reinvocationPolicy: 'Never',
      mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: 'Object{}' } }],
    },
    [],
  ],
  [
    'mutation no spec',
    'mutatingadmissionpolicies',
    undefined,
    [
      ['FieldValueRequired', 'spec.matchConstraints', 'Required value'],
      ['FieldValueRequired', 'spec.mutations', 'Required value: mutations must contain at least one item'],
      ['FieldValueRequired', 'spec.reinvocationPolicy', 'Required value'],
    ],
  ],
  [
    'mutation delete',
    'mutatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [
          { apiGroups: [''], apiVersions: ['v1'], operations: ['DELETE', 'CREATE'], resources: ['pods'] },
        ],
      },
      reinvocationPolicy: 'Never',
      mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: 'Object{}' } }],
    },
    [
      [
        'FieldValueNotSupported',
        'spec.matchConstraints.resourceRules.operations',
        'Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"',
      ],
    ],
  ],
  [
    'no mutations',
    'mutatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      reinvocationPolicy: 'Never',
      mutations: [],
    },
    [['FieldValueRequired', 'spec.mutations', 'Required value: mutations must contain at least one item']],
  ],
  [
    'no reinvocation policy',
    'mutatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: 'Object{}' } }],
    },
    [['FieldValueRequired', 'spec.reinvocationPolicy', 'Required value']],
  ],
  [
    'reinvocation policy',
    'mutatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      reinvocationPolicy: 'Always',
      mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: 'Object{}' } }],
    },
    [
      [
        'FieldValueNotSupported',
        'spec.reinvocationPolicy',
        'Unsupported value: "Always": supported values: "IfNeeded", "Never"',
      ],
    ],
  ],
  [
    'no patch type',
    'mutatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      reinvocationPolicy: 'Never',
      mutations: [{}],
    },
    [['FieldValueRequired', 'spec.mutations[0].patchType', 'Required value']],
  ],
  [
    'patch type',
    'mutatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      reinvocationPolicy: 'Never',
      mutations: [{ patchType: 'Merge' }],
    },
    [
      [
        'FieldValueNotSupported',
        'spec.mutations[0].patchType',
        'Unsupported value: "Merge": supported values: "ApplyConfiguration", "JSONPatch"',
      ],
    ],
  ],
  [
    'apply without configuration',
    'mutatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      reinvocationPolicy: 'Never',
      mutations: [{ patchType: 'ApplyConfiguration' }],
    },
    [
      [
        'FieldValueRequired',
        'spec.mutations[0].applyConfiguration',
        'Required value: must be specified when patchType is ApplyConfiguration',
      ],
    ],
  ],
  [
    'apply with json patch',
    'mutatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      reinvocationPolicy: 'Never',
      mutations: [
        {
          patchType: 'ApplyConfiguration',
          applyConfiguration: { expression: 'Object{}' },
          jsonPatch: { expression: '[]' },
        },
      ],
    },
    [
      [
        'FieldValueInvalid',
        'spec.mutations[0].jsonPatch',
        'Invalid value: "{jsonPatch}": must not be specified when patchType is ApplyConfiguration',
      ],
    ],
  ],
  [
    'json patch without',
    'mutatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      reinvocationPolicy: 'Never',
      mutations: [{ patchType: 'JSONPatch' }],
    },
    [
      [
        'FieldValueRequired',
        'spec.mutations[0].jsonPatch',
        'Required value: must be specified when patchType is JSONPatch',
      ],
    ],
  ],
  [
    'json patch with apply',
    'mutatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      reinvocationPolicy: 'Never',
      mutations: [
        {
          patchType: 'JSONPatch',
          applyConfiguration: { expression: 'Object{}' },
          jsonPatch: { expression: '[JSONPatch{op: "remove", path: "/a"}]' },
        },
      ],
    },
    [
      [
        'FieldValueInvalid',
        'spec.mutations[0].applyConfiguration',
        'Invalid value: "{applyConfiguration}": must not be specified when patchType is JSONPatch',
      ],
    ],
  ],
  [
    'apply result type',
    'mutatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      reinvocationPolicy: 'Never',
      mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: '{"a": 1}' } }],
    },
    [
      [
        'FieldValueInvalid',
        'spec.mutations[0].applyConfiguration.expression',
        'Invalid value: "{\\"a\\": 1}": must evaluate to Object but got map(string, int)',
      ],
    ],
  ],
  [
    'apply nested type',
    'mutatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      reinvocationPolicy: 'Never',
      mutations: [
        {
          patchType: 'ApplyConfiguration',
          applyConfiguration: { expression: 'Object{metadata: Object.metadata{labels: {"a": "b"}}}' },
        },
      ],
    },
    [],
  ],
  [
    'apply inner result',
    'mutatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      reinvocationPolicy: 'Never',
      mutations: [
        { patchType: 'ApplyConfiguration', applyConfiguration: { expression: 'Object.metadata{labels: {"a": "b"}}' } },
      ],
    },
    [
      [
        'FieldValueInvalid',
        'spec.mutations[0].applyConfiguration.expression',
        'Invalid value: "Object.metadata{labels: {\\"a\\": \\"b\\"}}": must evaluate to Object but got Object.metadata',
      ],
    ],
  ],
  [
    'json patch result type',
    'mutatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      reinvocationPolicy: 'Never',
      mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: '"a"' } }],
    },
    [
      [
        'FieldValueInvalid',
        'spec.mutations[0].jsonPatch.expression',
        'Invalid value: "\\"a\\"": must evaluate to list(JSONPatch) but got string',
      ],
    ],
  ],
  [
    'json patch fields',
    'mutatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      reinvocationPolicy: 'Never',
      mutations: [
        { patchType: 'JSONPatch', jsonPatch: { expression: '[JSONPatch{op: "add", path: 1, value: {"a": 1}}]' } },
      ],
    },
    [
      [
        'FieldValueInvalid',
        'spec.mutations[0].jsonPatch.expression',
        'Invalid value: "[JSONPatch{op: \\"add\\", path: 1, value: {\\"a\\": 1}}]": compilation failed: ERROR: <input>:1:27: expected type of field \'path\' is \'string\' but provided type is \'int\'\n | [JSONPatch{op: "add", path: 1, value: {"a": 1}}]\n | ..........................^',
      ],
    ],
  ],
  [
    'json patch unknown field',
    'mutatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      reinvocationPolicy: 'Never',
      mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: '[JSONPatch{verb: "add"}]' } }],
    },
    [
      [
        'FieldValueInvalid',
        'spec.mutations[0].jsonPatch.expression',
        'Invalid value: "[JSONPatch{verb: \\"add\\"}]": compilation failed: ERROR: <input>:1:16: expected type of field \'verb\' is \'\' but provided type is \'string\'\n | [JSONPatch{verb: "add"}]\n | ...............^',
      ],
    ],
  ],
  [
    'json patch escape',
    'mutatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      reinvocationPolicy: 'Never',
      mutations: [
        {
          patchType: 'JSONPatch',
          jsonPatch: {
            expression:
              '[JSONPatch{op: "add", path: "/metadata/labels/" + jsonpatch.escapeKey("a/b"), value: Object.spec{x: 1}}]',
          },
        },
      ],
    },
    [],
  ],
  [
    'empty mutation expressions',
    'mutatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      reinvocationPolicy: 'Never',
      mutations: [
        { patchType: 'JSONPatch', jsonPatch: { expression: ' ' } },
        { patchType: 'ApplyConfiguration', applyConfiguration: { expression: '' } },
      ],
    },
    [
      ['FieldValueRequired', 'spec.mutations[0].jsonPatch.expression', 'Required value'],
      ['FieldValueRequired', 'spec.mutations[1].applyConfiguration.expression', 'Required value'],
    ],
  ],
  [
    'mutation variables',
    'mutatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      reinvocationPolicy: 'Never',
      mutations: [
        {
          patchType: 'ApplyConfiguration',
          applyConfiguration: { expression: 'Object{spec: Object.spec{x: variables.a}}' },
        },
      ],
      variables: [{ name: 'a', expression: 'object.x' }],
    },
    [],
  ],
  [
    'mutation authorizer and unknown',
    'mutatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      reinvocationPolicy: 'Never',
      mutations: [
        {
          patchType: 'ApplyConfiguration',
          applyConfiguration: {
            expression:
              'Object{spec: Object.spec{x: authorizer.group("").resource("pods").check("get").allowed(), y: nothing}}',
          },
        },
      ],
    },
    [
      [
        'FieldValueInvalid',
        'spec.mutations[0].applyConfiguration.expression',
        'Invalid value: "Object{spec: Object.spec{x: authorizer.group(\\"\\").resource(\\"pods\\").check(\\"get\\").allowed(), y: nothing}}": compilation failed: ERROR: <input>:1:94: undeclared reference to \'nothing\' (in container \'\')\n | Object{spec: Object.spec{x: authorizer.group("").resource("pods").check("get").allowed(), y: nothing}}\n | .............................................................................................^',
      ],
    ],
  ],
];

test('mutating policies are refused with the causes of upstream', async () => {
  const api = await startApiServer();
  for (const [name, resource, spec, causes] of observed) {
    const answer = await api.send('POST', `/apis/admissionregistration.k8s.io/v1/${resource}?dryRun=All`, {
      body: { metadata: { name: 'policies-case' }, ...(spec && { spec }) },
    });
    const found = (answer.json.details?.causes ?? []).map((one: { reason: string; field: string; message: string }) => [
      one.reason,
      one.field,
      one.message,
    ]);
    assert.deepEqual([answer.status, found], [causes.length === 0 ? 201 : 422, causes], name);
  }
});

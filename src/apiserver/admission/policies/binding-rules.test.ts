// Rules of bindings, as kube-apiserver 1.36.2 answered the same objects: reasons, fields and messages of its causes.
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
  ['binding', 'validatingadmissionpolicybindings', { policyName: 'p', validationActions: ['Deny'] }, []],
  [
    'binding without policy',
    'validatingadmissionpolicybindings',
    { policyName: '', validationActions: ['Deny'] },
    [['FieldValueRequired', 'spec.policyName', 'Required value']],
  ],
  [
    'binding with bad policy name',
    'validatingadmissionpolicybindings',
    { policyName: 'A b', validationActions: ['Deny'] },
    [
      [
        'FieldValueInvalid',
        'spec.policyName',
        "Invalid value: \"A b\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      ],
    ],
  ],
  [
    'no actions',
    'validatingadmissionpolicybindings',
    { policyName: 'p', validationActions: [] },
    [['FieldValueRequired', 'spec.validationActions', 'Required value: at least one validation action is required']],
  ],
  [
    'deny and warn',
    'validatingadmissionpolicybindings',
    { policyName: 'p', validationActions: ['Deny', 'Warn'] },
    [
      [
        'FieldValueInvalid',
        'spec.validationActions',
        'Invalid value: ["Deny","Warn"]: must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
      ],
    ],
  ],
  [
    'unknown and double actions',
    'validatingadmissionpolicybindings',
    { policyName: 'p', validationActions: ['Audit', 'Audit', 'Stop'] },
    [
      ['FieldValueDuplicate', 'spec.validationActions[1]', 'Duplicate value: "Audit"'],
      [
        'FieldValueNotSupported',
        'spec.validationActions[2]',
        'Unsupported value: "Stop": supported values: "Audit", "Deny", "Warn"',
      ],
    ],
  ],
  ['all but deny', 'validatingadmissionpolicybindings', { policyName: 'p', validationActions: ['Warn', 'Audit'] }, []],
  [
    'param ref empty',
    'validatingadmissionpolicybindings',
    { policyName: 'p', validationActions: ['Deny'], paramRef: {} },
    [
      ['FieldValueRequired', 'spec.paramRef', 'Required value: one of name or selector must be specified'],
      ['FieldValueRequired', 'spec.paramRef.parameterNotFoundAction', 'Required value'],
    ],
  ],
  [
    'param ref both',
    'validatingadmissionpolicybindings',
    {
      policyName: 'p',
      validationActions: ['Deny'],
      paramRef: { name: 'a', selector: {}, parameterNotFoundAction: 'Deny' },
    },
    [
      ['FieldValueForbidden', 'spec.paramRef.name', 'Forbidden: name and selector are mutually exclusive'],
      ['FieldValueForbidden', 'spec.paramRef.selector', 'Forbidden: name and selector are mutually exclusive'],
    ],
  ],
  [
    'param ref name',
    'validatingadmissionpolicybindings',
    { policyName: 'p', validationActions: ['Deny'], paramRef: { name: 'a/b', parameterNotFoundAction: 'Deny' } },
    [['FieldValueInvalid', 'spec.paramRef.name', 'Invalid value: "a/b": may not contain \'/\'']],
  ],
  [
    'param ref action',
    'validatingadmissionpolicybindings',
    { policyName: 'p', validationActions: ['Deny'], paramRef: { name: 'a', parameterNotFoundAction: 'Warn' } },
    [
      [
        'FieldValueNotSupported',
        'spec.paramRef.parameterNotFoundAction',
        'Unsupported value: "Warn": supported values: "Deny", "Allow"',
      ],
    ],
  ],
  [
    'param ref selector',
    'validatingadmissionpolicybindings',
    {
      policyName: 'p',
      validationActions: ['Deny'],
      paramRef: { selector: { matchLabels: { a: 'b c' } }, parameterNotFoundAction: 'Allow' },
    },
    [
      [
        'FieldValueInvalid',
        'spec.paramRef.selector.matchLabels',
        "Invalid value: \"b c\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
      ],
    ],
  ],
  [
    'binding match resources',
    'validatingadmissionpolicybindings',
    {
      policyName: 'p',
      validationActions: ['Deny'],
      matchResources: {
        resourceRules: [{ apiGroups: ['*'], apiVersions: ['*'], resources: ['*'], operations: ['DELETE', 'X'] }],
      },
    },
    [
      [
        'FieldValueNotSupported',
        'spec.matchResources.resourceRules[0].operations[1]',
        'Unsupported value: "X": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"',
      ],
    ],
  ],
  [
    'binding match selector only',
    'validatingadmissionpolicybindings',
    {
      policyName: 'p',
      validationActions: ['Deny'],
      matchResources: { namespaceSelector: { matchLabels: { a: 'b' } } },
    },
    [],
  ],
  ['mutation binding', 'mutatingadmissionpolicybindings', { policyName: 'p' }, []],
  [
    'mutation binding empty',
    'mutatingadmissionpolicybindings',
    { policyName: '' },
    [['FieldValueRequired', 'spec.policyName', 'Required value']],
  ],
  [
    'mutation binding delete',
    'mutatingadmissionpolicybindings',
    {
      policyName: 'p',
      matchResources: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['DELETE'], resources: ['pods'] }],
      },
    },
    [
      [
        'FieldValueNotSupported',
        'spec.matchResources.resourceRules.operations',
        'Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"',
      ],
    ],
  ],
  [
    'mutation binding params',
    'mutatingadmissionpolicybindings',
    { policyName: 'p', paramRef: { name: 'a', selector: {} } },
    [
      ['FieldValueForbidden', 'spec.paramRef.name', 'Forbidden: name and selector are mutually exclusive'],
      ['FieldValueForbidden', 'spec.paramRef.selector', 'Forbidden: name and selector are mutually exclusive'],
      ['FieldValueRequired', 'spec.paramRef.parameterNotFoundAction', 'Required value'],
    ],
  ],
];

test('bindings are refused with the causes of upstream', async () => {
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

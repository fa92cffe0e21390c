// Rules of validating policies, as kube-apiserver 1.36.2 answered the same objects: reasons, fields and messages of its causes.
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
    'valid',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'true' }],
    },
    [],
  ],
  [
    'no spec',
    'validatingadmissionpolicies',
    undefined,
    [
      ['FieldValueRequired', 'spec.matchConstraints', 'Required value'],
      [
        'FieldValueRequired',
        'spec.validations',
        'Required value: validations or auditAnnotations must contain at least one item',
      ],
      [
        'FieldValueRequired',
        'spec.auditAnnotations',
        'Required value: validations or auditAnnotations must contain at least one item',
      ],
    ],
  ],
  [
    'failurePolicy',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'true' }],
      failurePolicy: 'Maybe',
    },
    [
      [
        'FieldValueNotSupported',
        'spec.failurePolicy',
        'Unsupported value: "Maybe": supported values: "Fail", "Ignore"',
      ],
    ],
  ],
  [
    'no match constraints',
    'validatingadmissionpolicies',
    { validations: [{ expression: 'true' }] },
    [['FieldValueRequired', 'spec.matchConstraints', 'Required value']],
  ],
  [
    'no resource rules',
    'validatingadmissionpolicies',
    { matchConstraints: {}, validations: [{ expression: 'true' }] },
    [['FieldValueRequired', 'spec.matchConstraints.resourceRules', 'Required value']],
  ],
  [
    'empty rule',
    'validatingadmissionpolicies',
    { matchConstraints: { resourceRules: [{}] }, validations: [{ expression: 'true' }] },
    [
      ['FieldValueRequired', 'spec.matchConstraints.resourceRules[0].operations', 'Required value'],
      ['FieldValueRequired', 'spec.matchConstraints.resourceRules[0].apiGroups', 'Required value'],
      ['FieldValueRequired', 'spec.matchConstraints.resourceRules[0].apiVersions', 'Required value'],
      ['FieldValueRequired', 'spec.matchConstraints.resourceRules[0].resources', 'Required value'],
    ],
  ],
  [
    'group wildcard with others',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: ['*', 'apps'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'true' }],
    },
    [
      [
        'FieldValueInvalid',
        'spec.matchConstraints.resourceRules[0].apiGroups',
        'Invalid value: ["*","apps"]: if \'*\' is present, must not specify other API groups',
      ],
    ],
  ],
  [
    'version wildcard with others, empty version',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['*', 'v1', ''], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'true' }],
    },
    [
      [
        'FieldValueInvalid',
        'spec.matchConstraints.resourceRules[0].apiVersions',
        'Invalid value: ["*","v1",""]: if \'*\' is present, must not specify other API versions',
      ],
      ['FieldValueRequired', 'spec.matchConstraints.resourceRules[0].apiVersions[2]', 'Required value'],
    ],
  ],
  [
    'operation wildcard with others',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['*', 'CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'true' }],
    },
    [
      [
        'FieldValueInvalid',
        'spec.matchConstraints.resourceRules[0].operations',
        'Invalid value: ["*","CREATE"]: if \'*\' is present, must not specify other operations',
      ],
    ],
  ],
  [
    'unknown operation',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['PATCH'], resources: ['pods'] }],
      },
      validations: [{ expression: 'true' }],
    },
    [
      [
        'FieldValueNotSupported',
        'spec.matchConstraints.resourceRules[0].operations[0]',
        'Unsupported value: "PATCH": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"',
      ],
    ],
  ],
  [
    'scope',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [
          { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'], scope: 'Zoned' },
        ],
      },
      validations: [{ expression: 'true' }],
    },
    [
      [
        'FieldValueNotSupported',
        'spec.matchConstraints.resourceRules[0].scope',
        'Unsupported value: "Zoned": supported values: "*", "Cluster", "Namespaced"',
      ],
    ],
  ],
  [
    'resource wildcards',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['*', 'pods'] }],
      },
      validations: [{ expression: 'true' }],
    },
    [
      [
        'FieldValueInvalid',
        'spec.matchConstraints.resourceRules[0].resources',
        'Invalid value: ["*","pods"]: if \'*\' is present, must not specify other resources without subresources',
      ],
    ],
  ],
  [
    'resource double wildcard',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['*/*', 'pods'] }],
      },
      validations: [{ expression: 'true' }],
    },
    [
      [
        'FieldValueInvalid',
        'spec.matchConstraints.resourceRules[0].resources',
        'Invalid value: ["*/*","pods"]: if \'*/*\' is present, must not specify other resources',
      ],
    ],
  ],
  [
    'subresource wildcards',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [
          {
            apiGroups: [''],
            apiVersions: ['v1'],
            operations: ['CREATE'],
            resources: ['pods/*', 'pods/log', '*/scale', 'deployments/scale', ''],
          },
        ],
      },
      validations: [{ expression: 'true' }],
    },
    [
      [
        'FieldValueInvalid',
        'spec.matchConstraints.resourceRules[0].resources[1]',
        'Invalid value: "pods/log": if \'pods/*\' is present, must not specify pods/log',
      ],
      [
        'FieldValueInvalid',
        'spec.matchConstraints.resourceRules[0].resources[3]',
        'Invalid value: "deployments/scale": if \'*/scale\' is present, must not specify deployments/scale',
      ],
      ['FieldValueRequired', 'spec.matchConstraints.resourceRules[0].resources[4]', 'Required value'],
    ],
  ],
  [
    'resource names',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [
          {
            apiGroups: [''],
            apiVersions: ['v1'],
            operations: ['CREATE'],
            resources: ['pods'],
            resourceNames: ['a', 'a', 'b/c', '..'],
          },
        ],
      },
      validations: [{ expression: 'true' }],
    },
    [
      ['FieldValueDuplicate', 'spec.matchConstraints.resourceRules[0].resourceNames[1]', 'Duplicate value: "a"'],
      [
        'FieldValueInvalid',
        'spec.matchConstraints.resourceRules[0].resourceNames[2]',
        'Invalid value: "b/c": may not contain \'/\'',
      ],
      [
        'FieldValueInvalid',
        'spec.matchConstraints.resourceRules[0].resourceNames[3]',
        'Invalid value: "..": may not be \'..\'',
      ],
    ],
  ],
  [
    'matchPolicy',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        matchPolicy: 'Loose',
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'true' }],
    },
    [
      [
        'FieldValueNotSupported',
        'spec.matchConstraints.matchPolicy',
        'Unsupported value: "Loose": supported values: "Equivalent", "Exact"',
      ],
    ],
  ],
  [
    'selectors',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
        namespaceSelector: { matchExpressions: [{ key: 'a', operator: 'Like' }] },
        objectSelector: { matchLabels: { 'a b': '-x' } },
      },
      validations: [{ expression: 'true' }],
    },
    [
      [
        'FieldValueInvalid',
        'spec.matchConstraints.namespaceSelector.matchExpressions[0].operator',
        'Invalid value: "Like": not a valid selector operator',
      ],
      [
        'FieldValueInvalid',
        'spec.matchConstraints.objectSelector.matchLabels',
        "Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      ],
      [
        'FieldValueInvalid',
        'spec.matchConstraints.objectSelector.matchLabels',
        "Invalid value: \"-x\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
      ],
    ],
  ],
  [
    'exclude rules',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
        excludeResourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: [], resources: ['pods'] }],
      },
      validations: [{ expression: 'true' }],
    },
    [['FieldValueRequired', 'spec.matchConstraints.excludeResourceRules[0].operations', 'Required value']],
  ],
  [
    'no validations',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [],
    },
    [
      [
        'FieldValueRequired',
        'spec.validations',
        'Required value: validations or auditAnnotations must contain at least one item',
      ],
      [
        'FieldValueRequired',
        'spec.auditAnnotations',
        'Required value: validations or auditAnnotations must contain at least one item',
      ],
    ],
  ],
  [
    'empty expression',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: ' ' }],
    },
    [['FieldValueRequired', 'spec.validations[0].expression', 'Required value: expression is not specified']],
  ],
  [
    'syntax error',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'object.x > ' }],
    },
    [
      [
        'FieldValueInvalid',
        'spec.validations[0].expression',
        "Invalid value: \"object.x > \": compilation failed: ERROR: <input>:1:12: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | object.x > \n | ...........^",
      ],
    ],
  ],
  [
    'undeclared reference',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'objects.x > 1' }],
    },
    [
      [
        'FieldValueInvalid',
        'spec.validations[0].expression',
        "Invalid value: \"objects.x > 1\": compilation failed: ERROR: <input>:1:1: undeclared reference to 'objects' (in container '')\n | objects.x > 1\n | ^",
      ],
    ],
  ],
  [
    'wrong result type',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: '1' }],
    },
    [['FieldValueInvalid', 'spec.validations[0].expression', 'Invalid value: "1": must evaluate to bool but got int']],
  ],
  [
    'dynamic result',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'object.x' }],
    },
    [
      [
        'FieldValueInvalid',
        'spec.validations[0].expression',
        'Invalid value: "object.x": must evaluate to bool but got dyn',
      ],
    ],
  ],
  [
    'params without kind',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'params.x == 1' }],
    },
    [
      [
        'FieldValueInvalid',
        'spec.validations[0].expression',
        "Invalid value: \"params.x == 1\": compilation failed: ERROR: <input>:1:1: undeclared reference to 'params' (in container '')\n | params.x == 1\n | ^",
      ],
    ],
  ],
  [
    'unknown function',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'foo(object)' }],
    },
    [
      [
        'FieldValueInvalid',
        'spec.validations[0].expression',
        "Invalid value: \"foo(object)\": compilation failed: ERROR: <input>:1:4: undeclared reference to 'foo' (in container '')\n | foo(object)\n | ...^",
      ],
    ],
  ],
  [
    'no overload',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: "1 + 'a' == 2" }],
    },
    [
      [
        'FieldValueInvalid',
        'spec.validations[0].expression',
        "Invalid value: \"1 + 'a' == 2\": compilation failed: ERROR: <input>:1:3: found no matching overload for '_+_' applied to '(int, string)'\n | 1 + 'a' == 2\n | ..^",
      ],
    ],
  ],
  [
    'request fields',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: "request.color == 'x'" }],
    },
    [
      [
        'FieldValueInvalid',
        'spec.validations[0].expression',
        "Invalid value: \"request.color == 'x'\": compilation failed: ERROR: <input>:1:8: undefined field 'color'\n | request.color == 'x'\n | .......^",
      ],
    ],
  ],
  [
    'namespace fields',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [
        { expression: "namespaceObject.metadata.labels.x == 'x' && namespaceObject.metadata.colour == 'y'" },
      ],
    },
    [
      [
        'FieldValueInvalid',
        'spec.validations[0].expression',
        "Invalid value: \"namespaceObject.metadata.labels.x == 'x' && namespaceObject.metadata.colour == 'y'\": compilation failed: ERROR: <input>:1:69: undefined field 'colour'\n | namespaceObject.metadata.labels.x == 'x' && namespaceObject.metadata.colour == 'y'\n | ....................................................................^",
      ],
    ],
  ],
  [
    'several lines',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'true &&\n  object.x >\n 1 &&\n unknown' }],
    },
    [
      [
        'FieldValueInvalid',
        'spec.validations[0].expression',
        "Invalid value: \"true &&\\n  object.x >\\n 1 &&\\n unknown\": compilation failed: ERROR: <input>:4:2: undeclared reference to 'unknown' (in container '')\n |  unknown\n | .^",
      ],
    ],
  ],
  [
    'authorizer',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: "authorizer.group('').resource('pods').namespace('a').check('get').allowed()" }],
    },
    [],
  ],
  [
    'authorizer misused',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'authorizer.allowed()' }],
    },
    [
      [
        'FieldValueInvalid',
        'spec.validations[0].expression',
        "Invalid value: \"authorizer.allowed()\": compilation failed: ERROR: <input>:1:19: found no matching overload for 'allowed' applied to 'kubernetes.authorization.Authorizer.()'\n | authorizer.allowed()\n | ..................^",
      ],
    ],
  ],
  [
    'request resource',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: "authorizer.requestResource.check('custom').allowed()" }],
    },
    [],
  ],
  [
    'blank message',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'true', message: ' ' }],
    },
    [['FieldValueInvalid', 'spec.validations[0].message', 'Invalid value: " ": must be non-empty if specified']],
  ],
  [
    'message with line break',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'true', message: 'a\nb' }],
    },
    [['FieldValueInvalid', 'spec.validations[0].message', 'Invalid value: "a\\nb": must not contain line breaks']],
  ],
  [
    'blank messageExpression',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'true', messageExpression: ' ' }],
    },
    [
      [
        'FieldValueInvalid',
        'spec.validations[0].messageExpression',
        'Invalid value: " ": must be non-empty if specified',
      ],
    ],
  ],
  [
    'messageExpression type',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'true', messageExpression: '1' }],
    },
    [
      [
        'FieldValueInvalid',
        'spec.validations[0].messageExpression',
        'Invalid value: "1": must evaluate to string but got int',
      ],
    ],
  ],
  [
    'messageExpression with authorizer',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'true', messageExpression: "authorizer.path('/x').check('get').reason()" }],
    },
    [
      [
        'FieldValueInvalid',
        'spec.validations[0].messageExpression',
        "Invalid value: \"authorizer.path('/x').check('get').reason()\": compilation failed: ERROR: <input>:1:1: undeclared reference to 'authorizer' (in container '')\n | authorizer.path('/x').check('get').reason()\n | ^",
      ],
    ],
  ],
  [
    'messageExpression with params',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'true', messageExpression: "'a' + params.x" }],
      paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
    },
    [],
  ],
  [
    'reason',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'true', reason: 'NotFound' }],
    },
    [
      [
        'FieldValueNotSupported',
        'spec.validations[0].reason',
        'Unsupported value: "NotFound": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"',
      ],
    ],
  ],
  [
    'reasons',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [
        { expression: 'true', reason: 'Unauthorized' },
        { expression: 'true', reason: 'Forbidden' },
        { expression: 'true', reason: 'RequestEntityTooLarge' },
      ],
    },
    [
      [
        'FieldValueNotSupported',
        'spec.validations[0].reason',
        'Unsupported value: "Unauthorized": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"',
      ],
    ],
  ],
  [
    'paramKind empty',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'true' }],
      paramKind: {},
    },
    [
      ['FieldValueRequired', 'spec.paramKind.apiVersion', 'Required value'],
      ['FieldValueRequired', 'spec.paramKind.kind', 'Required value'],
    ],
  ],
  [
    'paramKind bad',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'true' }],
      paramKind: { apiVersion: 'a/b/c', kind: '-x' },
    },
    [
      [
        'FieldValueInvalid',
        'spec.paramKind.apiVersion',
        'Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c',
      ],
      [
        'FieldValueInvalid',
        'spec.paramKind.kind',
        "Invalid value: \"-x\": may have mixed case, but should otherwise match: a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
      ],
    ],
  ],
  [
    'paramKind bad group',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'true' }],
      paramKind: { apiVersion: 'A_b/V1', kind: '1x' },
    },
    [
      [
        'FieldValueInvalid',
        'spec.paramKind.apiVersion',
        "Invalid value: \"A_b\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      ],
      [
        'FieldValueInvalid',
        'spec.paramKind.apiVersion',
        "Invalid value: \"V1\": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
      ],
      [
        'FieldValueInvalid',
        'spec.paramKind.kind',
        "Invalid value: \"1x\": may have mixed case, but should otherwise match: a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
      ],
    ],
  ],
  [
    'paramKind no version',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'true' }],
      paramKind: { apiVersion: 'apps/', kind: 'Deployment' },
    },
    [['FieldValueInvalid', 'spec.paramKind.apiVersion', 'Invalid value: "apps/": version must be specified']],
  ],
  [
    'paramKind slash',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'true' }],
      paramKind: { apiVersion: '/', kind: 'Deployment' },
    },
    [['FieldValueInvalid', 'spec.paramKind.apiVersion', 'Invalid value: "/": version must be specified']],
  ],
  [
    'variables',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'variables.b == 2' }],
      variables: [
        { name: 'a', expression: '1' },
        { name: 'b', expression: 'variables.a + 1' },
      ],
    },
    [],
  ],
  [
    'variable names',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'true' }],
      variables: [
        { name: '', expression: '1' },
        { name: 'for', expression: '1' },
        { name: 'a-b', expression: '1' },
      ],
    },
    [
      ['FieldValueRequired', 'spec.variables[0].name', 'Required value: name is not specified'],
      ['FieldValueInvalid', 'spec.variables[1].name', 'Invalid value: "for": must be a valid CEL identifier'],
      ['FieldValueInvalid', 'spec.variables[2].name', 'Invalid value: "a-b": must be a valid CEL identifier'],
    ],
  ],
  [
    'variable without expression',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'true' }],
      variables: [{ name: 'a', expression: ' ' }],
    },
    [['FieldValueRequired', 'spec.variables[0].expression', 'Required value: expression is not specified']],
  ],
  [
    'variable twice',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: "variables.a == 'x'" }],
      variables: [
        { name: 'a', expression: '1' },
        { name: 'a', expression: "'x'" },
      ],
    },
    [],
  ],
  [
    'variable later',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'true' }],
      variables: [
        { name: 'a', expression: 'variables.b' },
        { name: 'b', expression: '1' },
      ],
    },
    [
      [
        'FieldValueInvalid',
        'spec.variables[0].expression',
        'Invalid value: "variables.b": compilation failed: ERROR: <input>:1:10: undefined field \'b\'\n | variables.b\n | .........^',
      ],
    ],
  ],
  [
    'variable unknown',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'variables.c == 1' }],
      variables: [{ name: 'a', expression: '1' }],
    },
    [
      [
        'FieldValueInvalid',
        'spec.validations[0].expression',
        'Invalid value: "variables.c == 1": compilation failed: ERROR: <input>:1:10: undefined field \'c\'\n | variables.c == 1\n | .........^',
      ],
    ],
  ],
  [
    'variable type',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: "variables.a[0] == 'x'" }],
      variables: [{ name: 'a', expression: '[1, 2]' }],
    },
    [
      [
        'FieldValueInvalid',
        'spec.validations[0].expression',
        "Invalid value: \"variables.a[0] == 'x'\": compilation failed: ERROR: <input>:1:16: found no matching overload for '_==_' applied to '(int, string)'\n | variables.a[0] == 'x'\n | ...............^",
      ],
    ],
  ],
  [
    'variables without any',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'variables.a == 1' }],
    },
    [
      [
        'FieldValueInvalid',
        'spec.validations[0].expression',
        "Invalid value: \"variables.a == 1\": compilation failed: ERROR: <input>:1:1: undeclared reference to 'variables' (in container '')\n | variables.a == 1\n | ^",
      ],
    ],
  ],
  [
    'audit annotations',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [],
      auditAnnotations: [
        { key: 'k', valueExpression: "'x'" },
        { key: 'k', valueExpression: 'null' },
        { key: 'b/c', valueExpression: "'x'" },
        { key: '', valueExpression: "'x'" },
      ],
    },
    [
      ['FieldValueDuplicate', 'spec.auditAnnotations[1].key', 'Duplicate value: "k"'],
      [
        'FieldValueInvalid',
        'spec.auditAnnotations[2].key',
        "Invalid value: \"policies-case/b/c\": a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
      ],
      [
        'FieldValueInvalid',
        'spec.auditAnnotations[3].key',
        'Invalid value: "policies-case/": name part must be non-empty',
      ],
      [
        'FieldValueInvalid',
        'spec.auditAnnotations[3].key',
        "Invalid value: \"policies-case/\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      ],
    ],
  ],
  [
    'audit annotation type',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'true' }],
      auditAnnotations: [{ key: 'k', valueExpression: '1' }],
    },
    [
      [
        'FieldValueInvalid',
        'spec.auditAnnotations[0].valueExpression',
        'Invalid value: "1": must evaluate to one of [string null_type] but got int',
      ],
    ],
  ],
  [
    'audit annotation empty',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'true' }],
      auditAnnotations: [{ key: 'k', valueExpression: ' ' }],
    },
    [
      [
        'FieldValueRequired',
        'spec.auditAnnotations[0].valueExpression',
        'Required value: valueExpression is not specified',
      ],
    ],
  ],
  [
    'audit annotation error',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'true' }],
      auditAnnotations: [{ key: 'k', valueExpression: "'x' + y" }],
    },
    [
      [
        'FieldValueInvalid',
        'spec.auditAnnotations[0].valueExpression',
        "Invalid value: \"'x' + y\": compilation failed: ERROR: <input>:1:7: undeclared reference to 'y' (in container '')\n | 'x' + y\n | ......^",
      ],
    ],
  ],
  [
    'match conditions',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'true' }],
      matchConditions: [
        { name: 'a', expression: 'true' },
        { name: 'a', expression: 'false' },
        { name: '', expression: '' },
        { name: 'b c', expression: '1' },
      ],
    },
    [
      ['FieldValueDuplicate', 'spec.matchConditions[1].name', 'Duplicate value: "a"'],
      ['FieldValueRequired', 'spec.matchConditions[2].expression', 'Required value'],
      ['FieldValueRequired', 'spec.matchConditions[2].name', 'Required value'],
      [
        'FieldValueInvalid',
        'spec.matchConditions[3].expression',
        'Invalid value: "1": must evaluate to bool but got int',
      ],
      [
        'FieldValueInvalid',
        'spec.matchConditions[3].name',
        "Invalid value: \"b c\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      ],
    ],
  ],
  [
    'match condition with params',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'true' }],
      matchConditions: [{ name: 'a', expression: 'params.x == 1' }],
    },
    [
      [
        'FieldValueInvalid',
        'spec.matchConditions[0].expression',
        "Invalid value: \"params.x == 1\": compilation failed: ERROR: <input>:1:1: undeclared reference to 'params' (in container '')\n | params.x == 1\n | ^",
      ],
    ],
  ],
  [
    'match condition with param kind',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'true' }],
      paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
      matchConditions: [{ name: 'a', expression: 'params.x == 1' }],
    },
    [],
  ],
  [
    'match condition with variables',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'true' }],
      variables: [{ name: 'a', expression: '1' }],
      matchConditions: [{ name: 'a', expression: 'variables.a == 1' }],
    },
    [
      [
        'FieldValueInvalid',
        'spec.matchConditions[0].expression',
        "Invalid value: \"variables.a == 1\": compilation failed: ERROR: <input>:1:1: undeclared reference to 'variables' (in container '')\n | variables.a == 1\n | ^",
      ],
    ],
  ],
  [
    'object constructor',
    'validatingadmissionpolicies',
    {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [{ expression: 'Object{} == object' }],
    },
    [
      [
        'FieldValueInvalid',
        'spec.validations[0].expression',
        "Invalid value: \"Object{} == object\": compilation failed: ERROR: <input>:1:7: undeclared reference to 'Object' (in container '')\n | Object{} == object\n | ......^",
      ],
    ],
  ],
];

test('validating policies are refused with the causes of upstream', async () => {
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

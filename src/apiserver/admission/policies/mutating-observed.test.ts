// What kube-apiserver 1.36.2 did with these policies and requests; every request is a dry run, so that none sees another's.
import { test } from 'node:test';
import { checkScenarios, type Scenario } from '#kit/policy-scenarios.ts';

const observed: readonly Scenario[] = [
  {
    name: 'labels',
    policies: [
      {
        spec: {
          mutations: [
            {
              patchType: 'ApplyConfiguration',
              applyConfiguration: {
                expression:
                  "Object{metadata: Object.metadata{labels: {'a': 'b'}, annotations: {'x': object.metadata.name}}}",
              },
            },
          ],
        },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: { status: 201, labels: { a: 'b' }, annotations: { x: 'c' } },
      },
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c', labels: { z: '1', a: 'c' } }, data: {} },
        expected: { status: 201, labels: { a: 'b', z: '1' }, annotations: { x: 'c' } },
      },
    ],
  },
  {
    name: 'json patch',
    policies: [
      {
        spec: {
          mutations: [
            {
              patchType: 'JSONPatch',
              jsonPatch: {
                expression:
                  "[JSONPatch{op: 'add', path: '/data', value: {'k': 'v'}}, JSONPatch{op: 'add', path: '/metadata/labels', value: {'l': 'm'}}]",
              },
            },
          ],
        },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: { status: 201, data: { k: 'v' }, labels: { l: 'm' } },
      },
    ],
  },
  {
    name: 'test fails',
    policies: [
      {
        spec: {
          mutations: [
            {
              patchType: 'JSONPatch',
              jsonPatch: {
                expression:
                  "[JSONPatch{op: 'test', path: '/data/x', value: 'y'}, JSONPatch{op: 'replace', path: '/data/x', value: 'z'}]",
              },
            },
          ],
        },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: { x: 'y' } },
        expected: { status: 201, data: { x: 'z' } },
      },
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: { x: 'q' } },
        expected: { status: 201, data: { x: 'q' } },
      },
    ],
  },
  {
    name: 'remove missing',
    policies: [
      {
        spec: {
          mutations: [
            { patchType: 'JSONPatch', jsonPatch: { expression: "[JSONPatch{op: 'remove', path: '/data/x'}]" } },
          ],
        },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: { x: 'y' } },
        expected: { status: 201 },
      },
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: {
          status: 403,
          message:
            "policy 'p0' with binding 'p0-b' denied request: JSON Patch: remove operation does not apply: doc is missing path: \"/data/x\": missing value",
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'replace missing',
    policies: [
      {
        spec: {
          mutations: [
            {
              patchType: 'JSONPatch',
              jsonPatch: { expression: "[JSONPatch{op: 'replace', path: '/data/x', value: 'z'}]" },
            },
          ],
        },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: { a: 'b' } },
        expected: { status: 201, data: { a: 'b', x: 'z' } },
      },
    ],
  },
  {
    name: 'add deep missing',
    policies: [
      {
        spec: {
          mutations: [
            {
              patchType: 'JSONPatch',
              jsonPatch: { expression: "[JSONPatch{op: 'add', path: '/nothing/x', value: 'z'}]" },
            },
          ],
        },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: { a: 'b' } },
        expected: {
          status: 403,
          message:
            "policy 'p0' with binding 'p0-b' denied request: JSON Patch: add operation does not apply: doc is missing path: \"/nothing/x\": missing value",
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'unknown op',
    policies: [
      {
        spec: {
          mutations: [
            {
              patchType: 'JSONPatch',
              jsonPatch: { expression: "[JSONPatch{op: 'frob', path: '/data/x', value: 'z'}]" },
            },
          ],
        },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: { a: 'b' } },
        expected: {
          status: 403,
          message: "policy 'p0' with binding 'p0-b' denied request: JSON Patch: Unexpected kind: frob",
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'unknown field',
    policies: [
      {
        spec: {
          mutations: [
            {
              patchType: 'JSONPatch',
              jsonPatch: { expression: "[JSONPatch{op: 'add', path: '/colour', value: 'z'}]" },
            },
          ],
        },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: { a: 'b' } },
        expected: {
          status: 500,
          message: 'Internal error occurred: strict decoding error: unknown field "colour"',
          reason: 'InternalError',
        },
      },
    ],
  },
  {
    name: 'wrong type',
    policies: [
      {
        spec: {
          mutations: [
            { patchType: 'JSONPatch', jsonPatch: { expression: "[JSONPatch{op: 'add', path: '/data', value: 'z'}]" } },
          ],
        },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: { a: 'b' } },
        expected: {
          status: 500,
          message:
            'Internal error occurred: json: cannot unmarshal string into Go struct field ConfigMap.data of type map[string]string',
          reason: 'InternalError',
        },
      },
    ],
  },
  {
    name: 'ignore',
    policies: [
      {
        spec: {
          failurePolicy: 'Ignore',
          mutations: [
            { patchType: 'JSONPatch', jsonPatch: { expression: "[JSONPatch{op: 'remove', path: '/data/x'}]" } },
            {
              patchType: 'ApplyConfiguration',
              applyConfiguration: { expression: "Object{metadata: Object.metadata{labels: {'a': 'b'}}}" },
            },
          ],
        },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: { status: 201, labels: { a: 'b' } },
      },
    ],
  },
  {
    name: 'expression error',
    policies: [
      {
        spec: {
          mutations: [
            {
              patchType: 'ApplyConfiguration',
              applyConfiguration: { expression: "Object{metadata: Object.metadata{labels: {'a': object.data.x}}}" },
            },
          ],
        },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: {
          status: 403,
          message:
            "policy 'p0' with binding 'p0-b' denied request: expression 'Object{metadata: Object.metadata{labels: {'a': object.data.x}}}' resulted in error: no such key: data",
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'type mismatch',
    policies: [
      {
        spec: {
          mutations: [
            {
              patchType: 'ApplyConfiguration',
              applyConfiguration: { expression: "Object{metadata: Object.spec{labels: {'a': 'b'}}}" },
            },
          ],
        },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: {
          status: 403,
          message:
            'policy \'p0\' with binding \'p0-b\' denied request: type mismatch: unexpected type name "Object.spec", expected "Object.metadata", which matches field name path from root Object type',
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'unknown in apply',
    policies: [
      {
        spec: {
          mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: "Object{colour: 'red'}" } }],
        },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: {
          status: 403,
          message:
            "policy 'p0' with binding 'p0-b' denied request: error applying patch: failed to convert patch object to typed object: .colour: field not declared in schema",
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'wrong type in apply',
    policies: [
      {
        spec: {
          mutations: [
            {
              patchType: 'ApplyConfiguration',
              applyConfiguration: { expression: "Object{metadata: Object.metadata{labels: 'red'}}" },
            },
          ],
        },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: {
          status: 403,
          message:
            "policy 'p0' with binding 'p0-b' denied request: error applying patch: failed to convert patch object to typed object: .metadata.labels: expected map, got &{red}",
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'replicas',
    policies: [
      {
        rules: { apiGroups: ['apps'], resources: ['deployments'] },
        spec: {
          mutations: [
            {
              patchType: 'ApplyConfiguration',
              applyConfiguration: { expression: 'Object{spec: Object.spec{replicas: object.spec.replicas + 100}}' },
            },
          ],
        },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/apis/apps/v1/namespaces/NS/deployments',
        body: {
          metadata: { name: 'd' },
          spec: {
            selector: { matchLabels: { a: 'b' } },
            template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'x' }] } },
          },
        },
        expected: {
          status: 201,
          spec: {
            replicas: 101,
            c: [{ name: 'c', image: 'x', resources: {} }],
            strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
          },
        },
      },
      {
        method: 'POST',
        path: '/apis/apps/v1/namespaces/NS/deployments',
        body: {
          metadata: { name: 'd' },
          spec: {
            selector: { matchLabels: { a: 'b' } },
            template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'x' }] } },
            replicas: 2,
          },
        },
        expected: {
          status: 201,
          spec: {
            replicas: 102,
            c: [{ name: 'c', image: 'x', resources: {} }],
            strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
          },
        },
      },
    ],
  },
  {
    name: 'merge list',
    policies: [
      {
        rules: { apiGroups: ['apps'], resources: ['deployments'] },
        spec: {
          mutations: [
            {
              patchType: 'ApplyConfiguration',
              applyConfiguration: {
                expression:
                  "Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{containers: [Object.spec.template.spec.containers{name: 'c', env: [Object.spec.template.spec.containers.env{name: 'E', value: 'V'}]}, Object.spec.template.spec.containers{name: 'side', image: 's', ports: [Object.spec.template.spec.containers.ports{containerPort: 80}]}]}}}}",
              },
            },
          ],
        },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/apis/apps/v1/namespaces/NS/deployments',
        body: {
          metadata: { name: 'd' },
          spec: {
            selector: { matchLabels: { a: 'b' } },
            template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'x' }] } },
          },
        },
        expected: {
          status: 201,
          spec: {
            replicas: 1,
            c: [
              { name: 'c', image: 'x', env: [{ name: 'E', value: 'V' }], resources: {} },
              { name: 'side', image: 's', ports: [{ containerPort: 80, protocol: 'TCP' }], resources: {} },
            ],
            strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
          },
        },
      },
    ],
  },
  {
    name: 'atomic',
    policies: [
      {
        rules: { apiGroups: ['apps'], resources: ['deployments'] },
        spec: {
          mutations: [
            {
              patchType: 'ApplyConfiguration',
              applyConfiguration: {
                expression:
                  "Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{containers: [Object.spec.template.spec.containers{name: 'c', args: ['a']}]}}}}",
              },
            },
          ],
        },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/apis/apps/v1/namespaces/NS/deployments',
        body: {
          metadata: { name: 'd' },
          spec: {
            selector: { matchLabels: { a: 'b' } },
            template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'x' }] } },
          },
        },
        expected: {
          status: 403,
          message:
            "policy 'p0' with binding 'p0-b' denied request: error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.template.spec.containers[0].args",
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'defaults',
    policies: [
      {
        rules: { apiGroups: ['apps'], resources: ['deployments'] },
        spec: {
          mutations: [
            {
              patchType: 'JSONPatch',
              jsonPatch: {
                expression:
                  "[JSONPatch{op: 'add', path: '/spec/template/spec/containers/-', value: Object.spec.template.spec.containers{name: 'side', image: 's:latest', ports: [Object.spec.template.spec.containers.ports{containerPort: 80}]}}]",
              },
            },
          ],
        },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/apis/apps/v1/namespaces/NS/deployments',
        body: {
          metadata: { name: 'd' },
          spec: {
            selector: { matchLabels: { a: 'b' } },
            template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'x' }] } },
          },
        },
        expected: {
          status: 201,
          spec: {
            replicas: 1,
            c: [
              { name: 'c', image: 'x', resources: {} },
              { name: 'side', image: 's:latest', ports: [{ containerPort: 80, protocol: 'TCP' }], resources: {} },
            ],
            strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
          },
        },
      },
    ],
  },
  {
    name: 'invalid result',
    policies: [
      {
        rules: { apiGroups: ['apps'], resources: ['deployments'] },
        spec: {
          mutations: [
            {
              patchType: 'ApplyConfiguration',
              applyConfiguration: { expression: 'Object{spec: Object.spec{replicas: -1}}' },
            },
          ],
        },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/apis/apps/v1/namespaces/NS/deployments',
        body: {
          metadata: { name: 'd' },
          spec: {
            selector: { matchLabels: { a: 'b' } },
            template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'x' }] } },
          },
        },
        expected: {
          status: 422,
          message:
            'Deployment.apps "d" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'match condition',
    policies: [
      {
        spec: {
          matchConditions: [{ name: 'x', expression: "has(object.data) && object.data.x == 'y'" }],
          mutations: [
            {
              patchType: 'ApplyConfiguration',
              applyConfiguration: { expression: "Object{metadata: Object.metadata{labels: {'a': 'b'}}}" },
            },
          ],
        },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: { x: 'y' } },
        expected: { status: 201, data: { x: 'y' }, labels: { a: 'b' } },
      },
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: { x: 'z' } },
        expected: { status: 201, data: { x: 'z' } },
      },
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: { z: 'z' } },
        expected: {
          status: 403,
          message:
            "policy 'p0' with binding 'p0-b' denied request: expression 'has(object.data) && object.data.x == 'y'' resulted in error: no such key: x",
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'params',
    policies: [
      {
        spec: {
          paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
          mutations: [
            {
              patchType: 'ApplyConfiguration',
              applyConfiguration: {
                expression: 'Object{metadata: Object.metadata{labels: {params.metadata.name: params.data.max}}}',
              },
            },
          ],
        },
        binding: { paramRef: { selector: { matchLabels: { use: 'params' } }, parameterNotFoundAction: 'Deny' } },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: { status: 201, labels: { 'params-a': '3', 'params-b': '5' } },
      },
    ],
  },
  {
    name: 'no params',
    policies: [
      {
        spec: {
          paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
          mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: 'Object{}' } }],
        },
        binding: { paramRef: { name: 'nothing', parameterNotFoundAction: 'Deny' } },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: {
          status: 403,
          message:
            "policy 'p0' with binding 'p0-b' denied request: failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction",
          reason: 'Forbidden',
        },
      },
    ],
  },
  {
    name: 'unknown params',
    policies: [
      {
        spec: {
          paramKind: { apiVersion: 'example.com/v1', kind: 'Nothing' },
          mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: 'Object{}' } }],
        },
        binding: { paramRef: { name: 'nothing', parameterNotFoundAction: 'Deny' } },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: {
          status: 403,
          message:
            'policy "p0" denied request: failed to configure policy: failed to find resource referenced by paramKind: \'example.com/v1, Kind=Nothing\'',
          reason: 'Forbidden',
        },
      },
    ],
  },
  {
    name: 'sequence',
    policies: [
      {
        spec: {
          mutations: [
            {
              patchType: 'ApplyConfiguration',
              applyConfiguration: { expression: "Object{metadata: Object.metadata{labels: {'one': '1'}}}" },
            },
            {
              patchType: 'ApplyConfiguration',
              applyConfiguration: {
                expression: "Object{metadata: Object.metadata{labels: {'two': object.metadata.labels.one + '2'}}}",
              },
            },
          ],
        },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: { status: 201, labels: { one: '1', two: '12' } },
      },
    ],
  },
  {
    name: 'two policies',
    policies: [
      {
        spec: {
          reinvocationPolicy: 'IfNeeded',
          mutations: [
            {
              patchType: 'ApplyConfiguration',
              applyConfiguration: {
                expression:
                  "Object{metadata: Object.metadata{labels: {'first': has(object.metadata.labels) && 'second' in object.metadata.labels ? 'saw' : 'blind'}}}",
              },
            },
          ],
        },
      },
      {
        spec: {
          mutations: [
            {
              patchType: 'ApplyConfiguration',
              applyConfiguration: { expression: "Object{metadata: Object.metadata{labels: {'second': 'x'}}}" },
            },
          ],
        },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: { status: 201, labels: { first: 'saw', second: 'x' } },
      },
    ],
  },
  {
    name: 'never again',
    policies: [
      {
        spec: {
          reinvocationPolicy: 'Never',
          mutations: [
            {
              patchType: 'ApplyConfiguration',
              applyConfiguration: {
                expression:
                  "Object{metadata: Object.metadata{labels: {'first': has(object.metadata.labels) && 'second' in object.metadata.labels ? 'saw' : 'blind'}}}",
              },
            },
          ],
        },
      },
      {
        spec: {
          mutations: [
            {
              patchType: 'ApplyConfiguration',
              applyConfiguration: { expression: "Object{metadata: Object.metadata{labels: {'second': 'x'}}}" },
            },
          ],
        },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: { status: 201, labels: { first: 'blind', second: 'x' } },
      },
    ],
  },
  {
    name: 'counts',
    policies: [
      {
        spec: {
          reinvocationPolicy: 'IfNeeded',
          mutations: [
            {
              patchType: 'ApplyConfiguration',
              applyConfiguration: {
                expression:
                  "Object{metadata: Object.metadata{labels: {'n': has(object.metadata.labels) && 'n' in object.metadata.labels ? object.metadata.labels.n + 'x' : 'x'}}}",
              },
            },
          ],
        },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: { status: 201, labels: { n: 'xx' } },
      },
    ],
  },
  {
    name: 'update',
    policies: [
      {
        spec: {
          mutations: [
            {
              patchType: 'ApplyConfiguration',
              applyConfiguration: { expression: "Object{data: {'touched': oldObject == null ? 'no' : 'yes'}}" },
            },
          ],
        },
      },
    ],
    requests: [
      {
        method: 'PATCH',
        path: '/api/v1/namespaces/NS/configmaps/params-a',
        body: { data: { max: '9' } },
        contentType: 'application/merge-patch+json',
        expected: { status: 200, data: { max: '9', touched: 'yes' }, labels: { use: 'params' } },
      },
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: { status: 201, data: { touched: 'no' } },
      },
    ],
  },
  {
    name: 'variables',
    policies: [
      {
        spec: {
          variables: [{ name: 'v', expression: "object.data.x + '!'" }],
          mutations: [
            { patchType: 'ApplyConfiguration', applyConfiguration: { expression: "Object{data: {'y': variables.v}}" } },
          ],
        },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: { x: '1' } },
        expected: { status: 201, data: { x: '1', y: '1!' } },
      },
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: {
          status: 403,
          message:
            "policy 'p0' with binding 'p0-b' denied request: expression 'Object{data: {'y': variables.v}}' resulted in error: composited variable \"v\" fails to evaluate: no such key: data",
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'escape',
    policies: [
      {
        spec: {
          mutations: [
            {
              patchType: 'JSONPatch',
              jsonPatch: {
                expression:
                  "[JSONPatch{op: 'add', path: '/metadata/labels', value: {}}, JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('example.com/a'), value: 'v'}]",
              },
            },
          ],
        },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: { status: 201, labels: { 'example.com/a': 'v' } },
      },
    ],
  },
  {
    name: 'null',
    policies: [
      {
        spec: {
          mutations: [
            {
              patchType: 'ApplyConfiguration',
              applyConfiguration: { expression: "Object{data: {'y': 'z'}, immutable: null}" },
            },
          ],
        },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: {
          status: 403,
          message:
            "policy 'p0' with binding 'p0-b' denied request: error applying patch: failed to convert patch object to typed object: .immutable: expected boolean, got &{NULL_VALUE}",
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'name',
    policies: [
      {
        spec: {
          mutations: [
            {
              patchType: 'ApplyConfiguration',
              applyConfiguration: { expression: "Object{metadata: Object.metadata{name: 'other'}}" },
            },
          ],
        },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: { status: 201 },
      },
    ],
  },
];

test('mutating policies do what upstream does', () => checkScenarios('mutating', observed));

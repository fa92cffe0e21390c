// What kube-apiserver 1.36.2 did with these policies and requests; every request is a dry run, so that none sees another's.
import { test } from 'node:test';
import { checkScenarios, type Scenario } from '#kit/policy-scenarios.ts';

const observed: readonly Scenario[] = [
  {
    name: 'deny',
    policies: [{ spec: { validations: [{ expression: "object.data.x == 'y'" }] } }],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: { x: 'z' } },
        expected: {
          status: 422,
          message:
            "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: failed expression: object.data.x == 'y'",
          reason: 'Invalid',
        },
      },
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
          status: 422,
          message:
            "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: expression 'object.data.x == 'y'' resulted in error: no such key: data",
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'reason and message',
    policies: [{ spec: { validations: [{ expression: 'false', message: ' no way ', reason: 'Forbidden' }] } }],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: {
          status: 403,
          message:
            "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: no way",
          reason: 'Forbidden',
        },
      },
    ],
  },
  {
    name: 'too large',
    policies: [
      {
        spec: {
          validations: [
            {
              expression: 'false',
              messageExpression: "'got ' + object.metadata.name",
              reason: 'RequestEntityTooLarge',
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
          status: 413,
          message:
            "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: got c",
          reason: 'RequestEntityTooLarge',
        },
      },
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { generateName: 'g-' } },
        expected: {
          status: 413,
          message:
            "configmaps \"g-XXXXX\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: got g-XXXXX",
          reason: 'RequestEntityTooLarge',
        },
      },
    ],
  },
  {
    name: 'message expression fails',
    policies: [
      {
        spec: {
          validations: [
            { expression: 'false', messageExpression: 'string(object.data.nothing)', message: 'plain' },
            { expression: 'false', messageExpression: "'a\\nb'" },
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
          status: 422,
          message:
            "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: plain",
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'blank message expression',
    policies: [{ spec: { validations: [{ expression: "object.data.x == 'a'", messageExpression: "'  '" }] } }],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: { x: 'b' } },
        expected: {
          status: 422,
          message:
            "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: failed expression: object.data.x == 'a'",
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'ignore errors',
    policies: [{ spec: { failurePolicy: 'Ignore', validations: [{ expression: "object.data.x == 'y'" }] } }],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: { x: 'z' } },
        expected: {
          status: 422,
          message:
            "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: failed expression: object.data.x == 'y'",
          reason: 'Invalid',
        },
      },
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: { status: 201 },
      },
    ],
  },
  {
    name: 'two validations',
    policies: [
      { spec: { validations: [{ expression: "object.data.x == 'y'" }, { expression: "object.data.z == 'y'" }] } },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: { x: 'z', z: 'z' } },
        expected: {
          status: 422,
          message:
            "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: failed expression: object.data.x == 'y'",
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'warn and audit',
    policies: [
      {
        spec: { validations: [{ expression: "object.data.x == 'y'" }] },
        binding: { validationActions: ['Warn', 'Audit'] },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: { x: 'z' } },
        expected: {
          status: 201,
          warnings: [
            "Validation failed for ValidatingAdmissionPolicy 'p0' with binding 'p0-b': failed expression: object.data.x == 'y'",
          ],
        },
      },
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: {
          status: 201,
          warnings: [
            "Validation failed for ValidatingAdmissionPolicy 'p0' with binding 'p0-b': expression 'object.data.x == 'y'' resulted in error: no such key: data",
          ],
        },
      },
    ],
  },
  {
    name: 'match conditions',
    policies: [
      {
        spec: {
          matchConditions: [
            { name: 'a', expression: "object.metadata.name.startsWith('m')" },
            { name: 'b', expression: "object.data.x == 'y'" },
          ],
          validations: [{ expression: 'false' }],
        },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'n' }, data: {} },
        expected: { status: 201 },
      },
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'm' }, data: {} },
        expected: {
          status: 422,
          message:
            "configmaps \"m\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: expression 'object.data.x == 'y'' resulted in error: no such key: data",
          reason: 'Invalid',
        },
      },
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'm' }, data: { x: 'y' } },
        expected: {
          status: 422,
          message:
            "configmaps \"m\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: failed expression: false",
          reason: 'Invalid',
        },
      },
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'm' }, data: { x: 'z' } },
        expected: { status: 201 },
      },
    ],
  },
  {
    name: 'variables',
    policies: [
      {
        spec: {
          variables: [
            { name: 'a', expression: 'object.data.x' },
            { name: 'b', expression: "variables.a + '!'" },
          ],
          validations: [{ expression: "variables.b == 'y!'", messageExpression: "'b is ' + variables.b" }],
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
        body: { metadata: { name: 'c' }, data: { x: 'z' } },
        expected: {
          status: 422,
          message:
            "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: b is z!",
          reason: 'Invalid',
        },
      },
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: {
          status: 422,
          message:
            "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: expression 'variables.b == 'y!'' resulted in error: composited variable \"b\" fails to evaluate: composited variable \"a\" fails to evaluate: no such key: data",
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'request',
    policies: [
      {
        spec: {
          validations: [
            {
              expression:
                "request.operation == 'CREATE' && request.name == 'c' && request.namespace == 'policies-sc' && request.kind.kind == 'ConfigMap' && request.resource.resource == 'configmaps' && request.dryRun && request.requestKind.version == 'v1' && !has(request.subResource) && has(request.userInfo.groups) && request.options.kind == 'CreateOptions' && request.options.apiVersion == 'meta.k8s.io/v1' && request.options.dryRun[0] == 'All'",
              messageExpression: 'string(request.options) ',
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
  {
    name: 'options fields',
    policies: [{ spec: { validations: [{ expression: 'has(request.options.fieldManager)' }] } }],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: {
          status: 422,
          message:
            "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: failed expression: has(request.options.fieldManager)",
          reason: 'Invalid',
        },
      },
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps?fieldManager=me',
        body: { metadata: { name: 'c' } },
        expected: { status: 201 },
      },
    ],
  },
  {
    name: 'namespaceObject',
    policies: [
      {
        spec: {
          validations: [
            {
              expression:
                "namespaceObject.metadata.name == 'policies-sc' && namespaceObject.metadata.labels.tier == 'gold' && namespaceObject.status.phase == 'Active' && namespaceObject.spec.finalizers == ['kubernetes']",
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
  {
    name: 'old object',
    policies: [
      {
        spec: {
          validations: [
            { expression: 'oldObject == null || object.data.max == oldObject.data.max', message: 'immutable' },
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
      {
        method: 'PATCH',
        path: '/api/v1/namespaces/NS/configmaps/params-a',
        body: { data: { max: '9' } },
        contentType: 'application/merge-patch+json',
        expected: {
          status: 422,
          message:
            "configmaps \"params-a\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: immutable",
          reason: 'Invalid',
        },
      },
      {
        method: 'PATCH',
        path: '/api/v1/namespaces/NS/configmaps/params-a',
        body: { data: { other: '9' } },
        contentType: 'application/merge-patch+json',
        expected: { status: 200 },
      },
    ],
  },
  {
    name: 'delete',
    policies: [
      {
        rules: { operations: ['DELETE'] },
        spec: { validations: [{ expression: "object == null && oldObject.data.max == '4'" }] },
      },
    ],
    requests: [
      {
        method: 'DELETE',
        path: '/api/v1/namespaces/NS/configmaps/params-a',
        expected: {
          status: 422,
          message:
            "configmaps \"params-a\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: failed expression: object == null && oldObject.data.max == '4'",
          reason: 'Invalid',
        },
      },
      {
        method: 'DELETE',
        path: '/api/v1/namespaces/NS/configmaps/params-a',
        body: { kind: 'DeleteOptions', apiVersion: 'v1', dryRun: ['All'] },
        expected: {
          status: 422,
          message:
            "configmaps \"params-a\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: failed expression: object == null && oldObject.data.max == '4'",
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'delete options',
    policies: [
      {
        rules: { operations: ['DELETE'] },
        spec: {
          validations: [
            {
              expression: "request.options.kind == 'x'",
              messageExpression:
                "request.options.kind + ' ' + request.options.apiVersion + ' ' + string(has(request.options.dryRun)) + ' ' + string(has(request.options.propagationPolicy))",
            },
          ],
        },
      },
    ],
    requests: [
      {
        method: 'DELETE',
        path: '/api/v1/namespaces/NS/configmaps/params-a',
        expected: {
          status: 422,
          message:
            "configmaps \"params-a\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: DeleteOptions meta.k8s.io/v1 true false",
          reason: 'Invalid',
        },
      },
      {
        method: 'DELETE',
        path: '/api/v1/namespaces/NS/configmaps/params-a?propagationPolicy=Orphan',
        expected: {
          status: 422,
          message:
            "configmaps \"params-a\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: DeleteOptions meta.k8s.io/v1 true true",
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'params by name',
    policies: [
      {
        spec: {
          paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
          validations: [
            {
              expression: 'params != null && int(object.data.n) <= int(params.data.max)',
              messageExpression:
                "'at most ' + params.data.max + ' by ' + params.metadata.name + ' ' + params.kind + params.apiVersion",
            },
          ],
        },
        binding: { paramRef: { name: 'params-a', parameterNotFoundAction: 'Deny' } },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: { n: '3' } },
        expected: { status: 201 },
      },
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: { n: '4' } },
        expected: {
          status: 422,
          message:
            "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: at most 3 by params-a ConfigMapv1",
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'params by selector',
    policies: [
      {
        spec: {
          paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
          validations: [
            {
              expression: 'int(object.data.n) <= int(params.data.max)',
              messageExpression: "'at most ' + params.data.max",
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
        body: { metadata: { name: 'c' }, data: { n: '3' } },
        expected: { status: 201 },
      },
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: { n: '4' } },
        expected: {
          status: 422,
          message:
            "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: at most 3",
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'params not found',
    policies: [
      {
        spec: { paramKind: { apiVersion: 'v1', kind: 'ConfigMap' }, validations: [{ expression: 'false' }] },
        binding: { paramRef: { name: 'nothing', parameterNotFoundAction: 'Deny' } },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: {
          status: 422,
          message:
            "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction",
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'params not found ignored',
    policies: [
      {
        spec: { paramKind: { apiVersion: 'v1', kind: 'ConfigMap' }, validations: [{ expression: 'false' }] },
        binding: { paramRef: { name: 'nothing', parameterNotFoundAction: 'Allow' } },
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
  {
    name: 'params of no kind',
    policies: [
      {
        spec: { paramKind: { apiVersion: 'example.com/v1', kind: 'Nothing' }, validations: [{ expression: 'true' }] },
        binding: { paramRef: { name: 'nothing', parameterNotFoundAction: 'Allow' } },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: {
          status: 422,
          message:
            "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p0' denied request: failed to configure policy: failed to find resource referenced by paramKind: 'example.com/v1, Kind=Nothing'",
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'param kind without reference',
    policies: [
      {
        spec: {
          paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
          validations: [
            { expression: 'params == null', messageExpression: "'has params'" },
            { expression: "params.data.x == 'y'" },
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
          status: 422,
          message:
            "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: expression 'params.data.x == 'y'' resulted in error: no such key: data",
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'cluster params with namespace',
    policies: [
      {
        spec: {
          paramKind: { apiVersion: 'v1', kind: 'Namespace' },
          validations: [{ expression: "params.metadata.name == 'default'" }],
        },
        binding: { paramRef: { name: 'default', namespace: 'default', parameterNotFoundAction: 'Deny' } },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: {
          status: 422,
          message:
            "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: failed to configure binding: paramRef.namespace must not be provided for a cluster-scoped `paramKind`",
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'cluster params',
    policies: [
      {
        spec: {
          paramKind: { apiVersion: 'v1', kind: 'Namespace' },
          validations: [{ expression: 'params.metadata.name == object.data.x' }],
        },
        binding: { paramRef: { name: 'default', parameterNotFoundAction: 'Deny' } },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: { x: 'default' } },
        expected: { status: 201 },
      },
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: { x: 'b' } },
        expected: {
          status: 422,
          message:
            "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: failed expression: params.metadata.name == object.data.x",
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'audit annotation errors',
    policies: [
      {
        spec: {
          validations: [{ expression: 'true' }],
          auditAnnotations: [{ key: 'k', valueExpression: 'string(object.data.nothing)' }],
        },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: {
          status: 422,
          message:
            "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: expression 'string(object.data.nothing)' resulted in error: no such key: data",
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'audit annotation errors warn',
    policies: [
      {
        spec: {
          validations: [{ expression: 'true' }],
          auditAnnotations: [{ key: 'k', valueExpression: 'string(object.data.nothing)' }],
        },
        binding: { validationActions: ['Warn'] },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: {
          status: 422,
          message:
            "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: expression 'string(object.data.nothing)' resulted in error: no such key: data",
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'authorizer',
    policies: [
      {
        spec: {
          validations: [
            {
              expression:
                "authorizer.group('').resource('configmaps').namespace('policies-sc').check('create').allowed() && authorizer.requestResource.check('create').allowed() && authorizer.path('/healthz').check('get').allowed() && !authorizer.serviceAccount('default','default').group('').resource('secrets').check('get').allowed()",
            },
            { expression: 'false', messageExpression: "'x'" },
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
          status: 422,
          message:
            "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: expression 'authorizer.group('').resource('configmaps').namespace('policies-sc').check('create').allowed() && authorizer.requestResource.check('create').allowed() && authorizer.path('/healthz').check('get').allowed() && !authorizer.serviceAccount('default','default').group('').resource('secrets').check('get').allowed()' resulted in error: operation cancelled: actual cost limit exceeded",
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'authorizer errors',
    policies: [
      {
        spec: {
          validations: [
            {
              expression:
                "authorizer.serviceAccount('d d','default').group('').resource('secrets').check('get').allowed()",
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
          status: 422,
          message:
            "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: expression 'authorizer.serviceAccount('d d','default').group('').resource('secrets').check('get').allowed()' resulted in error: Invalid service account namespace",
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'dyn type errors',
    policies: [{ spec: { validations: [{ expression: 'object.data.x > 5' }] } }],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: { x: '3' } },
        expected: {
          status: 422,
          message:
            "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: expression 'object.data.x > 5' resulted in error: no such overload",
          reason: 'Invalid',
        },
      },
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: {
          status: 422,
          message:
            "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: expression 'object.data.x > 5' resulted in error: no such key: data",
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'cost of an expression',
    policies: [
      {
        spec: {
          validations: [
            {
              expression:
                '[1,2,3,4,5,6,7,8,9,10].all(a,[1,2,3,4,5,6,7,8,9,10].all(b,[1,2,3,4,5,6,7,8,9,10].all(c,[1,2,3,4,5,6,7,8,9,10].all(d,[1,2,3,4,5,6,7,8,9,10].all(e,[1,2,3,4,5,6,7,8,9,10].all(f, a+b+c+d+e+f > 0))))))',
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
          status: 422,
          message:
            "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: expression '[1,2,3,4,5,6,7,8,9,10].all(a,[1,2,3,4,5,6,7,8,9,10].all(b,[1,2,3,4,5,6,7,8,9,10].all(c,[1,2,3,4,5,6,7,8,9,10].all(d,[1,2,3,4,5,6,7,8,9,10].all(e,[1,2,3,4,5,6,7,8,9,10].all(f, a+b+c+d+e+f > 0))))))' resulted in error: operation cancelled: actual cost limit exceeded",
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'exclude rules',
    policies: [
      {
        constraints: {
          excludeResourceRules: [
            {
              apiGroups: [''],
              apiVersions: ['v1'],
              operations: ['CREATE', 'UPDATE'],
              resources: ['configmaps'],
              resourceNames: ['free'],
            },
          ],
        },
        spec: { validations: [{ expression: 'false' }] },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'free' }, data: {} },
        expected: { status: 201 },
      },
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: {
          status: 422,
          message:
            "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: failed expression: false",
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'resource names',
    policies: [{ rules: { resourceNames: ['only'] }, spec: { validations: [{ expression: 'false' }] } }],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'only' }, data: {} },
        expected: {
          status: 422,
          message:
            "configmaps \"only\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: failed expression: false",
          reason: 'Invalid',
        },
      },
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: { status: 201 },
      },
    ],
  },
  {
    name: 'object selector',
    policies: [
      {
        constraints: { objectSelector: { matchLabels: { a: 'b' } } },
        spec: { validations: [{ expression: 'false' }] },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c', labels: { a: 'b' } }, data: {} },
        expected: {
          status: 422,
          message:
            "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: failed expression: false",
          reason: 'Invalid',
        },
      },
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: { status: 201 },
      },
    ],
  },
  {
    name: 'binding rules',
    policies: [
      {
        spec: { validations: [{ expression: 'false' }] },
        binding: { matchResources: { objectSelector: { matchLabels: { a: 'b' } } } },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c', labels: { a: 'b' } }, data: {} },
        expected: {
          status: 422,
          message:
            "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: failed expression: false",
          reason: 'Invalid',
        },
      },
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/configmaps',
        body: { metadata: { name: 'c' }, data: {} },
        expected: { status: 201 },
      },
    ],
  },
  {
    name: 'equivalent',
    policies: [
      {
        rules: {
          apiGroups: ['apps'],
          apiVersions: ['v1'],
          resources: ['deployments', 'deployments/scale', 'deployments/status'],
        },
        spec: {
          validations: [
            {
              expression: 'object.spec.replicas < 5',
              messageExpression:
                "request.kind.kind + ' ' + request.requestKind.kind + ' ' + string(has(request.subResource))",
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
            replicas: 7,
            selector: { matchLabels: { a: 'b' } },
            template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'x' }] } },
          },
        },
        expected: {
          status: 422,
          message:
            "deployments.apps \"d\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: Deployment Deployment false",
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'events groups',
    policies: [
      {
        rules: { apiGroups: ['events.k8s.io'], resources: ['events'] },
        spec: {
          validations: [
            {
              expression: "object.regarding.name == 'x'",
              messageExpression: "object.apiVersion + ' ' + request.kind.group + ' ' + request.requestKind.group",
            },
          ],
        },
      },
    ],
    requests: [
      {
        method: 'POST',
        path: '/api/v1/namespaces/NS/events',
        body: {
          metadata: { name: 'e' },
          involvedObject: { kind: 'Pod', name: 'y', namespace: 'policies-sc' },
          reason: 'r',
        },
        expected: {
          status: 422,
          message:
            "events \"e\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: events.k8s.io/v1 events.k8s.io",
          reason: 'Invalid',
        },
      },
    ],
  },
  {
    name: 'namespace itself',
    policies: [
      {
        rules: { resources: ['namespaces'], operations: ['UPDATE'] },
        constraints: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'policies-sc' } } },
        spec: {
          validations: [
            {
              expression: "namespaceObject == null && request.namespace == 'policies-sc'",
              messageExpression: 'string(namespaceObject == null) + request.name',
            },
            { expression: '!has(object.metadata.labels.bad)' },
          ],
        },
      },
    ],
    requests: [
      {
        method: 'PATCH',
        path: '/api/v1/namespaces/policies-sc',
        body: { metadata: { labels: { bad: '1' } } },
        contentType: 'application/merge-patch+json',
        expected: {
          status: 422,
          message:
            "namespaces \"policies-sc\" is forbidden: ValidatingAdmissionPolicy 'p0' with binding 'p0-b' denied request: failed expression: !has(object.metadata.labels.bad)",
          reason: 'Invalid',
        },
      },
    ],
  },
];

test('validating policies do what upstream does', () => checkScenarios('validating', observed));

// What the cases of this folder are asked about: made in both clusters, in this order. All of it in one namespace or named for it.

export const namespace = 'access';
const rbac = 'rbac.authorization.k8s.io';

interface Made {
  readonly path: string;
  readonly object: object;
}

const core = (resource: string, kind: string, name: string, rest: object = {}): Made => ({
  path: `/api/v1/namespaces/${namespace}/${resource}`,
  object: { kind, apiVersion: 'v1', metadata: { name }, ...rest },
});
const cluster = (resource: string, kind: string, rest: object): Made => ({
  path: `/apis/${rbac}/v1/${resource}`,
  object: { kind, apiVersion: `${rbac}/v1`, ...rest },
});
const own = (resource: string, kind: string, rest: object): Made => ({
  path: `/apis/${rbac}/v1/namespaces/${namespace}/${resource}`,
  object: { kind, apiVersion: `${rbac}/v1`, ...rest },
});
const rule = (verbs: string[], apiGroups: string[], resources: string[], resourceNames?: string[]) => ({
  verbs,
  apiGroups,
  resources,
  ...(resourceNames === undefined ? {} : { resourceNames }),
});
const user = (name: string) => ({ kind: 'User', apiGroup: rbac, name: `access:${name}` });
const account = (name: string) => ({ kind: 'ServiceAccount', namespace, name });
const clusterRole = (name: string, rules: object[]) =>
  cluster('clusterroles', 'ClusterRole', { metadata: { name: `access-${name}` }, rules });
const clusterBinding = (name: string, role: string, ...subjects: object[]) =>
  cluster('clusterrolebindings', 'ClusterRoleBinding', {
    metadata: { name: `access-${name}` },
    roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: role },
    subjects,
  });
const binding = (name: string, kind: string, role: string, ...subjects: object[]) =>
  own('rolebindings', 'RoleBinding', { metadata: { name }, roleRef: { apiGroup: rbac, kind, name: role }, subjects });
const granted = (name: string, rules: object[], ...subjects: object[]): Made[] => [
  clusterRole(name, rules),
  clusterBinding(name, `access-${name}`, ...subjects),
];

export const objects: readonly Made[] = [
  { path: '/api/v1/namespaces', object: { kind: 'Namespace', apiVersion: 'v1', metadata: { name: namespace } } },
  ...['default', 'alice', 'imp', 'constrained', 'doomed'].map((name) =>
    core('serviceaccounts', 'ServiceAccount', name),
  ),
  {
    path: '/api/v1/nodes',
    object: { kind: 'Node', apiVersion: 'v1', metadata: { name: 'access-n1' }, spec: { unschedulable: true } },
  },
  ...['one', 'two', 'unused'].map((name) => core('secrets', 'Secret', name, { stringData: { a: 'b' } })),
  ...['settings', 'other'].map((name) => core('configmaps', 'ConfigMap', name, { data: {} })),
  core('pods', 'Pod', 'on-node', {
    spec: {
      nodeName: 'access-n1',
      serviceAccountName: 'alice',
      automountServiceAccountToken: false,
      containers: [
        {
          name: 'app',
          image: 'example.com/app:1',
          env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'one', key: 'a' } } }],
        },
      ],
      imagePullSecrets: [{ name: 'two' }],
      volumes: [
        { name: 'settings', configMap: { name: 'settings' } },
        { name: 'data', persistentVolumeClaim: { claimName: 'data' } },
      ],
    },
  }),
  core('pods', 'Pod', 'waiting', {
    spec: {
      schedulerName: 'nobody',
      serviceAccountName: 'alice',
      automountServiceAccountToken: false,
      containers: [{ name: 'app', image: 'example.com/app:1' }],
    },
  }),
  ...granted(
    'reader',
    [
      rule(['get', 'list', 'watch'], [''], ['pods', 'pods/log']),
      rule(['get'], [''], ['configmaps'], ['settings']),
      rule(['get'], ['apps'], ['*/status']),
      { verbs: ['get'], nonResourceURLs: ['/custom/*', '/exact'] },
    ],
    { kind: 'Group', apiGroup: rbac, name: 'access:team' },
    account('alice'),
  ),
  ...granted('everything', [rule(['*'], ['*'], ['*'])], user('god')),
  own('roles', 'Role', {
    metadata: { name: 'editor' },
    rules: [rule(['create', 'update', 'delete'], ['', 'apps'], ['pods', 'deployments', 'deployments/scale'])],
  }),
  binding('editor', 'Role', 'editor', user('erin')),
  binding('admin', 'ClusterRole', 'admin', user('ann')),
  binding('edit', 'ClusterRole', 'edit', user('eddy')),
  binding('view', 'ClusterRole', 'view', user('vic')),
  binding('lost', 'Role', 'nothing', user('lost')),
  clusterBinding('lost', 'access-nothing', user('lost')),
  ...granted(
    'maker',
    [
      rule(['*'], [rbac], ['roles', 'rolebindings', 'clusterroles', 'clusterrolebindings']),
      rule(['get', 'list'], [''], ['pods', 'services']),
      rule(['update'], [''], ['configmaps'], ['settings']),
      { verbs: ['get'], nonResourceURLs: ['/custom/*'] },
    ],
    user('maker-all'),
  ),
  ...granted(
    'writer',
    [
      rule(
        ['create', 'update', 'patch', 'get'],
        [rbac],
        ['roles', 'rolebindings', 'clusterroles', 'clusterrolebindings'],
      ),
      rule(['get', 'list'], [''], ['pods', 'services']),
      rule(['update'], [''], ['configmaps'], ['settings']),
      { verbs: ['get'], nonResourceURLs: ['/custom/*'] },
    ],
    user('writer'),
  ),
  ...granted(
    'binder',
    [rule(['create', 'update'], [rbac], ['rolebindings']), rule(['bind'], [rbac], ['clusterroles'], ['view'])],
    user('binder'),
  ),
  ...granted(
    'escalator',
    [rule(['create', 'update'], [rbac], ['roles']), rule(['escalate'], [rbac], ['roles'], ['special', ''])],
    user('escalator'),
  ),
  ...granted(
    'imp',
    [
      rule(['impersonate'], [''], ['users'], ['access:bob', 'system:node:access-n1']),
      rule(['impersonate'], [''], ['groups'], ['access:team']),
      rule(['impersonate'], [''], ['serviceaccounts'], ['alice']),
      rule(['impersonate'], ['authentication.k8s.io'], ['userextras/scopes'], ['view']),
      rule(['impersonate'], ['authentication.k8s.io'], ['uids'], ['u-1']),
    ],
    account('imp'),
  ),
  ...granted(
    'constrained',
    [
      rule(['impersonate-on:user-info:create'], ['authentication.k8s.io'], ['selfsubjectreviews']),
      rule(['impersonate-on:serviceaccount:create'], ['authentication.k8s.io'], ['selfsubjectreviews']),
      rule(['impersonate-on:arbitrary-node:create'], ['authentication.k8s.io'], ['selfsubjectreviews']),
      rule(['impersonate:user-info'], ['authentication.k8s.io'], ['users'], ['access:bob']),
      rule(['impersonate:user-info'], ['authentication.k8s.io'], ['groups', 'userextras/example.com/scopes']),
      rule(['impersonate:serviceaccount'], ['authentication.k8s.io'], ['serviceaccounts'], ['alice']),
      rule(['impersonate:arbitrary-node'], ['authentication.k8s.io'], ['nodes'], ['access-n1']),
    ],
    account('constrained'),
  ),
];

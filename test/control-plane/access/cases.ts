// What is asked of upstream's server and of this one. The answers that upstream's gave are in answers.json.
import { namespace } from './objects.ts';

export interface Case {
  readonly name: string;
  /** A user with groups, or a service account of the namespace with a token of its own; absent: an administrator. */
  readonly as?: { readonly user: string; readonly groups?: readonly string[] } | { readonly account: string };
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** `$token(NAME)` and `$token(NAME,AUDIENCE)` are replaced by tokens of service accounts. */
  readonly body?: object;
}

const rbac = 'rbac.authorization.k8s.io';
const authorization = '/apis/authorization.k8s.io/v1';
const authentication = '/apis/authentication.k8s.io/v1';
const review = (kind: string, spec: object, metadata?: object) => ({
  kind,
  apiVersion: `${kind === 'TokenReview' || kind === 'SelfSubjectReview' ? 'authentication' : 'authorization'}.k8s.io/v1`,
  ...(metadata === undefined ? {} : { metadata }),
  spec,
});
const subject = (name: string, spec: object, metadata?: object): Case => ({
  name: `SubjectAccessReview: ${name}`,
  method: 'POST',
  path: `${authorization}/subjectaccessreviews`,
  body: review('SubjectAccessReview', spec, metadata),
});
const team = { user: 'access:tom', groups: ['access:team'] };
const may = (name: string, who: object, verb: string, resource: string, more: object = {}): Case =>
  subject(name, { ...who, resourceAttributes: { verb, resource, namespace, ...more } });
const mayPath = (name: string, who: object, verb: string, path: string): Case =>
  subject(name, { ...who, nonResourceAttributes: { verb, path } });
const node = { user: 'system:node:access-n1', groups: ['system:nodes'] };
const as = (name: string) => ({ user: `access:${name}` });
const admin = as('ann');
const edit = as('eddy');
const view = as('vic');

const byRoles: readonly Case[] = [
  may('a cluster role bound to a group', team, 'get', 'pods'),
  may('in all namespaces', team, 'list', 'pods', { namespace: '' }),
  may('a verb that no rule has', team, 'delete', 'pods'),
  may('a subresource that a rule has', team, 'get', 'pods', { subresource: 'log' }),
  may('a subresource that no rule has', team, 'get', 'pods', { subresource: 'exec' }),
  may('a subresource of any resource', team, 'get', 'deployments', { group: 'apps', subresource: 'status' }),
  may('the resource of such a subresource', team, 'get', 'deployments', { group: 'apps' }),
  may('a name that the rule has', team, 'get', 'configmaps', { name: 'settings' }),
  may('a name that the rule has not', team, 'get', 'configmaps', { name: 'other' }),
  may('no name where the rule has names', team, 'get', 'configmaps'),
  may('another group of the API', team, 'get', 'pods', { group: 'metrics.k8s.io' }),
  may('upper case', team, 'GET', 'Pods'),
  may('any verb', team, '*', 'pods'),
  may('any verb for who has it', as('god'), '*', 'pods'),
  may('everything for who has it', as('god'), 'frobnicate', 'unicorns', { group: 'example.com', name: 'x' }),
  may('a version that is not there', team, 'get', 'pods', { version: 'v7' }),
  may('the group alone', { groups: ['access:team'] }, 'get', 'pods'),
  may('masters', { groups: ['system:masters'] }, 'delete', 'nodes'),
  may('a service account by name', { user: `system:serviceaccount:${namespace}:alice` }, 'get', 'pods'),
  may('a role in its namespace', as('erin'), 'create', 'pods'),
  may('a role in another namespace', as('erin'), 'create', 'pods', { namespace: 'default' }),
  may('a role for everything in the cluster', as('erin'), 'create', 'pods', { namespace: '' }),
  may('scale by a role', as('erin'), 'update', 'deployments', { group: 'apps', subresource: 'scale' }),
  may('roles that are not there', as('lost'), 'get', 'pods'),
  may('roles that are not there, elsewhere', as('lost'), 'get', 'pods', { namespace: 'default' }),
  may('nobody', {}, 'get', 'pods'),
  may('anonymous', { user: 'system:anonymous', groups: ['system:unauthenticated'] }, 'get', 'pods'),
  ...[admin, edit, view].flatMap((who) => [
    may(`${who.user} reads Pods`, who, 'list', 'pods'),
    may(`${who.user} reads Secrets`, who, 'get', 'secrets'),
    may(`${who.user} runs commands`, who, 'create', 'pods', { subresource: 'exec' }),
    may(`${who.user} makes roles`, who, 'create', 'roles', { group: rbac }),
    may(`${who.user} asks for tokens`, who, 'create', 'serviceaccounts', { subresource: 'token' }),
    may(`${who.user} becomes accounts`, who, 'impersonate', 'serviceaccounts'),
    may(`${who.user} scales`, who, 'patch', 'deployments', { group: 'apps', subresource: 'scale' }),
    may(`${who.user} reads quotas`, who, 'get', 'resourcequotas'),
    may(`${who.user} writes quotas`, who, 'update', 'resourcequotas'),
    may(`${who.user} reads nodes`, who, 'get', 'nodes', { namespace: '' }),
    may(`${who.user} evicts`, who, 'create', 'pods', { subresource: 'eviction' }),
    may(`${who.user} removes the namespace`, who, 'delete', 'namespaces', { name: namespace }),
  ]),
  mayPath('a path below a star', team, 'get', '/custom/deep/er'),
  mayPath('the path before the star', team, 'get', '/custom'),
  mayPath('an exact path', team, 'get', '/exact'),
  mayPath('below an exact path', team, 'get', '/exact/more'),
  mayPath('a path with another verb', team, 'post', '/exact'),
  mayPath('metrics', team, 'get', '/metrics'),
  mayPath('health of parts for authenticated', { user: 'x', groups: ['system:authenticated'] }, 'get', '/healthz/etcd'),
  mayPath(
    'the issuer for service accounts',
    { user: 'x', groups: ['system:serviceaccounts'] },
    'get',
    '/openid/v1/jwks',
  ),
  mayPath('the issuer for authenticated', { user: 'x', groups: ['system:authenticated'] }, 'get', '/openid/v1/jwks'),
];

const ofNodes: readonly Case[] = [
  may('a Secret of a Pod', node, 'get', 'secrets', { name: 'one' }),
  may('a pull Secret of a Pod', node, 'get', 'secrets', { name: 'two' }),
  may('a Secret of nobody', node, 'get', 'secrets', { name: 'unused' }),
  may('a Secret that is not there', node, 'get', 'secrets', { name: 'absent' }),
  may('all Secrets', node, 'list', 'secrets'),
  may('Secrets of all namespaces', node, 'list', 'secrets', { namespace: '' }),
  may('one Secret by list', node, 'list', 'secrets', { name: 'one' }),
  may('changing a Secret', node, 'update', 'secrets', { name: 'one' }),
  may('a ConfigMap of a Pod', node, 'watch', 'configmaps', { name: 'settings' }),
  may('another ConfigMap', node, 'get', 'configmaps', { name: 'other' }),
  may('a claim of a Pod', node, 'get', 'persistentvolumeclaims', { name: 'data' }),
  may('a claim by list', node, 'list', 'persistentvolumeclaims', { name: 'data' }),
  may('status of a claim', node, 'update', 'persistentvolumeclaims', { name: 'data', subresource: 'status' }),
  may('reading the status of a claim', node, 'get', 'persistentvolumeclaims', { name: 'data', subresource: 'status' }),
  may('a volume', node, 'get', 'persistentvolumes', { namespace: '', name: 'v' }),
  may('an attachment', node, 'get', 'volumeattachments', { namespace: '', group: 'storage.k8s.io', name: 'v' }),
  may('a token of the account of its Pod', node, 'create', 'serviceaccounts', { name: 'alice', subresource: 'token' }),
  may('a token of another account', node, 'create', 'serviceaccounts', { name: 'default', subresource: 'token' }),
  may('an account of its Pod', node, 'get', 'serviceaccounts', { name: 'alice' }),
  may('changing an account', node, 'update', 'serviceaccounts', { name: 'alice' }),
  may('its lease', node, 'update', 'leases', {
    group: 'coordination.k8s.io',
    namespace: 'kube-node-lease',
    name: 'access-n1',
  }),
  may('a lease of another node', node, 'get', 'leases', {
    group: 'coordination.k8s.io',
    namespace: 'kube-node-lease',
    name: 'other',
  }),
  may('a lease elsewhere', node, 'get', 'leases', { group: 'coordination.k8s.io', name: 'access-n1' }),
  may('listing leases', node, 'list', 'leases', { group: 'coordination.k8s.io', namespace: 'kube-node-lease' }),
  may('making a lease', node, 'create', 'leases', { group: 'coordination.k8s.io', namespace: 'kube-node-lease' }),
  may('its CSINode', node, 'get', 'csinodes', { group: 'storage.k8s.io', namespace: '', name: 'access-n1' }),
  may('another CSINode', node, 'patch', 'csinodes', { group: 'storage.k8s.io', namespace: '', name: 'other' }),
  may('all CSINodes', node, 'list', 'csinodes', { group: 'storage.k8s.io', namespace: '' }),
  may('status of its CSINode', node, 'get', 'csinodes', {
    group: 'storage.k8s.io',
    namespace: '',
    name: 'access-n1',
    subresource: 'status',
  }),
  may('itself', node, 'get', 'nodes', { namespace: '', name: 'access-n1' }),
  may('another node', node, 'get', 'nodes', { namespace: '', name: 'other' }),
  may('all nodes', node, 'list', 'nodes', { namespace: '' }),
  may('itself by list', node, 'list', 'nodes', { namespace: '', name: 'access-n1' }),
  may('removing itself', node, 'delete', 'nodes', { namespace: '', name: 'access-n1' }),
  may('status of any node', node, 'patch', 'nodes', { namespace: '', name: 'other', subresource: 'status' }),
  may('reading its own status', node, 'get', 'nodes', { namespace: '', name: 'access-n1', subresource: 'status' }),
  may('its Pod', node, 'get', 'pods', { name: 'on-node' }),
  may('a Pod that waits', node, 'get', 'pods', { name: 'waiting' }),
  may('all Pods', node, 'list', 'pods', { namespace: '' }),
  may('its Pods by raw selector', node, 'list', 'pods', {
    namespace: '',
    fieldSelector: { rawSelector: 'spec.nodeName=access-n1' },
  }),
  may('its Pods by requirement', node, 'watch', 'pods', {
    namespace: '',
    fieldSelector: { requirements: [{ key: 'spec.nodeName', operator: 'In', values: ['access-n1'] }] },
  }),
  may('Pods of another node', node, 'list', 'pods', {
    namespace: '',
    fieldSelector: { rawSelector: 'spec.nodeName=other' },
  }),
  may('Pods by a selector that cannot be read', node, 'list', 'pods', { fieldSelector: { rawSelector: '!' } }),
  may('removing Pods', node, 'delete', 'pods', { name: 'waiting' }),
  may('updating Pods', node, 'update', 'pods', { name: 'on-node' }),
  may('status of a Pod', node, 'patch', 'pods', { name: 'waiting', subresource: 'status' }),
  may('logs of a Pod', node, 'get', 'pods', { name: 'on-node', subresource: 'log' }),
  may('evictions', node, 'create', 'pods', { name: 'on-node', subresource: 'eviction' }),
  may('a claim of resources', node, 'get', 'resourceclaims', { group: 'resource.k8s.io', name: 'c' }),
  may('resource slices', node, 'list', 'resourceslices', { group: 'resource.k8s.io', namespace: '' }),
  may('its resource slices', node, 'list', 'resourceslices', {
    group: 'resource.k8s.io',
    namespace: '',
    fieldSelector: { rawSelector: 'spec.nodeName=access-n1' },
  }),
  may('making a resource slice', node, 'create', 'resourceslices', { group: 'resource.k8s.io', namespace: '' }),
  may('removing a resource slice', node, 'delete', 'resourceslices', {
    group: 'resource.k8s.io',
    namespace: '',
    name: 'x',
  }),
  may('slices of slices', node, 'get', 'resourceslices', {
    group: 'resource.k8s.io',
    namespace: '',
    name: 'x',
    subresource: 'y',
  }),
  may('events', node, 'create', 'events'),
  may('services', node, 'list', 'services', { namespace: '' }),
  may('certificates', node, 'create', 'certificatesigningrequests', { group: 'certificates.k8s.io', namespace: '' }),
  may('who has no name', { user: 'system:node:', groups: ['system:nodes'] }, 'get', 'secrets', { name: 'one' }),
  may('who is no node', { user: 'system:node:access-n1', groups: [] }, 'get', 'nodes', {
    namespace: '',
    name: 'access-n1',
  }),
  may('trust bundles', node, 'list', 'clustertrustbundles', { group: 'certificates.k8s.io', namespace: '' }),
];

const selectors = (fieldSelector: object, labelSelector?: object) => ({
  ...team,
  resourceAttributes: { verb: 'list', resource: 'pods', fieldSelector, ...(labelSelector && { labelSelector }) },
});
const asked: readonly Case[] = [
  subject('nothing', { user: 'x' }),
  subject('both kinds', {
    user: 'x',
    resourceAttributes: { verb: 'get' },
    nonResourceAttributes: { path: '/x', verb: 'get' },
  }),
  subject('no subject', { resourceAttributes: { verb: 'get', resource: 'pods' } }),
  subject('with a name', { user: 'x', nonResourceAttributes: { path: '/x' } }, { name: 'x' }),
  subject('an empty selector', selectors({})),
  subject(
    'a selector twice',
    selectors({ rawSelector: 'a=b', requirements: [{ key: 'a', operator: 'In', values: ['b'] }] }),
  ),
  subject('a requirement without key', selectors({ requirements: [{ key: '', operator: 'In', values: ['b'] }] })),
  subject('a requirement without values', selectors({ requirements: [{ key: 'a', operator: 'In' }] })),
  subject('values for Exists', selectors({ requirements: [{ key: 'a', operator: 'Exists', values: ['b'] }] })),
  subject('an unknown operator', selectors({ requirements: [{ key: 'a', operator: 'Near', values: ['b'] }] })),
  subject(
    'two values',
    selectors({
      requirements: [
        { key: 'a', operator: 'In', values: ['b', 'c'] },
        { key: 'x', operator: 'In', values: ['y'] },
      ],
    }),
  ),
  subject('labels that cannot be read', selectors({ rawSelector: 'a=b' }, { rawSelector: 'a b c' })),
  subject('a bad label key', selectors({ rawSelector: 'a=b' }, { requirements: [{ key: 'a b', operator: 'Exists' }] })),
  subject(
    'a bad label value',
    selectors({ rawSelector: 'a=b' }, { requirements: [{ key: 'a', operator: 'In', values: ['b c'] }] }),
  ),
  subject(
    'an unknown label operator',
    selectors({ rawSelector: 'a=b' }, { requirements: [{ key: 'a', operator: 'Near' }] }),
  ),
  {
    name: 'LocalSubjectAccessReview',
    method: 'POST',
    path: `${authorization}/namespaces/${namespace}/localsubjectaccessreviews`,
    body: review('LocalSubjectAccessReview', {
      ...team,
      resourceAttributes: { verb: 'get', resource: 'pods', namespace },
    }),
  },
  {
    name: 'LocalSubjectAccessReview of another namespace',
    method: 'POST',
    path: `${authorization}/namespaces/${namespace}/localsubjectaccessreviews`,
    body: review('LocalSubjectAccessReview', {
      ...team,
      resourceAttributes: { verb: 'get', resource: 'pods', namespace: 'default' },
    }),
  },
  {
    name: 'LocalSubjectAccessReview of a path',
    method: 'POST',
    path: `${authorization}/namespaces/${namespace}/localsubjectaccessreviews`,
    body: review('LocalSubjectAccessReview', { ...team, nonResourceAttributes: { verb: 'get', path: '/x' } }),
  },
  {
    name: 'SelfSubjectAccessReview',
    as: team,
    method: 'POST',
    path: `${authorization}/selfsubjectaccessreviews`,
    body: review('SelfSubjectAccessReview', { resourceAttributes: { verb: 'get', resource: 'pods' } }),
  },
  {
    name: 'SelfSubjectAccessReview of nothing',
    as: team,
    method: 'POST',
    path: `${authorization}/selfsubjectaccessreviews`,
    body: review('SelfSubjectAccessReview', {}),
  },
  {
    name: 'SelfSubjectAccessReview by nobody',
    as: { user: 'system:anonymous', groups: ['system:unauthenticated'] },
    method: 'POST',
    path: `${authorization}/selfsubjectaccessreviews`,
    body: review('SelfSubjectAccessReview', { resourceAttributes: { verb: 'get', resource: 'pods' } }),
  },
  {
    name: 'SelfSubjectRulesReview without namespace',
    as: team,
    method: 'POST',
    path: `${authorization}/selfsubjectrulesreviews`,
    body: review('SelfSubjectRulesReview', {}),
  },
  {
    name: 'SelfSubjectReview',
    as: { account: 'alice' },
    method: 'POST',
    path: `${authentication}/selfsubjectreviews`,
    body: { kind: 'SelfSubjectReview', apiVersion: 'authentication.k8s.io/v1' },
  },
  { name: 'reading reviews', method: 'GET', path: `${authorization}/subjectaccessreviews` },
  { name: 'one review', method: 'GET', path: `${authorization}/subjectaccessreviews/x` },
  { name: 'removing a review', method: 'DELETE', path: `${authorization}/selfsubjectaccessreviews/x` },
];

const token = (name: string, spec: object): Case => ({
  name: `TokenReview: ${name}`,
  method: 'POST',
  path: `${authentication}/tokenreviews`,
  body: review('TokenReview', spec),
});
const request = (name: string, accountName: string, spec: object, metadata?: object): Case => ({
  name: `TokenRequest: ${name}`,
  method: 'POST',
  path: `/api/v1/namespaces/${namespace}/serviceaccounts/${accountName}/token`,
  body: { kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1', ...(metadata && { metadata }), spec },
});
const bound = (kind: string, name: string, more: object = {}) => ({
  boundObjectRef: { kind, apiVersion: 'v1', name, ...more },
});
const tokens: readonly Case[] = [
  token('none', {}),
  token('nonsense', { token: 'abc' }),
  token('three parts of nonsense', { token: 'a.b.c' }),
  token('of the server', { token: '$token(alice)' }),
  token('of the server, for another audience', { token: '$token(alice)', audiences: ['vault'] }),
  token('of another audience, for the server', { token: '$token(alice,vault)' }),
  token('of another audience, for it', { token: '$token(alice,vault)', audiences: ['vault', 'other'] }),
  token('of an account that is gone', { token: '$token(doomed)' }),
  token('like a bootstrap token', { token: 'abcdef.0123456789abcdef' }),
  request('nothing special', 'alice', {}),
  request('too short', 'alice', { expirationSeconds: 599 }),
  request('too long', 'alice', { expirationSeconds: 4294967297 }),
  request('the shortest', 'alice', { expirationSeconds: 600 }),
  request('two audiences', 'alice', { audiences: ['a', 'b'] }),
  request('an account that is not there', 'nobody', {}),
  request('for a Pod', 'alice', bound('Pod', 'waiting')),
  request('for a Pod of another account', 'imp', bound('Pod', 'waiting')),
  request('for a Pod that is not there', 'alice', bound('Pod', 'absent')),
  request('for a Pod with another uid', 'alice', bound('Pod', 'waiting', { uid: 'x' })),
  request('for a Secret', 'alice', bound('Secret', 'one')),
  request('for a node', 'alice', bound('Node', 'access-n1')),
  request('for a node that is not there', 'alice', bound('Node', 'absent')),
  request('for a ConfigMap', 'alice', bound('ConfigMap', 'settings')),
  request('for a Deployment', 'alice', { boundObjectRef: { kind: 'Deployment', apiVersion: 'apps/v1', name: 'x' } }),
  request('another name', 'alice', {}, { name: 'bob' }),
  request('another namespace', 'alice', {}, { namespace: 'default' }),
  request('another uid', 'alice', {}, { uid: 'x' }),
  { name: 'a bad token', method: 'GET', path: '/api/v1/pods', headers: { authorization: 'Bearer abc' } },
  {
    name: 'a token of another audience',
    method: 'GET',
    path: '/api/v1/pods',
    headers: { authorization: 'Bearer $token(alice,vault)' },
  },
];

const refused = (name: string, who: Case['as'], method: string, path: string, body?: object): Case => ({
  name: `refused: ${name}`,
  ...(who && { as: who }),
  method,
  path,
  ...(body && { body }),
});
const roles = `/apis/${rbac}/v1/namespaces/${namespace}/roles`;
const bindings = `/apis/${rbac}/v1/namespaces/${namespace}/rolebindings`;
const role = (name: string, ...rules: object[]) => ({
  kind: 'Role',
  apiVersion: `${rbac}/v1`,
  metadata: { name },
  rules,
});
const clusterRole = (name: string, rules: object[], rest: object = {}) => ({
  kind: 'ClusterRole',
  apiVersion: `${rbac}/v1`,
  metadata: { name: `access-${name}` },
  rules,
  ...rest,
});
const bind = (name: string, kind: string, roleName: string) => ({
  kind: 'RoleBinding',
  apiVersion: `${rbac}/v1`,
  metadata: { name },
  roleRef: { apiGroup: rbac, kind, name: roleName },
  subjects: [{ kind: 'User', apiGroup: rbac, name: 'access:x' }],
});
const pods = { apiGroups: [''], resources: ['pods'] };
const refusals: readonly Case[] = [
  refused('one object', as('x'), 'GET', `/api/v1/namespaces/${namespace}/pods/web`),
  refused('a list', as('x'), 'GET', `/api/v1/namespaces/${namespace}/pods`),
  refused('a list of all', as('x'), 'GET', '/apis/apps/v1/deployments'),
  refused('a watch', as('x'), 'GET', '/api/v1/pods?watch=true'),
  refused('a subresource', as('x'), 'GET', `/api/v1/namespaces/${namespace}/pods/web/log`),
  refused('a node', as('x'), 'DELETE', '/api/v1/nodes/n'),
  refused('all of a kind', as('x'), 'DELETE', `/api/v1/namespaces/${namespace}/pods`),
  refused('a path', as('x'), 'GET', '/metrics'),
  refused('a path with another method', as('x'), 'POST', '/metrics'),
  refused('a namespace', as('x'), 'GET', `/api/v1/namespaces/${namespace}`),
  refused('a kind that is not there', as('x'), 'GET', '/apis/example.com/v1/things'),
  refused('something while roles are missing', as('lost'), 'GET', `/api/v1/namespaces/${namespace}/secrets`),
  refused('something by a service account', { account: 'alice' }, 'GET', `/api/v1/namespaces/${namespace}/secrets/x`),
  refused(
    'more verbs than one has',
    as('writer'),
    'POST',
    roles,
    role('a', { ...pods, verbs: ['get', 'delete', 'patch'] }),
  ),
  refused(
    'more resources than one has',
    as('writer'),
    'POST',
    roles,
    role('a', { apiGroups: [''], resources: ['pods', 'nodes', 'secrets'], verbs: ['get'] }),
  ),
  refused('all verbs', as('writer'), 'POST', roles, role('a', { ...pods, verbs: ['*'] })),
  refused(
    'all resources',
    as('writer'),
    'POST',
    roles,
    role('a', { apiGroups: [''], resources: ['*'], verbs: ['get'] }),
  ),
  refused(
    'all groups',
    as('writer'),
    'POST',
    roles,
    role('a', { apiGroups: ['*'], resources: ['pods'], verbs: ['get'] }),
  ),
  refused(
    'all names where one has one',
    as('writer'),
    'POST',
    roles,
    role('a', { apiGroups: [''], resources: ['configmaps'], verbs: ['update'] }),
  ),
  refused(
    'other names',
    as('writer'),
    'POST',
    roles,
    role('a', { apiGroups: [''], resources: ['configmaps'], resourceNames: ['settings', 'other'], verbs: ['update'] }),
  ),
  refused(
    'a subresource of what one has',
    as('writer'),
    'POST',
    roles,
    role('a', { apiGroups: [''], resources: ['pods/exec'], verbs: ['get'] }),
  ),
  refused(
    'several rules',
    as('writer'),
    'POST',
    roles,
    role(
      'a',
      { ...pods, verbs: ['delete'] },
      { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get', 'list'] },
    ),
  ),
  refused(
    'paths',
    as('writer'),
    'POST',
    `/apis/${rbac}/v1/clusterroles`,
    clusterRole('a', [{ nonResourceURLs: ['/metrics', '/custom/x'], verbs: ['get'] }]),
  ),
  refused(
    'aggregation',
    as('writer'),
    'POST',
    `/apis/${rbac}/v1/clusterroles`,
    clusterRole('b', [], { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] } }),
  ),
  refused('a binding to more', as('writer'), 'POST', bindings, bind('a', 'ClusterRole', 'view')),
  refused('a binding to a role that is not there', as('writer'), 'POST', bindings, bind('a', 'Role', 'absent')),
  refused(
    'a binding to a cluster role that is not there',
    as('writer'),
    'POST',
    bindings,
    bind('a', 'ClusterRole', 'absent'),
  ),
  refused('a binding that one may not make', as('binder'), 'POST', bindings, bind('a', 'ClusterRole', 'admin')),
  refused(
    'a role that one may not escalate',
    as('escalator'),
    'PUT',
    `${roles}/editor`,
    role('editor', { ...pods, verbs: ['*'] }),
  ),
  refused('updating to more', as('writer'), 'PUT', `${roles}/editor`, role('editor', { ...pods, verbs: ['delete'] })),
];

const whoAmI = (name: string, accountName: string, headers: Case['headers']): Case => ({
  name: `impersonation: ${name}`,
  as: { account: accountName },
  method: 'POST',
  path: `${authentication}/selfsubjectreviews`,
  headers: headers!,
  body: { kind: 'SelfSubjectReview', apiVersion: 'authentication.k8s.io/v1' },
});
const bob = { 'impersonate-user': 'access:bob' };
const impersonations: readonly Case[] = [
  whoAmI('a user', 'imp', bob),
  whoAmI('another user', 'imp', { 'impersonate-user': 'access:eve' }),
  whoAmI('a user with a group', 'imp', { ...bob, 'impersonate-group': 'access:team' }),
  whoAmI('a user with two groups, one not allowed', 'imp', { ...bob, 'impersonate-group': ['access:team', 'other'] }),
  whoAmI('a group with a comma', 'imp', { ...bob, 'impersonate-group': 'access:team,access:team' }),
  whoAmI('a uid', 'imp', { ...bob, 'impersonate-uid': 'u-1' }),
  whoAmI('another uid', 'imp', { ...bob, 'impersonate-uid': 'u-2' }),
  whoAmI('extra', 'imp', { ...bob, 'impersonate-extra-scopes': 'view' }),
  whoAmI('other extra', 'imp', { ...bob, 'impersonate-extra-scopes': ['view', 'edit'] }),
  whoAmI('escaped extra', 'imp', { ...bob, 'impersonate-extra-acme.io%2fscopes': 'view' }),
  whoAmI('a service account', 'imp', { 'impersonate-user': `system:serviceaccount:${namespace}:alice` }),
  whoAmI('another service account', 'imp', { 'impersonate-user': `system:serviceaccount:${namespace}:default` }),
  whoAmI('a node as a user', 'imp', { 'impersonate-user': 'system:node:access-n1' }),
  whoAmI('a group without user', 'imp', { 'impersonate-group': 'access:team' }),
  whoAmI('a uid and extra without user', 'imp', { 'impersonate-uid': 'x', 'impersonate-extra-a': 'b' }),
  whoAmI('by who may not', 'alice', bob),
  whoAmI('anonymous by who may not', 'alice', { 'impersonate-user': 'system:anonymous' }),
  whoAmI('constrained: a user', 'constrained', bob),
  whoAmI('constrained: another user', 'constrained', { 'impersonate-user': 'access:eve' }),
  whoAmI('constrained: groups', 'constrained', { ...bob, 'impersonate-group': ['a', 'b'] }),
  whoAmI('constrained: masters', 'constrained', { ...bob, 'impersonate-group': 'system:masters' }),
  whoAmI('constrained: extra', 'constrained', { ...bob, 'impersonate-extra-example.com%2fscopes': 'x' }),
  whoAmI('constrained: extra without domain', 'constrained', { ...bob, 'impersonate-extra-scopes': 'x' }),
  whoAmI('constrained: a uid', 'constrained', { ...bob, 'impersonate-uid': 'x' }),
  whoAmI('constrained: a service account', 'constrained', {
    'impersonate-user': `system:serviceaccount:${namespace}:alice`,
  }),
  whoAmI('constrained: another service account', 'constrained', {
    'impersonate-user': `system:serviceaccount:${namespace}:imp`,
  }),
  whoAmI('constrained: a node', 'constrained', { 'impersonate-user': 'system:node:access-n1' }),
  whoAmI('constrained: another node', 'constrained', { 'impersonate-user': 'system:node:other' }),
  whoAmI('constrained: a node with a group', 'constrained', {
    'impersonate-user': 'system:node:access-n1',
    'impersonate-group': 'x',
  }),
  {
    name: 'impersonation: constrained to another verb',
    as: { account: 'constrained' },
    method: 'GET',
    path: '/api/v1/pods',
    headers: bob,
  },
];

export const cases: readonly Case[] = [...byRoles, ...ofNodes, ...asked, ...tokens, ...refusals, ...impersonations];

// Requests whose audit events were recorded from upstream's API server (record.ts) and are expected of ours (../audit.test.ts).

export interface Step {
  readonly about: string;
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: unknown;
  /** Instead of `body`. */
  readonly text?: string | undefined;
  /** Default: a client certificate of the group system:masters. 'nobody': no credentials; 'wrong': a token that is none. */
  readonly as?: 'nobody' | 'wrong' | undefined;
}

export const namespace = 'audited';
const core = `/api/v1/namespaces/${namespace}`;
const apps = `/apis/apps/v1/namespaces/${namespace}`;
const json = 'application/json';
const configMap = (name: string, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data: { a: '1' },
  ...more,
});
const pod = (name: string, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    serviceAccountName: 'runs',
    automountServiceAccountToken: false,
    containers: [{ name: 'app', image: 'example.org/app:1', ...more }],
  },
});
const post = (about: string, path: string, body: unknown, more: Partial<Step> = {}): Step => ({
  about,
  method: 'POST',
  path,
  body,
  ...more,
});
const get = (about: string, path: string, more: Partial<Step> = {}): Step => ({ about, method: 'GET', path, ...more });
const patch = (about: string, path: string, type: string, body: unknown): Step => ({
  about,
  method: 'PATCH',
  path,
  body,
  headers: { 'content-type': `application/${type}` },
});
const impersonating = (name: string, ...groups: string[]): Partial<Step> => ({
  headers: {
    'impersonate-user': name,
    ...(groups.length === 0 ? {} : { 'impersonate-group': groups.join(',') }),
    'content-type': json,
  },
});

export const steps: readonly Step[] = [
  post('a namespace', '/api/v1/namespaces', {
    metadata: {
      name: namespace,
      labels: {
        'pod-security.kubernetes.io/enforce': 'baseline',
        'pod-security.kubernetes.io/audit': 'restricted',
        'pod-security.kubernetes.io/warn': 'restricted',
      },
    },
  }),
  post('a service account', `${core}/serviceaccounts`, { metadata: { name: 'runs' } }),
  post('an object', `${core}/configmaps`, configMap('one')),
  post('an object with a generated name', `${core}/configmaps`, { metadata: { generateName: 'made-' } }),
  post('dry run', `${core}/configmaps?dryRun=All`, configMap('dry')),
  post('one that is there', `${core}/configmaps`, configMap('one')),
  post('one that is wrong', `${core}/configmaps`, configMap('Wrong_Name')),
  post('no JSON', `${core}/configmaps`, undefined, { text: '{"metadata":' }),
  post('another kind', `${core}/configmaps`, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' } }),
  get('one', `${core}/configmaps/one`),
  get('one that is not there', `${core}/configmaps/none`),
  get('a list', `${core}/configmaps?labelSelector=there%3Dnone`),
  get('a list as a table', `${core}/configmaps?labelSelector=there%3Dnone`, {
    headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
  }),
  get('a list by name', `${core}/configmaps?fieldSelector=metadata.name%3Done`),
  get('a list of all namespaces', '/apis/batch/v1/jobs?limit=5&labelSelector=there%3Dnone'),
  get('a watch', `${core}/configmaps?watch=true&timeoutSeconds=1&resourceVersion=0&fieldSelector=metadata.name%3Dnone`),
  { about: 'an update', method: 'PUT', path: `${core}/configmaps/one`, body: configMap('one', { data: { a: '2' } }) },
  {
    about: 'an update of an old state',
    method: 'PUT',
    path: `${core}/configmaps/one`,
    body: { ...configMap('one'), metadata: { name: 'one', resourceVersion: '1' } },
  },
  patch('a merge patch', `${core}/configmaps/one`, 'merge-patch+json', { data: { b: '1' } }),
  patch('a JSON patch', `${core}/configmaps/one`, 'json-patch+json', [{ op: 'remove', path: '/data/b' }]),
  patch('a strategic patch', `${core}/configmaps/one`, 'strategic-merge-patch+json', {
    metadata: { labels: { a: 'b' } },
  }),
  patch('an apply', `${core}/configmaps/one?fieldManager=tester&force=true`, 'apply-patch+yaml', configMap('one')),
  patch('a JSON patch that does not fit', `${core}/configmaps/one`, 'json-patch+json', [
    { op: 'test', path: '/data/a', value: 'x' },
  ]),
  post('a secret', `${core}/secrets`, { metadata: { name: 'hidden' }, stringData: { a: 'b' } }),
  get('secrets', `${core}/secrets/hidden`),
  post('a token', `${core}/serviceaccounts/runs/token`, { spec: { expirationSeconds: 600 } }),
  post('a deployment', `${apps}/deployments`, {
    metadata: { name: 'web' },
    spec: {
      replicas: 0,
      selector: { matchLabels: { a: 'b' } },
      template: { metadata: { labels: { a: 'b' } }, spec: pod('x').spec },
    },
  }),
  get('a scale', `${apps}/deployments/web/scale`),
  patch('a change of a scale', `${apps}/deployments/web/scale`, 'merge-patch+json', { spec: { replicas: 0 } }),
  patch('a status', `${apps}/deployments/web/status`, 'merge-patch+json', { status: { observedGeneration: 1 } }),
  post('a Pod that the standard lets in and notes', `${core}/pods`, pod('noted')),
  post('a Pod that the standard refuses', `${core}/pods`, pod('refused', { securityContext: { privileged: true } })),
  post('a binding', `${core}/pods/noted/binding`, {
    metadata: { name: 'noted' },
    target: { kind: 'Node', name: 'nowhere' },
  }),
  post('an eviction', `${core}/pods/noted/eviction`, {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name: 'noted' },
  }),
  get('a subresource that there is not', `${core}/pods/noted/nothing`),
  post('a review of oneself', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
    spec: { resourceAttributes: { verb: 'get', resource: 'pods' } },
  }),
  post('a review of a token', '/apis/authentication.k8s.io/v1/tokenreviews', { spec: { token: 'wrong' } }),
  // In this order: the right by which one succeeded is tried first the next time.
  get('somebody else with rights', `${core}/configmaps/one`, impersonating('jane', 'system:masters')),
  get('somebody else without rights', `${core}/configmaps`, impersonating('jane')),
  get('nobody', `${core}/configmaps`, { as: 'nobody' }),
  get('a wrong token', `${core}/configmaps`, { as: 'wrong' }),
  get('a deprecated kind', `${core}/endpoints?labelSelector=there%3Dnone`),
  get('a version that there is not', '/apis/apps/v1beta1/deployments'),
  get('a path that there is not', '/nothing'),
  get('a path that is nobody’s', '/metrics/nothing', { as: 'nobody' }),
  get('OpenAPI', '/openapi/v3'),
  get('health with its checks', '/readyz/ping'),
  get('health', '/healthz'),
  get('discovery', '/apis/apps/v1'),
  { about: 'a method that there is not', method: 'PUT', path: `${core}/configmaps`, body: {} },
  post('a policy', '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies', {
    metadata: { name: 'audited-policy' },
    spec: {
      matchConstraints: {
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
      },
      validations: [{ expression: "object.metadata.name != 'watched'", message: 'told' }],
      auditAnnotations: [{ key: 'who', valueExpression: "'name: ' + object.metadata.name" }],
    },
  }),
  post('its binding', '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings', {
    metadata: { name: 'audited-binding' },
    spec: { policyName: 'audited-policy', validationActions: ['Audit'] },
  }),
  post('wait', `${core}/configmaps?dryRun=All`, configMap('wait')),
  post('what a policy notes', `${core}/configmaps`, configMap('watched')),
  { about: 'a deletion', method: 'DELETE', path: `${core}/configmaps/one` },
  {
    about: 'a deletion with options',
    method: 'DELETE',
    path: `${core}/configmaps/watched`,
    body: { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Background' },
  },
  { about: 'a deletion of what is not there', method: 'DELETE', path: `${core}/configmaps/one` },
  { about: 'a deletion of many', method: 'DELETE', path: `${core}/configmaps?labelSelector=there%3Dnone` },
  {
    about: 'the binding goes',
    method: 'DELETE',
    path: '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/audited-binding',
  },
  {
    about: 'the policy goes',
    method: 'DELETE',
    path: '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/audited-policy',
  },
  { about: 'the deployment goes', method: 'DELETE', path: `${apps}/deployments/web` },
];

// oxlint-disable-next-line typescript/no-explicit-any -- events of every shape
type Json = any;

const volatile: Readonly<Record<string, (value: Json) => Json>> = {
  uid: () => 'UID',
  resourceVersion: (value) => (value === '1' || value === '0' ? value : 'REVISION'),
  creationTimestamp: (value) => (value === null ? null : 'TIME'),
  deletionTimestamp: () => 'TIME',
  lastTransitionTime: () => 'TIME',
  auditID: () => 'ID',
  requestReceivedTimestamp: () => 'TIME',
  stageTimestamp: () => 'TIME',
  description: () => 'TEXT',
  // Upstream's word inside itself for options.
  apiVersion: (value) => (value === 'meta.k8s.io/__internal' ? 'v1' : value),
  'authentication.kubernetes.io/issued-credential-id': (value) => value.replace(/=.*/, '=ID'),
  'authentication.kubernetes.io/credential-id': (value) => String(value).replace(/=.*/, '=ID'),
  sourceIPs: () => ['ADDRESS'],
  token: (value) => (value === 'wrong' ? value : 'TOKEN'),
  expirationTimestamp: () => 'TIME',
};

/** Without what differs from one run to the next. */
export function normalised(value: Json, key = ''): Json {
  if (Object.hasOwn(volatile, key)) return volatile[key]!(value);
  if (typeof value === 'string') return value.replaceAll(/made-[a-z0-9]{5}/g, 'made-XXXXX');
  if (Array.isArray(value)) return value.map((one) => normalised(one));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => name !== 'userAgent')
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, one]) => [name, normalised(one, name)]),
  );
}

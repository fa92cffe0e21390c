// Subresources: status and scale of all kinds that have them, and the few that one kind has.
import type { Json } from '#kit/start-api-server.ts';
import type { KindUnderTest } from '../kind-under-test.ts';
import { patchTypes, withQuery, type Step } from '../step.ts';
import { changed } from './update.ts';

function statusSteps(kind: KindUnderTest, part: string): Step[] {
  const path = `${kind.pathOf('b')}/${part}`;
  const put = (id: string, change: (object: Json) => void, query = {}): Step[] => [
    { id: `read-before-${id}`, method: 'GET', path, keep: 'status', silent: true },
    { id: `${part}/${id}`, method: 'PUT', path: withQuery(path, query), body: changed('status', change) },
  ];
  const patch = (id: string, type: keyof typeof patchTypes, body: unknown, query = {}): Step => ({
    id: `${part}/${type}-${id}`,
    method: 'PATCH',
    path: withQuery(path, query),
    contentType: patchTypes[type],
    body,
  });
  const head = { apiVersion: kind.rich('b').apiVersion, kind: kind.row.kind, metadata: { name: kind.nameOf('b') } };
  const condition = {
    type: 'Example',
    status: 'True',
    reason: 'Because',
    message: 'so',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  };
  return [
    { id: `${part}/get`, method: 'GET', path },
    ...put('nothing', () => {}),
    ...put(
      'spec-and-labels',
      (object) => {
        object.metadata.labels.fromStatus = 'x';
        if (object.spec !== undefined) object.spec = kind.small('b').spec;
      },
      { dryRun: 'All' },
    ),
    ...put('conditions', (object) => (object.status = { ...object.status, conditions: [condition] }), {
      dryRun: 'All',
    }),
    ...put('conditions-twice', (object) => (object.status = { ...object.status, conditions: [condition, condition] }), {
      dryRun: 'All',
    }),
    ...put(
      'condition-bad',
      (object) => (object.status = { ...object.status, conditions: [{ type: '', status: 'Perhaps' }] }),
      { dryRun: 'All' },
    ),
    ...put('none', (object) => delete object.status, { dryRun: 'All' }),
    ...put('text', (object) => (object.status = 'x'), { dryRun: 'All' }),
    ...put('stale', (object) => (object.metadata.resourceVersion = '1')),
    ...put('finalizer', (object) => (object.metadata.finalizers = ['example.com/x']), { dryRun: 'All' }),
    ...put(
      'owner',
      (object) => (object.metadata.ownerReferences = [{ apiVersion: 'v1', kind: 'Pod', name: 'x', uid: 'y' }]),
      { dryRun: 'All' },
    ),
    ...put('annotation', (object) => (object.metadata.annotations = { fromStatus: 'x' }), { dryRun: 'All' }),
    patch('conditions', 'merge', { status: { conditions: [condition] } }, { dryRun: 'All' }),
    patch('conditions', 'strategic', { status: { conditions: [condition] } }, { dryRun: 'All' }),
    patch('conditions', 'json', [{ op: 'add', path: '/status', value: { conditions: [condition] } }], {
      dryRun: 'All',
    }),
    patch('spec', 'merge', { spec: { notAField: 1 } }, { dryRun: 'All' }),
    patch('spec-null', 'merge', { spec: null }, { dryRun: 'All' }),
    patch('label', 'merge', { metadata: { labels: { fromStatus: 'x' } } }, { dryRun: 'All' }),
    patch(
      'conditions',
      'apply',
      { ...head, status: { conditions: [condition] } },
      { fieldManager: 'status', dryRun: 'All' },
    ),
    patch('spec', 'apply', { ...kind.rich('b') }, { fieldManager: 'status', dryRun: 'All' }),
    patch('spec-forced', 'apply', { ...kind.rich('b') }, { fieldManager: 'status', dryRun: 'All', force: 'true' }),
    { id: `${part}/missing`, method: 'GET', path: `${kind.pathOf('missing')}/${part}` },
    {
      id: `${part}/missing-put`,
      method: 'PUT',
      path: `${kind.pathOf('missing')}/${part}`,
      body: kind.small('missing'),
    },
    { id: `${part}/post`, method: 'POST', path, body: kind.small('b') },
    { id: `${part}/delete`, method: 'DELETE', path },
  ];
}

function scaleSteps(kind: KindUnderTest): Step[] {
  const path = `${kind.pathOf('b')}/scale`;
  const put = (id: string, change: (object: Json) => void, query: Json = { dryRun: 'All' }): Step[] => [
    { id: `read-before-scale-${id}`, method: 'GET', path, keep: 'scale', silent: true },
    { id: `scale/${id}`, method: 'PUT', path: withQuery(path, query), body: changed('scale', change) },
  ];
  const patch = (id: string, type: keyof typeof patchTypes, body: unknown, query: Json = { dryRun: 'All' }): Step => ({
    id: `scale/${type}-${id}`,
    method: 'PATCH',
    path: withQuery(path, query),
    contentType: patchTypes[type],
    body,
  });
  const scale = { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: kind.nameOf('b') } };
  return [
    { id: 'scale/get', method: 'GET', path },
    { id: 'scale/get-table', method: 'GET', path, accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
    ...put('nothing', () => {}),
    ...put('three', (object) => (object.spec.replicas = 3)),
    ...put('three-by-manager', (object) => (object.spec.replicas = 3), { fieldManager: 'scaler' }),
    { id: 'scale/object-after', method: 'GET', path: kind.pathOf('b') },
    {
      id: 'scale/apply-conflict',
      method: 'PATCH',
      path: `${kind.pathOf('b')}?fieldManager=applier`,
      contentType: patchTypes.apply,
      body: kind.rich('b'),
    },
    ...put('back', (object) => (object.spec.replicas = 0), { fieldManager: 'scaler' }),
    ...put('negative', (object) => (object.spec.replicas = -1)),
    ...put('text', (object) => (object.spec.replicas = 'x')),
    ...put('no-spec', (object) => delete object.spec),
    ...put('stale', (object) => (object.metadata.resourceVersion = '1')),
    ...put('uid', (object) => (object.metadata.uid = 'x')),
    ...put('other-name', (object) => (object.metadata.name = 'x')),
    ...put('other-kind', (object) => (object.kind = 'Other')),
    ...put('extra', (object) => (object.spec.notAField = 1), { dryRun: 'All', fieldValidation: 'Strict' }),
    patch('three', 'merge', { spec: { replicas: 3 } }),
    patch('three', 'strategic', { spec: { replicas: 3 } }),
    patch('three', 'json', [{ op: 'replace', path: '/spec/replicas', value: 3 }]),
    patch('negative', 'merge', { spec: { replicas: -3 } }),
    patch('three', 'apply', { ...scale, spec: { replicas: 3 } }, { fieldManager: 'scaler2' }),
    patch('three-forced', 'apply', { ...scale, spec: { replicas: 3 } }, { fieldManager: 'scaler2', force: 'true' }),
    { id: 'scale/object-after-apply', method: 'GET', path: kind.pathOf('b') },
    { id: 'scale/missing', method: 'GET', path: `${kind.pathOf('missing')}/scale` },
    {
      id: 'scale/missing-put',
      method: 'PUT',
      path: `${kind.pathOf('missing')}/scale`,
      body: { ...scale, spec: { replicas: 1 } },
    },
  ];
}

/** What only one kind has. */
const special: Readonly<Record<string, (kind: KindUnderTest) => Step[]>> = {
  pods: (kind) => {
    const at = (part: string, slot = 'a') => `${kind.pathOf(slot)}/${part}`;
    const eviction = (change: Json = {}): Json => ({
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name: kind.nameOf('a') },
      ...change,
    });
    const post = (id: string, path: string, body: unknown): Step => ({ id, method: 'POST', path, body });
    const binding = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: kind.nameOf('a') },
      target: { kind: 'Node', name: 'diff-none' },
    };
    return [
      post('eviction/dry-run', `${at('eviction')}?dryRun=All`, eviction()),
      post('eviction/v1beta1', `${at('eviction')}?dryRun=All`, eviction({ apiVersion: 'policy/v1beta1' })),
      post('eviction/no-name', `${at('eviction')}?dryRun=All`, eviction({ metadata: {} })),
      post('eviction/other-name', `${at('eviction')}?dryRun=All`, eviction({ metadata: { name: 'x' } })),
      post('eviction/uid', at('eviction'), eviction({ deleteOptions: { preconditions: { uid: 'x' } } })),
      post(
        'eviction/missing',
        `${at('eviction', 'missing')}`,
        eviction({ metadata: { name: kind.nameOf('missing') } }),
      ),
      post('eviction/other-kind', at('eviction'), { ...eviction(), kind: 'Pod' }),
      post('binding/dry-run', `${at('binding')}?dryRun=All`, binding),
      post('binding/no-target', at('binding'), { ...binding, target: undefined }),
      post('binding/other-target', at('binding'), { ...binding, target: { kind: 'Pod', name: 'x' } }),
      post('binding/missing', at('binding', 'missing'), { ...binding, metadata: { name: kind.nameOf('missing') } }),
      post('binding/other-name', at('binding'), { ...binding, metadata: { name: 'x' } }),
      post('binding/gated', at('binding', 'b'), { ...binding, metadata: { name: kind.nameOf('b') } }),
      ...statusSteps(kind, 'ephemeralcontainers').filter((step) => !step.id.includes('conditions')),
      ...statusSteps(kind, 'resize').filter((step) => !step.id.includes('conditions')),
      {
        id: 'ephemeralcontainers/add',
        method: 'PATCH',
        path: `${at('ephemeralcontainers')}?dryRun=All`,
        contentType: patchTypes.strategic,
        body: {
          spec: { ephemeralContainers: [{ name: 'debug', image: 'example.com/debug', targetContainerName: 'a' }] },
        },
      },
      {
        id: 'ephemeralcontainers/bad',
        method: 'PATCH',
        path: `${at('ephemeralcontainers')}?dryRun=All`,
        contentType: patchTypes.strategic,
        body: { spec: { ephemeralContainers: [{ name: 'a', image: '', ports: [{ containerPort: 1 }] }] } },
      },
      {
        id: 'resize/requests',
        method: 'PATCH',
        path: `${at('resize')}?dryRun=All`,
        contentType: patchTypes.strategic,
        body: { spec: { containers: [{ name: 'a', resources: { requests: { cpu: '1' } } }] } },
      },
    ];
  },
  serviceaccounts: (kind) => {
    const path = `${kind.pathOf('a')}/token`;
    const token = (id: string, body: unknown): Step => ({
      id: `token/${id}`,
      method: 'POST',
      path,
      body,
      bodyIgnored: true,
    });
    const request = (spec: Json): Json => ({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec });
    return [
      token('default', request({})),
      token('audiences', request({ audiences: ['a'] })),
      token('short', request({ expirationSeconds: 10 })),
      token('long', request({ expirationSeconds: 2 ** 33 })),
      token('bound-missing', request({ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'none' } })),
      token('bound-kind', request({ boundObjectRef: { kind: 'ConfigMap', apiVersion: 'v1', name: 'none' } })),
      token('other-kind', { kind: 'Pod', apiVersion: 'v1' }),
      token('empty', ''),
      { id: 'token/get', method: 'GET', path },
      { id: 'token/missing', method: 'POST', path: `${kind.pathOf('missing')}/token`, body: request({}) },
    ];
  },
  certificatesigningrequests: (kind) => statusSteps(kind, 'approval'),
  namespaces: (kind) =>
    statusSteps(kind, 'finalize').filter((step) => !/delete|patch|merge|json|strategic|apply/.test(step.id)),
};

export const subresourceSteps = (kind: KindUnderTest): Step[] => [
  ...(kind.row.subresources['status'] === undefined ? [] : statusSteps(kind, 'status')),
  ...(kind.row.subresources['scale'] === undefined ? [] : scaleSteps(kind)),
  ...(special[kind.row.resource]?.(kind) ?? []),
];

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, ResourceClaimResourceV1, ResourceClaimTemplate } from '#api/generated/types.ts';
import { baseName, decide } from './decide.ts';

const pod = (more: { readonly metadata?: object; readonly spec?: object; readonly status?: object } = {}): Pod => ({
  metadata: { name: 'p', namespace: 'default', uid: 'pod', ...more.metadata },
  spec: { containers: [], resourceClaims: [{ name: 'gpu', resourceClaimTemplateName: 't' }], ...more.spec },
  status: { ...more.status },
});
const template: ResourceClaimTemplate = {
  metadata: { name: 't', namespace: 'default' },
  spec: {
    metadata: { labels: { a: 'b' }, annotations: { c: 'd' } },
    spec: { devices: { requests: [{ name: 'r', exactly: { deviceClassName: 'gpu' } }] } },
  },
};
const claim = (more: { readonly metadata?: object; readonly status?: object } = {}): ResourceClaimResourceV1 => ({
  metadata: {
    name: 'p-gpu-x',
    namespace: 'default',
    uid: 'claim',
    resourceVersion: '1',
    annotations: { 'resource.kubernetes.io/pod-claim-name': 'gpu' },
    ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'pod', controller: true }],
    ...more.metadata,
  },
  spec: {},
  ...(more.status === undefined ? {} : { status: more.status }),
});
const told = { status: { resourceClaimStatuses: [{ name: 'gpu', resourceClaimName: 'p-gpu-x' }] } };
const forPod = (of: Pod, claims: readonly ResourceClaimResourceV1[], templates = [template]) =>
  decide({
    pod: of,
    claim: (name) => claims.find((one) => one.metadata.name === name),
    template: (name) => templates.find((one) => one.metadata.name === name),
    owned: claims,
  });
const forClaim = (of: ResourceClaimResourceV1, pods: readonly Pod[], wasAllocated = false) =>
  decide({ claim: of, wasAllocated, pod: (name) => pods.find((one) => one.metadata.name === name) }).actions.map(
    (one) => {
      if (one.verb !== 'update') return one.verb;
      const { metadata, status } = one.object as ResourceClaimResourceV1;
      return one.subresource === 'status'
        ? {
            reserved: status?.reservedFor?.map(({ uid }) => uid),
            allocated: status?.allocation !== undefined,
            checked: one.guard?.type === 'absent',
          }
        : { finalizers: metadata.finalizers };
    },
  );
const allocation = { devices: { results: [] } };
const finalizers = ['resource.kubernetes.io/delete-protection'];
const reservedFor = (...uids: string[]) => uids.map((uid) => ({ resource: 'pods', name: 'p', uid }));

test('makes the claim of a template, owned by the Pod, and tells the Pod its name when it is there', () => {
  const [made] = forPod(pod(), []).actions;
  const object = made?.verb === 'create' ? (made.object as ResourceClaimResourceV1) : undefined;
  assert.deepEqual(object, {
    kind: 'ResourceClaim',
    apiVersion: 'resource.k8s.io/v1',
    metadata: {
      generateName: 'p-gpu-',
      namespace: 'default',
      labels: { a: 'b' },
      annotations: { c: 'd', 'resource.kubernetes.io/pod-claim-name': 'gpu' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'pod', controller: true }],
    },
    spec: template.spec.spec,
  });
  const [tell] = forPod(pod(), [claim()]).actions;
  assert.deepEqual(
    tell?.verb === 'patch' && [tell.subresource, tell.fieldManager, (tell.patch as { value: Pod }).value.status],
    ['status', 'ResourceClaimController', told.status],
  );
  assert.deepEqual(forPod(pod(told), [claim()]).actions, []);
  assert.equal(forPod(pod(told), []).actions[0]?.verb, 'create', 'somebody deleted it');
  assert.deepEqual(forPod(pod({ metadata: { deletionTimestamp: 'x' } }), []).actions, []);
  assert.deepEqual(forPod(pod({ status: { ...told.status, phase: 'Succeeded' } }), []).actions, [], 'it has ended');
});

test('what is missing is told in an event', () => {
  const { actions, events } = forPod(pod(), [], []);
  assert.deepEqual(actions, []);
  assert.deepEqual(
    events?.map(({ reason, message }) => [reason, message]),
    [
      [
        'FailedResourceClaimCreation',
        'PodResourceClaim gpu: resource claim template "t": resourceclaimtemplate.resource.k8s.io "t" not found',
      ],
    ],
  );
});

test('long names keep their shares of a generated name', () => {
  assert.equal(baseName('p', 'gpu'), 'p-gpu-');
  const long = baseName('p'.repeat(100), 'c'.repeat(20));
  assert.equal(long, `${'p'.repeat(46)}-${'c'.repeat(9)}`);
});

test('reserves the claims of a Pod that came to its node past the scheduler', () => {
  const placed = pod({ ...told, spec: { nodeName: 'n1' } });
  const of = (status: object) =>
    forPod(placed, [claim({ status })]).actions.map(
      (one) => one.verb === 'update' && (one.object as ResourceClaimResourceV1).status?.reservedFor,
    );
  assert.deepEqual(of({ allocation }), [reservedFor('pod')]);
  assert.deepEqual(of({ allocation, reservedFor: reservedFor('pod') }), []);
  assert.deepEqual(of({}), [], 'only what is allocated');
  assert.deepEqual(forPod(pod(told), [claim({ status: { allocation } })]).actions, [], 'the scheduler does');
});

test('takes reservations of Pods back that have ended or are gone, and then the devices', () => {
  const used = (...uids: string[]) =>
    claim({ metadata: { finalizers }, status: { allocation, reservedFor: reservedFor(...uids) } });
  assert.deepEqual(forClaim(used('pod'), [pod()]), []);
  assert.deepEqual(forClaim(used('pod'), []), [{ reserved: [], allocated: false, checked: true }]);
  const replaced = pod({ metadata: { uid: 'other' } });
  assert.deepEqual(forClaim(used('pod'), [replaced])[0], { reserved: [], allocated: false, checked: false });
  assert.deepEqual(forClaim(used('pod', 'gone'), [pod()]), [{ reserved: ['pod'], allocated: true, checked: false }]);
  const ended = pod({ status: { phase: 'Succeeded' } });
  assert.deepEqual(forClaim(used('pod'), [ended]), [{ reserved: [], allocated: false, checked: false }, 'delete']);
  const unknown = { apiGroup: 'example.com', resource: 'things', name: 't', uid: 'thing' };
  assert.deepEqual(forClaim(claim({ status: { allocation, reservedFor: [unknown] } }), []), []);
});

test('the finalizer goes with the devices, and not while they are being allocated', () => {
  const free = claim({ metadata: { finalizers: ['mine', ...finalizers], ownerReferences: [] }, status: {} });
  assert.deepEqual(forClaim(free, [], true), [{ finalizers: ['mine'] }]);
  assert.deepEqual(forClaim(free, [], false), []);
  const going = { finalizers, deletionTimestamp: '2020-01-01T00:00:00Z' };
  assert.deepEqual(forClaim(claim({ metadata: going, status: { allocation } }), []), [
    { reserved: [], allocated: false, checked: false },
  ]);
  assert.deepEqual(forClaim(claim({ metadata: going, status: {} }), []), [{ finalizers: [] }]);
  assert.deepEqual(
    forClaim(claim({ metadata: going, status: { allocation, reservedFor: reservedFor('pod') } }), [pod()]),
    [],
  );
});

test('a claim that was made for a Pod goes when the Pod has ended', () => {
  assert.deepEqual(forClaim(claim(), [pod({ status: { phase: 'Failed' } })]), ['delete']);
  assert.deepEqual(forClaim(claim(), [pod({ metadata: { deletionTimestamp: 'x' } })]), ['delete'], 'it never ran');
  assert.deepEqual(forClaim(claim(), [pod({ metadata: { deletionTimestamp: 'x' }, spec: { nodeName: 'n' } })]), []);
  assert.deepEqual(forClaim(claim(), []), [], 'the garbage collector does');
  assert.deepEqual(forClaim(claim({ metadata: { ownerReferences: [] } }), [pod({ status: { phase: 'Failed' } })]), []);
});

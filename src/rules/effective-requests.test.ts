import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, PodStatus } from '#api/generated/types.ts';
import { effectiveRequests, reservedRequests } from './effective-requests.ts';

const wants = (cpu: string, status?: PodStatus, more: Partial<Pod['spec']> = {}): Pod => ({
  metadata: { name: 'p' },
  spec: { containers: [{ name: 'a', image: 'i', resources: { requests: { cpu } } }], ...more },
  ...(status === undefined ? {} : { status }),
});
const told = (actuated: string, allocated: string): PodStatus => ({
  containerStatuses: [
    {
      name: 'a',
      image: 'i',
      imageID: '',
      ready: true,
      restartCount: 0,
      allocatedResources: { cpu: allocated },
      resources: { requests: { cpu: actuated } },
    },
  ],
});

test('a Pod that gets other resources takes the most of what it wants, was given and has', () => {
  assert.equal(reservedRequests(wants('100m'))['cpu'], 100);
  assert.equal(reservedRequests(wants('300m', told('100m', '100m')))['cpu'], 300);
  assert.equal(reservedRequests(wants('100m', told('300m', '100m')))['cpu'], 300);
  assert.equal(reservedRequests(wants('100m', told('100m', '200m')))['cpu'], 200);
  const settled = wants('100m', told('100m', '100m'));
  assert.equal(reservedRequests(settled), effectiveRequests(settled));
});

test('a wish that can never be takes nothing', () => {
  const conditions = [{ type: 'PodResizePending', status: 'True', reason: 'Infeasible' }];
  assert.equal(reservedRequests(wants('900m', { ...told('100m', '200m'), conditions }))['cpu'], 200);
});

test('what the Pod asks for as a whole counts in the same way; overhead is added', () => {
  const status: PodStatus = {
    resources: { requests: { cpu: '500m', memory: '1Gi' } },
    allocatedResources: { cpu: '1' },
  };
  const more = { resources: { requests: { cpu: '400m' } }, overhead: { cpu: '10m' } };
  assert.deepEqual(reservedRequests(wants('100m', status, more)), { cpu: 1010 });
});

test('init containers that end take what the spec says, sidecars what they have', () => {
  const init = { name: 'a', image: 'i', resources: { requests: { cpu: '100m' } } };
  const status: PodStatus = { initContainerStatuses: told('300m', '300m').containerStatuses };
  const spec = { containers: [{ name: 'main', image: 'i' }], initContainers: [init] };
  assert.equal(reservedRequests(wants('', status, spec))['cpu'], 100);
  const sidecar = { ...spec, initContainers: [{ ...init, restartPolicy: 'Always' }] };
  assert.equal(reservedRequests(wants('', status, sidecar))['cpu'], 300);
});

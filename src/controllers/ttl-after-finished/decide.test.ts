import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Job } from '#api/generated/types.ts';
import { decide } from './decide.ts';

const now = Date.parse('2026-01-02T03:04:05Z');
const job = (ttlSecondsAfterFinished: number | undefined, type = 'Complete', status = 'True'): Job => ({
  metadata: { name: 'j', namespace: 'default', uid: 'u', resourceVersion: '7' },
  spec: { template: { metadata: {}, spec: { containers: [] } }, ttlSecondsAfterFinished },
  status: { conditions: [{ type, status, lastTransitionTime: '2026-01-02T03:04:00Z' }] },
});

test('goes when its time is over, with its Pods, and only as it was seen', () => {
  assert.equal(decide({ job: job(60) }, now).wakeAfterMs, 55_000);
  const [action] = decide({ job: job(5, 'Failed') }, now).actions;
  assert.deepEqual(action!.verb === 'delete' && action!.options, {
    propagationPolicy: 'Foreground',
    preconditions: { uid: 'u', resourceVersion: '7' },
  });
});

test('never without a time to live, and not before it finished', () => {
  assert.deepEqual(decide({ job: job(undefined) }, now), { actions: [] });
  assert.deepEqual(decide({ job: job(0, 'Suspended') }, now), { actions: [] });
});

// Server-side apply to versions that are stored in another one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer } from '#kit/start-api-server.ts';

const collection = (version: string) => `/apis/autoscaling/${version}/namespaces/default/horizontalpodautoscalers`;

test('autoscaling/v1 is applied, seen in v2, and its fields are owned in v1', async () => {
  const api = await startApiServer();
  await api
    .create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } })
    .catch(() => {});
  const configuration = (maxReplicas: number, more: object = {}) => ({
    apiVersion: 'autoscaling/v1',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'web' },
    spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, maxReplicas, ...more },
  });
  const path = `${collection('v1')}/web`;
  const apply = (object: unknown, manager = 'one') => api.patch(`${path}?fieldManager=${manager}`, 'apply', object);
  const made = await apply(configuration(3, { targetCPUUtilizationPercentage: 60 }));
  assert.equal(made.spec.targetCPUUtilizationPercentage, 60);
  assert.equal(made.metadata.managedFields[0].apiVersion, 'autoscaling/v1');
  const stored = await api.get(`${collection('v2')}/web`);
  assert.equal(stored.spec.metrics[0].resource.target.averageUtilization, 60);
  const changed = await apply(configuration(5, { targetCPUUtilizationPercentage: 60 }));
  assert.equal(changed.spec.maxReplicas, 5);
  // What is no longer applied goes; v1 has the default of v2 in its place.
  const less = await apply(configuration(5));
  assert.equal(less.spec.targetCPUUtilizationPercentage, 80);
  await assert.rejects(apply(configuration(6), 'two'), /conflict with "one": \.spec\.maxReplicas/);
  api.close();
});

test('events.k8s.io/v1 is applied and seen in core', async () => {
  const api = await startApiServer();
  await api
    .create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } })
    .catch(() => {});
  const event = {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: 'e' },
    eventTime: '2026-01-01T00:00:00.000000Z',
    reportingController: 'example.com/c',
    reportingInstance: 'i',
    action: 'A',
    reason: 'R',
    type: 'Normal',
    note: 'said',
    regarding: { kind: 'Pod', name: 'p', namespace: 'default' },
  };
  const path = '/apis/events.k8s.io/v1/namespaces/default/events/e?fieldManager=one';
  assert.equal((await api.patch(path, 'apply', event)).note, 'said');
  assert.equal((await api.get('/api/v1/namespaces/default/events/e')).message, 'said');
  await assert.rejects(
    api.patch(path, 'apply', { ...event, note: 'other' }),
    /message: Invalid value: "other": field is immutable/,
  );
  api.close();
});

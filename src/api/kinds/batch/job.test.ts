import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer } from '#kit/start-api-server.ts';

const jobs = '/apis/batch/v1/namespaces/default/jobs';
const job = (name: string, labels: Record<string, string> | null | undefined) => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name, ...(labels === undefined ? {} : { labels }) },
  spec: {
    template: {
      metadata: { labels: { app: 'x' } },
      spec: { restartPolicy: 'Never', containers: [{ name: 'a', image: 'a' }] },
    },
  },
});

test('a Job without labels has all those of its Pods, one with labels its own', async () => {
  const api = await startApiServer();
  const generated = [
    'batch.kubernetes.io/controller-uid',
    'batch.kubernetes.io/job-name',
    'controller-uid',
    'job-name',
  ];
  for (const [name, labels] of [
    ['absent', undefined],
    ['null', null],
    ['empty', {}],
  ] as const)
    assert.deepEqual(
      Object.keys((await api.create(jobs, job(name, labels))).metadata.labels).toSorted(),
      ['app', ...generated],
      name,
    );
  assert.deepEqual((await api.create(jobs, job('same', { app: 'x' }))).metadata.labels, { app: 'x' });
  api.close();
});

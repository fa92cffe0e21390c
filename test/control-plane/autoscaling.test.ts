// Autoscalers through the whole control plane. Their metrics have unit tests beside the controller; real ones an end-to-end test.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deployments, Events, HorizontalPodAutoscalers } from '#api/generated/kind-references.ts';
import { startControlPlane } from '#kit/start-control-plane.ts';

const deployment = {
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    replicas: 5,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'app', image: 'example.org/app:1', resources: { requests: { cpu: '100m' } } }] },
    },
  },
};

test('an autoscaler holds a Deployment between its bounds, and tells why it cannot do more', async () => {
  await using plane = await startControlPlane();
  await plane.create(Deployments, deployment);
  const { warnings } = await plane.api.send(
    'POST',
    '/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers',
    {
      body: {
        metadata: { name: 'web', namespace: 'default' },
        spec: {
          scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
          maxReplicas: 3,
          metrics: [
            { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } },
          ],
        },
      },
    },
  );
  assert.deepEqual(warnings, []);
  const autoscaler = () => plane.find(HorizontalPodAutoscalers, 'default', 'web');
  await plane.eventually(async () => assert.equal((await plane.find(Deployments, 'default', 'web')).spec.replicas, 3));
  await plane.eventually(async () => assert.equal((await autoscaler()).status.desiredReplicas, 3));
  // Its Pods do not run, so nothing is known of their use.
  await plane.pass(15_000);
  await plane.eventually(async () => {
    const { conditions } = (await autoscaler()).status;
    assert.deepEqual(
      conditions.map(({ type, status, reason }: Record<string, string>) => `${type}=${status} ${reason}`),
      ['AbleToScale=True SucceededGetScale', 'ScalingActive=False FailedGetResourceMetric'],
    );
  });
  await plane.eventually(async () => {
    const reasons = (await plane.list(Events))
      .filter((one) => one.involvedObject.kind === 'HorizontalPodAutoscaler')
      .map((one) => `${one.reason} ${one.source.component}`);
    assert.ok(reasons.includes('SuccessfulRescale horizontal-pod-autoscaler'), reasons.join());
    assert.ok(reasons.includes('FailedGetResourceMetric horizontal-pod-autoscaler'), reasons.join());
  });
});

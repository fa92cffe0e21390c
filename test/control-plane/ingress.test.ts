// An Ingress through the whole control plane: its Routes, its Secret, its events, and that they go with it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Events, Ingresses, Routes, Secrets, Services } from '#api/generated/kind-references.ts';
import type { Json } from '#kit/start-api-server.ts';
import { startControlPlane } from '#kit/start-control-plane.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const ingress = {
  metadata: { name: 'shop', namespace: 'default' },
  spec: {
    tls: [{ hosts: ['shop.example.com'], secretName: 'shop-cert' }],
    rules: [
      {
        host: 'shop.example.com',
        http: {
          paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'shop', port: { number: 80 } } } }],
        },
      },
    ],
  },
};

test('an Ingress becomes a Route once its Service and Secret are there, follows them, and takes the Route with it', async () => {
  await using plane = await startControlPlane();
  const created = await plane.create(Ingresses, ingress);
  assert.equal(created.metadata.name, 'shop');
  const reason = 'Backend service "shop" not found at index 0, path index 0';
  await plane.eventually(async () => {
    const events = await plane.list(Events, 'default');
    assert.ok(events.some((one: Json) => one.message.includes(reason)));
  });
  assert.deepEqual(await plane.list(Routes, 'default'), []);
  await plane.create(Services, {
    metadata: { name: 'shop', namespace: 'default' },
    spec: { ports: [{ name: 'http', port: 80 }] },
  });
  await plane.create(Secrets, {
    metadata: { name: 'shop-cert', namespace: 'default' },
    type: 'kubernetes.io/tls',
    data: { 'tls.crt': base64('CERT'), 'tls.key': base64('KEY') },
  });
  const [route] = await plane.eventually(async () => {
    const routes = await plane.list(Routes, 'default');
    assert.equal(routes.length, 1);
    return routes;
  });
  assert.match(route.metadata.name, /^shop-[a-z0-9]{5}$/);
  assert.equal(route.spec.host, 'shop.example.com');
  assert.deepEqual(route.spec.port, { targetPort: 'http' });
  assert.deepEqual(route.spec.tls, {
    termination: 'edge',
    insecureEdgeTerminationPolicy: 'Redirect',
    certificate: 'CERT',
    key: 'KEY',
  });
  const base = '/api/v1/namespaces/default';
  await plane.api.patch(`${base}/secrets/shop-cert`, 'merge', { data: { 'tls.crt': base64('NEW') } });
  await plane.eventually(async () =>
    assert.equal((await plane.find(Routes, 'default', route.metadata.name)).spec.tls.certificate, 'NEW'),
  );
  await plane.api.delete('/apis/networking.k8s.io/v1/namespaces/default/ingresses/shop');
  await plane.eventually(async () => assert.deepEqual(await plane.list(Routes, 'default'), []));
  assert.deepEqual(plane.complaints, []);
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { podConnector } from '#host/pod-connector.ts';
import { startApiServer } from '#kit/start-api-server.ts';

const core = '/api/v1/namespaces/default';

test('pods/proxy and services/proxy pass request and answer on, without credentials of the caller', async () => {
  const seen: { method?: string; url?: string; authorization?: string; body: string }[] = [];
  const page = http.createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      seen.push({ method: request.method, url: request.url, authorization: request.headers.authorization, body });
      response.writeHead(202, { 'content-type': 'text/x-page' }).end('page');
    });
  });
  page.listen(0, '127.0.0.1');
  await once(page, 'listening');
  const { port } = page.address() as AddressInfo;
  const api = await startApiServer({ pods: podConnector });
  await api.create(`${core}/pods`, {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name: 'web' },
    spec: {
      nodeName: 'one',
      containers: [{ name: 'app', image: 'example', ports: [{ name: 'http', containerPort: port }] }],
    },
  });
  assert.equal((await api.send('GET', `${core}/pods/web/proxy/`)).status, 400);
  await api.patch(`${core}/pods/web/status`, 'merge', {
    status: { podIP: '127.0.0.1', podIPs: [{ ip: '127.0.0.1' }] },
  });
  const answer = await api.send('POST', `${core}/pods/web:http/proxy/a/b?c=d`, {
    bytes: 'sent',
    contentType: 'text/plain',
  });
  assert.deepEqual([answer.status, answer.contentType, answer.text], [202, 'text/x-page', 'page']);
  assert.deepEqual(seen[0], { method: 'POST', url: '/a/b?c=d', authorization: undefined, body: 'sent' });

  await api.create(`${core}/services`, {
    kind: 'Service',
    apiVersion: 'v1',
    metadata: { name: 'web' },
    spec: { ports: [{ port: 80, targetPort: 'http' }] },
  });
  const none = await api.send('GET', `${core}/services/web/proxy/`);
  assert.equal(none.json.message, 'no endpoints available for service "web"');
  await api.create(`${core}/endpoints`, {
    kind: 'Endpoints',
    apiVersion: 'v1',
    metadata: { name: 'web' },
    subsets: [{ addresses: [{ ip: '10.0.0.9' }], ports: [{ port }] }],
  });
  api.close();
  page.close();
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { podConnector } from '#host/pod-connector.ts';
import type { PodConnector } from '#apiserver/ports.ts';
import { startApiServer } from '#kit/start-api-server.ts';

const core = '/api/v1/namespaces/default';

test('pods/proxy and services/proxy pass request and answer on, without credentials of the caller', async () => {
  const seen: { method?: string; url?: string; authorization?: string; body: string }[] = [];
  const page = http.createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      seen.push({ method: request.method, url: request.url, authorization: request.headers.authorization, body });
      if (request.url === '/moved') return void response.writeHead(302, { location: '/new?a=b' }).end();
      if (request.url === '/html')
        return void response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<a href="/x">x</a>');
      response.writeHead(202, { 'content-type': 'text/x-page' }).end('page');
    });
  });
  page.listen(0, '127.0.0.1');
  await once(page, 'listening');
  const { port } = page.address() as AddressInfo;
  // The pod's own address does not exist here.
  const pods: PodConnector = {
    request: (address, request) => {
      assert.equal(address.host, '10.0.0.9');
      return podConnector.request({ ...address, host: '127.0.0.1' }, request);
    },
    upgrade: () => assert.fail('no upgrade is asked for'),
  };
  const api = await startApiServer({ pods });
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
    status: { podIP: '10.0.0.9', podIPs: [{ ip: '10.0.0.9' }] },
  });
  const answer = await api.send('POST', `${core}/pods/web:http/proxy/a/b?c=d`, {
    bytes: 'sent',
    contentType: 'text/plain',
  });
  assert.deepEqual([answer.status, answer.contentType, answer.text], [202, 'text/x-page', 'page']);
  assert.deepEqual(seen[0], { method: 'POST', url: '/a/b?c=d', authorization: undefined, body: 'sent' });
  await api.send('GET', `${core}/pods/web:http/proxy/a%3Fb%23c%0d%0aX:%20y%25/é`);
  assert.equal(seen[1]?.url, '/a%3Fb%23c%0D%0AX:%20y%25/%C3%A9', 'what was encoded stays part of the path');

  const options = await api.send('OPTIONS', `${core}/pods/web:http/proxy/`);
  assert.deepEqual([options.status, seen.at(-1)?.method], [202, 'OPTIONS']);
  const beside = await api.send('GET', `${core}/pods/web:http/proxy?a=b`);
  assert.deepEqual([beside.status, beside.headers['location']], [301, `${core}/pods/web:http/proxy/?a=b`]);
  assert.equal((await api.send('POST', `${core}/pods/web:http/proxy`)).status, 202, 'only what is read is redirected');
  const moved = await api.send('GET', `${core}/pods/web:http/proxy/moved`);
  assert.deepEqual([moved.status, moved.headers['location']], [302, `${core}/pods/web:http/proxy/new?a=b`]);
  const html = await api.send('GET', `${core}/pods/web:http/proxy/html`);
  assert.equal(html.text, `<a href="${core}/pods/web:http/proxy/x">x</a>`);

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
  const unknown = await api.send('GET', `${core}/services/web/proxy/`);
  assert.equal(unknown.status, 503, 'no pod stands behind this address');
  const targetRef = { kind: 'Pod', namespace: 'default', name: 'web' };
  await api.patch(`${core}/endpoints/web`, 'merge', {
    subsets: [
      {
        addresses: [
          { ip: '10.0.0.8', targetRef },
          { ip: '10.0.0.9', targetRef },
        ],
        ports: [{ port }],
      },
    ],
  });
  assert.equal((await api.send('GET', `${core}/services/web/proxy/s`)).text, 'page');
  for (const ip of ['127.0.0.1', '169.254.169.254', '0.0.0.0', '::1', '::ffff:7f00:1', 'fe80::1']) {
    await api.patch(`${core}/pods/web/status`, 'merge', { status: { podIP: ip, podIPs: [{ ip }] } });
    const refused = await api.send('GET', `${core}/pods/web:http/proxy/`);
    assert.deepEqual([refused.status, refused.json.message], [400, 'address not allowed'], ip);
  }
  api.close();
  page.close();
});

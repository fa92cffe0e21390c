import assert from 'node:assert/strict';
import { once } from 'node:events';
import http, { type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { duplexPair } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { podConnector } from '#host/pod-connector.ts';
import type { NodeConnector, PodConnector } from '#apiserver/ports.ts';
import { administrator, startApiServer, type TestApiServer } from '#kit/start-api-server.ts';

const core = '/api/v1/namespaces/default';

/** A pod that speaks a protocol of its own behind an upgrade, and refuses other protocols. */
async function startPod(t: TestContext) {
  const seen: { headers: IncomingHttpHeaders; url: string | undefined }[] = [];
  const server = http.createServer((_, response) => response.writeHead(200).end('not upgraded'));
  server.on('upgrade', (message, socket) => {
    seen.push({ headers: message.headers, url: message.url });
    if (message.headers.upgrade === 'refused')
      return void socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\nx-why: no\r\n\r\nno');
    if (message.headers.upgrade === 'ignored') return void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: echo\r\nx-pod: yes\r\n\r\nhello ',
    );
    socket.on('data', (chunk: Buffer) => socket.write(chunk.toString().toUpperCase()));
    socket.on('end', () => socket.end('bye'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { seen, port: (server.address() as AddressInfo).port };
}

async function start(t: TestContext, port: number, nodes?: NodeConnector): Promise<TestApiServer> {
  const there = (target: Parameters<PodConnector['request']>[0]) => ({ ...target, host: '127.0.0.1' });
  const pods: PodConnector = {
    request: (target, request) => podConnector.request(there(target), request),
    upgrade: (target, request) => podConnector.upgrade(there(target), request),
  };
  const api = await startApiServer({ pods, nodes });
  t.after(() => api.close());
  await api.create(`${core}/pods`, {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name: 'web' },
    spec: { nodeName: 'one', containers: [{ name: 'app', image: 'example', ports: [{ containerPort: port }] }] },
  });
  await api.patch(`${core}/pods/web/status`, 'merge', { status: { podIP: '10.0.0.9', podIPs: [{ ip: '10.0.0.9' }] } });
  return api;
}

function upgrade(api: TestApiServer, path: string, headers: Readonly<Record<string, string>>) {
  const [client, socket] = duplexPair();
  const answer = api.server.handle({
    method: 'GET',
    path,
    query: new URLSearchParams('a=b'),
    headers: { connection: 'Upgrade', ...headers },
    identity: administrator,
    certificate: undefined,
    remoteAddress: '127.0.0.1',
    body: { type: 'none' },
    upgrade: { socket, head: Buffer.from('first ') },
    signal: new AbortController().signal,
  });
  return { client, answer };
}
const read = async (stream: AsyncIterable<unknown>, until: RegExp): Promise<string> => {
  let text = '';
  for await (const chunk of stream) {
    text += String(chunk);
    if (until.test(text)) break;
  }
  return text;
};

test('an upgraded connection goes through to the pod, without what says who asked', async (t) => {
  const pod = await startPod(t);
  const api = await start(t, pod.port);
  const { client, answer } = upgrade(api, `${core}/pods/web/proxy/socket`, {
    upgrade: 'echo',
    authorization: 'Bearer secret',
    'sec-websocket-key': 'key',
    'sec-websocket-protocol': 'base64url.bearer.authorization.k8s.io.c2VjcmV0, mine',
  });
  client.write('second');
  const text = await read(client, /SECOND/);
  assert.match(text, /^HTTP\/1\.1 101 [^]*x-pod: yes\r\n[^]*\r\nhello FIRST SECOND$/);
  assert.equal((await answer).body.type, 'upgraded');
  const { headers, url } = pod.seen[0]!;
  assert.equal(url, '/socket?a=b');
  assert.deepEqual(
    [headers.authorization, headers['sec-websocket-protocol'], headers['sec-websocket-key']],
    [undefined, 'mine', 'key'],
  );
});

test("the pod's refusal is the client's answer; a pod that does not upgrade is told; so is one that is not there", async (t) => {
  const pod = await startPod(t);
  const api = await start(t, pod.port);
  const refused = upgrade(api, `${core}/pods/web/proxy/`, { upgrade: 'refused' });
  assert.match(await read(refused.client, /no$/), /^HTTP\/1\.1 403 [^]*x-why: no\r\n[^]*\r\nno$/);
  const ignored = await upgrade(api, `${core}/pods/web/proxy/`, { upgrade: 'ignored' }).answer;
  assert.equal(ignored.status, 500);
  const absent = await upgrade(api, `${core}/pods/web:1/proxy/`, { upgrade: 'echo' }).answer;
  assert.equal(absent.status, 503);
});

test("a request's body and content type go on to the node, its credentials do not", async (t) => {
  const seen: unknown[] = [];
  const nodes: NodeConnector = {
    async request(nodeName, { method, pathAndQuery, headers, body }) {
      seen.push([nodeName, method, pathAndQuery, headers?.['content-type'], headers?.['authorization'], String(body)]);
      return { status: 202, contentType: 'text/plain', stream: (async function* () {})() };
    },
    upgrade: () => assert.fail('no upgrade'),
  };
  const api = await start(t, 1, nodes);
  await api.create('/api/v1/nodes', { kind: 'Node', apiVersion: 'v1', metadata: { name: 'one' } });
  const answer = await api.send('POST', '/api/v1/nodes/one/proxy/run/default/web/app?cmd=ls', {
    bytes: 'content',
    contentType: 'text/x-own',
  });
  assert.equal(answer.status, 202);
  assert.deepEqual(seen, [['one', 'POST', '/run/default/web/app?cmd=ls', 'text/x-own', undefined, 'content']]);
});

test('a token in a subprotocol says who asks for a WebSocket only: no plain request, whose headers are passed on, comes in by it', async (t) => {
  const api = await start(t, 1);
  const answer = await api.send('GET', `${core}/pods/web/proxy/`, {
    as: null,
    headers: { 'sec-websocket-protocol': 'base64url.bearer.authorization.k8s.io.c2VjcmV0' },
  });
  assert.equal(answer.status, 403);
  assert.match(answer.json.message, /system:anonymous/);
});

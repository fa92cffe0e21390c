import assert from 'node:assert/strict';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';
import {
  connectionsToHere,
  createSampleService,
  sampleApiService,
  sampleDiscovery,
  sendJson,
  startAggregatedServer,
} from '#kit/aggregated-server.ts';
import { condition, sample, services, startSample, until } from '#kit/aggregated-sample.ts';
import { administrator, startApiServer, type Json } from '#kit/start-api-server.ts';

const flunders = '/apis/wardle.example.com/v1alpha1/namespaces/default/flunders';
const aggregatedAccept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

test('an aggregated API server becomes available, is discovered, and is told who asks', async () => {
  await using all = await startSample();
  const { api, behind } = all;
  const { status, message } = await condition(api, 'Passed');
  assert.deepEqual([status, message], ['True', 'all checks passed']);
  const heads: Json[] = [];
  behind.answer = (request, response) => {
    if (request.url?.includes('flunders') === true) heads.push(request.headersDistinct);
    sendJson(response, 200, { kind: 'FlunderList', items: [] });
  };
  const answer = await api.send('GET', `${flunders}?labelSelector=a%3Db`, {
    headers: { 'x-remote-user': 'root', 'x-remote-extra-x': 'y', authorization: '' },
    as: { name: 'ann', groups: ['system:masters', 'one,two'], uid: '7', extra: { 'example.com/scope': ['a', 'b'] } },
    certificate: undefined,
  });
  assert.equal(answer.status, 403, 'an empty Authorization header is no identity');
  const asAnn = await api.send('GET', `${flunders}?labelSelector=a%3Db`, {
    headers: { 'x-remote-user': 'root', 'x-remote-extra-x': 'y', cookie: 'c=d' },
    as: { name: 'ann', groups: ['system:masters', 'one,two'], uid: '7', extra: { 'example.com/scope': ['a', 'b'] } },
  });
  assert.deepEqual([asAnn.status, asAnn.json.kind], [200, 'FlunderList']);
  assert.equal(behind.asked.at(-1), `${flunders}?labelSelector=a%3Db`);
  const [head] = heads;
  assert.deepEqual(head['x-remote-user'], ['ann']);
  assert.deepEqual(head['x-remote-uid'], ['7']);
  assert.deepEqual(head['x-remote-group'], ['system:masters', 'one,two', 'system:authenticated']);
  assert.deepEqual(head['x-remote-extra-example.com%2fscope'], ['a', 'b']);
  assert.deepEqual([head['x-remote-extra-x'], head['cookie']], [undefined, ['c=d']]);
});

test('discovery shows aggregated groups among the own ones, by priority', async () => {
  await using all = await startSample();
  const { api } = all;
  await condition(api, 'Passed');
  const item = await until(async () => {
    const list = await api.get('/apis', { headers: { accept: aggregatedAccept } });
    return list.items.find(
      (one: Json) => one.metadata.name === 'wardle.example.com' && one.versions[0].freshness === 'Current',
    ) as Json;
  });
  assert.deepEqual(item.versions, [
    {
      version: 'v1alpha1',
      resources: [
        {
          resource: 'flunders',
          scope: 'Namespaced',
          responseKind: { group: '', version: '', kind: 'Flunder' },
          verbs: ['create', 'delete', 'get', 'list', 'watch'],
          singularResource: 'flunder',
        },
      ],
      freshness: 'Current',
    },
  ]);
  const names = (await api.get('/apis')).groups.map((one: Json) => one.name);
  assert.deepEqual(names.slice(0, 2), ['apiregistration.k8s.io', 'apps']);
  assert.equal(names.indexOf('wardle.example.com'), names.length - 2, 'before metrics.k8s.io only');
  assert.deepEqual((await api.get('/apis/wardle.example.com')).preferredVersion, {
    groupVersion: 'wardle.example.com/v1alpha1',
    version: 'v1alpha1',
  });
  assert.equal((await api.get('/apis/wardle.example.com/v1alpha1')).resources[0].name, 'flunders');
  await api.delete(sample);
  assert.equal((await api.send('GET', '/apis/wardle.example.com')).status, 404);
  assert.equal((await api.send('GET', flunders)).status, 404);
});

test('what is wrong with the way to the server is said, and changes wake the check', async () => {
  const connector = connectionsToHere();
  const api = await startApiServer(connector);
  await using behind = await startAggregatedServer();
  await api.create(services, sampleApiService({ caBundle: behind.caBundle }));
  assert.equal((await condition(api, 'ServiceNotFound')).message, 'service/sample in "aggregated" is not present');
  const refused = await api.send('GET', flunders);
  assert.deepEqual(
    [refused.status, refused.contentType, refused.text],
    [503, 'text/plain; charset=utf-8', 'service unavailable\n'],
  );
  await createSampleService(api, behind.port);
  await condition(api, 'Passed');
  const slice = '/apis/discovery.k8s.io/v1/namespaces/aggregated/endpointslices/sample-1';
  await api.patch(slice, 'merge', { endpoints: [{ addresses: ['10.42.0.9'], conditions: { ready: false } }] });
  assert.equal(
    (await condition(api, 'MissingEndpoints')).message,
    'endpointslices for service/sample in "aggregated" have no addresses with port name ""',
  );
  await api.delete(slice);
  assert.equal(
    (await condition(api, 'EndpointsNotFound')).message,
    'cannot find endpointslices for service/sample in "aggregated"',
  );
  await api.patch('/api/v1/namespaces/aggregated/services/sample', 'merge', { spec: { ports: [{ port: 444 }] } });
  assert.equal(
    (await condition(api, 'ServicePortError')).message,
    'service/sample in "aggregated" is not listening on port 443',
  );
  api.close();
  connector[Symbol.dispose]();
});

test('a certificate of another authority fails the check; insecureSkipTLSVerify passes it; nobody is let in without rights', async () => {
  const other = await startAggregatedServer();
  await other.kill();
  const { issueCertificate } = await import('#pki/certificate.ts');
  const stranger = issueCertificate({
    subject: { commonName: 'stranger' },
    use: 'authority',
    notBeforeMs: 0,
    notAfterMs: Date.UTC(2099, 0),
    serial: Uint8Array.of(9),
  });
  await using all = await startSample(() => ({ caBundle: Buffer.from(stranger.certificatePem).toString('base64') }));
  const { api, behind } = all;
  const failed = await condition(api, 'FailedDiscoveryCheck');
  assert.match(
    failed.message,
    /^failing or missing response from https:\/\/10\.42\.0\.9:\d+\/apis\/wardle\.example\.com\/v1alpha1: Get /,
  );
  assert.equal(behind.asked.length, 0, 'nothing was said to a server that is not the one');
  await api.patch(sample, 'merge', { spec: { caBundle: null, insecureSkipTLSVerify: true } });
  await condition(api, 'Passed');
  const forbidden = await api.send('GET', flunders, { as: { name: 'bob', groups: ['system:authenticated'] } });
  assert.equal(forbidden.status, 403);
  assert.equal(behind.asked.filter((path) => path.includes('flunders')).length, 0);
});

test('a watch is passed on as it comes; a server that goes ends it and becomes unavailable', async () => {
  await using all = await startSample();
  const { api, behind } = all;
  await condition(api, 'Passed');
  const writer: { send?: (line: string) => void } = {};
  behind.answer = (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    writer.send = (line) => void response.write(`${line}\n`);
    writer.send('{"type":"ADDED","object":{}}');
  };
  const gone = new AbortController();
  const answer = await api.handle('GET', `${flunders}?watch=true`, { signal: gone.signal });
  assert.ok(answer.body.type === 'stream');
  const chunks = answer.body.stream[Symbol.asyncIterator]();
  assert.equal(Buffer.from((await chunks.next()).value).toString(), '{"type":"ADDED","object":{}}\n');
  writer.send!('{"type":"BOOKMARK","object":{}}');
  assert.equal(Buffer.from((await chunks.next()).value).toString(), '{"type":"BOOKMARK","object":{}}\n');
  await behind.kill();
  await assert.rejects(async () => await chunks.next(), 'a broken stream is no complete answer');
  const lost = await api.send('GET', flunders);
  assert.equal(lost.status, 503);
  assert.match(lost.text, /^error trying to reach service: .*connection refused/);
  api.virtualClock.advance(30_000);
  assert.match((await condition(api, 'FailedDiscoveryCheck')).message, /connection refused/);
  assert.equal((await api.send('GET', flunders)).text, 'service unavailable\n');
});

test('a server that does not answer costs its client the time of a request, and nobody else anything', async () => {
  await using all = await startSample();
  const { api, behind } = all;
  await condition(api, 'Passed');
  behind.answer = () => {};
  const asked = behind.asked.length;
  const hanging = api.send('GET', flunders);
  await until(async () => (behind.asked.length > asked ? true : undefined));
  assert.equal((await api.send('GET', '/api/v1/namespaces/default')).status, 200);
  api.virtualClock.advance(60_000);
  assert.equal((await hanging).status, 504);
});

test('bodies are streams both ways: large ones pass without being held', async () => {
  await using all = await startSample();
  const { api, behind } = all;
  await condition(api, 'Passed');
  const megabyte = Buffer.alloc(1024 * 1024, 'x');
  behind.answer = (request, response) => {
    let received = 0;
    request.on('data', (chunk: Buffer) => (received += chunk.length));
    request.on('end', () => {
      response.writeHead(201, { 'content-type': 'application/json', 'x-received': String(received) });
      let left = 32;
      const more = (): void => {
        while (left-- > 0) if (!response.write(megabyte)) return void response.once('drain', more);
        response.end();
      };
      more();
    });
  };
  const answer = await api.handle('POST', flunders, {
    bytes: Buffer.alloc(5 * 1024 * 1024, 'y'),
    contentType: 'application/json',
  });
  assert.deepEqual([answer.status, answer.headers['x-received']], [201, String(5 * 1024 * 1024)]);
  assert.ok(answer.body.type === 'stream');
  let size = 0;
  for await (const chunk of answer.body.stream) size += chunk.length;
  assert.equal(size, 32 * 1024 * 1024);
});

test('redirects of a server behind are not passed on, its refusals are', async () => {
  await using all = await startSample();
  const { api, behind } = all;
  await condition(api, 'Passed');
  behind.answer = (_request, response) => response.writeHead(302, { location: 'https://example.com/' }).end();
  const redirect = await api.send('GET', flunders);
  assert.deepEqual(
    [redirect.status, redirect.text, redirect.headers['location']],
    [502, 'the backend attempted to redirect this request, which is not permitted', undefined],
  );
  behind.answer = (_request, response) => sendJson(response, 409, { kind: 'Status', code: 409, reason: 'Conflict' });
  const conflict = await api.send('PUT', `${flunders}/a`, { body: {} });
  assert.deepEqual([conflict.status, conflict.json.reason], [409, 'Conflict']);
  behind.answer = sampleDiscovery;
  assert.equal((await api.send('GET', flunders)).status, 404);
});

test('an upgraded connection is joined with the server behind; a refusal comes back as it is', async () => {
  await using all = await startSample();
  const { api, behind } = all;
  await condition(api, 'Passed');
  const heads: Json[] = [];
  behind.upgrade = (request, socket) => {
    heads.push(request.headers);
    if (request.url?.endsWith('refused') === true)
      return void socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno');
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: echo\r\n\r\n');
    socket.pipe(socket);
  };
  const open = async (name: string) => {
    const [client, taken] = duplexPair();
    await api.server.handle({
      method: 'GET',
      path: `${flunders}/${name}`,
      query: new URLSearchParams(),
      headers: { connection: 'Upgrade', upgrade: 'echo', 'x-remote-group': 'system:masters' },
      identity: { name: 'ann', groups: ['system:masters'] },
      remoteAddress: '127.0.0.1',
      body: { type: 'none' },
      signal: new AbortController().signal,
      upgrade: { socket: taken, head: new Uint8Array() },
    });
    return client;
  };
  const client = await open('joined');
  const text: string[] = [];
  client.on('data', (chunk: Buffer) => text.push(chunk.toString()));
  client.write('hello');
  await until(async () => (text.join('').endsWith('hello') ? true : undefined));
  assert.match(text.join(''), /^HTTP\/1\.1 101 Switching Protocols\r\n[^]*\r\n\r\nhello$/);
  assert.deepEqual([heads[0]['x-remote-user'], heads[0].upgrade], ['ann', 'echo']);
  client.destroy();
  const refused = await open('refused');
  const chunks: Buffer[] = [];
  for await (const chunk of refused) chunks.push(chunk as Buffer);
  assert.match(Buffer.concat(chunks).toString(), /^HTTP\/1\.1 403 [^]*\r\n\r\nno$/);
});

test('an audit log with bodies has none of what is passed on: a long one is never in memory as a whole', async () => {
  const events: Json[] = [];
  await using all = await startSample(undefined, {
    audit: { profile: () => 'AllRequestBodies', write: (event) => void events.push(event) },
  });
  const { api, behind } = all;
  await condition(api, 'Passed');
  let received = 0;
  behind.answer = (request, response) => {
    request.on('data', (chunk: Buffer) => (received += chunk.length));
    request.on('end', () => sendJson(response, 201, { kind: 'Flunder' }));
  };
  events.length = 0;
  const answer = await api.server.handle({
    method: 'POST',
    path: flunders,
    query: new URLSearchParams(),
    headers: { 'content-type': 'application/json' },
    identity: administrator,
    remoteAddress: '127.0.0.1',
    body: {
      type: 'bytes',
      read: () => assert.fail('it was read as a whole'),
      async *stream() {
        for (let index = 0; index < 8; index++) yield Buffer.alloc(65_536, ' ');
      },
    },
    signal: new AbortController().signal,
  });
  assert.deepEqual([answer.status, received], [201, 8 * 65_536]);
  assert.ok(answer.body.type === 'stream');
  for await (const _ of answer.body.stream);
  const [event] = events.filter((one) => one.requestURI === flunders);
  assert.deepEqual([event.verb, event.requestObject], ['create', undefined]);
});

// Controllers that go over all kinds, with those of an aggregated API server among them.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ConfigMaps, Namespaces } from '#api/generated/kind-references.ts';
import {
  connectionsToHere,
  createSampleService,
  sampleApiService,
  sampleDiscovery,
  sendJson,
  startAggregatedServer,
} from '#kit/aggregated-server.ts';
import type { Json } from '#kit/start-api-server.ts';
import { startControlPlane } from '#kit/start-control-plane.ts';

const apiVersion = 'wardle.example.com/v1alpha1';
const services = '/apis/apiregistration.k8s.io/v1/apiservices';

/** Flunders in memory: list, watch, get, delete. */
function flunderServer() {
  const objects = new Map<string, Json>();
  const watchers = new Set<ServerResponse>();
  let revision = 1;
  const tell = (type: string, object: Json): void => {
    for (const one of watchers) one.write(`${JSON.stringify({ type, object })}\n`);
  };
  const add = (namespace: string, name: string, metadata: object = {}): Json => {
    const object = {
      kind: 'Flunder',
      apiVersion,
      metadata: { name, namespace, uid: `uid-${name}`, resourceVersion: String(++revision), ...metadata },
    };
    objects.set(`${namespace}/${name}`, object);
    tell('ADDED', object);
    return object;
  };
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'https://localhost');
    const match = /^\/apis\/wardle\.example\.com\/v1alpha1(?:\/namespaces\/([^/]+))?\/flunders(?:\/([^/]+))?$/.exec(
      pathname,
    );
    if (match === null) return sampleDiscovery(request, response);
    const [, namespace, name] = match;
    const key = `${namespace}/${name}`;
    const found = objects.get(key);
    if (name !== undefined && found === undefined)
      return sendJson(response, 404, {
        kind: 'Status',
        apiVersion: 'v1',
        status: 'Failure',
        reason: 'NotFound',
        code: 404,
      });
    if (request.method === 'DELETE') {
      objects.delete(key);
      tell('DELETED', { ...found, metadata: { ...found.metadata, resourceVersion: String(++revision) } });
      return sendJson(response, 200, found);
    }
    if (name !== undefined) return sendJson(response, 200, found);
    if (searchParams.get('watch') !== null) {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.flushHeaders();
      watchers.add(response);
      response.on('close', () => watchers.delete(response));
      return undefined;
    }
    const items = [...objects.values()].filter(
      (one) => namespace === undefined || one.metadata.namespace === namespace,
    );
    return sendJson(response, 200, {
      kind: 'FlunderList',
      apiVersion,
      metadata: { resourceVersion: String(revision) },
      items,
    });
  };
  return { objects, add, answer };
}

async function start(
  change: (flunders: ReturnType<typeof flunderServer>['answer']) => typeof flunders = (same) => same,
) {
  const connections = connectionsToHere();
  const behind = await startAggregatedServer();
  const flunders = flunderServer();
  behind.answer = change(flunders.answer);
  const cluster = await startControlPlane({ api: connections });
  await createSampleService(cluster.api, behind.port);
  await cluster.api.create(services, sampleApiService({ caBundle: behind.caBundle }));
  /** Sockets need real time, controllers the clock's. */
  const until = async (check: () => Promise<void>): Promise<void> => {
    for (let tries = 0; ; tries++)
      try {
        return await check();
      } catch (error) {
        if (tries > 1_000) throw error;
        await sleep(1);
        if (tries % 20 === 19) cluster.api.virtualClock.advance(100);
      }
  };
  await until(async () => {
    const { status } = await cluster.api.get(`${services}/v1alpha1.wardle.example.com`);
    assert.equal(status?.conditions?.[0]?.reason, 'Passed');
  });
  return {
    cluster,
    behind,
    flunders,
    until,
    async [Symbol.asyncDispose]() {
      await cluster[Symbol.asyncDispose]();
      connections[Symbol.dispose]();
      await behind[Symbol.asyncDispose]();
    },
  };
}

test('owners and dependents of another server are collected like all others', async () => {
  await using all = await start();
  const { cluster, flunders, until } = all;
  const owner = await cluster.create(ConfigMaps, { metadata: { name: 'owner' } });
  const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: owner.metadata.uid };
  flunders.add('default', 'dependent', { ownerReferences: [reference] });
  const parent = flunders.add('default', 'parent');
  const ofFlunder = { apiVersion, kind: 'Flunder', name: 'parent', uid: parent.metadata.uid };
  await cluster.create(ConfigMaps, { metadata: { name: 'kept', ownerReferences: [ofFlunder] } });
  const orphan = { ...ofFlunder, name: 'never-was', uid: 'nobody' };
  await cluster.create(ConfigMaps, { metadata: { name: 'lost', ownerReferences: [orphan] } });
  await until(async () => assert.equal(await cluster.find(ConfigMaps, 'default', 'lost'), undefined));
  await cluster.api.delete('/api/v1/namespaces/default/configmaps/owner');
  await until(async () => assert.deepEqual([...flunders.objects.keys()], ['default/parent']));
  assert.notEqual(await cluster.find(ConfigMaps, 'default', 'kept'), undefined);
  // Without its server nothing is known of the owner: the dependent stays.
  await cluster.api.delete(`${services}/v1alpha1.wardle.example.com`);
  await cluster.api.patch('/api/v1/namespaces/default/configmaps/kept', 'merge', { metadata: { labels: { a: 'b' } } });
  await cluster.pass(5_000);
  assert.notEqual(await cluster.find(ConfigMaps, 'default', 'kept'), undefined);
});

test('a kind that an available server adds is seen half a minute later', async () => {
  const served = { isHidden: true };
  await using all = await start((answer) => (request, response) => {
    if (served.isHidden && request.url === '/apis/wardle.example.com/v1alpha1')
      sendJson(response, 200, { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: apiVersion, resources: [] });
    else answer(request, response);
  });
  const { cluster, flunders, until } = all;
  const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'never-was', uid: 'nobody' };
  flunders.add('default', 'dependent', { ownerReferences: [reference] });
  await cluster.pass(29_000);
  assert.deepEqual([...flunders.objects.keys()], ['default/dependent']);
  served.isHidden = false;
  await until(async () => assert.deepEqual([...flunders.objects.keys()], []));
});

test('a namespace goes with what is in it elsewhere; while that server cannot be asked, it stays and says why', async () => {
  await using all = await start();
  const { cluster, behind, flunders, until } = all;
  await cluster.create(Namespaces, { metadata: { name: 'first' } });
  await cluster.create(Namespaces, { metadata: { name: 'second' } });
  flunders.add('first', 'a');
  flunders.add('second', 'b');
  await cluster.api.delete('/api/v1/namespaces/first');
  await until(async () => assert.equal(await cluster.find(Namespaces, undefined, 'first'), undefined));
  assert.deepEqual([...flunders.objects.keys()], ['second/b']);

  await behind.kill();
  cluster.api.virtualClock.advance(30_000);
  await until(async () => {
    const { status } = await cluster.api.get(`${services}/v1alpha1.wardle.example.com`);
    assert.equal(status.conditions[0].reason, 'FailedDiscoveryCheck');
  });
  await cluster.api.delete('/api/v1/namespaces/second');
  await until(async () => {
    const { status } = await cluster.find(Namespaces, undefined, 'second');
    const told = status.conditions?.find((one: Json) => one.type === 'NamespaceDeletionDiscoveryFailure');
    assert.deepEqual(
      [told?.status, told?.reason, told?.message],
      [
        'True',
        'DiscoveryFailed',
        'Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: wardle.example.com/v1alpha1: stale GroupVersion discovery: wardle.example.com/v1alpha1',
      ],
    );
  });
  await cluster.api.delete(`${services}/v1alpha1.wardle.example.com`);
  await until(async () => assert.equal(await cluster.find(Namespaces, undefined, 'second'), undefined));
});

test('an owner in another namespace is no owner: an event says so, and the dependent goes', async () => {
  await using cluster = await startControlPlane();
  await cluster.create(Namespaces, { metadata: { name: 'other' } });
  const owner = await cluster.create(ConfigMaps, { metadata: { name: 'owner', namespace: 'other' } });
  const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: owner.metadata.uid };
  await cluster.create(ConfigMaps, { metadata: { name: 'dependent', ownerReferences: [reference] } });
  await cluster.eventually(async () => assert.equal(await cluster.find(ConfigMaps, 'default', 'dependent'), undefined));
  const event = await cluster.eventually(async () => {
    const { items } = await cluster.api.get('/api/v1/namespaces/default/events');
    const found = items.find((one: Json) => one.reason === 'OwnerRefInvalidNamespace');
    assert.notEqual(found, undefined);
    return found as Json;
  });
  assert.equal(event.type, 'Warning');
  assert.equal(
    event.message,
    `ownerRef [v1/ConfigMap, namespace: default, name: owner, uid: ${owner.metadata.uid}] does not exist in namespace "default"`,
  );
  assert.deepEqual(
    [event.involvedObject.kind, event.involvedObject.apiVersion, event.involvedObject.name],
    ['ConfigMap', 'v1', 'dependent'],
  );
});

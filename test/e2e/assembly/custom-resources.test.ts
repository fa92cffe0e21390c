// Custom resources with the clients that people use: kubectl, helm, @kubernetes/client-node, and an operator of two instances.
// One control plane for all; no test needs Pods.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import {
  CustomObjectsApi,
  KubeConfig,
  makeInformer,
  type KubernetesListObject,
  type KubernetesObject,
} from '@kubernetes/client-node';
import { clientsDirectory } from '#kit/machine/clients.ts';
import { eventually, succeed } from '#kit/machine/command.ts';
import { ask, freePort, start, temporary, waitReady, type Lifetime, type Run } from './microshift-process.ts';

const folder = path.join(import.meta.dirname, 'custom-resources');
const definition = path.join(folder, 'chart/crds/sites.yaml');
const collection = '/apis/web.example.com/v1/namespaces/default/sites';
let clients: string;

interface ControlPlane {
  readonly data: string;
  readonly kubeconfig: string;
  readonly port: number;
  process: Run;
  kubectl(...argument: readonly string[]): Promise<string>;
}

async function controlPlane(context: Lifetime): Promise<ControlPlane> {
  const directory = temporary(context);
  const data = path.join(directory, 'data');
  const port = await freePort();
  const process = start(context, data, port);
  waitReady(data);
  const kubeconfig = path.join(data, 'resources/kubeadmin/kubeconfig');
  const kubectl = (...argument: readonly string[]) =>
    succeed([path.join(clients, 'kubectl/kubectl'), '--kubeconfig', kubeconfig, '--cache-dir', directory, ...argument]);
  return { data, kubeconfig, port, process, kubectl };
}

let plane: ControlPlane;
const ends: (() => unknown)[] = [];
const file: Lifetime = { after: (end) => void ends.push(end) };

before(async () => {
  clients = await clientsDirectory();
  plane = await controlPlane(file);
});
after(() => {
  for (const end of ends.toReversed()) end();
});

async function json(method: string, pathname: string, body?: object) {
  const { status, text } = await ask(plane.data, method, pathname, body);
  return { status, body: JSON.parse(text) as { spec: Record<string, unknown>; [key: string]: unknown } };
}
const site = (name: string, text: string) => ({
  apiVersion: 'web.example.com/v1',
  kind: 'Site',
  metadata: { name },
  spec: { text },
});
const createSite = async (name: string, text: string): Promise<void> => {
  const { status, body } = await json('POST', collection, site(name, text));
  assert.equal(status, 201, JSON.stringify(body));
};

const useKind = async (): Promise<void> => {
  await plane.kubectl('apply', '-f', definition);
  await plane.kubectl('wait', '--for=condition=Established', '--timeout=10s', 'crd/sites.web.example.com');
};

test('kubectl: a definition, its objects, columns, explain, apply both ways, scale, patch, delete', async () => {
  const kubectl = (...argument: readonly string[]) => plane.kubectl(...argument);
  await useKind();
  const manifest = path.join(plane.data, 'site.yaml');
  writeFileSync(manifest, JSON.stringify(site('one', 'hello')));
  assert.equal(await kubectl('apply', '-f', manifest), 'site.web.example.com/one created\n');
  assert.match(await kubectl('get', 'st'), /^NAME +TEXT +WRITTEN\none +hello +\n$/);
  assert.match(await kubectl('get', 'all'), /site\.web\.example\.com\/one +hello/);
  assert.match(await kubectl('explain', 'site.spec'), /text\t<string> -required-\n +What the page says\./);
  assert.equal(await kubectl('scale', 'site/one', '--replicas=3'), 'site.web.example.com/one scaled\n');
  assert.equal(await kubectl('get', 'site', 'one', '-o', 'jsonpath={.spec.replicas} {.metadata.generation}'), '3 2');
  writeFileSync(manifest, JSON.stringify(site('one', 'again')));
  assert.equal(await kubectl('apply', '-f', manifest), 'site.web.example.com/one configured\n');
  assert.match(await kubectl('apply', '--server-side', '--force-conflicts', '-f', manifest), /serverside-applied/);
  await kubectl('patch', 'site', 'one', '--type=merge', '-p', '{"spec":{"text":"patched"}}');
  assert.equal(await kubectl('get', 'site', 'one', '-o', 'jsonpath={.spec.text} {.spec.replicas}'), 'patched 3');
  writeFileSync(manifest, JSON.stringify({ ...site('one', 'x'), spec: { text: 'x', txt: 'typo' } }));
  await assert.rejects(kubectl('apply', '-f', manifest), /strict decoding error: unknown field "spec.txt"/);
  writeFileSync(manifest, JSON.stringify(site('one', '')));
  await assert.rejects(kubectl('apply', '-f', manifest), /spec.text in body should be at least 1 chars long/);
  await kubectl('delete', 'site', 'one');
  await kubectl('delete', '-f', definition);
  await assert.rejects(kubectl('get', 'sites'), /the server doesn't have a resource type "sites"|could not find/);
});

test('helm: a chart that brings its own kind is installed, upgraded, rolled back and removed', async () => {
  const helm = (...argument: readonly string[]) =>
    succeed([path.join(clients, 'helm/helm'), '--kubeconfig', plane.kubeconfig, ...argument], {
      environment: { HOME: plane.data },
    });
  const text = async () => (await json('GET', `${collection}/shop`)).body.spec['text'];
  const chart = path.join(folder, 'chart');
  assert.match(await helm('install', 'shop', chart), /STATUS: deployed/);
  assert.equal(await text(), 'first');
  await helm('upgrade', 'shop', chart, '--set', 'text=second');
  assert.equal(await text(), 'second');
  await helm('rollback', 'shop', '1');
  assert.equal(await text(), 'first');
  await helm('uninstall', 'shop');
  const sites = await json('GET', collection);
  assert.deepEqual([sites.status, sites.body['items']], [200, []], 'the definition stays, as helm leaves it');
});

/** Passes connections on and cuts all of them when asked to. */
async function cuttingProxy(context: TestContext, port: number): Promise<{ port: number; cut(): void }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream).pipe(client);
  });
  const own = await freePort();
  await new Promise<void>((resolve) => server.listen(own, '127.0.0.1', resolve));
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  context.after(() => {
    server.close();
    cut();
  });
  return { port: own, cut };
}

test('an informer of client-node ends with what is there, after cut watches, churn and a restart that forgets history', async (context) => {
  await useKind();
  const proxy = await cuttingProxy(context, plane.port);
  const config = new KubeConfig();
  config.loadFromString(readFileSync(plane.kubeconfig, 'utf8').replaceAll(`:${plane.port}`, `:${proxy.port}`));
  const api = config.makeApiClient(CustomObjectsApi);
  const kind = { group: 'web.example.com', version: 'v1', namespace: 'default', plural: 'sites' };
  const informer = makeInformer<KubernetesObject>(
    config,
    collection,
    () => api.listNamespacedCustomObject(kind) as Promise<KubernetesListObject<KubernetesObject>>,
  );
  let failures = 0;
  let isOver = false;
  const begin = (): void => {
    if (!isOver) informer.start().catch(() => setTimeout(begin, 100));
  };
  informer.on('error', () => {
    failures++;
    setTimeout(begin, 100);
  });
  context.after(async () => {
    isOver = true;
    await informer.stop();
  });
  await informer.start();

  const churn = async (round: number): Promise<void> => {
    for (let index = 0; index < 15; index++) {
      const name = `site-${round}-${index}`;
      await createSite(name, 'made');
      if (index % 3 === 0) await json('DELETE', `${collection}/${name}`);
      if (index % 3 === 1) {
        const { body } = await json('GET', `${collection}/${name}`);
        await json('PUT', `${collection}/${name}`, { ...body, spec: { ...body.spec, text: `changed ${round}` } });
      }
      if (index % 5 === 4) proxy.cut();
    }
  };
  await churn(1);
  await churn(2);
  // What happens now is not in the history that a later watch asks for: 410, and the informer lists again.
  plane.process.child.kill('SIGTERM');
  await plane.process.exited;
  plane.process = start(file, plane.data, plane.port);
  waitReady(plane.data);
  await churn(3);

  const rendered = (objects: readonly KubernetesObject[]) =>
    objects.map((one) => `${one.metadata?.name} ${one.metadata?.resourceVersion}`).toSorted();
  await eventually('the informer has what the server has', 30, async () => {
    const { body } = await json('GET', collection);
    const there = rendered(body['items'] as KubernetesObject[]);
    assert.equal(there.length, 30);
    assert.deepEqual(rendered(informer.list()), there);
    return true;
  });
  assert.ok(failures > 0, 'the watches were cut');
  await json('DELETE', collection);
});

interface Instance {
  readonly process: ChildProcess;
  output: string;
}
function operator(context: TestContext, name: string): Instance {
  const child = spawn(process.execPath, [path.join(folder, 'operator.ts'), plane.kubeconfig, name], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const instance: Instance = { process: child, output: '' };
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (instance.output += text));
  context.after(() => child.kill('SIGKILL'));
  return instance;
}

test('an operator of two instances: one leads, and when it is killed the other goes on', async (context) => {
  await useKind();
  const maps = '/api/v1/namespaces/default/configmaps';
  const page = async (name: string): Promise<unknown> =>
    ((await json('GET', `${maps}/${name}-page`)).body['data'] as Record<string, unknown> | undefined)?.['index.html'];
  const statusOf = async (name: string) =>
    (await json('GET', `${collection}/${name}`)).body['status'] as Record<string, unknown> | undefined;

  const first = operator(context, 'first');
  await eventually('the first instance leads', 20, async () => {
    assert.match(first.output, /leading/);
    return true;
  });
  const second = operator(context, 'second');
  await createSite('one', 'hello');
  await eventually('the page is written', 20, async () => {
    assert.equal(await page('one'), 'hello');
    assert.deepEqual(await statusOf('one'), {
      observedGeneration: 1,
      replicas: 1,
      by: 'first',
      conditions: [{ type: 'Written', status: 'True' }],
    });
    return true;
  });
  assert.doesNotMatch(second.output, /leading/);
  assert.match(await plane.kubectl('get', 'site', 'one'), /one +hello +True/);

  first.process.kill('SIGKILL');
  await plane.kubectl('patch', 'site', 'one', '--type=merge', '-p', '{"spec":{"text":"changed"}}');
  await eventually('the second instance has taken over', 20, async () => {
    assert.equal(await page('one'), 'changed');
    assert.deepEqual([(await statusOf('one'))?.['by'], (await statusOf('one'))?.['observedGeneration']], ['second', 2]);
    return true;
  });
  const lease = await json('GET', '/apis/coordination.k8s.io/v1/namespaces/default/leases/site-operator');
  assert.deepEqual([lease.body.spec['holderIdentity'], lease.body.spec['leaseTransitions']], ['second', 1]);

  await plane.kubectl('delete', 'site', 'one', '--timeout=20s');
  const farewell = await json('GET', `${maps}/one-farewell`);
  assert.deepEqual(farewell.body['data'], { by: 'second', said: 'changed' });
  await eventually('what the Site owned is collected', 20, async () =>
    (await json('GET', `${maps}/one-page`)).status === 404 ? true : undefined,
  );
});

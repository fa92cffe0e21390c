// Pods on a real containerd: what users see of them.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { Duplex } from 'node:stream';
import { after, before, test } from 'node:test';
import { busyboxImageName } from '../../../scripts/images/stock-images.ts';
import { startTestNode, type TestNode } from './cluster.ts';
import { condition, onNode, shell } from './kit.ts';
import { nodeRequest } from './node-door.ts';
import { isClosedNamespace, startTestMachine, type TestMachine } from './machine.ts';
import type { Json } from '#kit/start-api-server.ts';

let machine: TestMachine;
let node: TestNode;
const { running, gone, logs } = onNode(() => node);
before(async () => {
  assert.ok(isClosedNamespace(), 'run with: node test/e2e/node/run.ts');
  machine = await startTestMachine();
  node = await startTestNode(machine);
});
after(async () => {
  await node?.close();
  await machine?.close();
});

test('the node registers with what it has', async () => {
  const list = await node.api.get('/api/v1/nodes/n1');
  assert.equal(list.metadata.labels['kubernetes.io/os'], 'linux');
  assert.match(list.status.nodeInfo.containerRuntimeVersion, /^containerd:\/\//);
  assert.equal(list.status.conditions.find((one: Json) => one.type === 'Ready').status, 'True');
  assert.ok(list.status.images.some((one: Json) => one.names.includes(busyboxImageName)));
  await node.until('lease', () => node.api.get('/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1'));
});

test('a Pod runs, is reported, logs, and goes', async () => {
  await node.createPod({
    name: 'web',
    spec: { containers: [shell('echo hello; sleep 0.1; echo oops >&2; sleep 1000')] },
  });
  const pod = await running('web');
  await node.until('both lines', async () => (await logs('default/web/main')).includes('oops'));
  assert.equal(pod.status.phase, 'Running');
  assert.match(pod.status.podIP, /^10\.88\.7\./);
  const [container] = pod.status.containerStatuses;
  assert.equal(container.ready, true);
  assert.equal(container.started, true);
  assert.equal(container.restartCount, 0);
  assert.match(container.containerID, /^containerd:\/\/[0-9a-f]{64}$/);
  assert.equal(await logs('default/web/main'), 'hello\noops\n');
  assert.equal(await logs('default/web/main?tailLines=1'), 'oops\n');
  assert.match(await logs('default/web/main?timestamps=true&tailLines=1'), /^20\d\d-.*Z oops\n$/);
  await node.until('events', async () => (await node.events('web')).length >= 3);
  assert.deepEqual(
    (await node.events('web')).map((one) => one.split(':')[0]),
    ['Pulled', 'Created', 'Started'],
  );
  await node.api.delete('/api/v1/namespaces/default/pods/web');
  await gone('web');
  await node.until(
    'directories gone',
    async () => !existsSync(`${machine.directory}/kubelet/pods/${pod.metadata.uid}`),
  );
  await node.until(
    'logs gone',
    async () => !existsSync(`${machine.directory}/pod-logs/default_web_${pod.metadata.uid}`),
  );
});

test('init containers run in order, then a sidecar stays beside the main container', async () => {
  await node.createPod({
    name: 'init',
    spec: {
      volumes: [{ name: 'shared', emptyDir: {} }],
      initContainers: [
        {
          ...shell('echo one >> /shared/log'),
          name: 'first',
          volumeMounts: [{ name: 'shared', mountPath: '/shared' }],
        },
        {
          ...shell('echo two >> /shared/log; sleep 1000'),
          name: 'side',
          restartPolicy: 'Always',
          volumeMounts: [{ name: 'shared', mountPath: '/shared' }],
        },
      ],
      containers: [shell('cat /shared/log; sleep 1000', { volumeMounts: [{ name: 'shared', mountPath: '/shared' }] })],
    },
  });
  const pod = await running('init');
  assert.equal(condition(pod, 'Initialized'), 'True');
  await node.until('log of main', async () => (await logs('default/init/main')).startsWith('one\n'));
  assert.equal(pod.status.initContainerStatuses[0].state.terminated.reason, 'Completed');
  assert.equal(pod.status.initContainerStatuses[1].ready, true);
  await node.api.delete('/api/v1/namespaces/default/pods/init');
  await gone('init');
});

test('a Pod that ends is Succeeded or Failed, with exit code and termination message', async () => {
  await node.createPod({
    name: 'done',
    spec: { restartPolicy: 'Never', containers: [shell('echo -n bye > /dev/termination-log')] },
  });
  await node.createPod({ name: 'broken', spec: { restartPolicy: 'Never', containers: [shell('exit 3')] } });
  const done = await node.until('done', async () => {
    const pod = await node.pod('done');
    return pod.status.phase === 'Succeeded' && pod;
  });
  assert.equal(done.status.containerStatuses[0].state.terminated.reason, 'Completed');
  assert.equal(done.status.containerStatuses[0].state.terminated.message, 'bye');
  const broken = await node.until('broken', async () => {
    const pod = await node.pod('broken');
    return pod.status.phase === 'Failed' && pod;
  });
  assert.equal(broken.status.containerStatuses[0].state.terminated.exitCode, 3);
  assert.equal(broken.status.containerStatuses[0].state.terminated.reason, 'Error');
});

test('a crashing container is restarted and then backs off, an unknown image says so', async () => {
  await node.createPod({ name: 'crash', spec: { containers: [shell('exit 1')] } });
  await node.createPod({ name: 'noimage', spec: { containers: [{ name: 'main', image: 'localhost:1/no/such:1' }] } });
  const crash = await node.until('crash loop', async () => {
    const pod = await node.pod('crash');
    return pod.status.containerStatuses?.[0]?.state?.waiting?.reason === 'CrashLoopBackOff' && pod;
  });
  assert.match(
    crash.status.containerStatuses[0].state.waiting.message,
    /^back-off 10s restarting failed container=main pod=crash_default\(/,
  );
  assert.equal(crash.status.containerStatuses[0].lastState.terminated.exitCode, 1);
  assert.equal(crash.status.containerStatuses[0].restartCount, 1);
  assert.equal(crash.status.phase, 'Running');
  const seen = new Set<string>();
  await node.until('image back-off', async () => {
    const pod = await node.pod('noimage');
    seen.add(pod.status.containerStatuses?.[0]?.state?.waiting?.reason ?? '');
    return seen.has('ErrImagePull') && seen.has('ImagePullBackOff');
  });
  for (const name of ['crash', 'noimage']) {
    await node.api.delete(`/api/v1/namespaces/default/pods/${name}`);
    await gone(name);
  }
});

test('configuration reaches the container by environment and files, and files are updated', async () => {
  const namespaced = '/api/v1/namespaces/default';
  await node.api.create(`${namespaced}/configmaps`, {
    kind: 'ConfigMap',
    apiVersion: 'v1',
    metadata: { name: 'conf' },
    data: { a: '1' },
  });
  await node.api.create(`${namespaced}/secrets`, {
    kind: 'Secret',
    apiVersion: 'v1',
    metadata: { name: 'sec' },
    data: { key: Buffer.from('s3cret').toString('base64') },
  });
  await node.createPod({
    name: 'conf',
    metadata: { labels: { tier: 'x' } },
    spec: {
      serviceAccountName: 'default',
      volumes: [
        { name: 'c', configMap: { name: 'conf' } },
        { name: 's', secret: { secretName: 'sec', defaultMode: 0o400 } },
        {
          name: 'p',
          projected: {
            sources: [
              { serviceAccountToken: { path: 'token', expirationSeconds: 3600 } },
              { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
            ],
          },
        },
        { name: 'm', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
      ],
      containers: [
        shell(
          'echo "$A $K $IP $MIX $CPU"; ls -l /s/..data/key | cut -c1-10; cat /s/key /p/labels; echo; cut -c1-3 /p/token; mount | grep -c " /m "; sleep 1000',
          {
            args: [],
            env: [
              { name: 'A', valueFrom: { configMapKeyRef: { name: 'conf', key: 'a' } } },
              { name: 'K', valueFrom: { secretKeyRef: { name: 'sec', key: 'key' } } },
              { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
              { name: 'MIX', value: '$(A)-$(K)-$$(A)' },
              { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1m' } } },
            ],
            resources: { limits: { cpu: '250m', memory: '64Mi' } },
            volumeMounts: [
              { name: 'c', mountPath: '/c' },
              { name: 's', mountPath: '/s' },
              { name: 'p', mountPath: '/p' },
              { name: 'm', mountPath: '/m' },
            ],
          },
        ),
      ],
    },
  });
  const pod = await running('conf');
  const text = await node.until('log', async () => {
    const all = await logs('default/conf/main');
    return all.split('\n').length > 5 && all;
  });
  const lines = text.split('\n');
  assert.equal(lines[0], `1 s3cret ${pod.status.podIP} 1-s3cret-$(A) 250`);
  assert.equal(lines[1], '-r--------');
  assert.equal(lines[2], 's3crettier="x"');
  assert.equal(lines[3], 'eyJ');
  assert.equal(lines[4], '1');
  const file = `${machine.directory}/kubelet/pods/${pod.metadata.uid}/volumes/kubernetes.io~configmap/c/a`;
  assert.equal(readFileSync(file, 'utf8'), '1');
  await node.api.patch(`${namespaced}/configmaps/conf`, 'merge', { data: { a: '2' } });
  await node.until('update', async () => readFileSync(file, 'utf8') === '2', 3000);
  await node.api.delete(`${namespaced}/pods/conf`);
  await gone('conf');
});

test('what is missing is named: configuration, volumes', async () => {
  await node.createPod({
    name: 'nokey',
    spec: {
      containers: [
        shell('true', { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'nothing', key: 'a' } } }] }),
      ],
    },
  });
  await node.createPod({
    name: 'novol',
    spec: { volumes: [{ name: 'v', configMap: { name: 'nothing' } }], containers: [shell('true')] },
  });
  const pod = await node.until('config error', async () => {
    const one = await node.pod('nokey');
    return one.status.containerStatuses?.[0]?.state?.waiting?.reason === 'CreateContainerConfigError' && one;
  });
  assert.equal(pod.status.containerStatuses[0].state.waiting.message, 'configmap "nothing" not found');
  await node.until('FailedMount', async () =>
    (await node.events('novol')).includes(
      'FailedMount: MountVolume.SetUp failed for volume "v" : configmap "nothing" not found',
    ),
  );
  for (const name of ['nokey', 'novol']) {
    await node.api.delete(`/api/v1/namespaces/default/pods/${name}`);
    await gone(name);
  }
});

test('probes: readiness waits, liveness restarts', async () => {
  await node.createPod({
    name: 'probed',
    spec: {
      containers: [
        shell('sleep 1; touch /tmp/ready /tmp/live; sleep 1000', {
          readinessProbe: { exec: { command: ['test', '-e', '/tmp/ready'] }, periodSeconds: 1 },
          livenessProbe: {
            exec: { command: ['test', '-e', '/tmp/live'] },
            initialDelaySeconds: 3,
            periodSeconds: 1,
            failureThreshold: 1,
          },
        }),
      ],
    },
  });
  await node.until('running, not ready', async () => {
    const pod = await node.pod('probed');
    return pod.status.phase === 'Running' && condition(pod, 'Ready') === 'False';
  });
  await running('probed');
  const { runtime } = await containers('probed');
  await runtime.execSync((await containers('probed')).ids[0]!, ['rm', '/tmp/live'], 5);
  await node.until('restarted', async () => (await node.pod('probed')).status.containerStatuses[0].restartCount === 1);
  await node.until('Killing', async () =>
    (await node.events('probed')).includes('Killing: Container main failed liveness probe, will be restarted'),
  );
  runtime.close();
  await node.api.delete('/api/v1/namespaces/default/pods/probed');
  await gone('probed');
});

async function containers(podName: string) {
  const { connectRuntime } = await import('#node/cri/runtime.ts');
  const { systemClock } = await import('#base/clock.ts');
  const runtime = await connectRuntime(machine.socketPath, systemClock);
  const all = await runtime.listContainers({ 'io.kubernetes.pod.name': podName });
  return { runtime, ids: all.map((one) => one.id) };
}

test('a restart of the agent adopts what runs and removes what is wanted no more', async () => {
  await node.createPod({
    name: 'keep',
    spec: { containers: [shell('sleep 1000', { readinessProbe: { exec: { command: ['true'] }, periodSeconds: 1 } })] },
  });
  const before = await running('keep');
  await node.createPod({ name: 'lost', spec: { containers: [shell('sleep 1000')] } });
  await running('lost');
  const transitions: string[] = [];
  const watch = await node.api.watch('/api/v1/namespaces/default/pods?watch=true&fieldSelector=metadata.name%3Dkeep');
  const restarted = node.restart();
  await node.api.send('DELETE', '/api/v1/namespaces/default/pods/lost', { body: { gracePeriodSeconds: 0 } });
  await restarted;
  const { runtime } = await containers('lost');
  await node.until(
    'leftover gone',
    async () => (await runtime.listContainers({ 'io.kubernetes.pod.name': 'lost' })).length === 0,
  );
  runtime.close();
  const now = await node.pod('keep');
  assert.equal(now.status.containerStatuses[0].containerID, before.status.containerStatuses[0].containerID);
  assert.equal(now.status.containerStatuses[0].restartCount, 0);
  for (const { object } of watch.events) transitions.push(condition(object, 'Ready') ?? '');
  watch.stop();
  assert.ok(!transitions.slice(1).includes('False'), `readiness did not flap: ${transitions.join()}`);
  await node.api.delete('/api/v1/namespaces/default/pods/keep');
  await gone('keep');
});

test('exec through WebSockets, port-forward through a tunnel of SPDY', { timeout: 30_000 }, async (t) => {
  const { createServer } = await import('node:http');
  const { WebSocket } = await import('ws');
  await node.createPod({
    name: 'remote',
    spec: {
      containers: [shell('echo ready; (echo -e "HTTP/1.0 200 OK\\r\\n\\r\\nport" | nc -l -p 8080) & sleep 1000')],
    },
  });
  await running('remote');
  const server = createServer();
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  server.on('upgrade', (message, socket, head) => {
    const url = new URL(message.url ?? '/', 'http://node');
    void node.agent.api
      .handle(
        nodeRequest(url.href.slice('http://node'.length), { headers: message.headers, upgrade: { socket, head } }),
      )
      .then((response) => {
        if (response.body.type === 'upgraded') return;
        const text = response.body.type === 'bytes' ? Buffer.concat(response.body.parts).toString() : '';
        socket.end(`HTTP/1.1 ${response.status} Error\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
      });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const exec = async (query: string, protocol: string, input: readonly Uint8Array[]) => {
    const socket = new WebSocket(`ws://127.0.0.1:${address.port}/exec/default/remote/main?${query}`, protocol);
    const channels: Record<number, string> = {};
    socket.on('message', (data: Buffer) => {
      channels[data[0]!] = (channels[data[0]!] ?? '') + data.subarray(1).toString();
    });
    await new Promise((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    const closed = new Promise((resolve) => socket.once('close', resolve));
    for (const part of input) {
      socket.send(part);
      // What is sent next may depend on the effect, as with a terminal's size.
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    await closed;
    return channels;
  };
  const query = (command: readonly string[], more: string) =>
    `${command.map((one) => `command=${encodeURIComponent(one)}`).join('&')}&${more}`;
  const plain = await exec(
    query(['sh', '-c', 'echo out; echo err >&2; exit 7'], 'output=1&error=1'),
    'v5.channel.k8s.io',
    [],
  );
  assert.equal(plain[1], 'out\n');
  assert.equal(plain[2], 'err\n');
  assert.deepEqual(JSON.parse(plain[3]!).details.causes, [{ reason: 'ExitCode', message: '7' }]);
  const text = 'x'.repeat(200_000);
  const counted = await exec(query(['wc', '-c'], 'input=1&output=1'), 'v5.channel.k8s.io', [
    Buffer.concat([Buffer.of(0), Buffer.from(text)]),
    Buffer.of(255, 0),
  ]);
  assert.equal(counted[1]?.trim(), '200000');
  assert.equal(JSON.parse(counted[3]!).status, 'Success');
  const tty = await exec(query(['sh', '-c', 'read x; stty size'], 'input=1&output=1&tty=1'), 'v4.channel.k8s.io', [
    Buffer.concat([Buffer.of(4), Buffer.from('{"Width":91,"Height":17}')]),
    Buffer.concat([Buffer.of(0), Buffer.from('go\n')]),
  ]);
  assert.match(tty[1] ?? '', /17 91/);
  // Before v4 the error channel has the text of a failure.
  const old = await exec(query(['sh', '-c', 'echo old; exit 4'], 'output=1'), 'channel.k8s.io', []);
  assert.equal(old[1]?.trim(), 'old');
  assert.match(old[3] ?? '', /exit code 4/);
  const fine = await exec(query(['true'], 'output=1'), 'channel.k8s.io', []);
  assert.equal(fine[3] ?? '', '');
  // The tunnel carries SPDY as kubectl speaks it: an error and a data stream a connection.
  const { SpdyConnection } = await import('#wire/spdy.ts');
  const spdy = new SpdyConnection(
    await openTunnel(address.port, '/portForward/default/remote'),
    new Uint8Array(),
    () => {},
  );
  const ports = { port: '8080', requestid: '0' };
  const problems: string[] = [];
  await spdy.open(
    { streamtype: 'error', ...ports },
    { onData: (data) => problems.push(Buffer.from(data).toString()), onEnd() {} },
  );
  const page = await new Promise<string>((resolve, reject) => {
    let body = '';
    const handlers = {
      onData(data: Uint8Array) {
        body += Buffer.from(data).toString();
        if (body.includes('port')) resolve(body);
      },
      onEnd: () => reject(new Error(`ended after: ${body} ${problems.join()}`)),
    };
    spdy
      .open({ streamtype: 'data', ...ports }, handlers)
      .then((stream) => stream.write(Buffer.from('GET / HTTP/1.0\r\n\r\n')))
      .catch(reject);
  });
  assert.match(page, /200 OK[^]*port/);
  assert.deepEqual(problems, []);
  spdy.close();
  server.close();
  await node.api.delete('/api/v1/namespaces/default/pods/remote');
  await gone('remote');
});

test('logs are followed to the end of the container', async () => {
  await node.createPod({
    name: 'talk',
    spec: { restartPolicy: 'Never', containers: [shell('for i in 1 2 3 4; do echo $i; sleep 0.3; done')] },
  });
  await node.until('started', async () => (await node.pod('talk')).status?.containerStatuses?.[0]?.state?.running);
  assert.equal(await logs('default/talk/main?follow=true'), '1\n2\n3\n4\n');
});

test('the node API refuses who is not allowed', async () => {
  const answer = (certificate: Json) =>
    node.agent.api.handle(nodeRequest('/containerLogs/default/web/main', { certificate }));
  assert.equal((await answer(undefined)).status, 401);
  assert.equal((await answer({ commonName: 'mallory', organizations: [] })).status, 403);
});

/** A WebSocket client by hand, as ws refuses this subprotocol's name: the bytes inside binary messages as one stream. */
async function openTunnel(port: number, path: string): Promise<Duplex> {
  const { request } = await import('node:http');
  const upgrade = request({
    port,
    path,
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': Buffer.alloc(16).toString('base64'),
      'sec-websocket-protocol': 'SPDY/3.1+portforward.k8s.io',
    },
  });
  upgrade.end();
  const { socket, head, protocol } = await new Promise<{ socket: Duplex; head: Buffer; protocol: unknown }>(
    (resolve, reject) => {
      upgrade.once('error', reject);
      upgrade.once('response', (answer) => reject(new Error(`answered ${String(answer.statusCode)}`)));
      upgrade.once('upgrade', (answer, connection, rest) =>
        resolve({ socket: connection, head: rest, protocol: answer.headers['sec-websocket-protocol'] }),
      );
    },
  );
  assert.equal(protocol, 'SPDY/3.1+portforward.k8s.io');
  let buffered = Buffer.from(head);
  const tunnel = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      const header = Buffer.alloc(8);
      header[0] = 0x82;
      header[1] = 0x80 | 126;
      header.writeUInt16BE(chunk.length, 2);
      // A mask of zeros changes nothing.
      socket.write(Buffer.concat([header, chunk]), () => done());
    },
    destroy(error, done) {
      socket.destroy();
      done(error);
    },
  });
  const receive = (bytes: Buffer) => {
    buffered = Buffer.concat([buffered, bytes]);
    while (buffered.length >= 2) {
      const short = buffered[1]! & 0x7f;
      const start = short < 126 ? 2 : 4;
      if (buffered.length < start) return;
      const length = short < 126 ? short : buffered.readUInt16BE(2);
      if (buffered.length < start + length) return;
      if ((buffered[0]! & 0x0f) === 2) tunnel.push(buffered.subarray(start, start + length));
      buffered = buffered.subarray(start + length);
    }
  };
  receive(Buffer.alloc(0));
  socket.on('data', receive);
  socket.on('close', () => tunnel.destroy());
  return tunnel;
}

// exec, attach, cp, port-forward, debug and run by the official kubectl, over WebSocket and over SPDY; and single protocols by hand.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { linuxNodeMachine } from '#host/node-machine.ts';
import { upgradeAnswer } from '#host/upgrade-answer.ts';
import { SpdyConnection } from '#wire/spdy.ts';
import { startTestNode, type TestNode } from './cluster.ts';
import { onNode, shell } from './kit.ts';
import { type Kubectl, openToKubectl } from './kubectl.ts';
import { isClosedNamespace, startTestMachine, type TestMachine } from './machine.ts';

let directory: string;
let machine: TestMachine;
let node: TestNode;
let kubectl: Kubectl;
const { running, gone } = onNode(() => node);

const webSocket = { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'true', KUBECTL_PORT_FORWARD_WEBSOCKETS: 'true' };
const spdy = { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false', KUBECTL_PORT_FORWARD_WEBSOCKETS: 'false' };
const modes = [
  ['WebSocket', webSocket],
  ['SPDY', spdy],
] as const;

before(async () => {
  assert.ok(isClosedNamespace(), 'run with: node test/e2e/node/run.ts');
  directory = mkdtempSync('/tmp/streaming-e2e-');
  machine = await startTestMachine();
  node = await startTestNode(machine, { housekeepingMs: 5_000 });
  kubectl = await openToKubectl(node, directory);
  const serve = 'mkdir -p /www; echo "page of $HOSTNAME" > /www/index.html; exec httpd -f -p 8080 -h /www';
  await node.createPod({
    name: 'web',
    metadata: { labels: { app: 'web' } },
    spec: {
      containers: [shell(serve, { ports: [{ containerPort: 8080 }] }), { ...shell('exec sleep 1000'), name: 'side' }],
    },
  });
  await node.createPod({
    name: 'talker',
    spec: { containers: [shell('while read line; do echo "got $line"; done', { stdin: true })] },
  });
  await Promise.all([running('web'), running('talker')]);
});
/** Opened first, looked at last: it takes half a minute. */
let silent: { readonly sinceMs: number; readonly closed: Promise<void> };
test('SPDY is answered before any stream is opened', async () => {
  const version = { upgrade: 'SPDY/3.1', 'x-stream-protocol-version': 'v4.channel.k8s.io' };
  const answer = await upgradeBy('POST', `/api/v1/namespaces/default/pods/web/${query(['true'])}`, version);
  assert.equal(answer.status, 101);
  answer.socket.resume();
  silent = { sinceMs: Date.now(), closed: new Promise((resolve) => answer.socket.once('close', () => resolve())) };
});

after(async () => {
  await kubectl?.close();
  await node?.close();
  await machine?.close();
  rmSync(directory, { recursive: true, force: true });
});

for (const [mode, env] of modes) {
  test(`${mode}: exec with exit codes, both outputs, half-closed input and errors`, async () => {
    const script = ['exec', 'web', '-c', 'side', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7'];
    const told = await kubectl.run(script, { env });
    assert.deepEqual([told.code, told.output], [7, 'out\n']);
    assert.match(told.errors, /^err\n(?:.*\n)*command terminated with exit code 7\n$/);
    // The count is told only after the end of the input has arrived.
    const bytes = randomBytes(3_000_000);
    const counted = await kubectl.succeed(['exec', '-i', 'web', '-c', 'side', '--', 'sha256sum'], {
      input: bytes,
      env,
    });
    assert.equal(counted.split(' ')[0], createHash('sha256').update(bytes).digest('hex'));
    const absent = await kubectl.run(['exec', 'web', '-c', 'side', '--', '/no/such/program'], { env });
    assert.notEqual(absent.code, 0);
    assert.match(absent.errors, /no such file or directory/);
    const wrong = await kubectl.run(['exec', 'web', '-c', 'nobody', '--', 'true'], { env });
    assert.match(wrong.errors, /container nobody is not valid for pod web|container not found/);
  });

  test(`${mode}: a terminal with its size, also when it changes`, async () => {
    const look =
      'i=0; while [ $((i=i+1)) -lt 60 ] && [ "$(stty size)" != "43 119" ]; do stty size; sleep 0.1; done; stty size; tty';
    const line = `stty rows 31 cols 97; (sleep 2; stty rows 43 cols 119 < /dev/tty) & $K exec -it web -c side -- sh -c '${look}'`;
    const { output } = await kubectl.atTerminal(line, { env });
    assert.match(output, /31 97\r?\n43 119\r?\n\/dev\/pts\/\d+\r?\n$/);
  });

  test(`${mode}: files are copied in both directions`, async () => {
    const content = randomBytes(400_000);
    mkdirSync(path.join(directory, `tree-${mode}/below`), { recursive: true });
    writeFileSync(path.join(directory, `tree-${mode}/below/file`), content);
    await kubectl.succeed(['cp', `tree-${mode}`, `web:/tmp/${mode}`, '-c', 'side'], { env });
    await kubectl.succeed(['cp', `web:/tmp/${mode}/below/file`, `back-${mode}`, '-c', 'side'], { env });
    assert.deepEqual(readFileSync(path.join(directory, `back-${mode}`)), content);
  });

  test(`${mode}: attach`, async () => {
    const attached = kubectl.start(['attach', '-i', 'talker'], { env });
    await attached.said(/If you don't see a command prompt/);
    attached.child.stdin!.write(`hello by ${mode}\n`);
    await attached.said(new RegExp(`got hello by ${mode}`));
    attached.child.kill('SIGINT');
    await attached.ended;
  });

  test(`${mode}: port-forward to Pod, Deployment and Service, several at once, and to a port where nobody listens`, async () => {
    if (mode === 'WebSocket') await createWeb();
    for (const [target, port] of [
      ['pod/web', 8080],
      ['deployment/web', 8080],
      ['service/web', 80],
    ] as const) {
      const forward = kubectl.start(['port-forward', target, `:${port}`, ':9'], { env });
      const local = Number((await forward.said(/Forwarding from 127\.0\.0\.1:(\d+) -> 8080/))[1]);
      const pages = await Promise.all(Array.from({ length: 8 }, () => page(local)));
      assert.deepEqual(new Set(pages), new Set(['page of web\n']));
      if (target === 'pod/web') {
        const dead = Number((await forward.said(/Forwarding from 127\.0\.0\.1:(\d+) -> 9\n/))[1]);
        await assert.rejects(page(dead));
        await forward.said(/error forwarding port 9 to pod .*refused/);
        // kubectl gives up after such an error; what went on before is not asked again.
      }
      forward.child.kill('SIGINT');
      await forward.ended;
    }
  });

  test(`${mode}: run -it --rm and debug`, async () => {
    const overrides = JSON.stringify({ spec: { nodeName: 'n1', automountServiceAccountToken: false } });
    const name = `once-${mode.toLowerCase()}`;
    const image = '--image=localhost/microshift/busybox:1';
    const ran = await kubectl.atTerminal(
      `$K run -it --rm ${name} ${image} --restart=Never --overrides='${overrides}' -- sh -c 'sleep 1; echo ran here; sleep 1'`,
      { env },
    );
    assert.match(ran.output, /ran here\r?\n[^]*pod "once-\w+" deleted/);
    await gone(name);
    const debugged = await kubectl.atTerminal(
      `$K debug -it web ${image} --target=main --container=debug-${mode.toLowerCase()} -- sh -c 'sleep 1; ps; sleep 1'`,
      { env },
    );
    assert.match(debugged.output, /httpd -f -p 8080/);
  });
}

const page = (port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    http
      .get({ port, host: '127.0.0.1', path: '/', agent: false, timeout: 5_000 }, (answer) => {
        let text = '';
        answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
        answer.on('end', () => resolve(text));
        answer.on('error', reject);
      })
      .on('error', reject);
  });

/** What has no controller here is made by hand: kubectl finds Pods by the selector. */
async function createWeb(): Promise<void> {
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [shell('true')] } };
  await node.api.create('/apis/apps/v1/namespaces/default/deployments', {
    kind: 'Deployment',
    apiVersion: 'apps/v1',
    metadata: { name: 'web' },
    spec: { selector: { matchLabels: { app: 'web' } }, template },
  });
  await node.api.create('/api/v1/namespaces/default/services', {
    kind: 'Service',
    apiVersion: 'v1',
    metadata: { name: 'web' },
    spec: {
      selector: { app: 'web' },
      ports: [
        { name: 'http', port: 80, targetPort: 8080 },
        { name: 'none', port: 9 },
      ],
    },
  });
}

/** A WebSocket to the API server as a client library makes one. */
async function openSocket(pathAndQuery: string, protocols: readonly string[]): Promise<WebSocket> {
  const { port, ca, cert, key } = kubectl.server;
  const socket = new WebSocket(
    `wss://127.0.0.1:${port}/api/v1/namespaces/default/pods/${pathAndQuery}`,
    [...protocols],
    {
      ca,
      cert,
      key,
    },
  );
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  return socket;
}
/** A connection upgraded by hand. */
const upgradeBy = (method: string, pathAndQuery: string, headers: Readonly<Record<string, string>>) => {
  const { port, ca, cert, key } = kubectl.server;
  const options = { host: '127.0.0.1', port, ca, cert, key, agent: false, method, path: pathAndQuery };
  return upgradeAnswer(https.request({ ...options, headers: { connection: 'Upgrade', ...headers } }));
};

const query = (command: readonly string[], more = 'stdout=1') =>
  `exec?container=side&${more}&${command.map((word) => `command=${encodeURIComponent(word)}`).join('&')}`;

test('the older WebSocket protocols: binary and base64 channels, a Status from v4 on, before it a text', async () => {
  const script = query(['sh', '-c', 'read line; echo "got $line"; exit 3'], 'stdin=1&stdout=1');
  for (const protocol of ['v4.channel.k8s.io', 'v4.base64.channel.k8s.io', 'channel.k8s.io', 'base64.channel.k8s.io']) {
    const socket = await openSocket(`web/${script}`, [protocol]);
    assert.equal(socket.protocol, protocol);
    const isText = protocol.includes('base64');
    const said: Record<string, string> = {};
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      assert.equal(isBinary, !isText);
      const channel = isText ? data.toString('latin1', 0, 1) : String(data[0]);
      const content = isText ? Buffer.from(data.toString('latin1', 1), 'base64') : data.subarray(1);
      said[channel] = (said[channel] ?? '') + content.toString();
    });
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.send(isText ? `0${Buffer.from('hello\n').toString('base64')}` : Buffer.from('\0hello\n'));
    await closed;
    assert.equal(said['1'], 'got hello\n', protocol);
    const failure = said['3'] ?? '';
    if (protocol.startsWith('v4')) assert.equal(JSON.parse(failure).details.causes[0].message, '3');
    else assert.match(failure, /exit code 3/);
  }
});

test('port-forward over WebSocket channels, a pair for each port, as client libraries speak it', async () => {
  for (const protocol of ['v4.channel.k8s.io', 'v4.base64.channel.k8s.io']) {
    const socket = await openSocket('web/portforward?ports=8080&ports=9', [protocol]);
    const isText = protocol.includes('base64');
    const said: Buffer[] = [0, 1, 2, 3].map(() => Buffer.alloc(0));
    const done = new Promise<void>((resolve) =>
      socket.on('message', (data: Buffer) => {
        const channel = isText ? Number(data.toString('latin1', 0, 1)) : data[0]!;
        const content = isText ? Buffer.from(data.toString('latin1', 1), 'base64') : data.subarray(1);
        said[channel] = Buffer.concat([said[channel]!, content]);
        if (said[0]!.includes('page of web') && said[3]!.length > 2) resolve();
      }),
    );
    const send = (channel: number, text: string) =>
      socket.send(
        isText
          ? `${channel}${Buffer.from(text).toString('base64')}`
          : Buffer.concat([Buffer.of(channel), Buffer.from(text)]),
      );
    send(0, 'GET / HTTP/1.0\r\n\r\n');
    await done;
    // Each channel begins with its port.
    assert.deepEqual(
      [0, 1, 2, 3].map((channel) => said[channel]!.readUInt16LE(0)),
      [8080, 8080, 9, 9],
    );
    assert.match(said[3]!.subarray(2).toString(), /refused/);
    socket.close();
  }
  await assert.rejects(openSocket('web/portforward', ['v4.channel.k8s.io']), /400/);
  await assert.rejects(openSocket('web/portforward?ports=8080', ['unknown.k8s.io']), /400/);
});

test('SPDY with each version of its streams', async () => {
  for (const version of ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io']) {
    const command = query(['sh', '-c', 'echo spoken; exit 5']);
    const answer = await upgradeBy('POST', `/api/v1/namespaces/default/pods/web/${command}`, {
      upgrade: 'SPDY/3.1',
      'x-stream-protocol-version': `future.k8s.io, ${version}`,
    });
    assert.deepEqual([answer.status, answer.headers['x-stream-protocol-version']], [101, version]);
    const connection = new SpdyConnection(answer.socket, answer.head, () => undefined);
    const collect = async (streamtype: string): Promise<string> => {
      const { promise, resolve } = Promise.withResolvers<string>();
      let text = '';
      const onData = (data: Uint8Array) => void (text += Buffer.from(data).toString());
      await connection.open({ streamtype }, { onData, onEnd: () => resolve(text) });
      opened++;
      return promise;
    };
    let opened = 0;
    const failure = collect('error');
    await node.until('opened', async () => opened === 1);
    const output = collect('stdout');
    assert.equal(await output, 'spoken\n', version);
    if (version.startsWith('v4')) assert.match(await failure, /"reason":"ExitCode","message":"5"/);
    // The first version's error stream is given up by the runtime's server at once, as ever since.
    else
      assert.match(await failure, version === 'channel.k8s.io' ? /^$/ : /^command terminated with non-zero exit code/);
    connection.close();
  }
});

test('an upgraded connection reaches a port of a Pod through the proxies of Pod and Service', async () => {
  const answer = 'HTTP/1.1 101 Switching Protocols\\r\\nConnection: Upgrade\\r\\nUpgrade: echo\\r\\n\\r\\n';
  const serve = `while read line && [ "$line" != "$(printf '\\r')" ]; do :; done; printf '${answer}'; exec cat`;
  await node.createPod({
    name: 'echo',
    spec: { containers: [{ ...shell(''), command: ['nc', '-ll', '-p', '7000', '-e', 'sh', '-c', serve] }] },
  });
  const { ip } = (await running('echo')).status.podIPs[0];
  await node.until('it listens', () =>
    linuxNodeMachine()
      .tcpConnect(ip, 7000, 1_000)
      .then(() => true),
  );
  const core = '/api/v1/namespaces/default';
  const ports = [{ name: 'echo', port: 7000 }];
  const named = (kind: string, more: object) => ({ kind, apiVersion: 'v1', metadata: { name: 'echo' }, ...more });
  await node.api.create(`${core}/services`, named('Service', { spec: { ports } }));
  const targetRef = { kind: 'Pod', namespace: 'default', name: 'echo' };
  await node.api.create(
    `${core}/endpoints`,
    named('Endpoints', { subsets: [{ addresses: [{ ip, targetRef }], ports }] }),
  );
  for (const place of ['pods/echo:7000', 'services/echo:echo']) {
    const { status, socket } = await upgradeBy('GET', `${core}/${place}/proxy/`, { upgrade: 'echo' });
    assert.equal(status, 101);
    socket.write('there and back');
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    assert.equal(String(chunk), 'there and back');
    socket.destroy();
  }
});

test('a reader that does not read costs little memory, and one that vanishes leaves nothing behind', async () => {
  const sockets = () => process.getActiveResourcesInfo().filter((one) => one.startsWith('TCP')).length;
  const before = sockets();
  const socket = await openSocket(`web/${query(['yes', 'a line that nobody reads, over and over again'])}`, [
    'v5.channel.k8s.io',
  ]);
  await new Promise((resolve) => socket.once('message', resolve));
  socket.pause();
  const memory = process.memoryUsage().rss;
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const grown = process.memoryUsage().rss - memory;
  assert.ok(grown < 60_000_000, `${grown} bytes`);
  socket.terminate();
  await node.until('all connections are closed', async () => sockets() <= before);
});

test('a client that opens no stream is cut off after 30 seconds', { timeout: 40_000 }, async () => {
  await silent.closed;
  const tookMs = Date.now() - silent.sinceMs;
  assert.ok(tookMs > 25_000 && tookMs < 38_000, `${tookMs} ms`);
});

test('a command that says nothing for the idle time is ended; one that speaks goes on', async () => {
  await node.restart({ streamIdleMs: 2_000 });
  await running('web');
  const command = (script: string) => ['exec', 'web', '-c', 'side', '--', 'sh', '-c', script];
  const began = Date.now();
  const [mute, speaking] = await Promise.all([
    kubectl.run(command('sleep 15; echo late'), { env: webSocket }),
    kubectl.run(command('for i in 1 2 3 4 5; do sleep 1; echo $i; done'), { env: webSocket }),
  ]);
  assert.notEqual(mute.code, 0);
  assert.equal(mute.output, '');
  assert.deepEqual([speaking.code, speaking.output], [0, '1\n2\n3\n4\n5\n'], speaking.errors);
  assert.ok(Date.now() - began < 12_000);
});

// The whole story of a new user on a fresh Debian 12 without systemd: install, first application, what goes wrong, survival of
// restarts and kills, uninstall. One machine, in order; every test builds on the one before.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { Machine, removeRoot } from '#kit/machine/machine.ts';
import { Cluster } from './story/cluster.ts';
import { kubectlDifferences } from '../kustomize/kubectl-differences.ts';
import { readHostState } from './story/host-state.ts';
import { preparedRoot, type Preparation } from './story/prepared.ts';

const name = 'ms-story';
/** Its pages: the machine's copy may be older, they are no part of what is installed. */
const repository = path.resolve(import.meta.dirname, '../..');
const host = 'hello.apps.example.com';
const keep = process.env.MICROSHIFT_TEST_KEEP === 'true';
let root: string;
let machine: Machine;
let cluster: Cluster;
/** The kubeconfig that was there before. */
const existing =
  'apiVersion: v1\nkind: Config\nclusters:\n- name: other\n  cluster: {server: "https://192.0.2.1:6443"}\nusers:\n- name: me\n  user: {token: abc}\ncontexts:\n- name: other\n  context: {cluster: other, user: me}\ncurrent-context: other\n';
let preparation: Preparation;

before(async () => {
  ({ root, preparation } = await preparedRoot(name));
});

afterEach(() => machine?.stopRunning());

after(async () => {
  await machine?.halt();
  if (!keep) removeRoot(root);
});

test('CONFIG_ENV_ONLY=true ./install.sh brings what needs the outside, and starts nothing', () => {
  assert.equal(preparation.installCode, 0);
  assert.match(preparation.installOutput, /\[1\/4\][\s\S]*\[4\/4\]/, 'progress is shown');
  assert.doesNotMatch(preparation.processesAfter, /microshift|containerd|haproxy/);
});

test('the executable is one file of at most 124 MB that needs no Node.js on the machine', async () => {
  await using offline = await Machine.boot({ name, root, init: 'reaper' });
  await offline.shell('mv /usr/local/bin/node /usr/local/bin/node.away');
  try {
    assert.notEqual((await offline.run(['node', '--version'])).code, 0);
    const version = JSON.parse(await offline.succeed(['microshift', 'version', '-o', 'json'])) as Record<
      string,
      unknown
    >;
    assert.equal(version['kubernetesVersion'], 'v1.36.2');
    const bytes = Number(await offline.succeed(['stat', '-c', '%s', '/usr/local/bin/microshift']));
    assert.ok(bytes <= 124_000_000, `${bytes} bytes`);
  } finally {
    await offline.shell('mv /usr/local/bin/node.away /usr/local/bin/node');
  }
});

test('./install.sh brings the cluster up in a network without a way out, and keeps an existing kubeconfig', async () => {
  machine = await Machine.boot({ name, root, init: 'reaper' });
  cluster = new Cluster(machine);
  machine.write('/root/.kube/config', existing);
  const result = await machine.run(['/root/microshift/install.sh'], { timeoutSeconds: 240 });
  assert.equal(result.code, 0, `${result.stdout}${result.stderr}\n${await logTail()}`);
  assert.match(result.stdout, /What next:/);
  const contexts = await machine.succeed(['kubectl', 'config', 'get-contexts', '-o', 'name']);
  assert.deepEqual(contexts.trim().split('\n').toSorted(), ['microshift', 'other']);
  assert.equal(
    (await machine.succeed(['kubectl', 'config', 'current-context'])).trim(),
    'other',
    'the chosen context stays',
  );
  const kept = (await machine.shell('ls /root/.kube'))
    .split('\n')
    .filter((file) => file !== 'config' && file !== 'cache' && file !== '');
  assert.equal(kept.length, 1, 'the old file is beside it');
  assert.equal(readFileSync(machine.file(`/root/.kube/${kept[0]}`), 'utf8'), existing);
});

test('kubectl get all -A answers', async () => {
  const output = await cluster.kubectl('get', 'all', '-A');
  assert.match(output, /default\s+service\/kubernetes\s+ClusterIP\s+10\.43\.0\.1\s+<none>\s+443\/TCP/);
  assert.match(
    await cluster.kubectl('get', 'nodes'),
    new RegExp(`${name}\\s+Ready`),
    'ready means that the node is, too',
  );
});

test('kustomizations are built as this kubectl builds them', async () => {
  const kubectl = (await machine.shell('readlink -f "$(command -v kubectl)"')).trim();
  assert.deepEqual(await kubectlDifferences(machine.file(kubectl)), []);
});

test('the example application becomes ready', async () => {
  await cluster.kubectl('apply', '-k', '/root/microshift/examples/hello');
  await cluster.kubectl('-n', 'hello', 'rollout', 'status', 'deployment/hello', '--timeout=90s');
  const pods = await cluster.kubectl('-n', 'hello', 'get', 'pods');
  assert.equal([...pods.matchAll(/hello-\S+\s+1\/1\s+Running/g)].length, 2, pods);
  assert.match(await cluster.kubectl('-n', 'hello', 'get', 'pvc'), /visits\s+Bound/);
  const again = await cluster.kubectl('apply', '-k', '/root/microshift/examples/hello');
  assert.doesNotMatch(again, /created|configured/, 'applying again changes nothing');
});

test('the page comes over HTTPS through the router, and HTTP is redirected', async () => {
  assert.match(await cluster.eventually('the Route answers', 20, () => cluster.page(host)), /Hello from MicroShift/);
  const plain = await machine.runFromLan([
    'curl',
    '-sS',
    '-o',
    '/dev/null',
    '-w',
    '%{http_code} %{redirect_url}',
    '-H',
    `Host: ${host}`,
    `http://${machine.address}/`,
  ]);
  assert.match(plain.stdout, /^302 https:\/\/hello\.apps\.example\.com\//);
  const route = await cluster.get<{
    status: { ingress: { host: string; conditions: { type: string; status: string }[] }[] };
  }>('-n', 'hello', 'route', 'hello');
  assert.equal(route.status.ingress[0]?.host, host);
  assert.deepEqual(
    route.status.ingress[0]?.conditions.map((condition) => [condition.type, condition.status]),
    [['Admitted', 'True']],
  );
});

test('the first application of the README works as written', async () => {
  const block = /## A first application\n+```sh\n([\s\S]*?)```/.exec(
    readFileSync(path.join(repository, 'README.md'), 'utf8'),
  )?.[1];
  assert.ok(block !== undefined, 'the README has its commands');
  assert.match(await machine.shell(`cd /root/microshift\n${block}`), /Hello from MicroShift/);
});

test('the page on exposing an application works as written: a Route and an Ingress, with its Routes', async () => {
  const page = readFileSync(path.join(repository, 'docs/how-to/expose-an-application.md'), 'utf8');
  const blocks = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map((block) => block[1]!);
  assert.equal(blocks.length, 6);
  // The machine's kubeconfig has another context, which stays the current one.
  const context = 'kubectl() { command kubectl --context microshift "$@"; }';
  const said = await machine.shell(`cd /root/microshift\n${context}\n${blocks.join('\n')}`);
  assert.match(said, /^page-hello\.apps\.example\.com$/m);
  assert.equal([...said.matchAll(/Hello from MicroShift/g)].length, 2, said);
  const service = await cluster.get<{ status: { loadBalancer: { ingress?: { ip: string }[] } } }>(
    '-n',
    'openshift-ingress',
    'service',
    'router-default',
  );
  assert.ok(service.status.loadBalancer.ingress?.some(({ ip }) => ip === machine.address));
  await cluster.kubectl('-n', 'hello', 'delete', 'ingress/web', 'route/page');
  await cluster.eventually('the Route of the Ingress is gone', 10, async () =>
    (await cluster.kubectl('-n', 'hello', 'get', 'routes', '-o', 'name')).includes('/web-') ? undefined : true,
  );
});

test('ingress.status Removed ends the router at once, and Managed brings it back with its Routes', async () => {
  const directory = '/etc/microshift/config.d';
  await machine.shell(`mkdir -p ${directory} && echo 'ingress: {status: Removed}' > ${directory}/50-router.yaml`);
  const refused = 7;
  const fetch = ['curl', '-sk', '--max-time', '2', '-o', '/dev/null', `https://${machine.address}/`];
  await cluster.eventually('nobody listens', 15, async () =>
    (await machine.runFromLan(fetch)).code === refused ? true : undefined,
  );
  await cluster.eventually('its objects are gone', 10, async () =>
    (await cluster.tryKubectl(['-n', 'openshift-ingress', 'get', 'service/router-default'])).code === 0
      ? undefined
      : true,
  );
  await machine.shell(`rm ${directory}/50-router.yaml`);
  await cluster.eventually('somebody listens again', 15, async () =>
    (await machine.runFromLan(fetch)).code === refused ? undefined : true,
  );
  assert.match(await cluster.eventually('the Route answers', 20, () => cluster.page(host)), /Hello from MicroShift/);
  await machine.shell('rm -r /etc/microshift');
});

test('the Service answers by name from another Pod', async () => {
  await cluster.kubectl(
    '-n',
    'hello',
    'run',
    'client',
    '--image=localhost/microshift/busybox:1',
    '--restart=Never',
    '--',
    'sleep',
    '3600',
  );
  await cluster.kubectl('-n', 'hello', 'wait', '--for=condition=Ready', 'pod/client', '--timeout=30s');
  for (const url of ['http://hello', 'http://hello.hello', 'http://hello.hello.svc.cluster.local'])
    assert.match(
      await cluster.kubectl('-n', 'hello', 'exec', 'client', '--', 'wget', '-qO-', url),
      /Hello from MicroShift/,
      url,
    );
});

test('logs -f follows', async () => {
  const [pod] = await cluster.podsOf('hello', 'app=hello');
  const follow = machine.start(['kubectl', '--context', 'microshift', '-n', 'hello', 'logs', '-f', pod!.name]);
  await cluster.eventually('the first line', 10, async () =>
    follow.output.includes('serving for a friend') ? true : undefined,
  );
  await machine.succeed(['curl', '-s', '-o', '/dev/null', `http://${pod!.ip}:8080/marker`]);
  await cluster.eventually('a new line while following', 10, async () =>
    follow.output.includes('url:/marker') ? true : undefined,
  );
  await follow.stop();
});

test('exec -it gives a terminal and the exit code', async () => {
  const terminal = await machine.run([
    'script',
    '-qec',
    'kubectl --context microshift -n hello exec -it client -- sh -c "tty; stty size; exit 7"',
    '/dev/null',
  ]);
  assert.match(terminal.stdout, /\/dev\/pts\/\d+/);
  assert.equal(terminal.code, 7, terminal.stdout + terminal.stderr);
  const piped = await machine.run(
    [
      'kubectl',
      '--context',
      'microshift',
      '-n',
      'hello',
      'exec',
      '-i',
      'client',
      '--',
      'sh',
      '-c',
      'cat; echo problem >&2; exit 3',
    ],
    { input: 'from standard input' },
  );
  assert.deepEqual([piped.stdout, piped.code], ['from standard input', 3]);
  assert.match(piped.stderr, /problem/);
});

test('port-forward carries HTTP', async () => {
  const forward = machine.start([
    'kubectl',
    '--context',
    'microshift',
    '-n',
    'hello',
    'port-forward',
    'deployment/hello',
    '18080:8080',
  ]);
  try {
    const page = await cluster.eventually('the forwarded port answers', 15, async () => {
      const result = await machine.run(['curl', '-sS', '--max-time', '5', 'http://127.0.0.1:18080/']);
      return result.code === 0 ? result.stdout : undefined;
    });
    assert.match(page, /Hello from MicroShift/);
  } finally {
    await forward.stop();
  }
});

test('scale, rollout restart and describe work', async () => {
  await cluster.kubectl('-n', 'hello', 'scale', 'deployment/hello', '--replicas=3');
  await cluster.kubectl('-n', 'hello', 'rollout', 'status', 'deployment/hello', '--timeout=60s');
  assert.equal((await cluster.podsOf('hello', 'app=hello')).length, 3);
  const before = (await cluster.podsOf('hello', 'app=hello')).map((pod) => pod.name);
  await cluster.kubectl('-n', 'hello', 'scale', 'deployment/hello', '--replicas=2');
  await cluster.kubectl('-n', 'hello', 'rollout', 'restart', 'deployment/hello');
  await cluster.kubectl('-n', 'hello', 'rollout', 'status', 'deployment/hello', '--timeout=90s');
  const pods = await cluster.eventually('only new Pods', 60, async () => {
    const current = await cluster.podsOf('hello', 'app=hello');
    return current.length === 2 && current.every((pod) => !before.includes(pod.name)) ? current : undefined;
  });
  const description = await cluster.kubectl('-n', 'hello', 'describe', 'pod', pods[0]!.name);
  assert.match(description, /Scheduled[\s\S]*Successfully assigned hello\//);
  assert.match(description, /Started/);
  assert.match(
    await cluster.kubectl('-n', 'hello', 'describe', 'deployment', 'hello'),
    /ScalingReplicaSet[\s\S]*Scaled up replica set/,
  );
});

test('no request fails while a Pod is deleted', async () => {
  const [pod] = await cluster.podsOf('hello', 'app=hello');
  const traffic = cluster.routeTraffic(host);
  await cluster.kubectl('-n', 'hello', 'delete', 'pod', pod!.name);
  await cluster.kubectl('-n', 'hello', 'rollout', 'status', 'deployment/hello', '--timeout=60s');
  const result = await traffic.stop();
  assert.ok(result.succeeded > 20, JSON.stringify(result));
  assert.equal(result.failed, 0, JSON.stringify(result));
  assert.match(await cluster.page(host), /Hello from MicroShift/);
});

test('microshift status says in one screen what runs and since when', async () => {
  const output = await machine.succeed(['microshift', 'status']);
  assert.ok(output.trim().split('\n').length <= 40, 'one screen');
  assert.match(output, /api|API/);
  assert.match(output, /since \d/);
  assert.match(output, /Nothing is wrong/);
});

test('microshift status says what is wrong and why', async () => {
  const runtime = (await machine.succeed(['pgrep', '-xo', 'containerd'])).trim();
  await machine.succeed(['kill', '-STOP', runtime]);
  try {
    const output = await cluster.eventually('status sees the runtime hang', 60, async () => {
      const text = (await machine.run(['microshift', 'status'])).stdout;
      return text.includes('Nothing is wrong') ? undefined : text;
    });
    assert.match(output, /runtime/i);
  } finally {
    await machine.succeed(['kill', '-CONT', runtime]);
  }
  await cluster.eventually('all well again', 60, async () =>
    (await machine.succeed(['microshift', 'status'])).includes('Nothing is wrong') ? true : undefined,
  );
});

test('a restart leaves containers, Service and Route traffic untouched', async () => {
  const before = await cluster.podsOf('hello', 'app=hello');
  const service = await cluster.get<{ spec: { clusterIP: string } }>('-n', 'hello', 'service', 'hello');
  const [route, serviceTraffic] = [cluster.routeTraffic(host), cluster.serviceTraffic(service.spec.clusterIP, 80)];
  await machine.succeed(['/usr/local/libexec/microshift-supervise', 'stop']);
  assert.equal(await cluster.processId(), undefined, 'MicroShift has ended');
  const status = await machine.run(['microshift', 'status']);
  assert.notEqual(status.code, 0);
  assert.match(status.stdout + status.stderr, /not run/i);
  await machine.shell('sleep 2');
  await machine.succeed(['/usr/local/libexec/microshift-supervise', 'start']);
  await cluster.waitReady();
  await machine.shell('sleep 1');
  for (const result of [await route.stop(), await serviceTraffic.stop()]) {
    assert.ok(result.succeeded > 50, JSON.stringify(result));
    assert.equal(result.failed, 0, JSON.stringify(result));
  }
  assert.deepEqual(await cluster.podsOf('hello', 'app=hello'), before, 'same Pods, same container ids');
});

test('kill -9 is survived: a supervisor restarts it, containers stay, DNS is back within a second of the start', async () => {
  await machine.shell('sleep 10');
  const before = await cluster.podsOf('hello', 'app=hello');
  const service = await cluster.get<{ spec: { clusterIP: string } }>('-n', 'hello', 'service', 'hello');
  const [route, serviceTraffic, dns] = [
    cluster.routeTraffic(host),
    cluster.serviceTraffic(service.spec.clusterIP, 80),
    cluster.dnsTraffic('hello.hello.svc.cluster.local'),
  ];
  await machine.shell('sleep 1');
  const old = await cluster.processId();
  await machine.succeed(['kill', '-9', String(old)]);
  const started = await cluster.eventually('a new process', 10, async () => {
    const pid = await cluster.processId();
    return pid === undefined || pid === old
      ? undefined
      : startOf(await machine.shell(`cat /proc/${pid}/stat; cat /proc/uptime; date +%s%3N`));
  });
  await cluster.waitReady();
  await machine.shell('sleep 1');
  for (const result of [await route.stop(), await serviceTraffic.stop()]) {
    assert.ok(result.succeeded > 50, JSON.stringify(result));
    assert.equal(result.failed, 0, JSON.stringify(result));
  }
  const lookups = await dns.stop();
  assert.ok(lookups.recoveredAt > 0, JSON.stringify(lookups));
  assert.ok(lookups.recoveredAt - started <= 1000, `DNS answered ${lookups.recoveredAt - started} ms after the start`);
  assert.deepEqual(await cluster.podsOf('hello', 'app=hello'), before, 'same Pods, same container ids');
});

/** Milliseconds since the epoch at which a process began, from its stat line, the uptime and the time. */
function startOf(text: string): number {
  const [stat, uptime, now] = text.trim().split('\n') as [string, string, string];
  const startTicks = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  return Number(now) - (Number(uptime.split(' ')[0]) * 1000 - startTicks * 10);
}

test('an invalid manifest is refused with the field, and changes nothing', async () => {
  const result = await cluster.applyText(
    'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: bad, namespace: hello}\nspec:\n  selector: {matchLabels: {app: a}}\n  template:\n    metadata: {labels: {app: b}}\n    spec: {containers: [{name: c}]}\n',
  );
  assert.equal(result.code, 1);
  assert.match(result.stderr, /The Deployment "bad" is invalid/);
  assert.match(
    result.stderr,
    /spec\.template\.metadata\.labels: Invalid value: .*`selector` does not match template `labels`/,
  );
  assert.match(result.stderr, /spec\.template\.spec\.containers\[0\]\.image: Required value/);
  assert.match(
    (await cluster.tryKubectl(['-n', 'hello', 'get', 'deployment', 'bad'])).stderr,
    /deployments\.apps "bad" not found/,
  );
  const unknown = await cluster.applyText(
    'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: odd, namespace: hello}\ndatta: {a: b}\n',
  );
  assert.match(unknown.stderr, /strict decoding error: unknown field "datta"/);
});

test('an unknown image, a crash loop and a Pod that fits nowhere say what is wrong', async () => {
  await cluster.kubectl('-n', 'hello', 'run', 'no-image', '--image=localhost/microshift/nowhere:1');
  await cluster.kubectl(
    '-n',
    'hello',
    'run',
    'crash',
    '--image=localhost/microshift/busybox:1',
    '--',
    'sh',
    '-c',
    'echo giving up; exit 3',
  );
  await cluster.applyText(
    'apiVersion: v1\nkind: Pod\nmetadata: {name: huge, namespace: hello}\nspec:\n  containers:\n  - name: c\n    image: localhost/microshift/busybox:1\n    resources: {requests: {cpu: "1000"}}\n',
  );
  await cluster.eventually('ImagePullBackOff or ErrImagePull', 40, async () =>
    /(ErrImagePull|ImagePullBackOff)/.test(await cluster.kubectl('-n', 'hello', 'get', 'pod', 'no-image'))
      ? true
      : undefined,
  );
  assert.match(
    await cluster.kubectl('-n', 'hello', 'describe', 'pod', 'no-image'),
    /Failed to pull image "localhost\/microshift\/nowhere:1"/,
  );
  await cluster.eventually('CrashLoopBackOff', 60, async () =>
    /CrashLoopBackOff/.test(await cluster.kubectl('-n', 'hello', 'get', 'pod', 'crash')) ? true : undefined,
  );
  const crash = await cluster.kubectl('-n', 'hello', 'describe', 'pod', 'crash');
  assert.match(crash, /Exit Code:\s+3/);
  assert.match(crash, /Back-off restarting failed container/);
  assert.match(await cluster.kubectl('-n', 'hello', 'logs', 'crash', '--previous'), /giving up/);
  const huge = await cluster.kubectl('-n', 'hello', 'describe', 'pod', 'huge');
  assert.match(huge, /FailedScheduling[\s\S]*0\/1 nodes are available: 1 Insufficient cpu/);
  await cluster.kubectl('-n', 'hello', 'delete', 'pod', 'no-image', 'crash', 'huge', '--wait=true');
});

test('a second MicroShift, a broken configuration and a port in use end with a clear message', async () => {
  const second = await machine.run(['microshift', 'run'], { timeoutSeconds: 20 });
  assert.notEqual(second.code, 0);
  assert.match(second.stderr, /another MicroShift|already/i);
  machine.write('/tmp/unknown-key.yaml', 'clusterr: {}\n');
  machine.write('/tmp/bad-range.yaml', 'cluster:\n  clusterCIDR: 10.42.0.0/99\n');
  await machine.shell(
    'mkdir -p /tmp/c; printf "clusterr: {}\\n" > /tmp/c/unknown.yaml; printf "cluster:\\n  clusterCIDR: 10.42.0.0/99\\n" > /tmp/c/range.yaml',
  );
  const unknown = await machine.run(['microshift', 'run', '--config', '/tmp/c/unknown.yaml'], { timeoutSeconds: 20 });
  assert.notEqual(unknown.code, 0);
  assert.match(unknown.stderr, /clusterr/);
  const range = await machine.run(['microshift', 'run', '--config', '/tmp/c/range.yaml'], { timeoutSeconds: 20 });
  assert.notEqual(range.code, 0);
  assert.match(range.stderr, /clusterCIDR[\s\S]*10\.42\.0\.0\/99/);
  const port = await machine.run(['microshift', 'run', '--roles', 'controlplane', '--data-dir', '/tmp/other'], {
    timeoutSeconds: 30,
  });
  assert.notEqual(port.code, 0);
  assert.match(port.stderr, /6443[\s\S]*(in use|already)/);
  await machine.shell('rm -rf /tmp/c /tmp/other');
});

test('delete removes the application with everything in it', async () => {
  await cluster.kubectl('-n', 'hello', 'delete', 'pod', 'client', '--now');
  await cluster.kubectl('delete', '-k', '/root/microshift/examples/hello', '--timeout=90s');
  assert.match((await cluster.tryKubectl(['get', 'namespace', 'hello'])).stderr, /namespaces "hello" not found/);
  await cluster.eventually('no volume is left', 30, async () =>
    (await cluster.tryKubectl(['get', 'pv'])).stderr.includes('No resources found') ? true : undefined,
  );
});

test('./uninstall.sh leaves the host as it was', async () => {
  await cluster.kubectl('create', 'namespace', 'left-over');
  await cluster.kubectl(
    '-n',
    'left-over',
    'run',
    'running',
    '--image=localhost/microshift/busybox:1',
    '--',
    'sleep',
    '3600',
  );
  await cluster.kubectl('-n', 'left-over', 'wait', '--for=condition=Ready', 'pod/running', '--timeout=30s');
  const result = await machine.run(['/root/microshift/uninstall.sh', '--yes'], { timeoutSeconds: 120 });
  assert.equal(result.code, 0, result.stdout + result.stderr);
  // The kubeconfig that was there before is back, and nothing of ours beside it.
  assert.equal(await machine.succeed(['cat', '/root/.kube/config']), existing);
  assert.equal((await machine.shell('ls /root/.kube | grep -v "^cache$"')).trim(), 'config');
  await machine.shell('rm -rf /root/.kube');
  const after_ = await readHostState(machine);
  assert.deepEqual({ ...after_, files: undefined }, { ...preparation.pristine, files: undefined });
  assert.deepEqual(after_.files, preparation.pristine.files, 'no file is left, none is missing');
});

async function logTail(): Promise<string> {
  const file = machine.file('/var/log/microshift.log');
  return existsSync(file) ? readFileSync(file, 'utf8').slice(-6_000) : '';
}

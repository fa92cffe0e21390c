// MicroShift under Debian's own systemd as process 1: the unit file, readiness, restart, and what stays when it stops.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Machine, removeRoot } from '#kit/machine/machine.ts';
import { Cluster } from './story/cluster.ts';
import { preparedRoot, type Preparation } from './story/prepared.ts';

const name = 'ms-systemd';
let root: string;
let preparation: Preparation;
let machine: Machine;
let cluster: Cluster;

before(async () => {
  ({ root, preparation } = await preparedRoot(name));
  machine = await Machine.boot({ name, root, init: 'systemd' });
  cluster = new Cluster(machine);
});

after(async () => {
  await machine?.halt();
  if (process.env.MICROSHIFT_TEST_KEEP !== 'true') removeRoot(root);
});

const property = async (key: string): Promise<string> =>
  (await machine.succeed(['systemctl', 'show', '--value', '-p', key, 'microshift'])).trim();

test('./install.sh starts the service, which reports that it is ready', async () => {
  const result = await machine.run(['/root/microshift/install.sh'], { timeoutSeconds: 240 });
  assert.equal(result.code, 0, `${result.stdout}${result.stderr}`);
  await cluster.eventually('the unit is active', 20, async () =>
    (await property('ActiveState')) === 'active' ? true : undefined,
  );
  assert.equal(await property('Type'), 'notify');
  assert.equal(await property('Restart'), 'always');
  assert.equal(await property('KillMode'), 'process');
  assert.equal((await machine.run(['systemctl', 'is-enabled', 'microshift'])).stdout.trim(), 'enabled');
  assert.match(await cluster.kubectl('get', 'nodes'), /Ready/);
});

test('systemd restarts it after kill -9; containers go on', async () => {
  await cluster.kubectl(
    'run',
    'stay',
    '--image=localhost/microshift/busybox:1',
    '--labels=app=stay',
    '--',
    'sleep',
    '3600',
  );
  await cluster.kubectl('wait', '--for=condition=Ready', 'pod/stay', '--timeout=30s');
  assert.match(
    await machine.shell('find /sys/fs/cgroup -type d -name "kubepods*.slice"'),
    /kubepods-besteffort\.slice/,
    'the systemd cgroup driver is used',
  );
  const before_ = await cluster.podsOf('default', 'app=stay');
  const old = await property('MainPID');
  await machine.succeed(['kill', '-9', old]);
  await cluster.eventually('a new process', 15, async () =>
    ![old, '0'].includes(await property('MainPID')) ? true : undefined,
  );
  await cluster.waitReady();
  assert.deepEqual(await cluster.podsOf('default', 'app=stay'), before_);
});

test('a drop-in changes the cluster while it runs: audit log, names of a hosts file; a mistake changes nothing', async () => {
  const pid = await property('MainPID');
  const ask = () => cluster.tryKubectl(['exec', 'stay', '--', 'nslookup', 'printer.hall.example']);
  assert.notEqual((await ask()).code, 0);
  await machine.shell(
    'mkdir -p /etc/microshift/config.d && echo "192.0.2.77 printer.hall.example" > /etc/microshift/hosts',
  );
  machine.write(
    '/etc/microshift/config.d/10-site.yaml',
    'dns: {hosts: {status: Enabled, file: /etc/microshift/hosts}}\napiServer: {auditLog: {profile: WriteRequestBodies}}\n',
  );
  await cluster.eventually('the name is answered', 20, async () =>
    (await ask()).stdout.includes('192.0.2.77') ? true : undefined,
  );
  await machine.shell('echo "192.0.2.78 printer.hall.example" > /etc/microshift/hosts');
  await cluster.eventually('the changed address is answered', 20, async () =>
    (await ask()).stdout.includes('192.0.2.78') ? true : undefined,
  );
  await cluster.kubectl('create', 'configmap', 'audited', '--from-literal=a=plain');
  await cluster.kubectl('create', 'secret', 'generic', 'audited', '--from-literal=a=hidden');
  const audit = await machine.shell('cat /var/log/kube-apiserver/audit.log');
  assert.match(audit, /"requestObject":.*"a":"plain"/);
  assert.match(audit, /"resource":"secrets"/);
  for (const stage of ['ResponseStarted', 'ResponseComplete'])
    assert.match(audit, new RegExp(`"stage":"${stage}".*"subresource":"exec"`));
  assert.doesNotMatch(audit, /hidden|aGlkZGVu/);

  machine.write('/etc/microshift/config.d/20-mistake.yaml', 'dns: {hosts: {status: Maybe}}\n');
  await cluster.eventually('status names the mistake', 20, async () => {
    const status = await machine.run(['microshift', 'status']);
    return status.code === 1 && /20-mistake\.yaml:1:15\) must be one of Disabled, Enabled/.test(status.stdout)
      ? true
      : undefined;
  });
  assert.match((await ask()).stdout, /192\.0\.2\.78/);
  await machine.shell('rm -r /etc/microshift');
  await machine.succeed(['systemctl', 'reload', 'microshift']);
  await cluster.eventually('everything is well again', 20, async () =>
    (await machine.run(['microshift', 'status'])).code === 0 ? true : undefined,
  );
  assert.notEqual((await ask()).code, 0);
  assert.equal(await property('MainPID'), pid, 'it was not restarted');
});

test('systemctl stop leaves containers running; start adopts them', async () => {
  const before_ = await cluster.podsOf('default', 'app=stay');
  await machine.succeed(['systemctl', 'stop', 'microshift'], { timeoutSeconds: 40 });
  assert.match(await machine.shell('ps -eo args='), /sleep 3600/);
  await machine.succeed(['systemctl', 'start', 'microshift'], { timeoutSeconds: 60 });
  await cluster.waitReady();
  assert.deepEqual(await cluster.podsOf('default', 'app=stay'), before_);
});

test('a shutdown of the machine waits until Pods have ended; one that comes to nothing leaves the node ready', async () => {
  machine.write('/etc/microshift/config.d/10-site.yaml', 'kubelet: {shutdownGracePeriod: 6s}\n');
  await machine.succeed(['systemctl', 'restart', 'microshift'], { timeoutSeconds: 60 });
  await cluster.waitReady();
  const locks = async () => (await machine.run(['systemd-inhibit', '--list'])).stdout;
  await cluster.eventually('logind is asked to wait', 20, async () => /^microshift /m.test(await locks()) || undefined);
  const script = 'trap "sleep 1; echo in peace > /dev/termination-log; exit 0" TERM; sleep 3600 & wait';
  await cluster.kubectl('run', 'ends', '--image=localhost/microshift/busybox:1', '--', 'sh', '-c', script);
  await cluster.kubectl('wait', '--for=condition=Ready', 'pod/ends', '--timeout=30s');
  // Everything up to the end itself.
  machine.write('/etc/systemd/system/poweroff.target', '[Unit]\nDescription=Nothing\nDefaultDependencies=no\n');
  await machine.succeed(['systemctl', 'daemon-reload']);
  await machine.run(['systemctl', 'poweroff']);
  const path = (text: string) => ['get', 'pod', 'ends', '-o', `jsonpath={${text}}`] as const;
  await cluster.eventually('the Pod has ended', 20, async () =>
    (await cluster.kubectl(...path('.status.containerStatuses[0].state.terminated.message'))).trim() === 'in peace'
      ? true
      : undefined,
  );
  const status = '.status.phase} {.status.reason} {.status.conditions[?(@.type=="DisruptionTarget")].reason';
  assert.equal(await cluster.kubectl(...path(status)), 'Failed Terminated TerminationByKubelet');
  const events = await cluster.kubectl('get', 'events', '-A', '--field-selector=reason=NodeShutdown');
  assert.match(events, /Shutdown manager detected shutdown event/);
  await cluster.eventually('the node is ready again', 30, async () =>
    / Ready /.test(await cluster.kubectl('get', 'nodes')) && /^microshift /m.test(await locks()) ? true : undefined,
  );
  await machine.shell('rm -r /etc/microshift /etc/systemd/system/poweroff.target; systemctl daemon-reload');
});

test('./uninstall.sh --purge removes the unit, every process, and the Debian packages that came with it', async () => {
  const installed = async () =>
    (await machine.shell("dpkg-query -W -f '${Package} ${db:Status-Status}\\n' | grep ' installed$' | cut -d ' ' -f 1"))
      .trim()
      .split('\n');
  assert.ok((await installed()).includes('containerd'));
  const result = await machine.run(['/root/microshift/uninstall.sh', '--yes', '--purge'], { timeoutSeconds: 180 });
  assert.equal(result.code, 0, result.stdout + result.stderr);
  assert.equal((await machine.run(['systemctl', 'cat', 'microshift'])).code, 1);
  for (const ours of ['/var/log/kube-apiserver', '/etc/systemd/logind.conf.d'])
    assert.equal((await machine.run(['test', '-e', ours])).code, 1, `${ours} is gone`);
  assert.doesNotMatch(await machine.shell('ps -eo args='), /microshift |containerd|haproxy|sleep 3600/);
  assert.deepEqual(await installed(), preparation.packages);
});

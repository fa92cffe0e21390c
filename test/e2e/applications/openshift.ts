// What MicroShift has of OpenShift, as a user with kubectl meets it on an installed machine: the commands of the how-to pages on
// service certificates, projects and resource usage.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, test } from 'node:test';
import { shared } from './shared-machine.ts';

const image = 'localhost/microshift/busybox:1';

describe('OpenShift', () => {
  const decoded = async (secret: string, key: string): Promise<string> => {
    const value = await shared().cluster.kubectl(
      'get',
      'secret',
      secret,
      '-o',
      `jsonpath={.data.${key.replace('.', '\\.')}}`,
    );
    return Buffer.from(value, 'base64').toString();
  };

  test('a Service gets a certificate; a Pod has it mounted, and what it needs to trust it beside its token', async () => {
    await shared().cluster.kubectl('create', 'service', 'clusterip', 'web', '--tcp=8443:8443');
    await shared().cluster.kubectl(
      'annotate',
      'service',
      'web',
      'service.beta.openshift.io/serving-cert-secret-name=web-tls',
    );
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'server', labels: { app: 'web' } },
      spec: {
        volumes: [{ name: 'tls', secret: { secretName: 'web-tls' } }],
        containers: [
          {
            name: 'server',
            image,
            command: ['sh', '-c', 'while :; do :; done'],
            resources: { limits: { cpu: '300m' } },
            volumeMounts: [{ name: 'tls', mountPath: '/tls' }],
          },
        ],
      },
    };
    assert.equal((await shared().cluster.applyText(JSON.stringify(pod))).code, 0);
    await shared().cluster.kubectl('wait', '--for=condition=Ready', 'pod/server', '--timeout=60s');
    const inPod = (file: string) => shared().cluster.kubectl('exec', 'server', '--', 'cat', file);
    const served = await inPod('/tls/tls.crt');
    assert.equal(served, await decoded('web-tls', 'tls.crt'));
    const trusted = await inPod('/var/run/secrets/kubernetes.io/serviceaccount/service-ca.crt');
    const leaf = new X509Certificate(served);
    assert.equal(leaf.subjectAltName, 'DNS:web.default.svc, DNS:web.default.svc.cluster.local');
    assert.ok(leaf.verify(new X509Certificate(trusted).publicKey));
    await shared().cluster.kubectl('create', 'configmap', 'trust');
    await shared().cluster.kubectl('annotate', 'configmap', 'trust', 'service.beta.openshift.io/inject-cabundle=true');
    await shared().cluster.eventually('the bundle is there', 10, async () => {
      const injected = await shared().cluster.kubectl(
        'get',
        'configmap',
        'trust',
        '-o',
        'jsonpath={.data.service-ca\\.crt}',
      );
      return injected === trusted ? true : undefined;
    });
  });

  test('kubectl top tells what the Pod and the node use', async () => {
    const top = await shared().cluster.eventually('kubectl top pod', 20, async () => {
      const { code, stdout } = await shared().cluster.tryKubectl([
        'top',
        'pod',
        '--containers',
        '-l',
        'app=web',
        '--no-headers',
      ]);
      return code === 0 && stdout.includes('server') ? stdout : undefined;
    });
    const [, cpu, memory] = /server\s+server\s+(\d+)m\s+(\d+)Mi/.exec(top) ?? [];
    assert.ok(Number(cpu) > 100 && Number(cpu) < 450, top);
    assert.ok(Number(memory) < 100, top);
    const ofNode = await shared().cluster.kubectl('top', 'node', '--no-headers');
    assert.match(ofNode, /^\S+\s+\d+m\s+\d+%\s+\d+Mi\s+\d+%/);
    const raw = await shared().cluster.kubectl('get', '--raw', '/apis/metrics.k8s.io/v1beta1/nodes');
    assert.equal((JSON.parse(raw) as { kind: string }).kind, 'NodeMetricsList');
    const node = (await shared().cluster.kubectl('get', 'node', '-o', 'name')).trim().slice('node/'.length);
    const counters = await shared().cluster.kubectl('get', '--raw', `/api/v1/nodes/${node}/proxy/metrics/resource`);
    assert.match(
      counters,
      /^container_cpu_usage_seconds_total\{container="server",namespace="default",pod="server"\} /m,
    );
  });

  test('a user asks for a project, is its administrator, and sees no other', async () => {
    const asAnna = (...command: readonly string[]) =>
      shared().cluster.tryKubectl(['--as=anna', '--as-group=team', ...command]);
    const request = { apiVersion: 'project.openshift.io/v1', kind: 'ProjectRequest', metadata: { name: 'bakery' } };
    const ask = () =>
      shared().cluster.tryKubectl(['--as=anna', '--as-group=team', 'create', '--validate=false', '-f', '-'], {
        input: JSON.stringify({ ...request, displayName: 'The bakery' }),
      });
    assert.match((await ask()).stderr, /cannot create resource "projectrequests"/);
    const role = ['--clusterrole=self-provisioner', '--group=team'];
    await shared().cluster.kubectl('create', 'clusterrolebinding', 'team-may-request', ...role);
    const made = await ask();
    assert.equal(made.code, 0, made.stderr);
    const projects = await asAnna('get', 'projects', '--no-headers');
    assert.equal(projects.code, 0, projects.stderr);
    assert.match(projects.stdout, /^bakery\s+The bakery\s+Active\s*$/);
    assert.equal((await asAnna('-n', 'bakery', 'create', 'configmap', 'mine')).code, 0);
    assert.notEqual((await asAnna('-n', 'default', 'get', 'pods')).code, 0);
    const range = await shared().cluster.kubectl(
      'get',
      'namespace',
      'bakery',
      '-o',
      'jsonpath={.metadata.annotations.openshift\\.io/sa\\.scc\\.uid-range}',
    );
    assert.match(range, /^1000\d{6}\/10000$/);
    assert.equal((await asAnna('delete', 'project', 'bakery', '--timeout=30s')).code, 0);
    assert.equal((await shared().cluster.tryKubectl(['get', 'namespace', 'bakery'])).code, 1);
    assert.match(await shared().cluster.kubectl('get', 'scc', '--no-headers'), /^restricted-v2 /m);
  });
});

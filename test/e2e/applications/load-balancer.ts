// LoadBalancer Services on the node's address, from another host of the LAN.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { shared } from './shared-machine.ts';

const namespace = 'balanced';
const kubectl = (...argument: readonly string[]): Promise<string> =>
  shared().cluster.kubectl('-n', namespace, ...argument);
const addressOf = (service: string): Promise<string> =>
  kubectl('get', 'service', service, '-o', 'jsonpath={.status.loadBalancer.ingress[*].ip}');

const service = (name: string, more: object = {}): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: {
      type: 'LoadBalancer',
      selector: { app: 'web' },
      ports: [{ name: 'http', port: 8081, targetPort: 8080 }],
      ...more,
    },
  });
const fromLan = async (port: number): Promise<string> => {
  const { machine } = shared();
  const result = await machine.runFromLan(['curl', '-sS', '--max-time', '3', `http://${machine.address}:${port}/`]);
  return result.code === 0 ? result.stdout : result.stderr;
};

describe('LoadBalancer Services', () => {
  before(async () => {
    const { cluster } = shared();
    await cluster.kubectl('create', 'namespace', namespace);
    const command = ['sh', '-c', 'echo balanced > /tmp/index.html; exec httpd -f -p 8080 -h /tmp'];
    await kubectl('run', 'web', '--image=localhost/microshift/busybox:1', '--labels=app=web', '--', ...command);
    await kubectl('wait', '--for=condition=Ready', 'pod/web', '--timeout=30s');
  });

  after(() => shared().cluster.kubectl('delete', 'namespace', namespace, '--wait=false'));

  test('a LoadBalancer Service has the address of the node and answers there', async () => {
    const { cluster, machine } = shared();
    await cluster.applyText(service('first'));
    await cluster.eventually('an address', 10, async () => ((await addressOf('first')) === '' ? undefined : true));
    assert.equal(await addressOf('first'), machine.address);
    await cluster.eventually('an answer', 10, async () => ((await fromLan(8081)) === 'balanced\n' ? true : undefined));
  });

  test('a second Service that wants the same port stays pending and says who has it, until the first goes', async () => {
    const { cluster, machine } = shared();
    await cluster.applyText(service('second'));
    const message = await cluster.eventually('the event', 10, async () => {
      const text = await kubectl('get', 'events', '--field-selector', 'involvedObject.name=second', '-o', 'json');
      const { items } = JSON.parse(text) as { items: { reason: string; message: string }[] };
      return items.find(({ reason }) => reason === 'SyncLoadBalancerFailed')?.message;
    });
    assert.match(message, /node port 8081 occupied by Service balanced\/first/);
    assert.equal(await addressOf('second'), '');
    assert.equal(await fromLan(8081), 'balanced\n', 'the first is not disturbed');
    await kubectl('delete', 'service', 'first');
    await cluster.eventually('it gets the port', 10, async () =>
      (await addressOf('second')) === machine.address ? true : undefined,
    );
    await cluster.eventually('an answer', 10, async () => ((await fromLan(8081)) === 'balanced\n' ? true : undefined));
  });

  test('only the source ranges of a Service reach it', async () => {
    const { cluster } = shared();
    await kubectl('patch', 'service', 'second', '-p', '{"spec":{"loadBalancerSourceRanges":["192.0.2.0/24"]}}');
    await cluster.eventually('no answer any more', 15, async () =>
      /timed out|refused/i.test(await fromLan(8081)) ? true : undefined,
    );
    await kubectl('patch', 'service', 'second', '-p', '{"spec":{"loadBalancerSourceRanges":["192.168.77.0/24"]}}');
    await cluster.eventually('an answer', 10, async () => ((await fromLan(8081)) === 'balanced\n' ? true : undefined));
  });
});

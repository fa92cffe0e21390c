// Helm with a chart as real ones are: ten kinds, hooks, a test, values that the cluster is asked for.
import assert from 'node:assert/strict';
import path from 'node:path';
import { before, describe, test } from 'node:test';
import { installHelm } from '#kit/machine/clients.ts';
import type { CommandResult } from '#kit/machine/command.ts';
import { shared } from './shared-machine.ts';

describe('Helm', () => {
  before(async () => {
    const { machine } = shared();
    await installHelm(machine);
    machine.copyIn(path.join(import.meta.dirname, 'charts/ten-kinds'), '/root/ten-kinds');
  });

  const namespace = 'shop';
  const tryHelm = (...argument: readonly string[]): Promise<CommandResult> =>
    shared().machine.run(['helm', '--kube-context', 'microshift', '-n', namespace, ...argument], {
      timeoutSeconds: 120,
    });
  async function helm(...argument: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await tryHelm(...argument);
    assert.equal(code, 0, `helm ${argument.join(' ')}: ${stdout}${stderr}`);
    return stdout;
  }
  const page = async (): Promise<string> => {
    const { machine } = shared();
    const result = await machine.runFromLan([
      'curl',
      '-sS',
      '--max-time',
      '5',
      '--resolve',
      `ten-kinds.example.com:80:${machine.address}`,
      'http://ten-kinds.example.com/index.html',
    ]);
    return result.stdout;
  };
  const pageIs = (text: string): Promise<true> =>
    shared().cluster.eventually(`the page says ${text}`, 20, async () => ((await page()) === text ? true : undefined));
  const jsonPath = (resource: string, expression: string): Promise<string> =>
    shared().cluster.kubectl('-n', namespace, 'get', ...resource.split(' '), '-o', `jsonpath=${expression}`);

  const kinds = [
    'serviceaccount',
    'role',
    'rolebinding',
    'configmap',
    'secret',
    'persistentvolumeclaim',
    'deployment',
    'poddisruptionbudget',
    'cronjob',
    'service',
    'ingress',
  ];
  const instance = 'app.kubernetes.io/instance=shop';

  test('helm install --wait brings up ten kinds, and the page comes through the Ingress', async () => {
    const output = await helm('install', 'shop', '/root/ten-kinds', '--create-namespace', '--wait', '--timeout', '60s');
    assert.match(output, /STATUS: deployed/);
    for (const kind of kinds)
      assert.match(
        await shared().cluster.kubectl('-n', namespace, 'get', kind, '-l', instance, '-o', 'name'),
        /shop/,
        kind,
      );
    assert.equal(await jsonPath('deployment shop', '{.status.readyReplicas}'), '2');
    await pageIs('first');
  });

  test('hooks ran in their order: before the installation and after it', async () => {
    const times = async (hook: string): Promise<{ created: string; done: string }> => ({
      created: await jsonPath(`job shop-${hook}`, '{.metadata.creationTimestamp}'),
      done: await jsonPath(`job shop-${hook}`, '{.status.completionTime}'),
    });
    const [before_, after_] = [await times('pre-install'), await times('post-install')];
    const deployed = await jsonPath('deployment shop', '{.metadata.creationTimestamp}');
    assert.ok(before_.done !== '' && before_.done <= deployed, `${before_.done} before ${deployed}`);
    assert.ok(after_.created >= deployed && after_.done !== '', `${after_.created} after ${deployed}`);
  });

  test('helm test runs the test Pod and tells its result', async () => {
    assert.match(await helm('test', 'shop', '--timeout', '30s'), /Phase:\s+Succeeded/);
  });

  test('helm upgrade replaces the Pods; what was made once stays', async () => {
    const token = await jsonPath('secret shop-token', '{.data.token}');
    await helm('upgrade', 'shop', '/root/ten-kinds', '--set', 'message=second', '--wait', '--timeout', '60s');
    await pageIs('second');
    assert.equal(await jsonPath('secret shop-token', '{.data.token}'), token);
    const left = await shared().cluster.tryKubectl(['-n', namespace, 'get', 'job', 'shop-pre-upgrade']);
    assert.match(left.stderr, /NotFound/, 'the hook went when it had succeeded');
  });

  test('an upgrade that does not become ready is rolled back', async () => {
    const options = ['--set', 'message=third,image=localhost/none:1', '--rollback-on-failure', '--timeout', '8s'];
    const { code } = await tryHelm('upgrade', 'shop', '/root/ten-kinds', ...options);
    assert.notEqual(code, 0);
    await pageIs('second');
  });

  test('helm rollback brings the first revision back', async () => {
    await helm('rollback', 'shop', '1', '--wait', '--timeout', '60s');
    await pageIs('first');
    const history = JSON.parse(await helm('history', 'shop', '-o', 'json')) as {
      status: string;
      description: string;
    }[];
    assert.equal(history.filter(({ status }) => status === 'deployed').length, 1);
    assert.match(history.at(-1)!.description, /Rollback to 1/);
  });

  test('helm get, list and status tell what is there', async () => {
    assert.match(await helm('get', 'manifest', 'shop'), /kind: PodDisruptionBudget/);
    assert.match(await helm('list'), /shop\s+shop\s+\d+\s+.*deployed\s+ten-kinds-1\.0\.0/);
    assert.match(await helm('status', 'shop'), /STATUS: deployed/);
  });

  test('an invalid value is refused with its field and changes nothing', async () => {
    const { code, stderr } = await tryHelm('upgrade', 'shop', '/root/ten-kinds', '--set', 'replicas=-1');
    assert.notEqual(code, 0);
    assert.match(stderr, /spec\.replicas: Invalid value: -1: must be greater than or equal to 0/);
    await pageIs('first');
  });

  test('helm uninstall runs its hook and leaves nothing', async () => {
    assert.match(await helm('uninstall', 'shop', '--wait', '--timeout', '60s'), /uninstalled/);
    for (const kind of [...kinds, 'pod'])
      await shared().cluster.eventually(`no ${kind} is left`, 30, async () =>
        (await shared().cluster.kubectl('-n', namespace, 'get', kind, '-l', instance, '-o', 'name')) === ''
          ? true
          : undefined,
      );
    assert.equal(
      await shared().cluster.kubectl('-n', namespace, 'get', 'secret', '-l', 'owner=helm', '-o', 'name'),
      '',
    );
  });
});

// Registries as an operator sets them up on a machine with MicroShift's own containerd: files in /etc/containers, a login in
// /run, archives in node.imageDir. What registries do wrong is in test/e2e/node/registries.test.ts.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { Pod } from '#api/generated/types.ts';
import { eventually, type RunningCommand } from '#kit/machine/command.ts';
import { Lan, LightMachine } from '#kit/machine/light-machine.ts';
import { buildImage } from '../../../scripts/images/build-image.ts';
import { busyboxImage, pauseImage } from '../../../scripts/images/stock-images.ts';
import { authFile } from '../node/registry.ts';

const unique = `mr${process.pid % 10_000}`;
const images = mkdtempSync(path.join(tmpdir(), 'microshift-images-'));
const address = '127.0.0.1:5443';
let lan: Lan;
let machine: LightMachine;
let microshift: RunningCommand;

const admin = () => path.join(machine.directory, 'state/var/lib/microshift/resources/kubeadmin/kubeconfig');
const pods = '/api/v1/namespaces/default/pods';
const inEtc = (name: string, content: string | Buffer) => {
  const file = path.join(machine.directory, 'etc/containers', name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content);
};
async function runs(name: string, image: string, imagePullPolicy: string): Promise<Pod> {
  const containers = [{ name: 'main', image, imagePullPolicy, command: ['sleep', '1000'] }];
  const metadata = { name };
  await machine.ask(admin(), 'POST', pods, { kind: 'Pod', apiVersion: 'v1', metadata, spec: { containers } });
  return eventually(`Pod ${name} runs`, 40, async () => {
    const pod = await machine.get<Pod>(admin(), `${pods}/${name}`);
    const state = pod.status?.containerStatuses?.[0]?.state;
    assert.notEqual(state?.waiting?.reason, 'ImagePullBackOff', state?.waiting?.message ?? '');
    return state?.running === undefined ? undefined : pod;
  });
}

before(async () => {
  writeFileSync(path.join(images, 'pause.tar'), await buildImage(pauseImage()));
  lan = new Lan(`${unique}l`);
  machine = await LightMachine.boot({ name: unique, lan, address: '192.168.78.2/24', images });
  const directory = path.join(machine.directory, 'registry');
  mkdirSync(directory);
  const script = path.join(import.meta.dirname, 'registry-in-machine.ts');
  const registry = machine.start([
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    script,
    directory,
    '5443',
  ]);
  microshift = machine.start(machine.microshift('run'));
  await machine.succeed(machine.microshift('wait', '--timeout', '60'), { timeoutSeconds: 70 });
  await eventually('the registry serves', 30, async () => {
    assert.doesNotMatch(registry.output, /Error/);
    return registry.output.includes('the registry serves') ? true : undefined;
  });
  assert.doesNotMatch(microshift.output, /registries\.conf/);
  inEtc(`certs.d/${address}/ca.crt`, readFileSync(path.join(directory, 'ca.crt')));
});
after(async () => {
  await machine?.[Symbol.asyncDispose]();
  lan?.[Symbol.dispose]();
  rmSync(images, { recursive: true });
});

test("a login of `podman login` and a certificate in certs.d open a registry, without a restart; a mirror's name works", async () => {
  const login = `mkdir -p /run/containers/0; echo '${authFile(address)}' > /run/containers/0/auth.json`;
  await machine.succeed(['sh', '-c', login]);
  await runs('app', `${address}/team/app:1`, 'IfNotPresent');
  inEtc('registries.conf', `[[registry]]\nlocation = "quay.example"\n[[registry.mirror]]\nlocation = "${address}"\n`);
  await runs('mirrored', 'quay.example/team/app:1', 'IfNotPresent');
});

test('a broken registries.conf is named in status, and what it said before holds', async () => {
  inEtc('registries.conf', '[[registry]\n');
  await runs('again', 'quay.example/team/app:1', 'Always');
  const status = await machine.run(machine.microshift('status'));
  assert.match(status.stdout, /\/etc\/containers\/registries\.conf is not read, what it said before stays/);
});

test('an archive that is put into node.imageDir later is there for Pods', async () => {
  const name = 'localhost/dropped/app:1';
  const archive = path.join(images, 'dropped.tar');
  writeFileSync(`${archive}.part`, await buildImage({ ...busyboxImage(), name }));
  renameSync(`${archive}.part`, archive);
  await eventually('it is imported', 20, async () => (microshift.output.includes(name) ? true : undefined));
  await runs('dropped', name, 'Never');
});

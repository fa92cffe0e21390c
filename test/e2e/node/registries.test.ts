// Images out of registries, with a real one that wants a login and one that misbehaves.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { importArchives } from '#assembly/services/image-archives.ts';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { loggedScope } from '#base/scope.ts';
import { systemFiles } from '#host/files.ts';
import { Registries } from '#host/linux/registries.ts';
import type { Json } from '#kit/start-api-server.ts';
import { buildImage } from '../../../scripts/images/build-image.ts';
import { busyboxImage, pauseImageName } from '../../../scripts/images/stock-images.ts';
import { startTestNode, type TestNode } from './cluster.ts';
import { onNode } from './kit.ts';
import { isClosedNamespace, startTestMachine, type TestMachine } from './machine.ts';
import {
  authFile,
  type FaultyRegistry,
  type ImageParts,
  login,
  startDockerRegistry,
  startFaultyRegistry,
  testImage,
  type TestRegistry,
} from './registry.ts';

let directory: string;
let machine: TestMachine;
let node: TestNode;
let registry: TestRegistry;
let faulty: FaultyRegistry;
let app: ImageParts;
const { until, running, event } = onNode(() => node);

const at = (name: string) => path.join(directory, name);
const loginFile = () => at('auth.json');
const pull = (name: string, image: string, more: Json = {}, container: Json = {}) =>
  node.createPod({
    name,
    ...('metadata' in more ? { metadata: more.metadata } : {}),
    spec: { ...more, containers: [{ name: 'main', image, command: ['sleep', '1000'], ...container }] },
  });
const waiting = (name: string, reason: string) =>
  until(name, reason, ({ status }) => status.containerStatuses?.[0]?.state?.waiting?.reason === reason);
const waitingMessage = ({ status }: Json): string => status.containerStatuses[0].state.waiting.message;
const secret = (name: string, type: string, data: Readonly<Record<string, string>>) =>
  node.api.create('/api/v1/namespaces/default/secrets', {
    kind: 'Secret',
    apiVersion: 'v1',
    metadata: { name },
    type,
    stringData: data,
  });

before(async () => {
  assert.ok(isClosedNamespace(), 'run with: node test/e2e/node/run.ts');
  directory = mkdtempSync('/tmp/registries-e2e-');
  app = await testImage('app');
  registry = await startDockerRegistry(at('registry'), 5443);
  const parts: [string, ImageParts][] = [];
  for (const fault of ['lying-manifest', 'lying-layer', 'hang', 'hanging-layer'])
    parts.push([fault, await testImage(fault, false, 64_000)]);
  for (const name of ['public', 'meanwhile']) parts.push([name, await testImage(name)]);
  parts.push(['cut', await testImage('cut', true, 3_200_000)]);
  faulty = await startFaultyRegistry(new Map(parts));
  mkdirSync(at(`containers/certs.d/${registry.address}`), { recursive: true });
  writeFileSync(at(`containers/certs.d/${registry.address}/ca.crt`), readFileSync(registry.authority));
  writeFileSync(
    at('containers/registries.conf'),
    `[[registry]]
location = "${faulty.address}"
insecure = true

[[registry]]
prefix = "quay.example/team"
location = "quay.example/team"
[[registry.mirror]]
location = "${registry.address}/mirror/team"

[[registry]]
prefix = "quay.example/forbidden"
blocked = true
`,
  );
  const images = [
    registry.push('team/app', '1', app),
    registry.push('mirror/team/app', '1', await testImage('mirrored')),
  ];
  images.push(registry.push('never/app', '1', await testImage('never', false)));
  await Promise.all(images);
  machine = await startTestMachine(at('hosts'));
  const registries = new Registries({
    containersDirectory: at('containers'),
    certificateDirectories: [],
    hostsDirectory: at('hosts'),
    logger: silentLogger,
  });
  node = await startTestNode(machine, {
    authFiles: [
      { path: loginFile(), form: 'config' },
      { path: at('broken.json'), form: 'config' },
    ],
    registries,
    imagePullProgressDeadlineMs: 2_000,
    housekeepingMs: 5_000,
  });
});
after(async () => {
  await node?.close();
  await machine?.close();
  registry?.stop();
  faulty?.close();
  rmSync(directory, { recursive: true, force: true });
});
test('without a login a private image is refused in words, and tried again later', async () => {
  const image = `${registry.address}/team/app:1`;
  await pull('anonymous', image);
  await event('anonymous', /^Pulling: Pulling image "127.0.0.1:5443\/team\/app:1"$/);
  assert.match(
    await event('anonymous', /^Failed: Failed to pull image/),
    /^Failed: Failed to pull image "127\.0\.0\.1:5443\/team\/app:1": failed to pull and unpack image .*(401|authorization failed)/,
  );
  await event('anonymous', /^Failed: Error: ErrImagePull$/);
  const backOff = await waiting('anonymous', 'ImagePullBackOff');
  assert.match(
    waitingMessage(backOff),
    /^Back-off pulling image "127\.0\.0\.1:5443\/team\/app:1": ErrImagePull: failed to/,
  );
  await event('anonymous', /^BackOff: Back-off pulling image "127\.0\.0\.1:5443\/team\/app:1"$/);
  await event('anonymous', /^Failed: Error: ImagePullBackOff$/);

  writeFileSync(loginFile(), authFile(registry.address));
});

test('a Pod without an image that it may pull does not hinder another; a broken login file is named', async () => {
  writeFileSync(at('broken.json'), '{"auths": {');
  await pull('public', `${faulty.address}/public/app:1`);
  const told = await event('public', /^FailedToRetrieveImagePullSecret/);
  assert.match(told, /Registry logins in \S+\/broken\.json are not used: it is not valid JSON\. Correct the file/);
  await running('public');
  rmSync(at('broken.json'));
});

test('by digest; present images are not pulled again, unless always; never means never', async () => {
  const image = `${registry.address}/team/app`;
  await pull('by-digest', `${image}@${app.digest}`);
  await pull('again', `${image}:1`, {}, { imagePullPolicy: 'Always' });
  await pull('absent', `${registry.address}/never/app:1`, {}, { imagePullPolicy: 'Never' });
  await pull('unnamed', 'case/UPPER:1');
  assert.match((await running('by-digest')).status.containerStatuses[0].imageID, new RegExp(app.digest));
  await pull('present', `${image}:1`);
  await running('present');
  await event(
    'present',
    /^Pulled: Container image "127\.0\.0\.1:5443\/team\/app:1" already present on machine and can be accessed by the pod$/,
  );
  const told = await event('again', /^Pulled: Successfully pulled image/);
  const [, bytes] =
    /^Pulled: Successfully pulled image "127\.0\.0\.1:5443\/team\/app:1" in [\d.]+m?s \([\d.]+m?s including waiting\)\. Image size: (\d+) bytes\.$/.exec(
      told,
    ) ?? [];
  assert.ok(Number(bytes) > 100_000, told);
  const never = await waiting('absent', 'ErrImageNeverPull');
  const message = 'Container image "127.0.0.1:5443/never/app:1" is not present with pull policy of Never';
  assert.equal(waitingMessage(never), message);
  await event('absent', /^ErrImageNeverPull: Container image/);
  await event('absent', /^Failed: Error: ErrImageNeverPull$/);
  const unnamed = await waiting('unnamed', 'InvalidImageName');
  assert.equal(
    waitingMessage(unnamed),
    `Failed to apply default image tag "case/UPPER:1": couldn't parse image name "case/UPPER:1": invalid reference format: repository name (case/UPPER) must be lowercase`,
  );
  await event('unnamed', /^InspectFailed: Failed to apply default image tag/);
});

test('a mirror with a login answers for a registry that does not; a blocked one is not asked', async () => {
  await pull('mirrored', 'quay.example/team/app:1');
  await pull('forbidden', 'quay.example/forbidden/app:1');
  await running('mirrored');
  assert.match(
    await event('forbidden', /^Failed: Failed to pull/),
    /: registry quay\.example\/forbidden is blocked in \S+\/containers\/registries\.conf$/,
  );
});

const failure = (name: string) => event(name, /^Failed: Failed to pull/);

test('a registry that refuses, lies or cuts is told in words', async () => {
  const refused = ['401', '403', '404', '429', '500'];
  for (const status of refused) await pull(`answers-${status}`, `${faulty.address}/status-${status}/app:1`);
  for (const fault of ['lying-manifest', 'lying-layer', 'cut']) await pull(fault, `${faulty.address}/${fault}/app:1`);
  // Cut in the middle: the rest is fetched, not the whole again.
  await running('cut');
  assert.ok(
    faulty.layerRequests.some((one) => /^cut bytes=\d{4,}-/.test(one)),
    faulty.layerRequests.join(),
  );
  for (const [name, pattern] of [
    ['answers-401', /401 Unauthorized|authorization failed/],
    ['answers-403', /403 Forbidden/],
    ['answers-404', /not found/],
    ['answers-429', /429 Too Many Requests/],
    ['answers-500', /500 Internal Server Error/],
    ['lying-layer', /unexpected commit digest|failed commit on ref/],
    ['lying-manifest', /unexpected commit digest|failed commit on ref/],
  ] as const)
    assert.match(await failure(name), pattern);
  for (const name of [...refused.map((one) => `answers-${one}`), 'lying-manifest', 'lying-layer'])
    await node.api.delete(`/api/v1/namespaces/default/pods/${name}`);
});

test('a registry that hangs is given up; others are served meanwhile', async () => {
  await pull('hang', `${faulty.address}/hang/app:1`);
  await pull('hanging-layer', `${faulty.address}/hanging-layer/app:1`);
  await event('hang', /^Pulling/);
  await pull('meanwhile', `${faulty.address}/meanwhile/app:1`);
  await running('meanwhile');
  const given = /: failed to pull image "\S+": the registry sent nothing for 2 s \(/;
  assert.match(await failure('hang'), given);
  assert.match(await failure('hanging-layer'), given);
});

test('archives are imported at the start and when they are put there later; a broken one is named', async () => {
  mkdirSync(at('images'));
  const scope = loggedScope('archives', silentLogger);
  try {
    const configuration = {
      node: { imageDirectory: at('images'), pauseImage: pauseImageName },
      dataDirectory: directory,
    };
    // The parts of the context that it uses.
    const context = { configuration, clock: systemClock, files: systemFiles, logger: silentLogger } as never;
    writeFileSync(at('images/broken.tar'), 'no archive');
    const images = await importArchives(context, scope, machine.socketPath);
    assert.match(images.problems().join(), /broken\.tar could not be imported/);
    const name = 'localhost/dropped/app:1';
    writeFileSync(at('images/dropped.tar'), await buildImage({ ...busyboxImage(), name }));
    rmSync(at('images/broken.tar'));
    await node.until('imported', async () => images.names().includes(name));
    assert.deepEqual(images.problems(), []);
    await pull('dropped', name, {}, { imagePullPolicy: 'Never' });
    await running('dropped');
  } finally {
    await scope.close();
  }
});

test('after the login the Pod that was refused runs at its next try', async () => {
  await running('anonymous');
});

test('pull secrets of Pod and service account; a missing one is told; what they opened is not for others', async () => {
  rmSync(loginFile());
  const image = `${registry.address}/secret/app:1`;
  await registry.push('secret/app', '1', await testImage('secret'));
  await secret('other-registry', 'kubernetes.io/dockerconfigjson', { '.dockerconfigjson': authFile('other.example') });
  const wrong = { '.dockerconfigjson': authFile(registry.address, { ...login, password: 'wrong' }) };
  await secret('wrong', 'kubernetes.io/dockerconfigjson', wrong);
  const right = { [`https://${registry.address}/v2/`]: { ...login, email: '' } };
  await secret('right', 'kubernetes.io/dockercfg', { '.dockercfg': JSON.stringify(right) });
  const account = '/api/v1/namespaces/default/serviceaccounts';
  await node.api.create(account, { kind: 'ServiceAccount', apiVersion: 'v1', metadata: { name: 'puller' } });
  const linked = await node.api.send('PATCH', `${account}/puller`, {
    contentType: 'application/strategic-merge-patch+json',
    body: { imagePullSecrets: [{ name: 'missing' }, { name: 'other-registry' }, { name: 'wrong' }, { name: 'right' }] },
  });
  assert.equal(linked.status, 200);
  await pull('by-account', image, { serviceAccountName: 'puller' });
  await event(
    'by-account',
    /^FailedToRetrieveImagePullSecret: Unable to retrieve some image pull secrets \(missing\); attempting to pull the image may not succeed\.$/,
  );
  const pod = await running('by-account');
  assert.equal(pod.spec.imagePullSecrets.length, 4);

  await pull('stranger', image);
  await pull('stranger-never', image, {}, { imagePullPolicy: 'Never' });
  await pull('friend', image, { imagePullSecrets: [{ name: 'right' }] });
  await running('friend');
  await event('friend', /^Pulled: Container image .* already present on machine and can be accessed by the pod$/);
  assert.match(await event('stranger', /^Failed: Failed to pull image/), /401|authorization failed/);
  await waiting('stranger-never', 'ErrImageNeverPull');
  // As after a restart: it is written down.
  await node.restart();
  await pull('stranger-later', image);
  await event('stranger-later', /^Failed: Failed to pull image/);
  await pull('preloaded', 'localhost/microshift/busybox:1');
  await running('preloaded');
});

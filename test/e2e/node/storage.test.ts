// Volumes on a real containerd: paths of the host, claims, groups, sub paths.
import assert from 'node:assert/strict';
import { chownSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { startTestNode, type TestNode } from './cluster.ts';
import { onNode, shell } from './kit.ts';
import { isClosedNamespace, startTestMachine, type TestMachine } from './machine.ts';
import { startCsiDriver } from '#kit/csi-driver.ts';
import type { Json } from '#kit/start-api-server.ts';

let machine: TestMachine;
let node: TestNode;
const { until, ended, running, remove, gone, event, logs } = onNode(() => node);
before(async () => {
  assert.ok(isClosedNamespace(), 'run with: node test/e2e/node/run.ts');
  machine = await startTestMachine();
  node = await startTestNode(machine);
});
after(async () => {
  await node?.close();
  await machine?.close();
});
const mount = (more: Json = {}) => ({ volumeMounts: [{ name: 'v', mountPath: '/v', ...more }] });

test('paths of the host are made or demanded as their type says', async () => {
  const here = `${machine.directory}/host`;
  mkdirSync(here);
  writeFileSync(`${here}/file`, 'content');
  const cases: readonly (readonly [string, string, string, string | undefined])[] = [
    ['made', 'DirectoryOrCreate', `${here}/new/directory`, undefined],
    ['made-file', 'FileOrCreate', `${here}/new-file`, undefined],
    ['socket', 'Socket', machine.socketPath, undefined],
    ['device', 'CharDevice', '/dev/null', undefined],
    ['missing', 'Directory', `${here}/missing`, 'is not a directory'],
    ['no-file', 'File', here, 'is not a file'],
    ['no-socket', 'Socket', `${here}/file`, 'is not a socket file'],
    ['no-block', 'BlockDevice', '/dev/null', 'is not a block device'],
  ];
  await Promise.all(
    cases.map(([name, type, path]) =>
      node.createPod({
        name,
        spec: { volumes: [{ name: 'v', hostPath: { path, type } }], containers: [shell('exec sleep 1000', mount())] },
      }),
    ),
  );
  for (const [name, , path, problem] of cases)
    if (problem === undefined) {
      await running(name);
      assert.ok(existsSync(path), path);
    } else
      assert.match(
        await event(name, /^FailedMount/),
        new RegExp(`MountVolume.SetUp failed for volume "v" : hostPath type check failed: ${path} ${problem}`),
      );
});

async function claim(name: string, source: Json): Promise<void> {
  const { volumeMode } = source;
  const path = '/api/v1/namespaces/default/persistentvolumeclaims';
  const made = await node.api.create(path, {
    kind: 'PersistentVolumeClaim',
    apiVersion: 'v1',
    metadata: { name },
    spec: {
      volumeName: name,
      volumeMode,
      storageClassName: '',
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '1Gi' } },
    },
  });
  await node.api.create('/api/v1/persistentvolumes', {
    kind: 'PersistentVolume',
    apiVersion: 'v1',
    metadata: { name },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      claimRef: { namespace: 'default', name, uid: made.metadata.uid },
      ...source,
    },
  });
  // Nobody binds claims here.
  await node.api.send('PUT', `${path}/${name}/status`, { body: { ...made, status: { phase: 'Bound' } } });
}

test('a claim keeps its data from Pod to Pod; its Pod waits until it is bound', async () => {
  mkdirSync(`${machine.directory}/data`);
  const volumes = [{ name: 'v', persistentVolumeClaim: { claimName: 'kept' } }];
  const run = (name: string, script: string) =>
    node.createPod({ name, spec: { restartPolicy: 'Never', volumes, containers: [shell(script, mount())] } });
  await run('writer', 'echo kept > /v/file');
  assert.match(await event('writer', /^FailedMount/), /failed to fetch PVC from API server/);
  await claim('kept', { hostPath: { path: `${machine.directory}/data` } });
  assert.equal((await ended('writer')).status.phase, 'Succeeded');
  await run('reader', 'grep kept /v/file');
  assert.equal((await ended('reader')).status.phase, 'Succeeded');
  await remove('writer');
  await gone('writer');
  assert.equal(readFileSync(`${machine.directory}/data/file`, 'utf8'), 'kept\n', 'the data outlives the Pod');
});

test('fsGroup owns emptyDirs and local volumes; OnRootMismatch leaves alone what fits already', async () => {
  const local = `${machine.directory}/local`;
  mkdirSync(`${local}/below`, { recursive: true });
  writeFileSync(`${local}/below/file`, '');
  await claim('local', {
    local: { path: local },
    nodeAffinity: {
      required: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['n1'] }] }],
      },
    },
  });
  const spec = (script: string, policy: string) => ({
    restartPolicy: 'Never',
    securityContext: { fsGroup: 4321, fsGroupChangePolicy: policy, runAsUser: 1000 },
    volumes: [
      { name: 'v', emptyDir: {} },
      { name: 'l', persistentVolumeClaim: { claimName: 'local' } },
    ],
    containers: [
      shell(script, {
        volumeMounts: [
          { name: 'v', mountPath: '/v' },
          { name: 'l', mountPath: '/l' },
        ],
      }),
    ],
  });
  await node.createPod({
    name: 'group',
    spec: spec('id -G; stat -c "%g %a" /v /l /l/below/file; touch /v/mine /l/mine; stat -c %g /v/mine', 'Always'),
  });
  assert.equal((await ended('group')).status.phase, 'Succeeded');
  const told = (await logs('default/group/main')).trim().split('\n');
  assert.match(told[0] ?? '', /\b4321\b/);
  assert.equal(told[1], '4321 2777');
  assert.match(told[2] ?? '', /^4321 27/);
  assert.match(told[3] ?? '', /^4321 /);
  assert.equal(told[4], '4321', 'new files have the group too');
  writeFileSync(`${local}/below/later`, '');
  chownSync(`${local}/below/later`, 0, 0);
  await node.createPod({ name: 'group-again', spec: spec('true', 'OnRootMismatch') });
  await ended('group-again');
  assert.equal(statSync(`${local}/below/later`).gid, 0, 'the root fits: nothing below is looked at');
  await node.createPod({ name: 'group-always', spec: spec('true', 'Always') });
  await ended('group-always');
  assert.equal(statSync(`${local}/below/later`).gid, 4321);
});

test('sub paths: made, expanded, files, links inside; never out of the volume', async () => {
  const root = `${machine.directory}/sub`;
  mkdirSync(`${root}/real`, { recursive: true });
  writeFileSync(`${root}/real/file`, 'inside');
  symlinkSync('real', `${root}/link`);
  symlinkSync('/etc', `${root}/evil`);
  const volumes = [{ name: 'v', hostPath: { path: root } }];
  await node.createPod({
    name: 'subs',
    spec: {
      restartPolicy: 'Never',
      volumes,
      containers: [
        shell('cat /link/file /file; echo made > /made/x; echo named > /named/x', {
          env: [{ name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
          volumeMounts: [
            { name: 'v', mountPath: '/link', subPath: 'link' },
            { name: 'v', mountPath: '/file', subPath: 'real/file' },
            { name: 'v', mountPath: '/made', subPath: 'new/deep' },
            { name: 'v', mountPath: '/named', subPathExpr: 'of-$(POD)' },
          ],
        }),
      ],
    },
  });
  await node.createPod({
    name: 'escapes',
    spec: { volumes, containers: [shell('exec sleep 1000', mount({ subPath: 'evil' }))] },
  });
  const subs = await ended('subs');
  assert.equal(subs.status.phase, 'Succeeded');
  assert.equal(await logs('default/subs/main'), 'insideinside');
  assert.equal(readFileSync(`${root}/new/deep/x`, 'utf8'), 'made\n');
  assert.equal(readFileSync(`${root}/of-subs/x`, 'utf8'), 'named\n');
  const escapes = await until(
    'escapes',
    'waits',
    ({ status }) => status.containerStatuses?.[0]?.state?.waiting?.reason === 'CreateContainerConfigError',
  );
  assert.equal(
    escapes.status.containerStatuses[0].state.waiting.message,
    'failed to prepare subPath for volumeMount "v" of container "main"',
  );
  await remove('subs');
  await gone('subs');
  assert.equal(readFileSync(`${root}/real/file`, 'utf8'), 'inside', 'taking the Pod down leaves the volume alone');
  await node.until(
    'its directory is gone',
    async () => !existsSync(`${machine.directory}/kubelet/pods/${subs.metadata.uid}`),
  );
});

test('volumes of a CSI driver: claimed, inline and raw; they outlive the agent and end with their Pods', async () => {
  const rootDirectory = `${machine.directory}/kubelet`;
  const volumes = `${machine.directory}/csi-volumes`;
  await using driver = await startCsiDriver({ rootDirectory, volumes });
  await node.api.create('/apis/storage.k8s.io/v1/csidrivers', {
    kind: 'CSIDriver',
    apiVersion: 'storage.k8s.io/v1',
    metadata: { name: driver.name },
    spec: {
      attachRequired: false,
      podInfoOnMount: true,
      fsGroupPolicy: 'File',
      volumeLifecycleModes: ['Persistent', 'Ephemeral'],
    },
  });
  const csi = (volumeHandle: string) => ({ csi: { driver: driver.name, volumeHandle } });
  await claim('disk', csi('disk-1'));
  await claim('raw', { ...csi('raw-1'), volumeMode: 'Block' });
  await node.createPod({
    name: 'driven',
    spec: {
      securityContext: { fsGroup: 4321 },
      volumes: [
        { name: 'disk', persistentVolumeClaim: { claimName: 'disk' } },
        { name: 'inline', csi: { driver: driver.name } },
        { name: 'raw', persistentVolumeClaim: { claimName: 'raw' } },
      ],
      containers: [
        shell('echo kept > /disk/file; stat -c %g /disk /disk/file; test -c /dev/raw && echo raw; exec sleep 1000', {
          volumeMounts: [
            { name: 'disk', mountPath: '/disk' },
            { name: 'inline', mountPath: '/inline', readOnly: true },
          ],
          volumeDevices: [{ name: 'raw', devicePath: '/dev/raw' }],
        }),
      ],
    },
  });
  const pod = await running('driven');
  assert.equal(await logs('default/driven/main'), '4321\n4321\nraw\n');
  assert.equal(readFileSync(`${volumes}/disk-1/file`, 'utf8'), 'kept\n');
  const target = `${rootDirectory}/pods/${pod.metadata.uid}/volumes/kubernetes.io~csi/disk/mount`;
  await node.restart({}, async () => assert.ok(existsSync(`${target}/file`), 'it stays while the agent is away'));
  await node.until('it is published again', async () => driver.count('NodePublishVolume') >= 6);
  assert.equal((await node.pod('driven')).status.containerStatuses[0].restartCount, 0);
  assert.ok(existsSync(`${target}/file`));
  await remove('driven');
  await gone('driven');
  assert.equal(driver.count('NodeUnpublishVolume'), 3);
  await node.until('both are unstaged', async () => driver.count('NodeUnstageVolume') === 2);
  assert.equal(existsSync(target), false);
  assert.equal(readFileSync(`${volumes}/disk-1/file`, 'utf8'), 'kept\n', 'what is in it is its own');
});

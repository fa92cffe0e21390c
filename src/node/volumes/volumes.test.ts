// Rules of local volumes that need no mount: sizes, modes, owners, words.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import type { Pod, Volume } from '#api/generated/types.ts';
import { systemClock } from '#base/clock.ts';
import { seededRandom } from '#base/random.ts';
import { linuxNodeMachine } from '#host/node-machine.ts';
import { writeAtomically } from './atomic-writer.ts';
import { memoryVolumeBytes } from './memory-size.ts';
import { type PayloadSources, volumePayload } from './payloads.ts';
import { PodVolumes, type VolumeSources } from './volumes.ts';

const pod = (memory: string | undefined, uid?: number): Pod => ({
  metadata: { name: 'p', namespace: 'n', uid: 'u' },
  spec: {
    containers: [
      {
        name: 'c',
        securityContext: { runAsUser: uid },
        resources: memory === undefined ? {} : { limits: { memory }, requests: { memory } },
      },
    ],
  },
});

test('a volume in memory is as large as its Pod may be at most, and no larger than the node has for Pods', () => {
  const megabytes = (count: number) => count * 1024 ** 2;
  assert.equal(memoryVolumeBytes(pod('64Mi'), { sizeLimit: '10Mi' }, megabytes(1000)), megabytes(10));
  assert.equal(memoryVolumeBytes(pod('64Mi'), { sizeLimit: '100Mi' }, megabytes(1000)), megabytes(64));
  assert.equal(memoryVolumeBytes(pod('64Mi'), {}, megabytes(1000)), megabytes(64));
  assert.equal(memoryVolumeBytes(pod(undefined), { sizeLimit: '0' }, megabytes(1000)), megabytes(1000));
  assert.equal(memoryVolumeBytes(pod('64Gi'), { sizeLimit: '32Gi' }, megabytes(1000)), megabytes(1000));
  assert.equal(memoryVolumeBytes(pod(undefined), {}, undefined), undefined);
});

test('files of a volume may be read by the group of the Pod, and written by nobody else', async (t) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'volumes-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const machine = linuxNodeMachine();
  const owners: string[] = [];
  const told = {
    ...machine,
    async changeOwner(file: string, uid: number, gid: number) {
      owners.push(`${path.basename(file)} ${uid}:${gid}`);
    },
  };
  const content = Buffer.from('x');
  const payload = new Map([
    ['token', { content, mode: 0o600, uid: 1000 }],
    ['key', { content, mode: 0o400 }],
    ['below/text', { content, mode: 0o644 }],
  ]);
  await writeAtomically(told, directory, payload, '1', 2000);
  const mode = async (name: string) => (await machine.status(path.join(directory, name)))!.mode.toString(8);
  assert.deepEqual(await Promise.all(['token', 'key', 'below/text', 'below', ''].map(mode)), [
    '640',
    '440',
    '644',
    '2755',
    '2777',
  ]);
  assert.deepEqual(
    owners.toSorted(),
    [
      '..1 0:2000',
      'below 0:2000',
      'key 0:2000',
      `${path.basename(directory)} 0:2000`,
      'text 0:2000',
      'token 1000:2000',
    ].toSorted(),
  );
});

test('keys that a ConfigMap or a Secret does not have are named in upstream’s words, unless they are optional', async () => {
  const sources: PayloadSources = {
    configMap: async () => ({ metadata: {}, data: { a: '1' } }),
    secret: async () => ({ metadata: {}, data: { a: 'MQ==' } }),
    token: async () => '',
    podIps: [],
    hostIps: [],
    allocatable: {},
  };
  const of = (volume: Omit<Volume, 'name'>) => volumePayload(pod(undefined), { name: 'v', ...volume }, sources);
  const items = [{ key: 'b', path: 'b' }];
  await assert.rejects(of({ configMap: { name: 'm', items } }), {
    message: 'configmap references non-existent config key: b',
  });
  await assert.rejects(of({ secret: { secretName: 's', items } }), {
    message: 'references non-existent secret key: b',
  });
  assert.equal((await of({ configMap: { name: 'm', items, optional: true } }))?.size, 0);
  assert.equal((await of({ secret: { secretName: 's', items, optional: true } }))?.size, 0);
});

test('a local volume is a folder, or a device for Pods that take it as one', async (t) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'volumes-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const file = path.join(directory, 'file');
  writeFileSync(file, '');
  const real = linuxNodeMachine();
  const machine: typeof real = {
    ...real,
    async status(one, follow) {
      const status = await real.status(one === '/dev/sdx' ? directory : one, follow);
      return one === '/dev/sdx' && status !== undefined ? { ...status, type: 'block-device' } : status;
    },
  };
  const volumes = new PodVolumes({ machine, clock: systemClock, random: seededRandom(1), rootDirectory: directory });
  const setUp = async (local: string, volumeMode: string) => {
    const sources: VolumeSources = {
      configMap: async () => undefined,
      secret: async () => undefined,
      token: async () => '',
      podIps: [],
      hostIps: [],
      allocatable: {},
      claim: async () => ({
        metadata: { name: 'c', uid: 'claim' },
        spec: { volumeName: 'pv' },
        status: { phase: 'Bound' },
      }),
      persistentVolume: async () => ({
        metadata: { name: 'pv' },
        spec: { volumeMode, claimRef: { uid: 'claim' }, local: { path: local } },
      }),
    };
    const { metadata } = pod(undefined);
    const spec = { containers: [], volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] };
    const { mounted, failures } = await volumes.setUp({ metadata, spec }, sources);
    return mounted.get('v') ?? failures[0]?.message ?? '';
  };
  const failed = 'MountVolume.SetUp failed for volume "pv" : ';
  assert.deepEqual(await setUp(directory, 'Filesystem'), { path: directory, readOnly: false });
  assert.deepEqual(await setUp('/dev/sdx', 'Block'), { path: '', device: '/dev/sdx', readOnly: false });
  assert.equal(await setUp(file, 'Filesystem'), `${failed}only directory and block device are supported`);
  const why = '/dev/sdx is a block device: mount it, and name the folder where it is mounted in the PersistentVolume';
  assert.equal(await setUp('/dev/sdx', 'Filesystem'), `${failed}${why}`);
  assert.equal(await setUp('/nowhere', 'Filesystem'), `${failed}path /nowhere does not exist`);
});

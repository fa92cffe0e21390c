// PersistentVolumeClaims on the default StorageClass: late binding, data that outlives Pods, cleaning up.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { shared } from './shared-machine.ts';

const namespace = 'kept';
const kubectl = (...argument: readonly string[]): Promise<string> =>
  shared().cluster.kubectl('-n', namespace, ...argument);
const claim = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'data', namespace },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '16Mi' } } },
};
const pod = (name: string, command: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace },
  spec: {
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        name: 'main',
        image: 'localhost/microshift/busybox:1',
        command: ['sh', '-c', command],
        volumeMounts: [{ name: 'data', mountPath: '/data' }],
      },
    ],
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
  },
});

describe('storage', () => {
  before(() => shared().cluster.kubectl('create', 'namespace', namespace));
  after(() => shared().cluster.kubectl('delete', 'namespace', namespace, '--wait=false'));

  test('one StorageClass is the default; a claim waits for the first Pod that uses it', async () => {
    const { cluster } = shared();
    const classes = await kubectl('get', 'storageclass');
    assert.match(
      classes,
      /kubevirt-hostpath-provisioner \(default\)\s+kubevirt\.io\/hostpath-provisioner\s+Delete\s+WaitForFirstConsumer/,
    );
    await cluster.applyText(JSON.stringify(claim));
    await cluster.eventually('the reason', 10, async () =>
      /WaitForFirstConsumer/.test(await kubectl('describe', 'pvc', 'data')) ? true : undefined,
    );
    await cluster.applyText(JSON.stringify(pod('writer', 'echo kept > /data/file')));
    await kubectl('wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/writer', '--timeout=30s');
    assert.equal(await kubectl('get', 'pvc', 'data', '-o', 'jsonpath={.status.phase}'), 'Bound');
  });

  test('another Pod finds the data; a claim in use is protected', async () => {
    const { cluster } = shared();
    await kubectl('delete', 'pod', 'writer');
    await cluster.applyText(JSON.stringify(pod('reader', 'cat /data/file; exec sleep 3600')));
    await kubectl('wait', '--for=condition=Ready', 'pod/reader', '--timeout=30s');
    assert.equal(await kubectl('logs', 'reader'), 'kept\n');
    await kubectl('delete', 'pvc', 'data', '--wait=false');
    assert.match(await kubectl('get', 'pvc', 'data'), /Terminating/);
  });

  test('when the last Pod goes, claim, volume and directory go', async () => {
    const { cluster, machine } = shared();
    const volume = await kubectl('get', 'pvc', 'data', '-o', 'jsonpath={.spec.volumeName}');
    const directory = await kubectl('get', 'pv', volume, '-o', 'jsonpath={.spec.hostPath.path}');
    assert.equal((await machine.run(['cat', `${directory}/file`])).stdout, 'kept\n');
    await kubectl('delete', 'pod', 'reader');
    await kubectl('wait', '--for=delete', 'pvc/data', '--timeout=30s');
    await kubectl('wait', '--for=delete', `pv/${volume}`, '--timeout=30s');
    await cluster.eventually('the directory is gone', 10, async () =>
      (await machine.run(['test', '-e', directory])).code === 0 ? undefined : true,
    );
  });
});

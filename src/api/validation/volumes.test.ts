import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PersistentVolume, Volume } from '../generated/types.ts';
import { persistentVolume } from '../kinds/core/persistent-volume.ts';
import { volumeErrors } from './volumes.ts';

const fieldsOf = (source: object): string[] =>
  volumeErrors('volumes', [{ name: 'v', ...source } as Volume], undefined).errors.map((one) => one.field);

test('sources without rules of their own obey the schema, and nothing is said twice', () => {
  assert.deepEqual(fieldsOf({ iscsi: { lun: 0 } }), ['volumes[0].iscsi.targetPortal', 'volumes[0].iscsi.iqn']);
  assert.deepEqual(fieldsOf({ flexVolume: {} }), ['volumes[0].flexVolume.driver']);
  assert.deepEqual(fieldsOf({ flexVolume: { driver: 'a/b' } }), []);
  assert.deepEqual(fieldsOf({ gitRepo: {} }), ['volumes[0].gitRepo.repository']);
  assert.deepEqual(fieldsOf({ csi: {} }), ['volumes[0].csi.driver']);
});

test('the same holds for persistent volumes', () => {
  const fields = (source: object): string[] =>
    persistentVolume.validate!({
      metadata: { name: 'v' },
      spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], ...source },
    } as PersistentVolume).map((one) => one.field);
  assert.deepEqual(fields({ awsElasticBlockStore: {} }), ['spec.awsElasticBlockStore.volumeID']);
  assert.deepEqual(fields({ hostPath: {} }), ['spec.hostPath.path']);
  assert.deepEqual(fields({ csi: {} }), ['spec.csi.driver', 'spec.csi.volumeHandle']);
});

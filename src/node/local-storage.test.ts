import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '#api/generated/types.ts';
import { hasStorageLimit, storageEviction } from './local-storage.ts';

const pod = (sizeLimit: string | undefined, limits: readonly (string | undefined)[], priority = 0): Pod => ({
  metadata: { name: 'p' },
  spec: {
    priority,
    volumes: [{ name: 'v', emptyDir: { sizeLimit } }],
    containers: limits.map((limit, index) => ({
      name: `c${index}`,
      resources: limit === undefined ? {} : { limits: { 'ephemeral-storage': limit } },
    })),
  },
});
const use = (volume: number, ...containers: number[]) => ({
  volumes: new Map([['v', volume]]),
  containers: new Map(containers.map((bytes, index) => [`c${index}`, bytes])),
});

test('only Pods with a limit are measured', () => {
  assert.equal(hasStorageLimit(pod(undefined, [undefined])), false);
  assert.equal(hasStorageLimit(pod('0', [undefined])), false);
  assert.equal(hasStorageLimit(pod('1Mi', [undefined])), true);
  assert.equal(hasStorageLimit(pod(undefined, ['1Mi'])), true);
});

test('a volume, a container, or the Pod in all may use too much', () => {
  assert.equal(storageEviction(pod('1Ki', [undefined]), use(1024)), undefined);
  assert.equal(
    storageEviction(pod('1Ki', [undefined]), use(1025)),
    'Usage of EmptyDir volume "v" exceeds the limit "1Ki". ',
  );
  assert.equal(
    storageEviction(pod(undefined, ['5Ki', undefined]), use(5000, 100, 5000)),
    'Pod ephemeral local storage usage exceeds the total limit of containers 5Ki. ',
  );
  assert.equal(
    storageEviction(pod(undefined, ['1Ki', '5Ki']), use(0, 1025)),
    'Container c0 exceeded its local ephemeral storage limit "1Ki". ',
  );
  assert.match(
    storageEviction(pod(undefined, ['1Ki', '1Ki']), use(1000, 1000, 100)) ?? '',
    /^Pod ephemeral local storage usage exceeds the total limit of containers/,
  );
  assert.equal(storageEviction(pod('1Ki', [undefined], 2_000_000_000), use(5000)), undefined);
});

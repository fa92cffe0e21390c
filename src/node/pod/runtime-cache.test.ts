// What the runtime has of a Pod, newest first, whatever the clock said when it was made.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerRuntime } from '../cri/runtime.ts';
import { RuntimeCache } from './runtime-cache.ts';
import { containerNameLabel, newestContainer } from './runtime-status.ts';

/** A runtime with two containers of one name and two sandboxes; the clock was put back before the second of each was made. */
const runtime = (): ContainerRuntime => {
  const container = (id: string, attempt: number, createdAt: number) => ({
    id,
    podSandboxId: 'sandbox-0',
    metadata: { name: 'main', attempt },
    labels: { [containerNameLabel]: 'main' },
    annotations: {},
    state: attempt,
    createdAt,
    startedAt: createdAt,
    finishedAt: 0,
    image: { image: 'i' },
  });
  const sandbox = (id: string, attempt: number, createdAt: number) => ({
    id,
    metadata: { name: 'p', uid: 'u', namespace: 'n', attempt },
    state: 0,
    createdAt,
    network: null,
  });
  const containers = [container('first', 0, 2e15), container('second', 1, 1e15)];
  const sandboxes = [sandbox('sandbox-0', 0, 2e15), sandbox('sandbox-1', 1, 1e15)];
  const part = {
    listContainers: async () => containers,
    listPodSandboxes: async () => sandboxes,
    containerStatus: async (id: string) => containers.find((one) => one.id === id),
    podSandboxStatus: async (id: string) => sandboxes.find((one) => one.id === id),
  };
  return part as unknown as ContainerRuntime;
};

test('after the clock was put back, the container that was started last is still the newest', async () => {
  const cache = new RuntimeCache(runtime());
  cache.invalidate('u');
  const seen = await cache.read('u');
  assert.equal(newestContainer(seen, 'main')?.id, 'second');
  assert.deepEqual(
    seen.sandboxes.map((one) => one.id),
    ['sandbox-1', 'sandbox-0'],
  );
});

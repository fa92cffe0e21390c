import assert from 'node:assert/strict';
import { test } from 'node:test';
import { processesOf } from './container-leftovers.ts';

test('the shims of one containerd are found with all that runs below them, and nothing else', () => {
  const shim = (address: string) => ['/usr/bin/containerd-shim-runc-v2', '-namespace', 'k8s.io', '-address', address];
  const all = [
    { pid: 1, parent: 0, args: ['init'] },
    { pid: 10, parent: 1, args: shim('/run/microshift/containerd/containerd.sock') },
    { pid: 11, parent: 10, args: ['sh'] },
    { pid: 12, parent: 11, args: ['sleep', '9'] },
    { pid: 20, parent: 1, args: shim('/run/containerd/containerd.sock') },
    { pid: 21, parent: 20, args: ['sleep', '9'] },
    { pid: 13, parent: 1, args: ['ctr', '--address', '/run/microshift/containerd/containerd.sock'] },
    { pid: 30, parent: 1, args: ['vi', '-address', '/run/microshift/containerd/containerd.sock'] },
  ];
  assert.deepEqual(processesOf(all, '/run/microshift'), [10, 13, 11, 12]);
});

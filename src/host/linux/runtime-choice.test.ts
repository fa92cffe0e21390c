import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideRuntime, parseRuntimeChoice, renderRuntimeChoice } from './runtime-choice.ts';

const [crio, containerd] = ['/run/crio/crio.sock', '/run/containerd/containerd.sock'];

test('the first start takes what the host runs, else a private runtime', () => {
  assert.deepEqual(decideRuntime('', undefined, [crio, containerd]), { use: 'host', socketPath: crio });
  assert.deepEqual(decideRuntime('', undefined, []), { use: 'private' });
});

test('later starts stay with the choice, whatever appears or is not there yet', () => {
  assert.deepEqual(decideRuntime('', { kind: 'private' }, [containerd]), { use: 'private' });
  const host = { kind: 'host', socketPath: containerd } as const;
  assert.deepEqual(decideRuntime('', host, [crio, containerd]), { use: 'host', socketPath: containerd });
  assert.deepEqual(decideRuntime('', host, [crio]), { use: 'wait', socketPath: containerd });
});

test('the configuration changes the choice', () => {
  assert.deepEqual(decideRuntime(crio, { kind: 'private' }, [crio]), { use: 'host', socketPath: crio });
  assert.deepEqual(decideRuntime(crio, undefined, [containerd]), { use: 'wait', socketPath: crio });
});

test('a choice is read as it was written; a broken file is none', () => {
  assert.deepEqual(parseRuntimeChoice(renderRuntimeChoice({ use: 'private' })), { kind: 'private' });
  assert.deepEqual(parseRuntimeChoice(renderRuntimeChoice({ use: 'host', socketPath: crio })), {
    kind: 'host',
    socketPath: crio,
  });
  for (const broken of [undefined, '', '{', '{"kind":"host"}', '[]'])
    assert.equal(parseRuntimeChoice(broken), undefined);
});

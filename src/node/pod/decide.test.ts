import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, Pod } from '#api/generated/types.ts';
import { decide, type PodActions } from './decide.ts';
import { containerHash, type PodRuntimeStatus, type RuntimeContainer } from './runtime-status.ts';

const container = (name: string, more: Partial<Container> = {}): Container => ({ name, image: 'i:1', ...more });
const pod = (spec: Partial<Pod['spec']> = {}): Pod => ({
  metadata: { name: 'p', namespace: 'n', uid: 'u' },
  spec: { containers: [container('main')], restartPolicy: 'Always', ...spec },
});
const sandbox = { id: 's', ready: true, attempt: 0, createdAtMs: 1, ips: ['10.0.0.1'] };
const ran = (
  name: string,
  state: RuntimeContainer['state'],
  exitCode = 0,
  more: Partial<RuntimeContainer> = {},
): RuntimeContainer => ({
  id: `${name}-id`,
  sandboxId: 's',
  name,
  state,
  createdAtMs: 1,
  startedAtMs: 1,
  finishedAtMs: 2,
  exitCode,
  reason: '',
  message: '',
  image: 'i:1',
  imageRef: '',
  restartCount: 0,
  hash: '',
  logPath: '',
  terminationMessagePath: '',
  terminationMessagePolicy: '',
  graceSeconds: 30,
  ...more,
});
const quiet = { started: () => true, livenessFailed: () => false, startupFailed: () => false };
const run = (
  one: Pod,
  containers: RuntimeContainer[],
  options: { terminating?: boolean; sandboxes?: PodRuntimeStatus['sandboxes']; probes?: Partial<typeof quiet> } = {},
): PodActions =>
  decide({
    pod: one,
    runtime: { sandboxes: options.sandboxes ?? [sandbox], containers },
    terminating: options.terminating ?? false,
    probes: { ...quiet, ...options.probes },
  });
const started = (actions: PodActions) =>
  actions.type === 'containers' ? actions.start.map((one) => one.name) : actions.type;
const killed = (actions: PodActions) => (actions.type === 'containers' ? actions.kill.map((one) => one.message) : []);

test('a new Pod gets a sandbox, then its containers', () => {
  assert.deepEqual(run(pod(), [], { sandboxes: [] }), { type: 'create-sandbox', attempt: 0 });
  assert.deepEqual(started(run(pod({ containers: [container('a'), container('b')] }), [])), ['a', 'b']);
  assert.deepEqual(run(pod(), [ran('main', 'running')]), { type: 'nothing' });
});

test('a lost sandbox is replaced with the next attempt, but not for a Pod that is done', () => {
  const lost = [{ ...sandbox, ready: false }];
  assert.deepEqual(run(pod(), [ran('main', 'exited', 137)], { sandboxes: lost }), {
    type: 'create-sandbox',
    attempt: 1,
  });
  assert.deepEqual(run(pod(), [ran('main', 'running')], { sandboxes: lost }), { type: 'stop-pod', recreate: true });
  assert.deepEqual(run(pod({ restartPolicy: 'Never' }), [ran('main', 'exited')], { sandboxes: lost }), {
    type: 'nothing',
  });
});

test('the restart policy and its rules say whether a container runs again', () => {
  const after = (restartPolicy: string, exitCode: number, more: Partial<Container> = {}) =>
    started(run(pod({ restartPolicy, containers: [container('main', more)] }), [ran('main', 'exited', exitCode)]));
  assert.deepEqual(after('Always', 0), ['main']);
  assert.deepEqual(after('OnFailure', 1), ['main']);
  assert.equal(after('OnFailure', 0), 'stop-pod');
  assert.equal(after('Never', 1), 'stop-pod');
  const rules = {
    restartPolicy: 'Never',
    restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }],
  };
  assert.deepEqual(after('Never', 42, rules), ['main']);
  assert.equal(after('Never', 41, rules), 'stop-pod');
});

test('an init container or sidecar that was made and never started is started, not stopped without end', () => {
  for (const one of [container('init'), { ...container('init'), restartPolicy: 'Always' }]) {
    const actions = run(pod({ initContainers: [one] }), [ran('init', 'created')]);
    assert.deepEqual([started(actions), killed(actions)], [['init'], []]);
  }
});

test('init containers run one after the other; a failed one ends a Pod that never restarts', () => {
  const one = (restartPolicy: string) => pod({ restartPolicy, initContainers: [container('i1'), container('i2')] });
  assert.deepEqual(started(run(one('Always'), [])), ['i1']);
  assert.equal(run(one('Always'), [ran('i1', 'running')]).type, 'nothing');
  assert.deepEqual(started(run(one('Always'), [ran('i1', 'exited', 0)])), ['i2']);
  assert.deepEqual(started(run(one('Always'), [ran('i1', 'exited', 1)])), ['i1']);
  assert.deepEqual(started(run(one('Always'), [ran('i2', 'exited', 0), ran('i1', 'exited', 0)])), ['main']);
  assert.deepEqual(run(one('Never'), [ran('i1', 'exited', 1)]), { type: 'stop-pod', recreate: false });
});

test('a sidecar must have started before what follows, and is kept up beside it', () => {
  const one = pod({ initContainers: [container('side', { restartPolicy: 'Always' })] });
  assert.deepEqual(started(run(one, [])), ['side']);
  assert.equal(run(one, [ran('side', 'running')], { probes: { started: () => false } }).type, 'nothing');
  assert.deepEqual(started(run(one, [ran('side', 'running')])), ['main']);
  assert.deepEqual(started(run(one, [ran('main', 'running'), ran('side', 'exited', 1)])), ['side']);
});

test('failed probes and a changed image kill with upstream’s texts', () => {
  const running = [ran('main', 'running')];
  assert.deepEqual(killed(run(pod(), running, { probes: { livenessFailed: () => true } })), [
    'Container main failed liveness probe, will be restarted',
  ]);
  assert.deepEqual(killed(run(pod({ restartPolicy: 'Never' }), running, { probes: { startupFailed: () => true } })), [
    'Container main failed startup probe',
  ]);
  const changed = [ran('main', 'running', 0, { hash: containerHash(container('main', { image: 'other' })) })];
  assert.deepEqual(killed(run(pod(), changed)), ['Container main definition changed, will be restarted']);
});

test('a terminating Pod is stopped until nothing is left', () => {
  const end = { terminating: true };
  assert.equal(run(pod(), [ran('main', 'running')], end).type, 'stop-pod');
  assert.equal(run(pod(), [ran('main', 'exited')], end).type, 'stop-pod');
  assert.equal(
    run(pod(), [ran('main', 'exited')], { ...end, sandboxes: [{ ...sandbox, ready: false }] }).type,
    'nothing',
  );
});

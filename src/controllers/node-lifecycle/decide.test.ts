import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node, Pod } from '#api/generated/types.ts';
import { allAreDown, decide as decideOn, graceMs, isOfOtherMode, type NodeSnapshot } from './decide.ts';

const decide = (given: Omit<NodeSnapshot, 'allAreDown'> & { allAreDown?: boolean }, at: number) =>
  decideOn({ allAreDown: false, ...given }, at);
const now = Date.parse('2026-01-02T03:04:05Z');
const node = (conditions: Readonly<Record<string, string>>, spec: Node['spec'] = {}): Node => ({
  metadata: { name: 'n', uid: 'n' },
  spec,
  status: { conditions: Object.entries(conditions).map(([type, status]) => ({ type, status })) },
});
const taints = (one: Node): string[] | undefined => {
  const action = decide({ node: one, pods: [], silentForMs: 0 }, now).actions.find(
    (each) => each.verb === 'update' && each.subresource === undefined,
  );
  if (action?.verb !== 'update') return undefined;
  return (action.object as Node).spec!.taints!.map(
    (each) => `${each.key.replace('node.kubernetes.io/', '')}:${each.effect}`,
  );
};

test('conditions become taints, and taints of others stay', () => {
  assert.equal(taints(node({ Ready: 'True' })), undefined);
  assert.deepEqual(taints(node({ Ready: 'False' })), ['not-ready:NoSchedule', 'not-ready:NoExecute']);
  assert.deepEqual(taints(node({ Ready: 'Unknown' })), ['unreachable:NoSchedule', 'unreachable:NoExecute']);
  assert.deepEqual(taints(node({ Ready: 'True', DiskPressure: 'True' }, { unschedulable: true })), [
    'disk-pressure:NoSchedule',
    'unschedulable:NoSchedule',
  ]);
  const mine = { key: 'example.org/mine', effect: 'NoExecute' };
  const stale = { key: 'node.kubernetes.io/not-ready', effect: 'NoExecute' };
  assert.deepEqual(taints(node({ Ready: 'True' }, { taints: [mine, stale] })), ['example.org/mine:NoExecute']);
});

test('a node that has not reported yet is left alone for a while', () => {
  const young = node({}, { taints: [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }] });
  assert.deepEqual(decide({ node: young, pods: [], silentForMs: 0 }, now), {
    actions: [],
    events: [],
    wakeAfterMs: 60_000,
  });
  const { actions } = decide({ node: young, pods: [], silentForMs: 60_000 }, now);
  assert.ok(actions[0]?.verb === 'update' && actions[0].subresource === 'status');
  const [ready] = (actions[0].object as Node).status!.conditions!;
  assert.deepEqual([ready!.type, ready!.status, ready!.reason], ['Ready', 'Unknown', 'NodeStatusNeverUpdated']);
});

test('silence: every monitored condition is Unknown, the event names the node, ready Pods are not ready any more', () => {
  const pod: Pod = {
    metadata: { name: 'p', namespace: 'default', uid: 'p' },
    spec: { containers: [] },
    status: { conditions: [{ type: 'Ready', status: 'True' }] },
  };
  const silent = {
    node: node({ Ready: 'True', MemoryPressure: 'False', DiskPressure: 'False', PIDPressure: 'False' }),
    pods: [pod],
  };
  assert.deepEqual(decide({ ...silent, silentForMs: graceMs - 1 }, now).actions, []);
  const { actions, events } = decide({ ...silent, silentForMs: graceMs }, now);
  assert.ok(actions[0]?.verb === 'update');
  assert.deepEqual(
    (actions[0].object as Node).status!.conditions!.map((one) => one.status),
    ['Unknown', 'Unknown', 'Unknown', 'Unknown'],
  );
  assert.equal(actions[1]?.verb, 'patch');
  assert.deepEqual(
    events?.map((one) => one.message),
    ['Node n status is now: NodeNotReady', 'Node is not ready'],
  );
});

test('when no node is ready nobody is evicted: the taints that would go, and come back with the first that is', () => {
  const down = node({ Ready: 'Unknown' }, { taints: [{ key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' }] });
  const excluded = {
    ...node({ Ready: 'True' }),
    metadata: { name: 'x', labels: { 'node.kubernetes.io/exclude-disruption': '' } },
  };
  assert.equal(allAreDown([]), false);
  assert.equal(allAreDown([down, node({})]), true);
  assert.equal(allAreDown([down, node({ Ready: 'True' })]), false);
  assert.equal(allAreDown([down, excluded]), true);
  const [action] = decide({ node: down, pods: [], silentForMs: 0, allAreDown: true }, now).actions;
  assert.ok(action?.verb === 'update');
  assert.deepEqual(
    (action.object as Node).spec?.taints?.map((one) => `${one.key} ${one.effect}`),
    ['node.kubernetes.io/unreachable NoSchedule'],
  );
  const spared = action.object as Node;
  assert.deepEqual([isOfOtherMode(down, true), isOfOtherMode(spared, true)], [true, false]);
  assert.deepEqual([isOfOtherMode(down, false), isOfOtherMode(spared, false)], [false, true]);
  assert.equal(isOfOtherMode(node({ Ready: 'True' }), false), false);
});

test('a node that has to wait gets the taint that keeps Pods away, and the one that drives them out when it may', () => {
  const down = node({ Ready: 'Unknown' });
  const wait = decide({ node: down, pods: [], silentForMs: 0, evictionInMs: 4000 }, now);
  assert.equal(wait.wakeAfterMs, 4000);
  const keysOf = ({ actions: [action] }: typeof wait) => {
    assert.ok(action?.verb === 'update');
    return (action.object as Node).spec?.taints?.map((one) => `${one.key} ${one.effect}`);
  };
  assert.deepEqual(keysOf(wait), ['node.kubernetes.io/unreachable NoSchedule']);
  const may = decide({ node: down, pods: [], silentForMs: 0, evictionInMs: 0 }, now);
  assert.deepEqual(keysOf(may), [
    'node.kubernetes.io/unreachable NoSchedule',
    'node.kubernetes.io/unreachable NoExecute',
  ]);
  // Evicted already: from silent to unwell nothing waits.
  const other = node({ Ready: 'False' }, { taints: [{ key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' }] });
  assert.deepEqual(keysOf(decide({ node: other, pods: [], silentForMs: 0 }, now)), [
    'node.kubernetes.io/not-ready NoSchedule',
    'node.kubernetes.io/not-ready NoExecute',
  ]);
});

test('who comes and who goes is told', () => {
  const come = decide({ node: node({ Ready: 'True' }), pods: [], silentForMs: 0, isNew: true }, now);
  const gone = decideOn({ gone: { name: 'n', uid: 'u' } }, now);
  assert.deepEqual(
    [...come.events!, ...gone.events!].map(({ reason, message, about }) => [reason, message, about.metadata.uid]),
    [
      ['RegisteredNode', 'Registered Node n in Controller', 'n'],
      ['RemovingNode', 'Removing Node n from Controller', 'u'],
    ],
  );
});

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { loadCel } from '#api/cel/cel.ts';
import type { Device, DeviceClaim, Node, ResourceClaimResourceV1 } from '#api/generated/types.ts';
import { result, slice, testDevices, testDriver, type TestDevices } from '#kit/devices.ts';
import { NodeInfo } from '../../node-info.ts';
import { allocate } from './allocate.ts';
import { allocationResult } from './allocation-result.ts';

before(() => loadCel());

const node = (name = 'n1', labels: Record<string, string> = {}) =>
  new NodeInfo({ metadata: { name, labels }, spec: {}, status: { allocatable: {} } } as Node);
const claim = (devices: DeviceClaim, name = 'c'): ResourceClaimResourceV1 => ({
  metadata: { name, namespace: 'default', uid: name },
  spec: { devices },
});
const exactly = (more: object = {}, name = 'r') => ({ name, exactly: { deviceClassName: 'gpu', ...more } });
const asks = (more: object = {}) => claim({ requests: [exactly(more)] });
const cel = (expression: string) => ({ selectors: [{ cel: { expression } }] });

/** `request:device` of each claim; undefined: none can be had. */
function given(
  claims: ResourceClaimResourceV1 | readonly ResourceClaimResourceV1[],
  devices: TestDevices,
  on = node(),
) {
  const all = Array.isArray(claims)
    ? (claims as readonly ResourceClaimResourceV1[])
    : [claims as ResourceClaimResourceV1];
  let shares = 0;
  const budget = { steps: 1_000_000 };
  return allocate(on, all, testDevices(devices), budget)?.map((one) => {
    const { devices: written } = allocationResult(one, on.name, () => `share-${shares++}`);
    return (written?.results ?? []).map(({ request, device }) => `${request}:${device}`).join(' ');
  });
}

test('takes the first devices that nobody has', () => {
  const slices = [slice(['a', 'b', 'c'])];
  assert.deepEqual(given(asks(), { slices }), ['r:a']);
  assert.deepEqual(given(asks(), { slices, allocations: [result('a')] }), ['r:b']);
  assert.deepEqual(given(asks({ count: 2 }), { slices, allocations: [result('b')] }), ['r:a r:c']);
  assert.equal(given(asks({ count: 3 }), { slices, allocations: [result('b')] }), undefined);
  assert.deepEqual(given([asks(), asks({ count: 2 })], { slices }), ['r:a', 'r:b r:c']);
  assert.equal(given([asks({ count: 2 }), asks({ count: 2 })], { slices }), undefined);
  assert.equal(given(asks(), { slices }, node('n2')), undefined, 'they are those of another node');
});

test('expressions of class and request choose devices', () => {
  const slices = [
    slice([
      {
        name: 'a',
        attributes: { model: { string: 'old' }, version: { version: '1.2.3' } },
        capacity: { memory: { value: '8Gi' } },
      },
      {
        name: 'b',
        attributes: { model: { string: 'new' }, 'other.org/fast': { bool: true } },
        capacity: { memory: { value: '16Gi' } },
      },
    ]),
  ];
  const of = (expression: string) => given(asks(cel(expression)), { slices });
  assert.deepEqual(of(`device.attributes["${testDriver}"].model == "new"`), ['r:b']);
  assert.deepEqual(of(`device.capacity["${testDriver}"].memory.compareTo(quantity("10Gi")) >= 0`), ['r:b']);
  assert.deepEqual(of('has(device.attributes["other.org"].fast) && device.attributes["other.org"].fast'), ['r:b']);
  assert.deepEqual(of('"other.org" in device.attributes'), ['r:b']);
  assert.deepEqual(of(`device.driver == "${testDriver}" && !device.allowMultipleAllocations`), ['r:a']);
  assert.equal(of('device.driver.matches("^cpu")'), undefined);
  const classes = [
    {
      metadata: { name: 'gpu' },
      spec: { selectors: [{ cel: { expression: `device.attributes["${testDriver}"].model == "new"` } }] },
    },
  ];
  assert.deepEqual(given(asks(), { slices, classes }), ['r:b']);
  const semver = `device.attributes["${testDriver}"].version.isGreaterThan(semver("1.0.0"))`;
  assert.deepEqual(of(`has(device.attributes["${testDriver}"].version) && ${semver}`), ['r:a']);
  assert.throws(() => given(asks(cel(`device.attributes["${testDriver}"].nothing == "x"`)), { slices }), {
    message: 'claim default/c: selector #0: CEL runtime error: no such key: nothing',
  });
});

test('all devices or none', () => {
  const slices = [slice(['a', 'b'])];
  const all = asks({ allocationMode: 'All' });
  assert.deepEqual(given(all, { slices }), ['r:a r:b']);
  assert.equal(given(all, { slices, allocations: [result('b')] }), undefined);
  assert.equal(given(all, { slices: [] }), undefined, 'at least one');
  const half = [slice(['a'], { pool: { name: 'pool', generation: 1, resourceSliceCount: 2 } })];
  assert.throws(
    () => given(all, { slices: half }),
    /asks for all devices, but resource pool .* is currently being updated/,
  );
});

test('only the newest generation of a pool counts, and only when it is whole', () => {
  const of = (generation: number, count: number) => ({ pool: { name: 'pool', generation, resourceSliceCount: count } });
  assert.equal(given(asks(), { slices: [slice(['a'], of(1, 2))] }), undefined);
  assert.deepEqual(given(asks(), { slices: [slice(['a'], of(1, 1)), slice(['b'], of(2, 1))] }), ['r:b']);
  assert.equal(given(asks(), { slices: [slice(['a'], of(1, 1)), slice(['b'], of(2, 2))] }), undefined);
  const elsewhere = slice(['b'], { ...of(2, 1), nodeName: 'n2' });
  assert.deepEqual(given(asks(), { slices: [slice(['a'], of(1, 1)), elsewhere] }), ['r:a']);
  assert.equal(given(asks(), { slices: [slice(['a'], of(1, 2)), elsewhere] }), undefined, 'the pool moved');
  assert.throws(() => given(asks(), { slices: [slice(['a', 'a'])] }), /invalid resource pools were encountered/);
});

test('constraints: what is common, and what must differ', () => {
  const at = (name: string, numa: number): Device => ({ name, attributes: { numa: { int: numa } } });
  const slices = [slice([at('a', 0), at('b', 1), at('c', 1), { name: 'd' }])];
  const two = (constraint: object) =>
    given(claim({ requests: [exactly({ count: 2 })], constraints: [constraint] }), { slices });
  assert.deepEqual(two({ matchAttribute: `${testDriver}/numa` }), ['r:b r:c']);
  assert.deepEqual(two({ distinctAttribute: `${testDriver}/numa` }), ['r:a r:b']);
  assert.equal(two({ matchAttribute: 'other.org/numa' }), undefined);
  const three = claim({
    requests: [exactly({ count: 3 })],
    constraints: [{ distinctAttribute: `${testDriver}/numa` }],
  });
  assert.equal(given(three, { slices }), undefined, 'there are two different values');
  const some = claim({
    requests: [exactly({}, 'x'), exactly({}, 'y'), exactly({}, 'z')],
    constraints: [{ matchAttribute: `${testDriver}/numa`, requests: ['x', 'z'] }],
  });
  assert.deepEqual(given(some, { slices }), ['x:b y:a z:c']);
});

test('the first alternative that can be had', () => {
  const slices = [slice(['a', 'b'])];
  const request = {
    name: 'r',
    firstAvailable: [
      { name: 'many', deviceClassName: 'gpu', count: 2 },
      { name: 'one', deviceClassName: 'gpu' },
    ],
  };
  assert.deepEqual(given(claim({ requests: [request] }), { slices }), ['r/many:a r/many:b']);
  assert.deepEqual(given(claim({ requests: [request, exactly({}, 's')] }), { slices }), ['r/one:a s:b']);
  assert.deepEqual(given(claim({ requests: [request] }), { slices, allocations: [result('a')] }), ['r/one:b']);
});

test('who looks after devices has those that others use, and takes nothing away', () => {
  const slices = [slice(['a'])];
  assert.deepEqual(given(asks({ adminAccess: true }), { slices, allocations: [result('a')] }), ['r:a']);
  assert.deepEqual(given(asks(), { slices, allocations: [result('a', { adminAccess: true })] }), ['r:a']);
});

test('taints keep requests away that do not tolerate them', () => {
  const tainted = (effect: string) => ({
    slices: [slice([{ name: 'a', taints: [{ key: 'broken', value: 'yes', effect }] }])],
  });
  assert.equal(given(asks(), tainted('NoSchedule')), undefined);
  assert.equal(given(asks(), tainted('NoExecute')), undefined);
  assert.deepEqual(given(asks(), tainted('None')), ['r:a']);
  const tolerating = (toleration: object) => given(asks({ tolerations: [toleration] }), tainted('NoSchedule'));
  assert.deepEqual(tolerating({ key: 'broken', operator: 'Exists' }), ['r:a']);
  assert.deepEqual(tolerating({ key: 'broken', operator: 'Equal', value: 'yes' }), ['r:a']);
  assert.equal(tolerating({ key: 'broken', operator: 'Equal', value: 'no' }), undefined);
  assert.equal(tolerating({ operator: 'Exists', effect: 'NoExecute' }), undefined);
});

test('shared devices: requests take of their capacity', () => {
  const shared: Device = {
    name: 'a',
    allowMultipleAllocations: true,
    capacity: { memory: { value: '10Gi', requestPolicy: { default: '1Gi', validRange: { min: '1Gi', step: '1Gi' } } } },
  };
  const wants = (amount: string, name = 'c') =>
    claim({ requests: [exactly({ capacity: { requests: { memory: amount } } })] }, name);
  const slices = [slice([shared])];
  assert.deepEqual(given([wants('6Gi'), wants('4Gi', 'd')], { slices }), ['r:a', 'r:a']);
  assert.equal(given([wants('6Gi'), wants('5Gi', 'd')], { slices }), undefined);
  const used = [result('a', { shareID: 's', consumedCapacity: { memory: '5Gi' } })];
  assert.equal(given(wants('6Gi'), { slices, allocations: used }), undefined);
  const [choice] = allocate(node(), [wants('1500Mi')], testDevices({ slices, allocations: used }), { steps: 1_000 })!;
  assert.deepEqual(allocationResult(choice!, 'n1', () => 'uid').devices?.results, [
    {
      request: 'r',
      driver: testDriver,
      pool: 'pool',
      device: 'a',
      shareID: 'uid',
      consumedCapacity: { memory: '2Gi' },
    },
  ]);
  assert.equal(
    given(asks({ capacity: { requests: { cores: '1' } } }), { slices }),
    undefined,
    'it has no such capacity',
  );
});

test('partitions share the counters of their pool', () => {
  const part = (name: string, amount: string): Device => ({
    name,
    consumesCounters: [{ counterSet: 'card', counters: { memory: { value: amount } } }],
  });
  const pool = { name: 'pool', generation: 1, resourceSliceCount: 2 };
  const slices = [
    slice([part('whole', '40Gi'), part('half', '20Gi'), part('other', '20Gi')], { pool }),
    {
      ...slice([], { pool, sharedCounters: [{ name: 'card', counters: { memory: { value: '40Gi' } } }] }),
      metadata: { name: 'counters' },
    },
  ];
  assert.deepEqual(given(asks(), { slices }), ['r:whole']);
  assert.deepEqual(given(asks({ count: 2 }), { slices }), ['r:half r:other']);
  assert.deepEqual(given(asks(), { slices, allocations: [result('half')] }), ['r:other']);
  assert.equal(given(asks({ count: 2 }), { slices, allocations: [result('half')] }), undefined);
});

test('devices of all nodes, of chosen ones, and of single ones', () => {
  const labelled = { nodeSelectorTerms: [{ matchExpressions: [{ key: 'rack', operator: 'In', values: ['1'] }] }] };
  const on = (labels: Record<string, string>, spec: object, devices: readonly (string | Device)[] = ['a']) => {
    const [choice] =
      allocate(node('n7', labels), [asks()], testDevices({ slices: [slice(devices, spec)] }), { steps: 100 }) ?? [];
    return choice && (allocationResult(choice, 'n7', () => '').nodeSelector ?? 'everywhere');
  };
  assert.equal(on({}, { allNodes: true }), 'everywhere');
  assert.equal(on({}, { nodeSelector: labelled }), undefined);
  assert.deepEqual(on({ rack: '1' }, { nodeSelector: labelled }), labelled);
  const own = { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n7'] }] }] };
  assert.deepEqual(on({}, { nodeName: 'n7' }), own);
  const single = [
    { name: 'a', nodeName: 'n1' },
    { name: 'b', nodeName: 'n7' },
  ];
  assert.deepEqual(on({}, { perDeviceNodeSelection: true }, single), own);
  assert.deepEqual(on({}, { allNodes: true }, [{ name: 'a', bindsToNode: true }]), own);
});

test('configuration of the class, then of the claim', () => {
  const opaque = (driver: string) => ({ opaque: { driver, parameters: {} } });
  const wanting = claim({
    requests: [exactly({}, 'x'), exactly({}, 'y')],
    config: [{ requests: ['y'], ...opaque('y') }, opaque('both')],
  });
  const classes = [{ metadata: { name: 'gpu' }, spec: { config: [opaque('class')] } }];
  const [choice] = allocate(node(), [wanting], testDevices({ slices: [slice(['a', 'b'])], classes }), { steps: 100 })!;
  assert.deepEqual(allocationResult(choice!, 'n1', () => '').devices?.config, [
    { source: 'FromClass', requests: ['x', 'y'], ...opaque('class') },
    { source: 'FromClaim', requests: ['y'], ...opaque('y') },
    { source: 'FromClaim', ...opaque('both') },
  ]);
});

test('a search without hope ends', () => {
  const at = (name: string, index: number): Device => ({ name, attributes: { n: { int: index } } });
  const devices = Array.from({ length: 60 }, (_, index) => at(`d${index}`, Math.trunc(index / 15)));
  const hopeless = claim({
    requests: [exactly({ count: 16 })],
    constraints: [{ matchAttribute: `${testDriver}/n` }],
  });
  assert.throws(() => given(hopeless, { slices: [slice(devices)] }), /timed out trying to allocate devices/);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Namespace, RangeAllocationSecurityV1 as RangeAllocation } from '#api/generated/types.ts';
import { decide, uidRangeAnnotation, type AllocationSnapshot } from './decide.ts';
import { blockCount, blockOffset, BlockSet, blockText, mcsLabel, uidRange } from './ranges.ts';

const namespace = (name: string, annotations: Readonly<Record<string, string>> = {}): Namespace =>
  ({ metadata: { name, uid: name, creationTimestamp: '2026-01-02T03:04:05Z', annotations }, spec: {} }) as Namespace;
const dataOf = (...offsets: number[]): string => {
  const blocks = new BlockSet();
  for (const one of offsets) blocks.add(one);
  return blocks.toString();
};
const allocation = (data: string, range = uidRange) =>
  ({ metadata: { name: 'scc-uid' }, range, data }) as RangeAllocation;
const run = (snapshot: Partial<AllocationSnapshot>) => {
  const { actions, events = [] } = decide({
    namespaces: [],
    allocation: undefined,
    isRepair: false,
    untilRepairMs: 1,
    ...snapshot,
  });
  const reserved = actions.flatMap((one) =>
    one.verb === 'create' || one.verb === 'update' ? [(one.object as unknown as RangeAllocation).data] : [],
  );
  const given = actions.flatMap((one) =>
    one.verb === 'patch' && one.patch.type === 'merge'
      ? [[one.key.name, (one.patch.value as Namespace).metadata.annotations![uidRangeAnnotation]] as const]
      : [],
  );
  return { reserved, given, verbs: actions.map((one) => one.verb), events };
};

test('blocks and labels are those of OpenShift', () => {
  assert.equal(uidRange, '1000000000-1999999999/10000');
  assert.equal(blockText(0), '1000000000/10000');
  assert.equal(blockText(67), '1000670000/10000');
  assert.equal(blockOffset('1000670000/10000'), 67);
  assert.equal(blockOffset('1000670000-1000679999'), 67);
  // Not aligned, another size, beyond the range, nothing at all.
  for (const text of ['1000670001/10000', '1000670000/1', '2000000000/10000', '0/10000', 'x', ''])
    assert.equal(blockOffset(text), undefined, text);
  assert.equal(mcsLabel(0), 's0:c1,c0');
  // The rank of {a > b} is C(a, 2) + b, five labels a namespace.
  for (const offset of [1, 2, 67, 500, 99_999]) {
    const [a, b] = mcsLabel(offset).slice('s0:c'.length).split(',c').map(Number);
    assert.equal((a! * (a! - 1)) / 2 + b!, offset * 5);
    assert.ok(a! < 1024 && b! < a!);
  }
});

test('a set of blocks is read as it is written, as a big-endian number', () => {
  assert.equal(dataOf(), '');
  assert.equal(Buffer.from(dataOf(0, 9), 'base64').toString('hex'), '0201');
  const again = BlockSet.parse(dataOf(0, 1, 9, blockCount - 1));
  assert.deepEqual(
    [0, 1, 2, 9, blockCount - 1].map((one) => again.has(one)),
    [true, true, false, true, true],
  );
  assert.equal(again.firstFree(), 2);
  const full = BlockSet.parse(Buffer.alloc(blockCount / 8, 0xff).toString('base64'));
  assert.equal(full.firstFree(), undefined);
});

test('blocks are reserved first, then given, the oldest namespace first; one that has a block keeps it', () => {
  const taken = namespace('b', { [uidRangeAnnotation]: blockText(0) });
  const first = run({ namespaces: [namespace('c'), taken, namespace('a')] });
  assert.deepEqual(first.verbs, ['create', 'patch', 'patch']);
  assert.deepEqual(first.given, [
    ['a', blockText(1)],
    ['c', blockText(2)],
  ]);
  assert.deepEqual(first.reserved, [dataOf(0, 1, 2)]);
  const again = run({ namespaces: [taken], allocation: allocation(dataOf(0)) });
  assert.deepEqual(again.verbs, []);
});

test('the block of a namespace that is gone is given again only after a repair', () => {
  const namespaces = [namespace('new')];
  const before = allocation(dataOf(0, 1));
  assert.deepEqual(run({ namespaces, allocation: before }).given, [['new', blockText(2)]]);
  const repaired = run({ namespaces, allocation: before, isRepair: true });
  assert.deepEqual(repaired.given, [['new', blockText(0)]]);
  assert.deepEqual(repaired.reserved, [dataOf(0)]);
});

test('a block that somebody gave by hand is respected; foreign values and ranges are no obstacle', () => {
  const byHand = namespace('a', { [uidRangeAnnotation]: blockText(1) });
  const foreign = namespace('b', { [uidRangeAnnotation]: '5000/10' });
  const result = run({
    namespaces: [byHand, foreign, namespace('c'), namespace('d')],
    allocation: allocation('', '1-2/1'),
  });
  assert.deepEqual(result.given, [
    ['c', blockText(0)],
    ['d', blockText(2)],
  ]);
});

test('when every block is given, who gets none says so', () => {
  const full = allocation(Buffer.alloc(blockCount / 8, 0xff).toString('base64'));
  const { given, events } = run({ namespaces: [namespace('late')], allocation: full });
  assert.deepEqual(given, []);
  assert.deepEqual(
    events.map((one) => [one.reason, one.message]),
    [
      [
        'UIDRangeFull',
        'the UID range 1000000000-1999999999/10000 is full; you must widen the range in order to allocate more UIDs',
      ],
    ],
  );
});

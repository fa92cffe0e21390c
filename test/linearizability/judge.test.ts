// Histories written by hand: those that a correct API server may have, and those of each fault.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { History, List, Operation, Version, WatchEvent, WatchSession } from './history.ts';
import { judge } from './judge.ts';

const key = 'configmaps/a';
const version = (revision: number, value: string, uid = 'u1'): Version => ({ revision, uid, value });
const shows = (revision: number, value: string, uid?: string) =>
  ({ type: 'version', version: version(revision, value, uid) }) as const;
const unknown = { type: 'unknown' } as const;
const create = (call: number, end: number, outcome: Operation['outcome'], value: string, of = key): Operation => ({
  key: of,
  action: { type: 'create', value },
  outcome,
  call,
  end,
});
const patch = (call: number, end: number, outcome: Operation['outcome'], value: string): Operation => ({
  key,
  action: { type: 'patch', value },
  outcome,
  call,
  end,
});
const update = (
  call: number,
  end: number,
  outcome: Operation['outcome'],
  value: string,
  revision: number,
): Operation => ({
  key,
  action: { type: 'update', value, revision },
  outcome,
  call,
  end,
});
const get = (call: number, end: number, outcome: Operation['outcome']): Operation => ({
  key,
  action: { type: 'get' },
  outcome,
  call,
  end,
});
const remove = (call: number, end: number, outcome: Operation['outcome']): Operation => ({
  key,
  action: { type: 'delete' },
  outcome,
  call,
  end,
});
const list = (call: number, end: number, revision: number, ...items: [string, Version][]): List => ({
  resource: 'configmaps',
  revision,
  items: new Map(items),
  isConsistent: true,
  call,
  end,
});
const event = (at: number, type: 'ADDED' | 'MODIFIED' | 'DELETED', of: Version, name = key): WatchEvent => ({
  type,
  key: name,
  version: of,
  at,
});
const bookmark = (at: number, revision: number): WatchEvent => ({ type: 'BOOKMARK', revision, at });
const session = (from: number, events: WatchEvent[], listed?: [string, Version][]): WatchSession => ({
  watcher: 1,
  resource: 'configmaps',
  from,
  events,
  ...(listed === undefined ? {} : { listed: new Map(listed) }),
});
const history = (given: Partial<History>): History => ({ operations: [], lists: [], sessions: [], ...given });
const operations = (...all: Operation[]): string[] => judge(history({ operations: all }));
const none: [string, Version][] = [];

test('a life of an object', () => {
  assert.deepEqual(
    operations(
      get(1, 2, { type: 'missing' }),
      create(3, 4, shows(10, 'a'), 'a'),
      create(5, 6, { type: 'exists' }, 'b'),
      update(7, 8, shows(12, 'c'), 'c', 10),
      update(9, 10, { type: 'conflict' }, 'd', 10),
      patch(11, 12, shows(13, 'e'), 'e'),
      get(13, 14, shows(13, 'e')),
      remove(15, 16, { type: 'removed', uid: 'u1' }),
      patch(17, 18, { type: 'missing' }, 'f'),
      create(19, 20, shows(15, 'g', 'u2'), 'g'),
    ),
    [],
  );
});

test('an acknowledged write that is lost', () => {
  const [problem, ...more] = operations(
    create(1, 2, shows(10, 'a'), 'a'),
    patch(3, 4, shows(11, 'b'), 'b'),
    get(5, 6, shows(10, 'a')),
  );
  assert.equal(problem, 'configmaps/a: no order is possible of\n    behind patch b (b at 11)\n    5-6 get (a at 10)');
  assert.deepEqual(more, []);
  assert.notDeepEqual(operations(create(1, 2, shows(10, 'a'), 'a'), get(3, 4, { type: 'missing' })), []);
  assert.notDeepEqual(
    operations(
      create(1, 2, shows(10, 'a'), 'a'),
      remove(3, 4, { type: 'removed', uid: 'u1' }),
      get(5, 6, shows(10, 'a')),
    ),
    [],
  );
});

test('preconditions that were not looked at', () => {
  const first = create(1, 2, shows(10, 'a'), 'a');
  assert.notDeepEqual(
    operations(first, update(3, 4, shows(11, 'b'), 'b', 10), update(5, 6, shows(12, 'c'), 'c', 10)),
    [],
  );
  assert.notDeepEqual(operations(first, update(3, 4, { type: 'conflict' }, 'b', 10)), []);
  assert.notDeepEqual(operations(first, create(3, 4, shows(11, 'b', 'u2'), 'b')), []);
  // Beside each other both could be right, but only one of them.
  assert.notDeepEqual(
    operations(first, update(3, 9, shows(11, 'b'), 'b', 10), update(4, 8, shows(12, 'c'), 'c', 10)),
    [],
  );
  assert.deepEqual(
    operations(first, update(3, 9, shows(11, 'b'), 'b', 10), update(4, 8, { type: 'conflict' }, 'c', 10)),
    [],
  );
});

test('what nobody answered is there, or not, but not both', () => {
  const first = create(1, 2, shows(10, 'a'), 'a');
  const lost = patch(3, Infinity, unknown, 'b');
  assert.deepEqual(operations(first, lost, get(5, 6, shows(10, 'a'))), []);
  assert.deepEqual(operations(first, lost, get(5, 6, shows(11, 'b'))), []);
  assert.deepEqual(operations(first, lost, get(5, 6, shows(10, 'a')), get(7, 8, shows(11, 'b'))), []);
  assert.notDeepEqual(operations(first, lost, get(5, 6, shows(11, 'b')), get(7, 8, shows(10, 'a'))), []);
  assert.deepEqual(operations(first, remove(3, Infinity, unknown), get(5, 6, { type: 'missing' })), []);
  // Nobody read it, but a precondition failed because of it.
  assert.deepEqual(operations(first, lost, update(5, 6, { type: 'conflict' }, 'c', 10)), []);
});

test('a revision that is given out twice, or goes back', () => {
  const [twice] = operations(
    create(1, 2, shows(10, 'a'), 'a'),
    create(1, 2, shows(10, 'b', 'u2'), 'b', 'configmaps/b'),
  );
  assert.equal(twice, 'revision 10 is put of configmaps/a (a, u1) and also put of configmaps/b (b, u2)');
  assert.deepEqual(
    operations(create(1, 2, shows(10, 'a'), 'a'), create(3, 4, shows(9, 'b', 'u2'), 'b', 'configmaps/b')),
    ['create of configmaps/b got revision 9, and create of configmaps/a had shown 10 before it began'],
  );
});

test('lists: fresh, whole, and of one revision', () => {
  const made = [create(1, 2, shows(10, 'a'), 'a'), create(3, 4, shows(11, 'b', 'u2'), 'b', 'configmaps/b')];
  const a: [string, Version] = [key, version(10, 'a')];
  const b: [string, Version] = ['configmaps/b', version(11, 'b', 'u2')];
  const judged = (...lists: List[]) => judge(history({ operations: made, lists }));
  assert.deepEqual(judged(list(5, 6, 11, a, b)), []);
  assert.deepEqual(judged(list(3, 6, 10, a)), []);
  assert.match(
    judged(list(5, 6, 10, a)).join(),
    /configmaps\/b: no order .*is of revision 10, and create .* had shown 11/s,
  );
  assert.match(judged(list(3, 6, 11, a)).join(), /lacks configmaps\/b, which was put at revision 11/);
  assert.match(judged(list(3, 6, 10, a, b)).join(), /has configmaps\/b at revision 11/);
  assert.deepEqual(judged({ ...list(5, 6, 10, a), isConsistent: false }), []);
  assert.match(judged({ ...list(5, 6, 11, a), isConsistent: false }).join(), /lacks configmaps\/b/);
});

test('a list lacks what was removed, but not before', () => {
  const made = [create(1, 2, shows(10, 'a'), 'a'), remove(3, 8, { type: 'removed', uid: 'u1' })];
  const watched = session(0, [event(4, 'ADDED', version(10, 'a')), event(9, 'DELETED', version(12, 'a'))], none);
  const at = (revision: number) =>
    judge(history({ operations: made, lists: [list(4, 6, revision)], sessions: [watched] }));
  assert.deepEqual(at(12), []);
  assert.match(at(11).join(), /lacks configmaps\/a/);
});

test('watches: in order, each once, none left out', () => {
  const a = version(10, 'a');
  const b = version(11, 'b');
  const made = [create(1, 2, shows(10, 'a'), 'a'), patch(3, 4, shows(11, 'b'), 'b')];
  const judged = (...sessions: WatchSession[]) => judge(history({ operations: made, sessions })).join('\n');
  const [added, modified] = [event(5, 'ADDED', a), event(6, 'MODIFIED', b)];
  assert.equal(judged(session(0, [added, modified, bookmark(7, 12)], none)), '');
  assert.equal(judged(session(10, [modified], [[key, a]])), '');
  assert.match(judged(session(0, [added, added, modified], none)), /revision 10 came twice/);
  assert.match(judged(session(0, [modified, added], none)), /revision 10 came behind 11/);
  assert.match(
    judged(session(0, [event(6, 'ADDED', b)], none)),
    /a put of configmaps\/a at 10 was left out, and it got to 11/,
  );
  assert.match(judged(session(0, [added, bookmark(7, 12)], none)), /a put of configmaps\/a at 11 was left out/);
  assert.match(
    judged(session(0, [added, event(6, 'ADDED', b)], none)),
    /ADDED of configmaps\/a at 11, and it was there at 10/,
  );
  assert.match(judged(session(10, [added], none)), /10 came, which is not behind the begin/);
  assert.match(judged(session(0, [added, event(6, 'MODIFIED', version(11, 'b', 'u9'))], none)), /another object/);
});

test('watches go on where they ended', () => {
  const made = [create(1, 2, shows(10, 'a'), 'a'), patch(3, 4, shows(11, 'b'), 'b'), patch(5, 6, shows(12, 'c'), 'c')];
  const first = session(0, [event(2, 'ADDED', version(10, 'a'))], none);
  const [second, third] = [event(7, 'MODIFIED', version(11, 'b')), event(8, 'MODIFIED', version(12, 'c'))];
  const judged = (...sessions: WatchSession[]) => judge(history({ operations: made, sessions })).join('\n');
  assert.equal(judged(first, session(10, [second, third])), '');
  assert.match(judged(first, session(10, [third])), /at 11 was left out/);
  assert.match(judged(first, session(11, [third])), /it was to go on from 10/);
});

test('bookmarks are never ahead', () => {
  const made = [create(1, 2, shows(10, 'a'), 'a'), patch(3, 9, shows(11, 'b'), 'b')];
  const [added, modified] = [event(4, 'ADDED', version(10, 'a')), event(8, 'MODIFIED', version(11, 'b'))];
  const judged = (...events: WatchEvent[]) =>
    judge(history({ operations: made, sessions: [session(0, events, none)] })).join('\n');
  assert.equal(judged(added, bookmark(5, 10), modified), '');
  assert.match(judged(added, bookmark(5, 11), modified), /a bookmark of 11 was ahead of revision 11/);
  assert.match(judged(added, modified, bookmark(9, 10)), /a bookmark of 10 came behind 11/);
  // Told to one watcher, ahead of a write that anybody begins afterwards.
  const later = judge(
    history({ operations: [patch(9, 10, shows(11, 'b'), 'b')], sessions: [session(0, [bookmark(5, 11)], none)] }),
  ).join('\n');
  assert.match(later, /patch of configmaps\/a got revision 11, and a watch of configmaps \(BOOKMARK\) had shown 11/);
});

test('values that nobody wrote, or not there, not yet, not then, or not at all', () => {
  const at = (call: number, seen: Version, ...more: Operation[]) =>
    judge(history({ operations: [get(call, call + 1, { type: 'version', version: seen }), ...more] })).join('\n');
  const made = create(1, 2, shows(10, 'a'), 'a');
  assert.equal(at(3, version(10, 'a'), made), '');
  assert.match(at(3, version(10, 'z')), /shows z, which nobody wrote/);
  assert.match(
    at(3, version(10, 'b'), create(1, 2, unknown, 'b', 'configmaps/b')),
    /which was written to configmaps\/b/,
  );
  assert.match(at(1, version(10, 'a'), create(3, 4, shows(10, 'a'), 'a')), /which nobody had written by then/);
  assert.match(at(3, version(10, 'a'), create(1, 2, { type: 'exists' }, 'a')), /which was refused \(exists\)/);
  assert.match(at(3, version(12, 'a'), made), /which was written at revision 10/);
});

test('a watcher has what a list of that revision has', () => {
  const a: [string, Version] = [key, version(10, 'a')];
  const made = [create(1, 2, shows(10, 'a'), 'a'), remove(3, Infinity, unknown)];
  const judged = (lists: List[], ...sessions: WatchSession[]) =>
    judge(history({ operations: made, lists, sessions })).join('\n');
  const after = bookmark(9, 15);
  const removed = event(7, 'DELETED', version(12, 'a'));
  assert.equal(judged([list(5, 6, 10, a), list(7, 8, 14)], session(10, [removed, after], [a])), '');
  // Nobody told of the removal, but it is gone.
  const leftOut = /at 14 it has configmaps\/a at 10, and a list of that revision has it not/;
  assert.match(judged([list(7, 8, 14)], session(10, [after], [a])), leftOut);
  assert.match(judged([list(7, 8, 14)], session(10, [], [a]), session(10, [after])), leftOut);
  assert.match(judged([list(7, 8, 14, a)], session(10, [removed, after], [a])), /at 14 it has configmaps\/a not, and/);
  // It did not get there.
  assert.equal(judged([list(7, 8, 14)], session(10, [], [a])), '');
});

test('events of other resources and other objects', () => {
  const judged = (...events: WatchEvent[]) =>
    judge(
      history({
        operations: [create(1, 2, unknown, 'a'), patch(1, 2, unknown, 'b')],
        sessions: [session(0, events, none)],
      }),
    ).join('\n');
  assert.match(judged(event(3, 'ADDED', version(10, 'a'), 'secrets/a')), /is of another resource/);
  const [added, removed] = [event(3, 'ADDED', version(10, 'a')), event(4, 'DELETED', version(11, 'b'))];
  assert.match(judged(added, removed), /shows b, and the last state was a/);
  assert.match(judged(removed), /and it was not there/);
});

test('what has no order is shown small', () => {
  const writes = Array.from({ length: 20 }, (_, index) =>
    index === 0
      ? create(1, 2, shows(10, 'v0'), 'v0')
      : patch(index * 10, index * 10 + 1, shows(10 + index, `v${index}`), `v${index}`),
  );
  const reads = writes.map(({ end, outcome }) => get(end + 1, end + 2, outcome));
  // Beside a lost write; the first read behind it is stale.
  const lost = patch(152, Infinity, unknown, 'lost');
  const problem = operations(
    ...writes,
    ...reads,
    lost,
    get(155, 156, shows(24, 'v14')),
    get(157, 158, shows(25, 'v15')),
  );
  assert.deepEqual(problem, [
    [
      'configmaps/a: no order is possible of',
      '    behind patch v15 (v15 at 25)',
      '    152- patch lost (unknown)',
      '    155-156 get (v14 at 24)',
    ].join('\n'),
  ]);
});

test('watches and lists of what a selector chooses', () => {
  const [even, odd] = [version(10, 'w0'), version(11, 'w1')];
  const again = version(12, 'w2');
  const made = [
    create(1, 2, shows(10, 'w0'), 'w0'),
    patch(3, 4, shows(11, 'w1'), 'w1'),
    patch(5, 6, shows(12, 'w2'), 'w2'),
  ];
  const judged = (events: WatchEvent[], lists: List[] = []) =>
    judge(history({ operations: made, lists, sessions: [{ ...session(0, events, none), selects: 'even' }] })).join(
      '\n',
    );
  const added = event(7, 'ADDED', even);
  const left = event(8, 'DELETED', version(11, 'w0'));
  const back = event(9, 'ADDED', again);
  assert.equal(judged([added, left, back]), '');
  assert.equal(
    judged([added, left, back, bookmark(10, 20)], [list(3, 6, 11, [key, odd]), list(7, 9, 12, [key, again])]),
    '',
  );
  assert.match(judged([added, back]), /a put of configmaps\/a at 11 was left out/);
  assert.match(judged([added, left, bookmark(9, 13)]), /at 12 was left out/);
  assert.match(judged([added, event(8, 'MODIFIED', odd), back]), /shows w1, which was not selected/);
  assert.match(judged([added, left, event(9, 'DELETED', version(12, 'w0'))]), /told as DELETED, but is selected/);
  const selected = (...items: [string, Version][]): List => ({ ...list(7, 9, 12, ...items), selects: 'even' });
  assert.equal(judged([added, left, back], [selected([key, again])]), '');
  assert.match(judged([added, left, back], [selected()]), /lacks configmaps\/a/);
  assert.match(judged([added, left, back], [{ ...list(3, 6, 11, [key, odd]), selects: 'even' }]), /not selected/);
});

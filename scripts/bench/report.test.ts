// The bench's arithmetic: ratios, budgets, the gate.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseFigures } from './api-load.ts';
import { threadsOfTrace } from './fsyncs.ts';
import {
  isKept,
  markdown,
  median,
  ratioOf,
  ratiosOf,
  regressions,
  table,
  tableHead,
  toJson,
  type Figure,
} from './report.ts';
import { partOf, rows } from './rows.ts';

const rowOf = (id: string) => rows.find((row) => row.id === id)!;
const circumstances = { date: '2026-11-23T00:00:00Z', commit: 'abc', machine: '2 cores', loadAverage: 0, options: '' };
const some = new Map<string, Figure>([
  ['get', { ours: 20_000, peer: 5_000 }],
  ['first-readyz', { ours: 0.5, peer: 2 }],
  ['pods', { ours: 6 }],
]);

test('every row has a name of its own, and load rows come with their tails', () => {
  assert.equal(new Set(rows.map((row) => row.id)).size, rows.length);
  for (const id of ['get', 'list', 'page', 'patch', 'create'])
    for (const suffix of ['', '-p99', '-light']) assert.ok(rowOf(`${id}${suffix}`), `${id}${suffix}`);
  assert.deepEqual(['first-readyz', 'idle-cpu', 'one-pod', 'executable', 'get-p99', 'load-memory'].map(partOf), [
    'start',
    'idle',
    'pods',
    'size',
    'load',
    'load',
  ]);
});

test('a ratio says how many times better than upstream, whichever direction is better', () => {
  assert.equal(ratioOf(rowOf('get'), { ours: 20_000, peer: 5_000 }), 4);
  assert.equal(ratioOf(rowOf('first-readyz'), { ours: 0.5, peer: 2 }), 4);
  assert.equal(ratioOf(rowOf('get'), { ours: 20_000 }), undefined);
  assert.equal(ratioOf(rowOf('idle-fsyncs'), { ours: 0, peer: 10 }), undefined);
});

test('a budget of a ratio is judged only beside upstream; others by the figure alone', () => {
  assert.equal(isKept(rowOf('get'), { ours: 20_000, peer: 5_000 }), false);
  assert.equal(isKept(rowOf('get'), { ours: 25_000, peer: 5_000 }), true);
  assert.equal(isKept(rowOf('get'), { ours: 25_000 }), undefined);
  assert.equal(isKept(rowOf('pods'), { ours: 6.5 }), true);
  assert.equal(isKept(rowOf('pods'), { ours: 6.6, peer: 100 }), false);
});

test('the table has a line for each figure, with upstream, ratio, budget and verdict', () => {
  const lines = table(some).split('\n');
  assert.equal(lines[0], tableHead);
  assert.equal(lines.length, 4);
  const get = lines.find((line) => line.startsWith('GET'))!;
  assert.match(get, /20000 \/s +5000 +4\.00x {2}>= 5x +NOT KEPT$/);
  assert.match(
    lines.find((line) => line.startsWith('50 Pods'))!,
    /6\.00 s +<= 6\.5 +kept$/,
  );
  assert.match(
    markdown(some),
    /^\| GET a Pod, 32 connections \| 20000\/s \| 5000\/s \| 4\.00x \| 5x \*\*not kept\*\* \|$/m,
  );
});

test('the gate fails on what is more than 15 % worse, and names it', () => {
  const baseline = ratiosOf(toJson(some, circumstances));
  assert.deepEqual(
    [...baseline],
    [
      ['first-readyz', 4],
      ['get', 4],
    ],
  );
  assert.deepEqual(regressions(some, baseline), []);
  const slower = (ours: number) => new Map([...some, ['get', { ours, peer: 5_000 }]] as [string, Figure][]);
  assert.deepEqual(regressions(slower(17_001), baseline), []);
  assert.deepEqual(regressions(slower(16_000), baseline), [
    'get (GET a Pod, 32 connections): 3.20x upstream, in the baseline 4.00x: 20 % worse',
  ]);
});

test('the gate does not pass because a row was not compared, but leaves out what was not asked for', () => {
  const baseline = ratiosOf(toJson(some, circumstances));
  const lonely = new Map<string, Figure>([
    ['first-readyz', { ours: 0.5, peer: 2 }],
    ['get', { ours: 20_000 }],
  ]);
  assert.match(regressions(lonely, baseline).join(), /^get .*not compared with upstream now$/);
  assert.deepEqual(
    regressions(lonely, baseline, (id) => partOf(id) === 'start'),
    [],
  );
});

test('tails are not gated', () => {
  const figures = new Map<string, Figure>([
    ['get-p99', { ours: 10, peer: 20 }],
    ['get', { ours: 5, peer: 1 }],
  ]);
  const baseline = ratiosOf(toJson(figures, circumstances));
  assert.deepEqual(regressions(new Map([...figures, ['get-p99', { ours: 40, peer: 20 }]]), baseline), []);
});

test('a baseline that is none is refused, with what is wrong', () => {
  for (const [text, why] of [
    ['{', /not JSON/],
    ['[]', /format is not 1/],
    ['{"format":2,"rows":[]}', /format is not 1/],
    ['{"format":1}', /no rows/],
    ['{"format":1,"rows":[{"ratio":1}]}', /no id/],
    ['{"format":1,"rows":[{"id":"get","ratio":"4"}]}', /ratio of get/],
    ['{"format":1,"rows":[{"id":"pods"}]}', /no row has a ratio/],
  ] as const)
    assert.throws(() => ratiosOf(text), why);
});

test('the median of rounds', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.throws(() => median([]));
});

test('what wrk and the kernel print is read', () => {
  assert.deepEqual(parseFigures('Running 5s test\nfigures 1234.5 1.00 20.25 3\n'), {
    perSecond: 1234.5,
    p99Ms: 20.25,
    failed: 3,
  });
  assert.equal(parseFigures('unable to connect'), undefined);
  const trace = `# tracer: nop
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
   libuv-worker-812    [001] .....   100.25: sys_fsync(fd: 5)
 a-b c [0]-4711  [000] .....   100.26: sys_fdatasync(fd: 7)
`;
  assert.deepEqual(threadsOfTrace(trace), [812, 4711]);
});

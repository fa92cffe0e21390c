// The real store, recorded at its file calls, crashed at every point of a small workload and at some of larger ones.
// `npm run crash -- --seed N` goes on for longer. docs/internals/storage.md
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { seededRandom } from '#base/random.ts';
import { crashPoints } from './crash-points.ts';
import { Disk } from './disk.ts';
import { judge } from './judge.ts';
import { buildRecorder, recordRun } from './record-run.ts';
import { tryCrashes } from './try-crashes.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'crash-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
const recorder = buildRecorder(scratch);

test('power fails at every change of the files, in every way of losing what was not synced', async () => {
  const { changes, judged, problems } = await tryCrashes({
    scratch,
    recorder,
    seed: 1,
    writes: 45,
    images: Infinity,
    secondLives: 0,
  });
  assert.deepEqual(problems.slice(0, 5), []);
  assert.ok(changes > 200 && judged > changes * 5, `${judged} images of ${changes} changes`);
});

test('power fails again while a store recovers, and soon after', async () => {
  const { judged, problems } = await tryCrashes({
    scratch,
    recorder,
    seed: 2,
    writes: 90,
    images: 300,
    secondLives: 3,
  });
  assert.deepEqual(problems.slice(0, 5), []);
  assert.ok(judged > 300, `${judged} images`);
});

test('power fails while the log is worked into the file', async () => {
  const run = recordRun(scratch, recorder, { seed: 3, writes: 2_400 });
  const isLog = new Map(
    run.changes.flatMap((change) => (change.kind === 'name' ? [[change.file, change.name.endsWith('-wal')]] : [])),
  );
  // The file itself is written at checkpoints only.
  const checkpoints = run.changes.flatMap((change, index) =>
    change.kind === 'write' && isLog.get(change.file) === false ? [index] : [],
  );
  const between = checkpoints.filter((index) => index < run.changes.length * 0.3);
  assert.ok(between.length > 30, 'the workload is large enough for a checkpoint in its first life');
  const problems: string[] = [];
  let judged = 0;
  for (const point of crashPoints(run, undefined, 0.005, seededRandom(3))) {
    const problem = await judge(`${scratch}/judged`, point);
    judged++;
    if (problem !== undefined) problems.push(`${point.name}: ${problem}`);
  }
  assert.deepEqual(problems.slice(0, 5), []);
  assert.ok(judged > 150, `${judged} images`);
});

test('power fails while the file shrinks', async () => {
  const run = recordRun(scratch, recorder, { seed: 6, writes: 180, isLarge: true });
  const cuts = run.changes.flatMap((change, index) => (change.kind === 'truncate' ? [index] : []));
  assert.ok(cuts.length >= 3, `the file is cut ${cuts.length} times`);
  const problems: string[] = [];
  let judged = 0;
  for (const point of crashPoints(run, undefined, 0.002, seededRandom(6))) {
    const problem = await judge(`${scratch}/judged`, point);
    judged++;
    if (problem !== undefined) problems.push(`${point.name}: ${problem}`);
  }
  assert.deepEqual(problems.slice(0, 5), []);
  assert.ok(judged > 25, `${judged} images`);
});

test('power fails while the encryption key is changed', async () => {
  const run = recordRun(scratch, recorder, { seed: 7, writes: 60, isRotating: true });
  const renamed = run.changes.filter((change) => change.kind === 'rename' && change.to === 'secrets.key');
  assert.ok(renamed.length > 12, `the key file is written ${renamed.length} times`);
  const problems: string[] = [];
  let judged = 0;
  for (const point of crashPoints(run, undefined, 80 / (run.changes.length * 6), seededRandom(7))) {
    const problem = await judge(`${scratch}/judged`, { ...point, hasKeys: true });
    judged++;
    if (problem !== undefined) problems.push(`${point.name}: ${problem}`);
  }
  assert.deepEqual(problems.slice(0, 5), []);
  assert.ok(judged > 40, `${judged} images`);
});

test('a disk that forgets syncs is found', async () => {
  const run = recordRun(scratch, recorder, { seed: 4, writes: 45 });
  const changes = run.changes.map((change) =>
    change.kind === 'sync' ? ({ kind: 'name', file: 0, name: '-' } as const) : change,
  );
  let found = 0;
  for (const point of crashPoints({ ...run, changes }, undefined, 0.1, seededRandom(4)))
    if ((await judge(`${scratch}/judged`, point)) !== undefined) found++;
  assert.ok(found > 10, `${found} images are found to be wrong`);
});

test('a store that takes promises back, gives revisions twice or keeps half a batch is found', async () => {
  const run = recordRun(scratch, recorder, { seed: 5, writes: 45 });
  const disk = new Disk();
  for (const change of run.changes) disk.apply(change);
  const image = disk.image('all', seededRandom(5));
  const promised = run.promisedUntil(run.changes.length - 1);
  const verdict = (more: Partial<Parameters<typeof judge>[1]>) =>
    judge(`${scratch}/judged`, { image, promised, history: run.history, ...more });
  assert.equal(await verdict({}), undefined);
  const last = run.history.at(-1)!;
  const next = { ...last, revision: last.revision + 1, text: 'lost' };
  assert.match(
    (await verdict({ history: [...run.history, next], promised: { ...promised, durableRevision: next.revision } }))!,
    /no state that ever was/,
  );
  assert.match((await verdict({ promised: { ...promised, seenRevision: last.revision + 1 } }))!, /was given out/);
  const missing = run.history.findLast((seen) => seen.text !== undefined && seen !== last)!;
  assert.match((await verdict({ history: run.history.filter((seen) => seen !== missing) }))!, /no state that ever was/);
});

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { silentLogger } from '#base/log.ts';
import {
  isOwnTree,
  lookAtOwnDirectory,
  openHostChanges,
  readHostChanges,
  recordOwnDirectory,
  undoHostChanges,
} from './changes.ts';
import { processStartTicks } from './processes.ts';

function place(t: TestContext): { directory: string; journal: string } {
  const directory = mkdtempSync(path.join(tmpdir(), 'host-changes-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return { directory, journal: path.join(directory, 'data', 'host-changes.jsonl') };
}

test('the first note of a thing is kept, over restarts: it knows how it was', (t) => {
  const { journal } = place(t);
  openHostChanges(journal).record({ type: 'sysctl', name: 'net/ipv4/ip_forward', before: '0' });
  const later = openHostChanges(journal);
  later.record({ type: 'sysctl', name: 'net/ipv4/ip_forward', before: '1' });
  later.record({ type: 'link', name: 'cni0' });
  assert.deepEqual(readHostChanges(journal), [
    { type: 'sysctl', name: 'net/ipv4/ip_forward', before: '0' },
    { type: 'link', name: 'cni0' },
  ]);
});

test('a line that a power loss cut does not spoil the rest', (t) => {
  const { journal } = place(t);
  openHostChanges(journal).record({ type: 'link', name: 'a' });
  appendFileSync(journal, '\n{"type":"li');
  openHostChanges(journal).record({ type: 'link', name: 'b' });
  assert.deepEqual(readHostChanges(journal), [
    { type: 'link', name: 'a' },
    { type: 'link', name: 'b' },
  ]);
});

test('files get their old content back, new ones and trees go, the journal goes last', async (t) => {
  const { directory, journal } = place(t);
  const [old, fresh, tree] = ['old', 'fresh', 'tree'].map((name) => path.join(directory, name)) as [
    string,
    string,
    string,
  ];
  const changes = openHostChanges(journal);
  changes.record({ type: 'file', file: old, before: 'was\n' });
  changes.record({ type: 'file', file: fresh, before: null });
  changes.record({ type: 'tree', path: tree });
  writeFileSync(old, 'ours');
  writeFileSync(fresh, 'ours');
  mkdirSync(path.join(tree, 'deep'), { recursive: true });
  assert.deepEqual(await undoHostChanges(journal, silentLogger), []);
  assert.equal(readFileSync(old, 'utf8'), 'was\n');
  assert.ok(!existsSync(fresh) && !existsSync(tree) && !existsSync(journal));
});

test('what cannot be taken back is told and kept for another try, the rest goes on', async (t) => {
  const { directory, journal } = place(t);
  const file = path.join(directory, 'ours');
  const changes = openHostChanges(journal);
  changes.record({ type: 'file', file, before: null });
  changes.record({ type: 'sysctl', name: 'no/such/setting', before: '1' });
  writeFileSync(file, 'ours');
  const failures = await undoHostChanges(journal, silentLogger);
  assert.equal(failures.length, 1);
  assert.match(failures[0]!, /^sysctl no\/such\/setting: /);
  assert.ok(!existsSync(file) && existsSync(journal));
});

test('a recorded process ends; another with its number does not', async (t) => {
  const { directory, journal } = place(t);
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  t.after(() => child.kill('SIGKILL'));
  const [mine, other] = ['mine', 'other'].map((name) => path.join(directory, name)) as [string, string];
  writeFileSync(other, JSON.stringify({ pid: child.pid, startTicks: '1' }));
  const changes = openHostChanges(journal);
  changes.record({ type: 'process', stateFile: other });
  assert.deepEqual(await undoHostChanges(journal, silentLogger), []);
  assert.notEqual(processStartTicks(child.pid!), undefined);
  writeFileSync(mine, JSON.stringify({ pid: child.pid, startTicks: processStartTicks(child.pid!) }));
  openHostChanges(journal).record({ type: 'process', stateFile: mine });
  assert.deepEqual(await undoHostChanges(journal, silentLogger), []);
  assert.equal(processStartTicks(child.pid!), undefined);
});

test('a directory of ours goes with the empty ones on its way; of one that was there before, what it held stays', async (t) => {
  const { directory, journal } = place(t);
  const [deep, shared] = [path.join(directory, 'a/b/ours'), path.join(directory, 'shared')] as [string, string];
  mkdirSync(path.join(shared, 'theirs'), { recursive: true });
  for (let start = 0; start < 2; start++) {
    const changes = openHostChanges(journal);
    recordOwnDirectory(changes, deep);
    recordOwnDirectory(changes, shared);
    mkdirSync(path.join(deep, 'more'), { recursive: true });
    writeFileSync(path.join(shared, 'ours'), '');
  }
  assert.deepEqual([isOwnTree(journal, deep), isOwnTree(journal, shared)], [true, false]);
  writeFileSync(path.join(directory, 'a/other'), '');
  assert.deepEqual(await undoHostChanges(journal, silentLogger), []);
  assert.deepEqual(readdirSync(path.join(directory, 'a')), ['other']);
  assert.deepEqual(readdirSync(shared), ['theirs']);
});

test('the directory of the journal itself stays while something cannot be taken back', async (t) => {
  const { directory, journal } = place(t);
  const changes = openHostChanges(journal);
  changes.record({ type: 'tree', path: path.dirname(journal) });
  changes.record({ type: 'sysctl', name: 'no/such/setting', before: '1' });
  assert.equal((await undoHostChanges(journal, silentLogger)).length, 2);
  assert.equal(readHostChanges(journal).length, 2);
  assert.ok(existsSync(directory));
});

test('a file where a directory should be is left to whoever makes the directory', (t) => {
  const { directory } = place(t);
  const file = path.join(directory, 'file');
  writeFileSync(file, '');
  assert.equal(lookAtOwnDirectory(file).type, 'entries');
  assert.equal(lookAtOwnDirectory(path.join(directory, 'none')).type, 'tree');
});

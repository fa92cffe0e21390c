import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { linuxNodeMachine } from '#host/node-machine.ts';
import { imagesToRemove } from './images/collection.ts';
import { type LogOptions, parseLogLine, readLogs } from './server/container-logs.ts';
import { writeAtomically } from './volumes/atomic-writer.ts';

const machine = linuxNodeMachine();
const temporary = (t: { after(run: () => void): void }): string => {
  const directory = mkdtempSync(path.join(tmpdir(), 'node-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
};

test('files of a volume change all at once; what is gone from the source goes', async (t) => {
  const directory = temporary(t);
  const file = (text: string) => ({ content: Buffer.from(text), mode: 0o640 });
  const write = (stamp: string, entries: [string, string][]) =>
    writeAtomically(machine, directory, new Map(entries.map(([name, text]) => [name, file(text)])), stamp, undefined);
  assert.equal(
    await write('1', [
      ['a', '1'],
      ['d/b', '2'],
    ]),
    true,
  );
  assert.equal(readFileSync(path.join(directory, 'd/b'), 'utf8'), '2');
  assert.equal((await machine.status(path.join(directory, 'a')))?.mode, 0o640);
  assert.equal(
    await write('2', [
      ['a', '1'],
      ['d/b', '2'],
    ]),
    false,
  );
  assert.equal(await write('3', [['a', '9']]), true);
  assert.deepEqual((await machine.list(directory)).toSorted(), ['..3', '..data', 'a']);
  assert.equal(readFileSync(path.join(directory, 'a'), 'utf8'), '9');
});

const lines = (count: number, from = 0) =>
  Array.from(
    { length: count },
    (_, index) => `2026-01-01T00:00:0${(index + from) % 10}.000000000Z stdout F line ${index + from}\n`,
  ).join('');

async function read(
  file: string,
  options: Partial<LogOptions>,
  running: () => boolean = () => false,
  wakers: (() => void)[] = [],
  from = machine,
): Promise<string> {
  const source = {
    machine: from,
    clock: systemClock,
    path: file,
    isRunning: async () => running(),
    onChange: (listener: () => void) => (wakers.push(listener), { [Symbol.dispose]() {} }),
    signal: new AbortController().signal,
  };
  const all = {
    follow: false,
    timestamps: false,
    tailLines: undefined,
    limitBytes: undefined,
    sinceMs: undefined,
    stream: undefined,
  };
  let text = '';
  for await (const chunk of readLogs(source, { ...all, ...options })) text += Buffer.from(chunk).toString();
  return text;
}

test('logs: tail, limit, since, stream, parts of long lines', async (t) => {
  const file = path.join(temporary(t), '0.log');
  writeFileSync(file, `${lines(3)}2026-01-01T00:00:05Z stderr P par\n2026-01-01T00:00:05Z stderr F tial\n`);
  assert.equal(await read(file, {}), 'line 0\nline 1\nline 2\npartial\n');
  assert.equal(await read(file, { stream: 'stderr' }), 'partial\n');
  assert.equal(await read(file, { tailLines: 3 }), 'line 2\npartial\n');
  assert.equal(await read(file, { limitBytes: 9 }), 'line 0\nli');
  assert.equal(await read(file, { sinceMs: Date.parse('2026-01-01T00:00:02Z'), stream: 'stdout' }), 'line 2\n');
  writeFileSync(file, lines(5000));
  assert.equal(
    await read(file, { tailLines: 4000 }),
    lines(5000)
      .split('\n')
      .slice(1000)
      .map((one) => one.slice(40))
      .join('\n'),
  );
  assert.equal(parseLogLine(Buffer.from('no format')), undefined);
});

test('logs of a container that writes on: what was there when somebody asked, and no more lines than asked for', async (t) => {
  const file = path.join(temporary(t), '0.log');
  writeFileSync(file, lines(3));
  const busy = {
    ...machine,
    readAt: async (name: string, offset: number, length: number) => {
      appendFileSync(file, lines(1, 9));
      return await machine.readAt(name, offset, length);
    },
  };
  const never = () => true;
  assert.equal(await read(file, { tailLines: 1 }, never, [], busy), 'line 2\n');
  writeFileSync(file, lines(3));
  assert.equal(await read(file, {}, never, [], busy), 'line 0\nline 1\nline 2\n');
});

test('logs are followed over a rotation until the container ends', async (t) => {
  const file = path.join(temporary(t), '0.log');
  writeFileSync(file, lines(1));
  let running = true;
  const wakers: (() => void)[] = [];
  const reading = read(file, { follow: true }, () => running, wakers);
  const pause = () => new Promise((resolve) => setTimeout(resolve, 50));
  await pause();
  appendFileSync(file, lines(1, 1));
  await pause();
  renameSync(file, `${file}.1`);
  writeFileSync(file, lines(1, 2));
  await pause();
  running = false;
  for (const wake of wakers) wake();
  assert.equal(await reading, 'line 0\nline 1\nline 2\n');
});

test('a full disk removes unused images, the largest first, and never a pinned one', () => {
  const image = (id: string, size: number, more: object = {}) => ({
    id,
    repoTags: [`r.io/${id}:1`],
    repoDigests: [],
    size,
    uid: null,
    username: '',
    pinned: false,
    ...more,
  });
  const images = [
    image('used', 50),
    image('kept', 40),
    image('mine', 30, { pinned: true }),
    image('big', 7),
    image('small', 3),
  ];
  const given = { images, usedIds: new Set(['used']), pinned: ['r.io/kept:1'], totalBytes: 100 };
  assert.deepEqual(imagesToRemove({ ...given, freeBytes: 20 }), []);
  assert.deepEqual(
    imagesToRemove({ ...given, freeBytes: 14 }).map((one) => one.id),
    ['big'],
  );
  assert.deepEqual(
    imagesToRemove({ ...given, freeBytes: 10 }).map((one) => one.id),
    ['big', 'small'],
  );
  const thresholds = { highFraction: 0.5, lowFraction: 0.45 };
  assert.deepEqual(
    imagesToRemove({ ...given, freeBytes: 49, thresholds }).map((one) => one.id),
    ['big'],
  );
});

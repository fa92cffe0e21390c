import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { parseSchedule } from '#controllers/cronjob/schedule.ts';
import { systemFiles as files } from '#host/files.ts';
import { findBackups, type FoundBackup, superfluous } from './folder.ts';
import { makeBackup } from './make.ts';
import { ScheduledBackups } from './scheduled.ts';

const root = mkdtempSync(path.join(tmpdir(), 'scheduled-'));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const begin = Date.UTC(2026, 0, 1, 12);

/** One machine with a folder for its backups. */
class Machine {
  readonly clock = new VirtualClock(begin);
  readonly folder = path.join(root, String(count++));
  readonly dataDirectory = path.join(root, String(count++));
  configuration = { folder: this.folder, schedule: '0 3 * * *', retention: 3 };
  cluster = 'one';
  roomProblem: string | undefined;
  /** Behind the backup that is made next. */
  spoil: (target: string) => void = () => {};
  #isWorking = 0;
  backups: ScheduledBackups;

  constructor() {
    mkdirSync(this.folder);
    mkdirSync(this.dataDirectory);
    this.backups = this.#create();
  }
  #create(): ScheduledBackups {
    const { clock, dataDirectory } = this;
    return new ScheduledBackups({
      configuration: () => this.configuration,
      nodeName: 'edge-1',
      cluster: () => this.cluster,
      checkRoom: async () => {
        this.#isWorking++;
        if (this.roomProblem !== undefined) throw new Error(this.roomProblem);
      },
      make: async (target) => {
        const copyStore = async (file: string) => {
          writeFileSync(file, `objects at ${clock.now()}`);
          return 7;
        };
        const source = { dataDirectory, copyStore, cluster: () => this.cluster };
        const manifest = await makeBackup(target, source, { files, clock });
        this.spoil(target);
        return manifest;
      },
      parseSchedule: (text) => parseSchedule(text, 'UTC'),
      files,
      clock,
      logger: silentLogger,
    });
  }
  async restart(): Promise<void> {
    this.backups[Symbol.dispose]();
    this.backups = this.#create();
    await this.start();
  }
  async start(): Promise<void> {
    await this.backups.start();
    await this.settle();
  }
  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.settle();
  }
  /** What timers have begun is done. */
  async settle(): Promise<void> {
    for (;;) {
      const before = this.#isWorking;
      await this.backups.idle();
      await new Promise((resolve) => setImmediate(resolve));
      this.clock.advance(0);
      if (this.#isWorking === before) return;
    }
  }
  names(): string[] {
    return existsSync(this.folder) ? readdirSync(this.folder) : [];
  }
  problem(): string {
    return this.backups.problems().join();
  }
}

test('the first backup is made at once, others when the schedule says so, and the newest stay', async () => {
  const machine = new Machine();
  mkdirSync(path.join(machine.folder, 'photos'));
  writeFileSync(path.join(machine.folder, 'notes.txt'), 'mine');
  await machine.start();
  const others = ['notes.txt', 'photos'];
  assert.deepEqual(machine.names(), ['edge-1-000001-20260101T120000Z', ...others]);
  await machine.pass(15 * hour - 1);
  assert.equal(machine.names().length, 3, 'not yet');
  await machine.pass(1);
  assert.deepEqual(machine.names(), ['edge-1-000001-20260101T120000Z', 'edge-1-000002-20260102T030000Z', ...others]);
  assert.deepEqual(machine.backups.state(), {
    folder: machine.folder,
    lastName: 'edge-1-000002-20260102T030000Z',
    lastAtMs: Date.UTC(2026, 0, 2, 3),
    nextAtMs: Date.UTC(2026, 0, 3, 3),
  });
  for (let passed = 0; passed < 3; passed++) await machine.pass(day);
  assert.deepEqual(machine.names(), [
    'edge-1-000003-20260103T030000Z',
    'edge-1-000004-20260104T030000Z',
    'edge-1-000005-20260105T030000Z',
    ...others,
  ]);
  assert.equal(machine.problem(), '');
});

test('a restart makes none, unless one was missed', async () => {
  const machine = new Machine();
  await machine.start();
  await machine.pass(hour);
  await machine.restart();
  await machine.pass(hour);
  assert.equal(machine.names().length, 1);
  machine.backups[Symbol.dispose]();
  await machine.pass(5 * day);
  assert.equal(machine.names().length, 1);
  await machine.restart();
  assert.equal(machine.names().length, 2, 'five were missed: one is made');
  await machine.pass(hour);
  assert.equal(machine.names().length, 2);
});

test('what fails is told, tried again ever less often, and over with a success; no folder is made', async () => {
  const machine = new Machine();
  rmSync(machine.folder, { recursive: true });
  await machine.start();
  assert.match(
    machine.problem(),
    /not made: backup.folder .* is not there: make it, or mount its disk; there is none yet/,
  );
  assert.equal(existsSync(machine.folder), false);
  mkdirSync(machine.folder);
  machine.roomProblem = 'no room';
  await machine.pass(minute - 1);
  assert.match(machine.problem(), /not there/, 'not yet');
  await machine.pass(1);
  assert.match(machine.problem(), /not made: no room/);
  const tries: number[] = [];
  for (let minutes = 1; minutes <= 300; minutes++) {
    machine.roomProblem = `no room ${minutes}`;
    const before = machine.problem();
    await machine.pass(minute);
    if (machine.problem() !== before) tries.push(minutes);
  }
  assert.deepEqual(tries, [2, 6, 14, 30, 62, 122, 182, 242]);
  machine.roomProblem = undefined;
  await machine.pass(hour);
  assert.equal(machine.problem(), '');
  assert.equal(machine.names().length, 1);
  machine.roomProblem = 'no room';
  await machine.pass(day);
  assert.match(machine.problem(), /no room; the last one is edge-1-000001-/);
  machine.roomProblem = undefined;
  await machine.pass(minute);
  assert.equal(machine.names().length, 2, 'it begins with a minute again');
});

test('a clock that jumps, by years and back again, neither stops them nor has new ones removed', async () => {
  const machine = new Machine();
  await machine.start();
  machine.clock.jump(4 * 365 * day);
  await machine.pass(hour);
  await machine.pass(day);
  assert.equal(machine.names().length, 3);
  machine.clock.jump(-4 * 365 * day);
  await machine.pass(hour);
  await machine.restart();
  for (let passed = 0; passed < 3; passed++) await machine.pass(day);
  const names = machine.names();
  assert.deepEqual(
    names.map((name) => name.slice(7, 18)),
    ['000004-2026', '000005-2026', '000006-2026'],
    'by the order in which they were made, not by what the clock said',
  );
});

test('the last good one is never removed: nothing is when the new one is not as it should be', async () => {
  const machine = new Machine();
  machine.configuration = { ...machine.configuration, retention: 1 };
  await machine.start();
  // As a disk does it: of the same size, with other bytes.
  machine.spoil = (target) => writeFileSync(path.join(target, 'storage/cluster.sqlite'), `objects at ${begin}`);
  await machine.pass(day);
  assert.equal(machine.names().length, 2);
  assert.match(
    machine.problem(),
    /older backups in .* were not removed: storage\/cluster.sqlite in .* is not what it was/,
  );
  // Of another size: not complete, and not counted.
  machine.spoil = (target) => writeFileSync(path.join(target, 'storage/cluster.sqlite'), 'cut');
  await machine.pass(day);
  assert.ok(
    machine.names().some((name) => name.startsWith('edge-1-000001-')),
    machine.names().join(),
  );
  machine.spoil = () => {};
  await machine.pass(day);
  assert.deepEqual(
    machine.names().map((name) => name.slice(0, 13)),
    ['edge-1-000004'],
  );
  assert.equal(machine.problem(), '');
});

test('backups of another cluster, and those made by name, stay; what a kill has left goes', async () => {
  const machine = new Machine();
  machine.configuration = { ...machine.configuration, retention: 1 };
  const own = async (name: string, cluster: string) => {
    const copyStore = async (file: string) => {
      writeFileSync(file, 'objects');
      return 1;
    };
    const source = { dataDirectory: machine.dataDirectory, copyStore, cluster: () => cluster };
    await makeBackup(path.join(machine.folder, name), source, { files, clock: machine.clock });
  };
  await own('monday', 'one');
  await own('edge-1-000007-20250101T000000Z', 'another');
  await own('edge-1-000008-20250101T000000Z', 'one');
  for (const left of ['edge-1-000009-20250101T000000Z.partial', 'edge-1-000003-20250101T000000Z.removed'])
    mkdirSync(path.join(machine.folder, left));
  mkdirSync(path.join(machine.folder, 'edge-2-000001-20250101T000000Z.partial'));
  await machine.start();
  await machine.pass(day);
  assert.deepEqual(machine.names(), [
    'edge-1-000007-20250101T000000Z',
    'edge-1-000009-20260102T120000Z',
    'edge-2-000001-20250101T000000Z.partial',
    'monday',
  ]);
  assert.deepEqual(
    (await findBackups(machine.folder, files)).map(({ name, isIncomplete }) => [name.slice(0, 13), isIncomplete]),
    [
      ['edge-1-000009', false],
      ['edge-1-000007', false],
      ['monday', false],
    ],
  );
});

test('another folder, another schedule and none at all hold at once', async () => {
  const machine = new Machine();
  await machine.start();
  const { folder } = machine;
  machine.configuration = { ...machine.configuration, folder: `${folder}-2` };
  mkdirSync(`${folder}-2`);
  await machine.start();
  assert.equal(readdirSync(`${folder}-2`).length, 1);
  machine.configuration = { folder, schedule: '@every 2h', retention: 3 };
  await machine.start();
  await machine.pass(2 * hour);
  assert.equal(machine.names().length, 2);
  machine.configuration = { ...machine.configuration, folder: '' };
  await machine.start();
  assert.equal(machine.backups.state(), undefined);
  await machine.pass(10 * day);
  assert.equal(machine.names().length, 2);
  machine.configuration = { folder, schedule: '0 0 31 2 *', retention: 3 };
  await machine.start();
  assert.match(machine.problem(), /the time of backup.schedule never comes: 0 0 31 2 \*/);
});

test('so many good ones stay; what is incomplete goes when it is older than they are', () => {
  const backup = (sequence: number, state: 'good' | 'incomplete' = 'good', cluster = 'one'): FoundBackup => ({
    name: String(sequence),
    path: '',
    sequence,
    manifest: { format: 1, version: '', createdAt: '', revision: 1, cluster, files: [] },
    isIncomplete: state === 'incomplete',
  });
  const removed = (backups: readonly FoundBackup[], retention: number) =>
    superfluous(backups, 'one', retention).map(({ sequence }) => sequence);
  assert.deepEqual(removed([backup(3), backup(2), backup(1)], 3), []);
  assert.deepEqual(removed([backup(4), backup(3), backup(2), backup(1)], 2), [2, 1]);
  assert.deepEqual(removed([backup(3, 'incomplete'), backup(2), backup(1)], 1), [1]);
  assert.deepEqual(removed([backup(3, 'incomplete'), backup(2, 'incomplete'), backup(1)], 1), []);
  assert.deepEqual(removed([backup(4), backup(3, 'incomplete'), backup(2), backup(1, 'incomplete')], 2), [1]);
  assert.deepEqual(removed([backup(4), backup(3, 'good', 'other'), backup(2)], 1), [2]);
});

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { RotatedFile, type RotationLimits } from './rotated-file.ts';

function open(context: TestContext, limits: Partial<RotationLimits>, before: Readonly<Record<string, string>> = {}) {
  const directory = mkdtempSync(path.join(tmpdir(), 'rotated-'));
  for (const [name, text] of Object.entries(before)) writeFileSync(path.join(directory, name), text);
  const now = Date.UTC(2026, 0, 2, 3, 4, 5);
  const file = new RotatedFile(
    path.join(directory, 'audit.log'),
    { maxBytes: 10, maxFiles: 0, maxAgeMs: 0, ...limits },
    () => now,
  );
  context.after(() => {
    file.close();
    rmSync(directory, { recursive: true });
  });
  return {
    file,
    directory,
    names: () => readdirSync(directory).toSorted(),
    read: (name: string) => readFileSync(path.join(directory, name), 'utf8'),
    /** What is written in one turn is one batch. */
    write: (...lines: readonly string[]): void => {
      for (const line of lines) file.write(`${line}\n`);
      file.flush();
    },
  };
}

test('a file is put aside before it would become too large, and no line is lost or split', (context) => {
  const { names, read, write, directory } = open(context, {}, { 'audit.log': 'old\n' });
  write('12345', '6789', 'abc');
  write('a line longer than the limit');
  assert.deepEqual(names(), ['audit-2026-01-02T03-04-05.000.log', 'audit-2026-01-02T03-04-05.001.log', 'audit.log']);
  assert.equal(read('audit-2026-01-02T03-04-05.000.log'), 'old\n12345\n');
  assert.equal(read('audit-2026-01-02T03-04-05.001.log'), '6789\nabc\n');
  assert.equal(read('audit.log'), 'a line longer than the limit\n');
  assert.equal(statSync(path.join(directory, 'audit-2026-01-02T03-04-05.001.log')).mode & 0o777, 0o600);
});

test('the newest that were put aside are kept, up to their number and age; other files are not touched', (context) => {
  const before = {
    'audit-2025-12-01T00-00-00.000.log': '',
    'audit-2026-01-02T00-00-00.000.log': '',
    'audit-notes.log': '',
  };
  const day = 86_400_000;
  const { names, write, file } = open(context, { maxAgeMs: day }, before);
  write('12345678');
  write('12345678');
  assert.deepEqual(names(), [
    'audit-2026-01-02T00-00-00.000.log',
    'audit-2026-01-02T03-04-05.000.log',
    'audit-notes.log',
    'audit.log',
  ]);
  file.limits = { maxBytes: 10, maxAgeMs: 0, maxFiles: 1 };
  write('12345678');
  assert.equal(names().length, 3);
});

test('what cannot be written is counted, and writing begins again when it can', (context) => {
  const { file, directory, read, write, names } = open(context, {});
  rmSync(directory, { recursive: true });
  writeFileSync(directory, 'no directory');
  write('12345678');
  // The open file is written even when it is unlinked: only the next file cannot be made.
  write('12345678');
  assert.match(file.problem ?? '', /audit\.log cannot be written \(1 entries were lost so far\): /);
  rmSync(directory);
  write('again');
  assert.equal(file.problem, undefined);
  assert.deepEqual([names(), read('audit.log')], [['audit.log'], 'again\n']);
});

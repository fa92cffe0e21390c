import assert from 'node:assert/strict';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import { createLogger, LineWriter } from './logger.ts';

const logged = (format: 'text' | 'json', level: 'debug' | 'info') => {
  const lines: string[] = [];
  const clock = new VirtualClock(Date.UTC(2026, 0, 2));
  return { lines, logger: createLogger({ clock, level: () => level, format, write: (text) => lines.push(text) }) };
};

test('an entry is one line of text, whatever is in it', () => {
  const { lines, logger } = logged('text', 'info');
  logger
    .named('api')
    .named('front')
    .warn('two\nlines', { path: '/a b', count: 3, none: undefined, error: new Error('x "y"') });
  assert.deepEqual(lines, [
    '2026-01-02T00:00:00.000Z W api/front: two\\nlines path="/a b" count=3 error="x \\"y\\""\n',
  ]);
});

test('JSON entries can be read back', () => {
  const { lines, logger } = logged('json', 'info');
  logger.named('api').error('broken', { error: new Error('why') });
  assert.deepEqual(JSON.parse(lines[0]!), {
    error: 'why',
    time: '2026-01-02T00:00:00.000Z',
    level: 'error',
    logger: 'api',
    message: 'broken',
  });
});

test('what is below the level is not written', () => {
  const { lines, logger } = logged('text', 'info');
  logger.debug('detail');
  assert.deepEqual(lines, []);
});

test('lines reach the file in order, at the latest when it is flushed', async (context) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'microshift-log-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const file = path.join(directory, 'log');
  const writer = new LineWriter(openSync(file, 'w'));
  writer.write('one\n');
  writer.write('two\n');
  await new Promise(setImmediate);
  assert.equal(readFileSync(file, 'utf8'), 'one\ntwo\n');
  writer.write('three\n');
  writer.flush();
  assert.equal(readFileSync(file, 'utf8'), 'one\ntwo\nthree\n');
});

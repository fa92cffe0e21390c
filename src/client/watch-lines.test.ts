import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WatchLines } from './watch-lines.ts';

test('lines come out whole, however they were cut', () => {
  const text = '{"a":"ä"}\n\n{"b":"€𝄞"}\r\n{"c":1}\n';
  const bytes = Buffer.from(text);
  for (let size = 1; size <= bytes.length; size++) {
    const lines = new WatchLines(100);
    const found: string[] = [];
    for (let at = 0; at < bytes.length; at += size) found.push(...lines.push(bytes.subarray(at, at + size)));
    assert.deepEqual(
      found.map((line) => JSON.parse(line) as unknown),
      [{ a: 'ä' }, { b: '€𝄞' }, { c: 1 }],
    );
  }
});

test('a line that does not end is an error, not memory', () => {
  const lines = new WatchLines(100);
  assert.throws(() => {
    for (let count = 0; count < 100; count++) lines.push(Buffer.from('x'.repeat(10)));
  }, /longer than 100 bytes/);
});

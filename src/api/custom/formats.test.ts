// Formats of texts: whoever writes a custom resource writes them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textHasFormat } from './formats.ts';

test('durations as Go and Scala write them', () => {
  for (const text of ['0', '1h30m', '1.5s', '1.s', '.5ms', '-2us', '22 seconds'])
    assert.equal(textHasFormat('duration', text), true, text);
  for (const text of ['', '1', '1x', '.s', '1..5s', 'soon']) assert.equal(textHasFormat('duration', text), false, text);
});

test('a long text without the format is refused at once', () => {
  const started = performance.now();
  for (const part of ['1', '1.', '.', 'a', 'a.', 'a@', ':', '1:', '/', '<', ' ', '-'])
    for (const format of ['duration', 'email', 'hostname', 'uri', 'datetime', 'ipv6', 'cidr', 'byte', 'isbn'])
      textHasFormat(format, `${part.repeat(100_000)}!`);
  assert.ok(performance.now() - started < 2_000);
});

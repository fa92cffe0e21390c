import assert from 'node:assert/strict';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { test } from 'node:test';
import { YamlSyntaxError } from '#wire/yaml.ts';
import { parseYamlOnThread } from './yaml-thread.ts';

const never = new AbortController().signal;
const long = Buffer.from(Array.from({ length: 20_000 }, (_, index) => `key${index}: [a, {b: ${index}}]\n`).join(''));

test('a long text is read elsewhere: this thread goes on meanwhile', async () => {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const { value, duplicates } = await parseYamlOnThread({ bytes: long, duplicates: true }, never);
  delay.disable();
  assert.deepEqual((value as Record<string, unknown>)['key19999'], ['a', { b: 19_999 }]);
  assert.deepEqual(duplicates, []);
  assert.ok(delay.max / 1e6 < 400, `${delay.max / 1e6} ms`);
});

test('what is no YAML is refused in the same words; what is twice is told', async () => {
  const refused = parseYamlOnThread({ bytes: Buffer.from('a: *b\n'), duplicates: false }, never);
  await assert.rejects(
    refused,
    (error) => error instanceof YamlSyntaxError && /unknown anchor 'b'/.test(error.message),
  );
  const { duplicates } = await parseYamlOnThread({ bytes: Buffer.from('a: 1\na: 2\n'), duplicates: true }, never);
  assert.deepEqual(duplicates, ['line 2: key "a" already set in map']);
});

test('more texts than threads wait their turn; who goes takes the thread along', async () => {
  const leaving = new AbortController();
  const left = parseYamlOnThread({ bytes: long, duplicates: false }, leaving.signal);
  const rest = Array.from({ length: 4 }, (_, index) =>
    parseYamlOnThread({ bytes: Buffer.from(`a: ${index}\n`), duplicates: false }, never),
  );
  leaving.abort(new Error('gone'));
  await assert.rejects(left, /gone/);
  assert.deepEqual(
    (await Promise.all(rest)).map(({ value }) => value),
    [{ a: 0 }, { a: 1 }, { a: 2 }, { a: 3 }],
  );
});

test('a text whose aliases say a hundred times what it is long is refused, not written out', async () => {
  const text = `a: &a "${'x'.repeat(500_000)}"\nlist:\n${'- *a\n'.repeat(99)}`;
  await assert.rejects(
    parseYamlOnThread({ bytes: Buffer.from(text), duplicates: false }, never),
    /^Error: yaml: document contains excessive aliasing$/,
  );
});

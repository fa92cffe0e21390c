import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flatText } from './flat-text.ts';

for (const text of [
  '',
  'a',
  'kubectl-client-side-apply',
  `${'a'.repeat(200)}/${'b'.repeat(55)}`,
  'x'.repeat(257),
  'né',
  'ж',
  '😀',
  '\ud800',
  '\0',
])
  test(`a text of ${text.length} letters stays what it is: ${JSON.stringify(text.slice(0, 12))}`, () => {
    assert.equal(flatText(text), text);
    assert.equal(flatText(`${text}${text}`.slice(text.length)), text);
  });

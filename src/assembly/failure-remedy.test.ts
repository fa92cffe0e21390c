import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failureRemedy } from './failure-remedy.ts';

test('a full disk and a read-only one are told, also behind another error', () => {
  const full = Object.assign(new Error('write'), { code: 'ENOSPC' });
  assert.match(failureRemedy(full, '/data'), /disk is full.*\/data/);
  assert.match(failureRemedy(new Error('outer', { cause: full }), '/data'), /disk is full/);
  assert.match(failureRemedy(Object.assign(new Error('x'), { code: 'EROFS' }), '/data'), /read-only/);
  assert.match(failureRemedy('what', '/data'), /log says more/);
});

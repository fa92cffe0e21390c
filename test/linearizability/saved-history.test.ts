// A history that was kept is judged as it was, by the command too.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import type { History } from './history.ts';
import { historyText, parseHistory } from './saved-history.ts';

const version = { revision: 10, uid: 'u', value: 'v' };
const history: History = {
  operations: [
    { key: 'secrets/a', action: { type: 'create', value: 'v' }, outcome: { type: 'unknown' }, call: 1, end: Infinity },
  ],
  lists: [
    {
      resource: 'secrets',
      revision: 10,
      items: new Map([['secrets/a', version]]),
      isConsistent: true,
      call: 1,
      end: 2,
    },
  ],
  sessions: [
    {
      watcher: 0,
      resource: 'secrets',
      from: 10,
      listed: new Map([['secrets/a', version]]),
      events: [{ type: 'BOOKMARK', revision: 11, at: 3 }],
    },
  ],
};

test('a history comes back as it was', () => {
  assert.deepEqual(parseHistory(historyText(history)), history);
});

test('the command says what is wrong, and ends with 1', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'linear-'));
  const file = path.join(folder, 'history.json');
  const judged = (kept: History) => {
    writeFileSync(file, historyText(kept));
    const script = path.resolve(import.meta.dirname, '../../scripts/linearizability.ts');
    const { status, stdout } = spawnSync(process.execPath, [script, '--judge', file], { encoding: 'utf8' });
    return [status, stdout];
  };
  try {
    assert.deepEqual(judged(history), [0, '0 wrong\n']);
    const wrong = judged({ ...history, operations: [] });
    assert.deepEqual(wrong, [1, '1 wrong\n  a put of secrets/a at revision 10 shows v, which nobody wrote\n']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

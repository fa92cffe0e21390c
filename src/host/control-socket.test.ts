import assert from 'node:assert/strict';
import { mkdtempSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { askControlSocket, serveControlSocket } from './control-socket.ts';

test('a watcher gets what is and every change, also below a long path; others cannot reach it', async (context) => {
  const directory = path.join(mkdtempSync(path.join(tmpdir(), 'microshift-control-')), 'x'.repeat(120));
  mkdirSync(directory);
  context.after(() => rmSync(path.dirname(directory), { recursive: true }));
  const socketPath = path.join(directory, 'control.sock');
  const listeners = new Set<() => void>();
  let value = 1;
  const control = await serveControlSocket(socketPath, {
    current: () => ({ value }),
    onChange(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    backup: async (target) => ({ target }),
    async rotateKey(tell) {
      tell({ done: 1 });
      return { key: 2 };
    },
  });
  assert.equal(statSync(socketPath).mode & 0o777, 0o600);
  const once: unknown[] = [];
  await askControlSocket(socketPath, 'status', (line) => once.push(line) > 0);
  assert.deepEqual(once, [{ value: 1 }]);
  const answers: unknown[] = [];
  await askControlSocket(socketPath, 'backup /a path', (line) => answers.push(line) > 0);
  assert.deepEqual(answers, [{ target: '/a path' }]);
  const rotation: unknown[] = [];
  await askControlSocket(socketPath, 'rotate-key', (line) => rotation.push(line) > 0);
  assert.deepEqual(rotation, [{ done: 1 }, { key: 2 }]);
  const seen: unknown[] = [];
  const watched = askControlSocket(socketPath, 'watch', (line) => {
    seen.push(line);
    if (seen.length === 1)
      queueMicrotask(() => {
        value = 2;
        for (const listener of listeners) listener();
      });
    return seen.length < 2;
  });
  await watched;
  assert.deepEqual(seen, [{ value: 1 }, { value: 2 }]);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(listeners.size, 0);
  control[Symbol.dispose]();
  await assert.rejects(askControlSocket(socketPath, 'status', () => false));
});

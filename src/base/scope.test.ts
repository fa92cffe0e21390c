import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Scope } from './scope.ts';

const failing = () => assert.fail('no task may fail here');

test('close aborts the signal, closes in reverse order, and waits for tasks', async () => {
  const order: string[] = [];
  const scope = new Scope('test', failing);
  scope.onClose(() => void order.push('first added'));
  scope.onClose(() => void order.push('last added'));
  scope.spawn('task', async (signal) => {
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    order.push('task');
  });
  await new Promise<void>((resolve) => setImmediate(resolve));
  await scope.close();
  assert.ok(order.indexOf('last added') < order.indexOf('first added'));
  assert.ok(order.includes('task'));
  assert.equal(scope.closed, true);
});

test('a task that fails is reported with its name; a task that fails because of the close is not', async () => {
  const failures: string[] = [];
  const scope = new Scope('test', (name) => failures.push(name));
  scope.spawn('broken', () => Promise.reject(new Error('broken')));
  await new Promise<void>((resolve) => setImmediate(resolve));
  scope.spawn(
    'ended',
    (signal) =>
      new Promise((_, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
      ),
  );
  await new Promise<void>((resolve) => setImmediate(resolve));
  await scope.close();
  assert.deepEqual(failures, ['broken']);
});

test('closing twice closes once; children close with their parent', async () => {
  let closed = 0;
  const scope = new Scope('test', failing);
  scope.child('child').onClose(() => void closed++);
  await Promise.all([scope.close(), scope.close()]);
  assert.equal(closed, 1);
});

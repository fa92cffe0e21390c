import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import { createServiceNotifier } from './notify.ts';

// Python listens, because Node has no datagram sockets of this family; run-tests.sh installs it.
test('the supervisor hears of readiness and of every half interval', async (context) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'microshift-notify-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const socketPath = path.join(directory, 'notify');
  const listener = spawn(
    'python3',
    [
      '-uc',
      `import socket\ns=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM); s.bind(${JSON.stringify(socketPath)}); print('bound')\nfor _ in range(3): print(repr(s.recv(100).decode()))`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  context.after(() => listener.kill());
  listener.stdout.setEncoding('utf8');
  let heard = '';
  listener.stdout.on('data', (text: string) => (heard += text));
  await once(listener.stdout, 'data');
  const notifier = await createServiceNotifier({ NOTIFY_SOCKET: socketPath, WATCHDOG_USEC: '2000000' });
  const clock = new VirtualClock(0);
  notifier.notify('READY=1', 'STATUS=fine');
  using _watchdog = notifier.startWatchdog(clock);
  clock.advance(999);
  clock.advance(1);
  await once(listener, 'exit');
  assert.equal(heard, `bound\n'READY=1\\nSTATUS=fine'\n'WATCHDOG=1'\n'WATCHDOG=1'\n`);
});

test('without a supervisor nothing is sent', async () => {
  const clock = new VirtualClock(0);
  const notifier = await createServiceNotifier({ WATCHDOG_USEC: '1000' });
  notifier.notify('READY=1');
  notifier.startWatchdog(clock);
  assert.equal(clock.nextTimerAt(), undefined);
});

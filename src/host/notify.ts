// Tells the service manager how we are: sd_notify(3), without a library and without a child process.
// Outside systemd (no NOTIFY_SOCKET) it does nothing.
import type { Clock, Timer } from '#base/clock.ts';

const familyUnix = 1;
const typeDatagramCloseOnExec = 0x80002;
const noSignal = 0x4000;

export interface ServiceNotifier {
  /** Lines such as `READY=1`, `STOPPING=1`, `STATUS=text`. */
  notify(...lines: readonly string[]): void;
  /** Sends WATCHDOG=1 at half the interval that systemd asked for, as long as the event loop turns. */
  startWatchdog(clock: Clock): Disposable;
}

/** `environment`: NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID. */
export async function createServiceNotifier(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<ServiceNotifier> {
  const socketPath = environment['NOTIFY_SOCKET'];
  if (socketPath === undefined || socketPath === '')
    return { notify() {}, startWatchdog: () => ({ [Symbol.dispose]() {} }) };
  const { dlopen } = await import('node:ffi');
  const { functions } = dlopen(null, {
    socket: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
    sendto: { arguments: ['i32', 'buffer', 'u64', 'i32', 'buffer', 'u32'], return: 'i64' },
    close: { arguments: ['i32'], return: 'i32' },
  });
  const address = Buffer.alloc(2 + Buffer.byteLength(socketPath) + (socketPath.startsWith('@') ? 0 : 1));
  address.writeUInt16LE(familyUnix, 0);
  address.write(socketPath, 2);
  if (socketPath.startsWith('@')) address[2] = 0;
  const notify = (...lines: readonly string[]): void => {
    const descriptor = functions.socket(familyUnix, typeDatagramCloseOnExec, 0);
    if (descriptor < 0) return;
    const message = Buffer.from(lines.join('\n'));
    functions.sendto(descriptor, message, BigInt(message.length), noSignal, address, address.length);
    functions.close(descriptor);
  };
  return {
    notify,
    startWatchdog(clock) {
      const intervalMs = Number(environment['WATCHDOG_USEC'] ?? '0') / 1000;
      const forProcess = environment['WATCHDOG_PID'];
      if (!(intervalMs > 0) || (forProcess !== undefined && forProcess !== String(process.pid)))
        return { [Symbol.dispose]() {} };
      let timer: Timer;
      const tick = () => {
        notify('WATCHDOG=1');
        timer = clock.schedule(intervalMs / 2, tick);
      };
      tick();
      return { [Symbol.dispose]: () => timer.cancel() };
    },
  };
}

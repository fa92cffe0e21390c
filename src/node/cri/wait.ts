// Waits until the container runtime answers: it may start beside this process.
import { type Clock, sleep } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Scope } from '#base/scope.ts';
import type { ContainerRuntime, RuntimeVersion } from './runtime.ts';

export async function waitForRuntime(
  runtime: ContainerRuntime,
  scope: Scope,
  clock: Clock,
  logger: Logger,
): Promise<{ readonly version: RuntimeVersion; readonly driver: 'systemd' | 'cgroupfs' | undefined }> {
  for (let failures = 0; ; failures++) {
    try {
      return { version: await runtime.version(), driver: await runtime.cgroupDriver() };
    } catch (error) {
      if (scope.closed) throw error;
      if (failures % 20 === 5) logger.warn('the container runtime does not answer yet', { error: messageOf(error) });
      await sleep(clock, Math.min(1_000, 50 * 2 ** Math.min(failures, 6)), scope.signal);
    }
  }
}

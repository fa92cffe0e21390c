// Keeps the log files of running containers small: upstream's containerLogMaxSize 10Mi and containerLogMaxFiles 5. The file
// that was current becomes `N.log.TIME`, the ones before it are compressed.
import type { Clock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { NodeMachine } from '#host/node-machine.ts';
import type { ContainerRuntime } from './cri/runtime.ts';

export interface LogRotationOptions {
  readonly runtime: ContainerRuntime;
  readonly machine: NodeMachine;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Those that run. */
  readonly containers: readonly { readonly id: string; readonly logPath: string }[];
  readonly bytesMax?: number | undefined;
  /** The current one included. */
  readonly filesMax?: number | undefined;
}

export async function rotateLogs(options: LogRotationOptions): Promise<void> {
  const { runtime, machine, clock, logger, containers } = options;
  const bytesMax = options.bytesMax ?? 10 * 1024 * 1024;
  const filesMax = options.filesMax ?? 5;
  for (const container of containers) {
    try {
      const { logPath } = container;
      const size = (await machine.status(logPath))?.size ?? 0;
      if (size < bytesMax) continue;
      const [directory, name] = [
        logPath.slice(0, logPath.lastIndexOf('/')),
        logPath.slice(logPath.lastIndexOf('/') + 1),
      ];
      const older = (await machine.list(directory)).filter((one) => one.startsWith(`${name}.`)).toSorted();
      // One place is for the current file, one for what it becomes now.
      for (const one of older.slice(0, Math.max(0, older.length - (filesMax - 2))))
        await machine.remove(`${directory}/${one}`);
      for (const one of older.slice(-(filesMax - 2)))
        if (!one.endsWith('.gz') && (await machine.status(`${directory}/${one}`)) !== undefined)
          await machine.compress(`${directory}/${one}`);
      const stamp = new Date(clock.now()).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
      await machine.rename(logPath, `${logPath}.${stamp}`);
      try {
        await runtime.reopenContainerLog(container.id);
      } catch (error) {
        await machine.rename(`${logPath}.${stamp}`, logPath);
        throw error;
      }
    } catch (error) {
      logger.warn('rotating a log failed', { container: container.id, error: messageOf(error) });
    }
  }
}

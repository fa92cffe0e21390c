// `microshift wait`: until everything is ready, with progress. Used by install.sh.
import { setTimeout as delay } from 'node:timers/promises';
import { OperatorError } from '#base/errors.ts';
import { controlSocketPath, type StatusReport } from '#assembly/status.ts';
import { askControlSocket } from '#host/control-socket.ts';
import { dataDirectoryHere } from './configuration.ts';
import { exitFailed, type StatusFlags } from './command.ts';
import { notRunning } from './status.ts';

/** A process that is not there yet is looked for so often: its socket is there 100 ms after its start. */
const retryMs = 200;

export async function wait(flags: StatusFlags & { readonly timeout: string }): Promise<number> {
  const seconds = Number(flags.timeout);
  if (!(seconds > 0))
    throw new OperatorError(`--timeout ${flags.timeout} is not a number of seconds.`, 'For example --timeout 300.');
  const socketPath = controlSocketPath(await dataDirectoryHere(flags));
  const until = Date.now() + seconds * 1000;
  const told = new Map<string, string>();
  let last: StatusReport | undefined;
  let lastError: unknown;
  const onReport = (value: unknown): boolean => {
    // What our own process sends.
    last = value as StatusReport;
    for (const service of last.services) {
      if (told.get(service.name) === service.state || service.state === 'waiting' || service.state === 'starting')
        continue;
      told.set(service.name, service.state);
      console.log(
        service.state === 'ready'
          ? `  ${service.name} runs (${service.startMs} ms)`
          : `  ${service.name} ${service.state}: ${service.problems.join('; ')}`,
      );
    }
    return !last.ready;
  };
  const timeout = AbortSignal.timeout(seconds * 1000);
  while (!timeout.aborted) {
    try {
      const asked = askControlSocket(socketPath, 'watch', (value) => !timeout.aborted && onReport(value));
      await Promise.race([asked, delay(Math.max(0, until - Date.now()), undefined, { ref: true })]);
    } catch (error) {
      lastError = error;
    }
    if (last?.ready === true) {
      console.log(`MicroShift is ready: ${last.apiUrl}`);
      // The delay above may still be pending; nothing is left to do.
      process.exit(0);
    }
    await delay(Math.min(retryMs, Math.max(0, until - Date.now())));
  }
  if (last === undefined) {
    process.stderr.write(`microshift: ${(await notRunning(socketPath.replace(/\/[^/]*$/, ''), lastError)).message}\n`);
    process.exit(exitFailed);
  }
  const missing = last.services.filter((one) => one.state !== 'ready').map((one) => `${one.name} ${one.state}`);
  const wrong = last.services.flatMap((one) => one.problems.map((problem) => `  ${one.name}: ${problem}\n`));
  process.stderr.write(`microshift: not ready after ${seconds} s: ${missing.join(', ')}\n${wrong.join('')}`);
  process.exit(exitFailed);
}

// `microshift run`: configuration, log and signals around assembly/start.ts.
import path from 'node:path';
import { ChangeableConfiguration } from '#assembly/config/live.ts';
import { runMicroShift } from '#assembly/start.ts';
import { adminKubeconfigPath } from '#assembly/status.ts';
import { systemClock } from '#base/clock.ts';
import { messageOf, OperatorError } from '#base/errors.ts';
import { systemRandom } from '#base/random.ts';
import { ScopeClosing } from '#base/scope.ts';
import { systemFiles } from '#host/files.ts';
import { hostIdentity } from '#host/identity.ts';
import { createLogger, levelOfVerbosity, LineWriter } from '#host/logger.ts';
import { nameThisProcess } from '#host/process-name.ts';
import { loadHere, loadOptionsHere } from './configuration.ts';
import { exitFailed, exitUsage, type RunFlags } from './command.ts';
import { ephemeral } from './ephemeral.ts';

export async function run(given: RunFlags): Promise<number> {
  nameThisProcess('microshift');
  // From now on it ends in order: what is made below is removed then.
  let tell: (message: string) => void = () => {};
  const stop = new AbortController();
  const onSignal = (signal: string) => {
    if (stop.signal.aborted) {
      tell(`${signal} again: MicroShift ends at once`);
      process.exit(exitFailed);
    }
    tell(`${signal} received`);
    stop.abort();
  };
  const onInputEnd = () => {
    if (stop.signal.aborted) return;
    tell('standard input has ended');
    stop.abort();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  const keepsState = given.ephemeral !== true;
  const { flags, environment } = keepsState
    ? { flags: given, environment: process.env }
    : await ephemeral(given, process.env);
  const sources = {
    ...flags,
    verbosity: flags.v,
    ...(flags.kubeconfig === undefined ? {} : { kubeconfig: path.resolve(flags.kubeconfig) }),
  };
  const loaded = await loadHere(sources, environment);
  if ('mistake' in loaded) {
    printMistake(loaded.mistake);
    return exitUsage;
  }
  const { configuration } = loaded;
  const writer = new LineWriter(2);
  let level = levelOfVerbosity(configuration.logVerbosity);
  const logger = createLogger({
    clock: systemClock,
    level: () => level,
    format: configuration.logFormat,
    write: writer.write,
  });
  tell = (message) => logger.info(message);
  process.on('exit', () => writer.flush());
  const live = new ChangeableConfiguration(configuration, (error) =>
    logger.error('a part did not take over the changed configuration', { error: messageOf(error) }),
  );
  live.onChange(
    (one) => one.logVerbosity,
    (verbosity) => (level = levelOfVerbosity(verbosity)),
  );
  if (given.untilInputEnds === true) process.stdin.once('end', onInputEnd).once('error', onInputEnd).resume();
  const die = (what: string) => (error: unknown) => {
    logger.error(what, { error: messageOf(error), ...(error instanceof Error ? { stack: error.stack } : {}) });
    process.exit(exitFailed);
  };
  process.on('uncaughtException', die('a defect: an error that nobody handled; MicroShift ends'));
  const rejected = die('a defect: a failure that nobody handled; MicroShift ends');
  process.on('unhandledRejection', (error: unknown) => {
    // A service that is told to stop while it starts may leave a promise behind.
    if (!(error instanceof ScopeClosing)) rejected(error);
  });
  try {
    await runMicroShift({
      loaded,
      loadOptions: loadOptionsHere(sources, environment),
      live,
      onReloadRequest: (listener) => process.on('SIGHUP', listener),
      environment: process.env,
      clock: systemClock,
      random: systemRandom,
      logger,
      files: systemFiles,
      identity: hostIdentity(),
      stop: stop.signal,
      aliveMs: performance.now(),
      keepsState,
      onReady: () => {
        if (!keepsState)
          process.stdout.write(`export KUBECONFIG=${adminKubeconfigPath(configuration.dataDirectory)}\n`);
      },
    });
    return 0;
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    writer.flush();
    printMistake(error);
    return exitFailed;
  } finally {
    writer.flush();
    if (given.untilInputEnds === true) process.stdin.destroy();
    // A forgotten handle must not hold up the end: what matters is closed.
    setTimeout(() => process.exit(), 1_000).unref();
  }
}

const printMistake = (error: OperatorError): void =>
  void process.stderr.write(`microshift: ${error.message}\n  ${error.remedy}\n`);

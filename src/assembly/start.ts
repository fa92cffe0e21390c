// From a configuration to a running MicroShift and back: lock, services, readiness told to the supervisor, orderly stop.
import type { Clock } from '#base/clock.ts';
import { messageOf, OperatorError } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { MetricRegistry } from '#base/metrics/registry.ts';
import type { Random } from '#base/random.ts';
import { hostChangesFile, lookAtOwnDirectory, openHostChanges, type HostChange } from '#host/changes.ts';
import { serveControlSocket } from '#host/control-socket.ts';
import type { Files } from '#host/files.ts';
import { measureEventLoopDelay } from '#host/event-loop-delay.ts';
import { trimMemoryWhenIdle } from '#host/idle-memory.ts';
import { keepNewObjectsYoung } from '#host/young-objects.ts';
import { detectNodeAddress, detectNodeIpv6 } from '#host/linux/addresses.ts';
import { MachineChanges } from '#host/machine-changes.ts';
import type { HostIdentity } from '#host/identity.ts';
import { lockDirectory, lockFileName } from '#host/lock.ts';
import { createServiceNotifier } from '#host/notify.ts';
import { watchPaths } from '#host/watched-paths.ts';
import { backupForSocket } from './backup/for-socket.ts';
import { finishRestore } from './backup/restore.ts';
import type { ChangeableConfiguration } from './config/live.ts';
import type { LoadedConfiguration, LoadOptions } from './config/load.ts';
import { ConfigurationReloader } from './config/reload.ts';
import { rotateForSocket } from './datastore/rotate-for-socket.ts';
import { failureRemedy, isDiskFailure } from './failure-remedy.ts';
import { NodeAddress } from './node-address.ts';
import { removeOldCluster } from './old-cluster.ts';
import { Parts, type AssemblyContext } from './parts.ts';
import { ServiceRunner } from './runner.ts';
import { servicesOf } from './services.ts';
import { controlSocketPath, statusReport } from './status.ts';
import { afterDiskFailure, untilUsable } from './usable-disk.ts';
import { productVersion } from './version.ts';

/** Below TimeoutStartSec of packaging/microshift.service. */
const startPatienceMs = 200_000;

export interface RunOptions {
  readonly loaded: LoadedConfiguration;
  /** For loading it again. */
  readonly loadOptions: LoadOptions;
  readonly live: ChangeableConfiguration;
  /** Somebody asks for looking at the configuration again (SIGHUP). */
  readonly onReloadRequest: (listener: () => void) => void;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly files: Files;
  readonly identity: HostIdentity;
  /** Ends it in order. */
  readonly stop: AbortSignal;
  /** Milliseconds since this process began. */
  readonly aliveMs: number;
  /** Default true; false: objects are in memory only. */
  readonly keepsState?: boolean;
  /** Everything runs. */
  readonly onReady?: () => void;
}

/** Resolves after an orderly stop; rejects with the reason when a service fails. Containers go on in both cases. */
export async function runMicroShift(options: RunOptions): Promise<void> {
  const { loaded, live, clock, logger, stop } = options;
  const { configuration } = loaded;
  const notifier = await createServiceNotifier(options.environment);
  const disk = { dataDirectory: configuration.dataDirectory, clock, logger, notifier, stop };
  if (options.keepsState !== false && !(await untilUsable(disk))) return;
  // Looked at before the lock makes it: cleanup must not remove what was there.
  const dataDirectoryBefore = lookAtDataDirectory(configuration.dataDirectory);
  using _lock = await lockDirectory(configuration.dataDirectory);
  await finishRestore(configuration.dataDirectory, options.files);
  logger.info(`MicroShift ${productVersion.version} starts`, {
    roles: configuration.roles.join(','),
    dataDirectory: configuration.dataDirectory,
    node: configuration.nodeName,
    url: configuration.cluster.url,
  });
  for (const warning of loaded.warnings) logger.warn(warning);
  const context: AssemblyContext = {
    configuration,
    live,
    clock,
    random: options.random,
    logger,
    metrics: new MetricRegistry(),
    files: options.files,
    identity: options.identity,
    parts: new Parts(),
    stopping: stop,
    keepsState: options.keepsState ?? true,
    showProblems() {},
    problems: () => runner.status().flatMap((one) => one.problems.map((problem) => ({ service: one.name, problem }))),
  };
  if (configuration.roles.includes('node'))
    await removeOldCluster({ configuration, files: options.files, clock, logger: logger.named('old-cluster') });
  const changes = openHostChanges(hostChangesFile(configuration.dataDirectory));
  changes.record(dataDirectoryBefore);
  context.parts.provide('hostChanges', changes);
  using machineChanges = new MachineChanges(clock, logger);
  context.parts.provide('machineChanges', machineChanges);
  using nodeAddress = new NodeAddress(configuration, detectNodeAddress, detectNodeIpv6, machineChanges, logger);
  context.parts.provide('nodeAddress', nodeAddress);
  const runner = new ServiceRunner({ services: servicesOf(context), clock, logger, aliveMs: options.aliveMs });
  const startedAtMs = clock.now() - options.aliveMs;
  using reloader = followConfiguration(options);
  using _control = await serveControlSocket(controlSocketPath(configuration.dataDirectory), {
    current: () =>
      statusReport(
        configuration,
        context.parts.has('controlPlaneUrl') ? context.parts.take('controlPlaneUrl')() : undefined,
        context.parts.has('containerRuntime') ? context.parts.take('containerRuntime').description : undefined,
        context.parts.has('scheduledBackups') ? context.parts.take('scheduledBackups').state() : undefined,
        context.parts.has('encryption') ? context.parts.take('encryption').facts() : undefined,
        runner.status(),
        reloader.state(),
        startedAtMs,
        clock.now(),
      ),
    onChange: (listener) => runner.onChange(listener),
    backup: (target) => backupForSocket(context, target),
    rotateKey: (tell) => rotateForSocket(context, tell),
  });
  const stopped = new Promise<'stop'>((resolve) => {
    if (stop.aborted) resolve('stop');
    stop.addEventListener('abort', () => resolve('stop'), { once: true });
  });
  const beganMs = clock.monotonicMs();
  const ready = runner.start().then(() => {
    const sinceStartMs = Math.round(clock.monotonicMs() - beganMs + options.aliveMs);
    logger.info('MicroShift is ready', { sinceStartMs });
    options.onReady?.();
    notifier.notify('READY=1', `STATUS=ready after ${sinceStartMs} ms`);
    return 'ready' as const;
  });
  // A supervisor would end a start that takes longer, and with it what works already: it is told what is missing instead.
  const patience = clock.schedule(startPatienceMs, () => {
    const missing = runner.status().filter((one) => one.state !== 'ready');
    if (missing.length === 0) return;
    const names = missing.map((one) => one.name).join(', ');
    logger.warn('not everything is ready yet', { missing: names, problems: context.problems().length });
    notifier.notify('READY=1', `STATUS=not ready yet: ${names}; microshift status says why`);
  });
  using _patience = { [Symbol.dispose]: () => patience.cancel() };
  using _watchdog = notifier.startWatchdog(clock);
  let ended = await Promise.race([ready, stopped, runner.failed]);
  using _memory = trimMemoryWhenIdle(clock);
  keepNewObjectsYoung();
  measureEventLoopDelay();
  if (ended === 'ready') ended = await Promise.race([stopped, runner.failed]);
  notifier.notify('STOPPING=1');
  if (typeof ended === 'object')
    logger.error(`${ended.service} failed; MicroShift ends`, { error: messageOf(ended.error) });
  else logger.info('MicroShift stops; containers go on');
  await runner.stop();
  if (typeof ended === 'object' && isDiskFailure(ended.error)) await afterDiskFailure(disk);
  if (typeof ended === 'object')
    throw ended.error instanceof OperatorError
      ? ended.error
      : new OperatorError(
          `The service ${ended.service} failed: ${messageOf(ended.error)}.`,
          failureRemedy(ended.error, configuration.dataDirectory),
          { cause: ended.error },
        );
  logger.info('MicroShift has stopped');
}

/** Notices changed files until it is disposed of. */
function followConfiguration({ loaded, loadOptions, live, clock, logger, onReloadRequest }: RunOptions) {
  const named = logger.named('configuration');
  const paths = ({ files }: LoadedConfiguration) => [...new Set([...files.watched, ...files.files])];
  const reloader = new ConfigurationReloader(loaded, loadOptions, live, named, (now) => watched.watch(paths(now)));
  const look = (): void => void reloader.look();
  const watched = watchPaths(paths(loaded), clock, look, (error) =>
    named.warn('changes of the configuration files are not noticed: send SIGHUP after changing them', {
      error: messageOf(error),
    }),
  );
  onReloadRequest(() => {
    named.info('somebody asks for looking at the configuration again');
    look();
  });
  return { state: () => reloader.state, [Symbol.dispose]: () => watched[Symbol.dispose]() };
}

/** A start that was killed before it noted anything leaves the lock file only: that is no directory of somebody else. */
function lookAtDataDirectory(dataDirectory: string): HostChange {
  const found = lookAtOwnDirectory(dataDirectory);
  if (found.type !== 'entries') return found;
  const others = found.before.filter((name) => name !== lockFileName);
  return others.length === 0 && found.before.length > 0
    ? { type: 'tree', path: dataDirectory }
    : { ...found, before: others };
}

// The container runtime: the host's or, where it runs none, our own, with the images that lie on the machine as archives.
import { sleep } from '#base/clock.ts';
import { OperatorError } from '#base/errors.ts';
import type { Scope } from '#base/scope.ts';
import { recordEmptyDirectory } from '#host/changes.ts';
import {
  decideRuntime,
  parseRuntimeChoice,
  renderRuntimeChoice,
  type RuntimeDecision,
} from '#host/linux/runtime-choice.ts';
import type { AssemblyContext } from '../parts.ts';
import { privateContainerdPlaces, registryPlaces, runDirectory, runtimeChoicePath } from '../paths.ts';
import { importArchives } from './image-archives.ts';

const runtimeWaitMs = 30_000;
const runtimeLookMs = 500;

export async function startContainerRuntime(context: AssemblyContext, scope: Scope): Promise<() => readonly string[]> {
  const { configuration, clock, files, logger, parts } = context;
  const { node, dataDirectory } = configuration;
  const { answeringRuntimes, hasSystemd, hostRuntimeSockets, PrivateContainerd } =
    await import('#host/linux/containerd.ts');
  const changes = parts.take('hostChanges');
  changes.record({ type: 'tree', path: runDirectory });
  const cgroupDriver = hasSystemd() ? 'systemd' : 'cgroupfs';
  const configured = node.runtimeEndpoint.replace(/^unix:\/\//, '');
  const choiceFile = runtimeChoicePath(dataDirectory);
  const recorded = parseRuntimeChoice(await files.readText(choiceFile));
  const candidates = [...new Set([configured, recorded?.socketPath ?? '', ...hostRuntimeSockets])].filter(Boolean);
  const untilMs = clock.monotonicMs() + runtimeWaitMs;
  let decision = decideRuntime(configured, recorded, await answeringRuntimes(candidates));
  for (; decision.use === 'wait'; decision = decideRuntime(configured, recorded, await answeringRuntimes(candidates))) {
    // At boot the host's runtime may come up after us.
    if (clock.monotonicMs() > untilMs)
      throw configured === ''
        ? new OperatorError(
            `The container runtime of the host at ${decision.socketPath}, where the containers of this cluster are, does not answer.`,
            `Start it. To go on with another one and without those containers, remove ${choiceFile}, or set node.runtimeEndpoint.`,
          )
        : new OperatorError(
            `The container runtime at node.runtimeEndpoint (${node.runtimeEndpoint}) does not answer.`,
            'Start it, or leave node.runtimeEndpoint out: then a runtime of the host is looked for, and else an own one is started.',
          );
    await sleep(clock, runtimeLookMs, scope.signal);
  }
  if (recorded !== undefined && (recorded.kind !== decision.use || recorded.socketPath !== socketOf(decision)))
    logger.warn('another container runtime than before: containers in the one before are no longer looked after', {
      before: recorded.socketPath ?? 'own containerd',
    });
  const choice = renderRuntimeChoice(decision);
  if ((await files.readText(choiceFile)) !== choice) await files.writeAtomic(choiceFile, choice, 0o600);

  if (decision.use === 'host') {
    const { socketPath } = decision;
    logger.info('the container runtime of the host is used', { socket: socketPath });
    const images = await importArchives(context, scope, socketPath);
    parts.provide('containerRuntime', {
      socketPath,
      cgroupDriver,
      connect: images.connect,
      images: images.names,
      description: `the host's, ${socketPath}; change it with node.runtimeEndpoint`,
      problem: () => undefined,
    });
    return images.problems;
  }
  // Where containerd and its shims put their sockets, whatever its own directories are.
  for (const one of ['/run/containerd/s', '/run/containerd/runc/k8s.io', '/run/containerd/fifo', '/run/netns'])
    recordEmptyDirectory(changes, one);
  recordEmptyDirectory(changes, node.cniConfigDirectory);
  const { Registries } = await import('#host/linux/registries.ts');
  const registries = new Registries({ ...registryPlaces, logger });
  await registries.refresh();
  const containerd = new PrivateContainerd({ ...privateContainerdPlaces(configuration), clock, logger });
  const how = await containerd.start();
  scope.onClose(() => containerd.release());
  logger.info(`an own containerd is ${how}`, { socket: containerd.socketPath });
  const images = await importArchives(context, scope, containerd.socketPath);
  parts.provide('containerRuntime', {
    socketPath: containerd.socketPath,
    cgroupDriver,
    connect: images.connect,
    images: images.names,
    registries,
    description: "an own containerd; to use the host's, set node.runtimeEndpoint to its socket",
    problem: () => containerd.problem,
  });
  return () => [
    ...(containerd.problem === undefined ? [] : [containerd.problem]),
    ...images.problems(),
    ...registries.problems,
  ];
}

const socketOf = (decision: RuntimeDecision): string | undefined =>
  decision.use === 'private' ? undefined : decision.socketPath;

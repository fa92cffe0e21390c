// The node: a container runtime (the host's or our own) and the agent on it, with the node's API behind TLS.
import { Namespaces, Nodes } from '#api/generated/kind-references.ts';
import { sleep } from '#base/clock.ts';
import { assert, messageOf, OperatorError } from '#base/errors.ts';
import { ScopeClosing, type Scope } from '#base/scope.ts';
import { recordEmptyDirectory, recordOwnDirectory } from '#host/changes.ts';
import {
  decideRuntime,
  parseRuntimeChoice,
  renderRuntimeChoice,
  type RuntimeDecision,
} from '#host/linux/runtime-choice.ts';
import type { PreloadResult } from '#node/preloaded-images.ts';
import type { AssemblyContext } from '../parts.ts';
import { clusterIdPath, privateContainerdPlaces, runDirectory, runtimeChoicePath } from '../paths.ts';
import { versionInfo } from '../version.ts';
import { eventsOf } from './controllers.ts';
import { listeningError } from './listening-error.ts';

const graceMs = 2_000;
const runtimeWaitMs = 30_000;
const runtimeLookMs = 500;
const roleLabels = { 'node-role.kubernetes.io/control-plane': '', 'node-role.kubernetes.io/worker': '' };

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
    const images = await preload(socketPath);
    parts.provide('containerRuntime', {
      socketPath,
      cgroupDriver,
      images: images.names,
      description: `the host's, ${socketPath}; change it with node.runtimeEndpoint`,
      problem: () => undefined,
    });
    return () => images.problems;
  }
  // Where containerd and its shims put their sockets, whatever its own directories are.
  for (const one of ['/run/containerd/s', '/run/containerd/runc/k8s.io', '/run/containerd/fifo', '/run/netns'])
    recordEmptyDirectory(changes, one);
  recordEmptyDirectory(changes, node.cniConfigDirectory);
  const containerd = new PrivateContainerd({ ...privateContainerdPlaces(configuration), clock, logger });
  const how = await containerd.start();
  scope.onClose(() => containerd.release());
  logger.info(`an own containerd is ${how}`, { socket: containerd.socketPath });
  const images = await preload(containerd.socketPath);
  parts.provide('containerRuntime', {
    socketPath: containerd.socketPath,
    cgroupDriver,
    images: images.names,
    description: "an own containerd; to use the host's, set node.runtimeEndpoint to its socket",
    problem: () => containerd.problem,
  });
  return () => [...(containerd.problem === undefined ? [] : [containerd.problem]), ...images.problems];

  async function preload(socketPath: string): Promise<PreloadResult> {
    const [{ connectRuntime }, { preloadImages, provideSandboxImage }, { linuxImageArchives }] = await Promise.all([
      import('#node/cri/runtime.ts'),
      import('#node/preloaded-images.ts'),
      import('#host/linux/image-archives.ts'),
    ]);
    const kind = socketPath.includes('crio') ? 'cri-o' : 'containerd';
    try {
      const runtime = await connectRuntime(socketPath, clock);
      try {
        const archives = linuxImageArchives(() => ({ kind, path: socketPath }));
        const images = await preloadImages({ directory: node.imageDirectory, archives, runtime, logger });
        const sandbox = await provideSandboxImage({ archives, runtime, pauseImage: node.pauseImage, logger });
        return { names: [...images.names, ...sandbox.names], problems: [...images.problems, ...sandbox.problems] };
      } finally {
        runtime.close();
      }
    } catch (error) {
      const problem = `The images of ${node.imageDirectory} could not be imported: ${messageOf(error)}`;
      logger.warn(problem);
      return { names: [], problems: [problem] };
    }
  }
}

const socketOf = (decision: RuntimeDecision): string | undefined =>
  decision.use === 'private' ? undefined : decision.socketPath;

export async function startNode(context: AssemblyContext, scope: Scope): Promise<() => readonly string[]> {
  const { configuration, clock, random, logger, parts } = context;
  const { node, cluster, nodeName } = configuration;
  const pki = parts.take('pki');
  const runtime = parts.take('containerRuntime');
  const [{ createNodeAgent }, { connectRuntime }, { linuxNodeMachine }, { startHttpsFront }, events] =
    await Promise.all([
      import('#node/agent.ts'),
      import('#node/cri/runtime.ts'),
      import('#host/node-machine.ts'),
      import('#apiserver/https-front.ts'),
      eventsOf(context, scope),
    ]);
  const client = parts.take('clientAs')(`system:node:${nodeName}`);
  const clusterId = (await parts.take('systemClient').resource(Namespaces).get({ name: 'kube-system' })).metadata.uid;
  assert(clusterId !== undefined, 'the namespace kube-system has a uid');
  const idFile = clusterIdPath(configuration.dataDirectory);
  if ((await context.files.readText(idFile)) !== clusterId) await context.files.writeAtomic(idFile, clusterId, 0o600);
  const address = parts.take('nodeAddress');
  const changes = parts.take('hostChanges');
  recordOwnDirectory(changes, node.kubeletDirectory);
  recordOwnDirectory(changes, node.podLogDirectory);
  const agent = createNodeAgent({
    client,
    events: events(client, 'kubelet', nodeName),
    machine: linuxNodeMachine(),
    clock,
    random,
    logger,
    nodeName,
    nodeIps: () => [address.current],
    clusterId,
    connectRuntime: () => connectRuntime(runtime.socketPath, clock),
    runtimeProblem: runtime.problem,
    kubeletVersion: versionInfo().gitVersion,
    rootDirectory: node.kubeletDirectory,
    podLogDirectory: node.podLogDirectory,
    clusterDns: [cluster.dnsAddress],
    clusterDomain: cluster.domain,
    cgroupDriver: runtime.cgroupDriver,
    pinnedImages: [node.pauseImage, ...node.pinnedImages, ...runtime.images],
    apiServerNames: ['system:kube-apiserver'],
    serverPort: node.kubeletPort,
  });
  await agent.start(scope);
  const moved = address.onChange(() => agent.addressChanged());
  scope.onClose(() => moved[Symbol.dispose]());
  // A node may not give itself a role (NodeRestriction): the control plane does.
  await parts
    .take('systemClient')
    .resource(Nodes)
    .patch({ name: nodeName }, { type: 'merge', value: { metadata: { labels: roleLabels } } });
  const serving = () => {
    const { certificatePem, keyPem } = pki.leaf('kubelet-serving');
    return {
      certificate: { certificateChain: certificatePem, privateKey: keyPem },
      clientAuthorities: pki.bundle('kubeletClient'),
    };
  };
  const front = await startHttpsFront({
    address: '0.0.0.0',
    port: node.kubeletPort,
    ...serving(),
    handler: agent.api,
    logger,
  }).catch((error: unknown) => {
    throw listeningError(error, node.kubeletPort, "the node's API", 'node.kubeletPort in the configuration file');
  });
  const renewal = pki.onChange(() => front.reload(serving()));
  scope.onClose(async () => {
    renewal[Symbol.dispose]();
    await front.close(graceMs);
  });
  return () => agent.problems?.() ?? [];
}

/**
 * Ready when the Node is; until then what it says is the problem. From then on the condition is the node's own: a Node that
 * is not ready for a moment later does not make the process start again.
 */
export function waitForNode(context: AssemblyContext, scope: Scope): Promise<void> {
  const { configuration, parts } = context;
  // The whole list: a node's own user may not watch it, and the network does so, too.
  const nodes = parts.take('clientAs')('system:kube-proxy').informer(Nodes);
  return new Promise((resolve, reject) => {
    const look = (): boolean => {
      const conditions = nodes.get(undefined, configuration.nodeName)?.status?.conditions ?? [];
      const ready = conditions.find((one) => one.type === 'Ready')?.status === 'True';
      if (ready) resolve();
      return ready;
    };
    const listening = nodes.onChange(() => {
      if (look()) listening[Symbol.dispose]();
    });
    scope.onClose(() => listening[Symbol.dispose]());
    scope.signal.addEventListener('abort', () => reject(new ScopeClosing('stopped before the node was ready')));
    nodes.whenSynced(scope.signal).then(look, reject);
  });
}

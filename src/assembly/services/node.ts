// The node: the agent on the container runtime, with the node's API behind TLS.
import { Nodes } from '#api/generated/kind-references.ts';
import { ScopeClosing, type Scope } from '#base/scope.ts';
import { recordOwnDirectory } from '#host/changes.ts';
import type { HttpsServer } from '#host/https-server.ts';
import { shutdownInhibitor } from '#host/linux/shutdown-inhibitor.ts';
import type { NodeAgent } from '#node/agent.ts';
import { noteOwner } from '../old-cluster.ts';
import type { AssemblyContext } from '../parts.ts';
import { clusterIdPath, nodeNamePath, runDirectory } from '../paths.ts';
import { versionInfo } from '../version.ts';
import { loadCredentialProviders } from './credential-providers.ts';
import { eventsOf } from './controllers.ts';
import { listeningError } from './listening-error.ts';

const graceMs = 2_000;
const roleLabels = { 'node-role.kubernetes.io/control-plane': '', 'node-role.kubernetes.io/worker': '' };

const withoutIpv6 =
  'this node has no IPv6 address, and the cluster has IPv6 ranges: other nodes do not reach its Pods by IPv6; give the machine one, or set nodeIPv6';

export async function startNode(context: AssemblyContext, scope: Scope): Promise<() => readonly string[]> {
  const { configuration, clock, random, logger, parts } = context;
  const { node, nodeName } = configuration;
  const cluster = parts.take('cluster');
  const runtime = parts.take('containerRuntime');
  const [{ createNodeAgent }, { standardAuthFiles }, { linuxNodeMachine }, events] = await Promise.all([
    import('#node/agent.ts'),
    import('#node/images/auth-files.ts'),
    import('#host/node-machine.ts'),
    eventsOf(context, scope),
  ]);
  const client = parts.take('clientAs')(`system:node:${nodeName}`);
  const idFile = clusterIdPath(configuration.dataDirectory);
  if ((await context.files.readText(idFile)) !== cluster.id) await context.files.writeAtomic(idFile, cluster.id, 0o600);
  const nameFile = nodeNamePath(configuration.dataDirectory);
  if (!(await context.files.exists(nameFile))) await context.files.writeAtomic(nameFile, nodeName, 0o600);
  await noteOwner(context.files, {
    dataDirectory: configuration.dataDirectory,
    clusterId: cluster.id,
    ownRuntime: runtime.socketPath.startsWith(`${runDirectory}/`),
  });
  const address = parts.take('nodeAddress');
  const isDual = cluster.podRanges.length > 1;
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
    nodeIps: () => [address.current, ...(isDual && address.ipv6 !== undefined ? [address.ipv6] : [])],
    clusterId: cluster.id,
    connectRuntime: runtime.connect,
    registries: runtime.registries,
    runtimeProblem: runtime.problem,
    kubeletVersion: versionInfo().gitVersion,
    rootDirectory: node.kubeletDirectory,
    podLogDirectory: node.podLogDirectory,
    clusterDns: [cluster.dnsAddress],
    clusterDomain: cluster.domain,
    cgroupDriver: runtime.cgroupDriver,
    pinnedImages: () => [node.pauseImage, ...node.pinnedImages, ...runtime.images()],
    podsMax: configuration.kubelet.podsMax,
    podProcessesMax: configuration.kubelet.podProcessesMax,
    streamIdleMs: configuration.kubelet.streamIdleMs,
    shutdown: configuration.kubelet.shutdown && {
      inhibitor: shutdownInhibitor(changes),
      periods: configuration.kubelet.shutdown,
    },
    reserved: { ...configuration.kubelet.reserved },
    eviction: configuration.kubelet.eviction,
    housekeepingLimits: () => {
      const { kubelet } = context.live.current;
      const images = {
        highFraction: kubelet.imageHighFraction,
        lowFraction: kubelet.imageLowFraction,
        youngMs: kubelet.imageYoungMs,
        unusedMs: kubelet.imageUnusedMs,
      };
      return { logBytesMax: kubelet.logBytesMax, logFilesMax: kubelet.logFilesMax, images };
    },
    imageVerification: configuration.kubelet.imageVerification,
    credentialProviders: await loadCredentialProviders(context),
    imagePullsMax: node.imagePullsMax,
    imagePullProgressDeadlineMs: node.imagePullDeadlineSeconds * 1000,
    authFiles: standardAuthFiles({
      rootDirectory: node.kubeletDirectory,
      home: context.identity.homeDirectory,
      // A node needs root.
      uid: 0,
    }),
    apiServerNames: ['system:kube-apiserver'],
    enforcePolicies: parts.take('enforcePolicies'),
    serverPort: node.kubeletPort,
  });
  await agent.start(scope);
  const moved = address.onChange(() => agent.addressChanged());
  scope.onClose(() => moved[Symbol.dispose]());
  // A node may not give itself a role (NodeRestriction): the control plane does.
  if (parts.has('systemClient'))
    await parts
      .take('systemClient')
      .resource(Nodes)
      .patch({ name: nodeName }, { type: 'merge', value: { metadata: { labels: roleLabels } } });
  if (parts.has('nodeRegistered')) parts.take('nodeRegistered')();
  await serveNodeApi(context, scope, agent.api);
  return () => [...(agent.problems?.() ?? []), ...(isDual && address.ipv6 === undefined ? [withoutIpv6] : [])];
}

/** As soon as there is a certificate for it. */
async function serveNodeApi(
  { configuration, logger, parts }: AssemblyContext,
  scope: Scope,
  handler: NodeAgent['api'],
): Promise<void> {
  const { startHttpsFront } = await import('#apiserver/https-front.ts');
  const { kubeletPort } = configuration.node;
  const serving = parts.take('nodeServing');
  const options = () => {
    const { certificatePem, keyPem } = serving.pair()!;
    return {
      certificate: { certificateChain: certificatePem, privateKey: keyPem },
      clientAuthorities: serving.clientAuthorities(),
    };
  };
  let front: HttpsServer | undefined;
  const listen = async (): Promise<void> => {
    const given = { address: '0.0.0.0', port: kubeletPort, ...options(), handler, logger };
    front = await startHttpsFront(given).catch((error: unknown) => {
      throw listeningError(error, kubeletPort, "the node's API", 'node.kubeletPort in the configuration file');
    });
  };
  let listening = serving.pair() !== undefined;
  const renewal = serving.onChange(() => {
    if (front !== undefined) front.reload(options());
    else if (!listening && serving.pair() !== undefined) {
      listening = true;
      scope.spawn("the node's API", listen);
    }
  });
  scope.onClose(async () => {
    renewal[Symbol.dispose]();
    await front?.close(graceMs);
  });
  if (listening) await listen();
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

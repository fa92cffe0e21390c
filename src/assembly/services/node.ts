// The node: the agent on the container runtime, with the node's API behind TLS.
import { Namespaces, Nodes } from '#api/generated/kind-references.ts';
import { assert } from '#base/errors.ts';
import { ScopeClosing, type Scope } from '#base/scope.ts';
import { recordOwnDirectory } from '#host/changes.ts';
import type { AssemblyContext } from '../parts.ts';
import { clusterIdPath } from '../paths.ts';
import { versionInfo } from '../version.ts';
import { eventsOf } from './controllers.ts';
import { listeningError } from './listening-error.ts';

const graceMs = 2_000;
const roleLabels = { 'node-role.kubernetes.io/control-plane': '', 'node-role.kubernetes.io/worker': '' };

export async function startNode(context: AssemblyContext, scope: Scope): Promise<() => readonly string[]> {
  const { configuration, clock, random, logger, parts } = context;
  const { node, cluster, nodeName } = configuration;
  const pki = parts.take('pki');
  const runtime = parts.take('containerRuntime');
  const [{ createNodeAgent }, { standardAuthFiles }, { linuxNodeMachine }, { startHttpsFront }, events] =
    await Promise.all([
      import('#node/agent.ts'),
      import('#node/images/auth-files.ts'),
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
    imagePullsMax: node.imagePullsMax,
    imagePullProgressDeadlineMs: node.imagePullDeadlineSeconds * 1000,
    authFiles: standardAuthFiles({
      rootDirectory: node.kubeletDirectory,
      home: context.identity.homeDirectory,
      // A node needs root.
      uid: 0,
    }),
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

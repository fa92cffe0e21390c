// The node: a container runtime (the host's or our own) and the agent on it, with the node's API behind TLS.
import path from 'node:path';
import { Namespaces, Nodes } from '#api/generated/kind-references.ts';
import { assert, messageOf, OperatorError } from '#base/errors.ts';
import type { Scope } from '#base/scope.ts';
import { interfaceAddresses } from '#host/linux/addresses.ts';
import type { AssemblyContext } from '../parts.ts';
import { clusterIdPath, runDirectory } from '../paths.ts';
import { versionInfo } from '../version.ts';
import { eventsOf } from './controllers.ts';
import { listeningError } from './listening-error.ts';

const graceMs = 2_000;
const roleLabels = { 'node-role.kubernetes.io/control-plane': '', 'node-role.kubernetes.io/worker': '' };

export async function startContainerRuntime(context: AssemblyContext, scope: Scope): Promise<() => readonly string[]> {
  const { configuration, clock, logger, parts } = context;
  const { node, dataDirectory } = configuration;
  const { findHostRuntime, hasSystemd, PrivateContainerd } = await import('#host/linux/containerd.ts');
  let importProblem: string | undefined;
  const cgroupDriver = hasSystemd() ? 'systemd' : 'cgroupfs';
  const configured = node.runtimeEndpoint.replace(/^unix:\/\//, '');
  const found = configured === '' ? await findHostRuntime() : await findHostRuntime([configured]);
  if (configured !== '' && found === undefined)
    throw new OperatorError(
      `The container runtime at node.runtimeEndpoint (${node.runtimeEndpoint}) does not answer.`,
      'Start it, or leave node.runtimeEndpoint out: then a runtime of the host is looked for, and else an own one is started.',
    );
  if (found !== undefined) {
    if (!found.includes('crio')) await importImages(found, path.join(dataDirectory, 'imported-images.json'));
    logger.info('the container runtime of the host is used', { socket: found });
    parts.provide('containerRuntime', { socketPath: found, cgroupDriver, problem: () => undefined });
    return () => [importProblem].filter((one) => one !== undefined);
  }
  const containerd = new PrivateContainerd({
    rootDirectory: path.join(dataDirectory, 'containerd'),
    stateDirectory: path.join(runDirectory, 'containerd'),
    logFile: path.join(dataDirectory, 'logs/containerd.log'),
    sandboxImage: node.pauseImage,
    cniConfigDirectory: node.cniConfigDirectory,
    cniBinaryDirectories: node.cniPluginDirectories,
    clock,
    logger,
  });
  const how = await containerd.start();
  scope.onClose(() => containerd.release());
  await importImages(containerd.socketPath, path.join(dataDirectory, 'containerd/imported-images.json'));
  logger.info(`an own containerd is ${how}`, { socket: containerd.socketPath });
  parts.provide('containerRuntime', {
    socketPath: containerd.socketPath,
    cgroupDriver,
    problem: () => containerd.problem,
  });
  return () => [containerd.problem, importProblem].filter((one) => one !== undefined);

  async function importImages(socketPath: string, stateFile: string): Promise<void> {
    const { importImageArchives } = await import('#host/linux/image-import.ts');
    try {
      const imported = await importImageArchives({ socketPath, directory: node.imageDirectory, stateFile });
      if (imported.length > 0) logger.info('images imported', { archives: imported.join(',') });
    } catch (error) {
      importProblem = `images of ${node.imageDirectory} could not be imported: ${messageOf(error)}`;
      logger.warn(importProblem);
    }
  }
}

export async function startNode(context: AssemblyContext, scope: Scope): Promise<() => readonly string[]> {
  const { configuration, clock, random, logger, parts } = context;
  const { node, cluster, nodeName, nodeIp } = configuration;
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
  const others = () =>
    interfaceAddresses()
      .filter((one) => one.family === 'IPv4' && !one.loopback && one.address === nodeIp)
      .map((one) => one.address);
  const agent = createNodeAgent({
    client,
    events: events(client, 'kubelet', nodeName),
    machine: linuxNodeMachine(),
    clock,
    random,
    logger,
    nodeName,
    nodeIps: () => [...new Set([nodeIp, ...others()])],
    clusterId,
    connectRuntime: () => connectRuntime(runtime.socketPath, clock),
    runtimeProblem: runtime.problem,
    kubeletVersion: versionInfo().gitVersion,
    rootDirectory: node.kubeletDirectory,
    podLogDirectory: node.podLogDirectory,
    clusterDns: [cluster.dnsAddress],
    clusterDomain: cluster.domain,
    cgroupDriver: runtime.cgroupDriver,
    pinnedImages: [node.pauseImage, ...node.pinnedImages],
    apiServerNames: ['system:kube-apiserver'],
    serverPort: node.kubeletPort,
  });
  await agent.start(scope);
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

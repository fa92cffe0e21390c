// Paths that a command must know when nothing runs.
import path from 'node:path';
import type { Configuration } from './config/configuration.ts';

/** Emptied by a reboot. */
export const runDirectory = '/run/microshift';
/** Which cluster's containers are ours: the uid of the namespace kube-system. */
export const clusterIdPath = (dataDirectory: string): string => path.join(dataDirectory, 'cluster-id');
/** Which addresses Pods have. */
export const podAddressDirectory = path.join(runDirectory, 'cni');
/** The name of this machine's node since its first start. */
export const nodeNamePath = (dataDirectory: string): string => path.join(dataDirectory, 'node-name');
/** Which container runtime holds them (host/linux/runtime-choice.ts). */
export const runtimeChoicePath = (dataDirectory: string): string => path.join(dataDirectory, 'container-runtime.json');

/** Which archives of node.imageDir were imported, so that they are not read at every start. */
export const importedArchivesPath = (dataDirectory: string): string => path.join(dataDirectory, 'imported-images.json');

/** What the private containerd is told of registries, and out of which files. */
export const registryPlaces = {
  containersDirectory: '/etc/containers',
  certificateDirectories: ['/etc/docker/certs.d'],
  linkedDirectory: '/etc/containerd/certs.d',
  hostsDirectory: path.join(runDirectory, 'registries'),
};

/** The private containerd: started by the node, and found again by cleanup. */
export const privateContainerdPlaces = ({ dataDirectory, node }: Configuration) => ({
  rootDirectory: path.join(dataDirectory, 'containerd'),
  stateDirectory: path.join(runDirectory, 'containerd'),
  logFile: path.join(dataDirectory, 'logs/containerd.log'),
  registryDirectory: registryPlaces.hostsDirectory,
  sandboxImage: node.pauseImage,
  cniConfigDirectory: node.cniConfigDirectory,
  cniBinaryDirectories: node.cniPluginDirectories,
});

/** Where containerd's runtime v2 keeps a folder for each container. */
export const taskDirectory = (stateDirectory: string): string =>
  path.join(stateDirectory, 'state/io.containerd.runtime.v2.task/k8s.io');

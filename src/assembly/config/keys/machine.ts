// Keys of this process and this machine: the names of the original.
import { evictionKeys } from './eviction.ts';
import { duration, integer, list, text, choice, type ConfigurationKey } from './key.ts';

export const machineKeys: readonly ConfigurationKey[] = [
  text('dataDir', undefined, 'restart', 'directory of all state: objects, certificates, kubeconfigs', {
    defaultText: '/var/lib/microshift',
  }),
  text('auditLogDir', undefined, 'live', 'directory of kube-apiserver-audit.log; empty: no audit log', {
    defaultText: 'none; /var/log/kube-apiserver where an apiServer.auditLog key is set',
  }),
  integer('logVLevel', 0, 'live', 'verbosity of the log; from 4 on everything', { least: 0, most: 10 }),
  choice('logFormat', ['text', 'json'], 'restart', 'one line an entry, as text or as JSON'),
  list('roles', ['controlplane', 'node'], 'restart', 'what runs here: controlplane, node, or both', {
    oneOf: ['controlplane', 'node'],
  }),
  text('nodeName', undefined, 'restart', "name of this machine's Node", { defaultText: 'the host name' }),
  text('nodeIP', undefined, 'restart', 'address of this node; followed when it changes, unless it is given', {
    defaultText: "the default route's address",
  }),
  text(
    'nodeIPv6',
    '',
    'restart',
    'IPv6 address of this node where the cluster has IPv6 ranges; empty: found, and followed',
  ),
];

export const nodeKeys: readonly ConfigurationKey[] = [
  text(
    'node.kubeconfig',
    '',
    'restart',
    'role node alone: kubeconfig of the control plane that this node joins; empty: none',
  ),
  text(
    'node.runtimeEndpoint',
    '',
    'restart',
    'CRI socket, unix:///PATH; empty: CRI-O or containerd of the host, else a private containerd',
  ),
  text('node.cniConfigDir', '/etc/cni/net.d', 'restart', 'directory of the CNI configuration'),
  list(
    'node.cniPluginDirs',
    ['/opt/cni/bin', '/usr/libexec/cni', '/usr/lib/cni'],
    'restart',
    'directories of the CNI plugins',
  ),
  text('node.kubeletDir', '/var/lib/kubelet', 'restart', "directory of Pods' volumes"),
  text('node.podLogDir', '/var/log/pods', 'restart', "directory of containers' logs"),
  text('node.volumeDir', '/var/hpvolumes', 'restart', 'directory of volumes of the default StorageClass'),
  text(
    'node.imageDir',
    '/usr/local/share/microshift/images',
    'restart',
    'OCI archives in it are imported when the node starts, and when they are put there later',
  ),
  text('node.pauseImage', 'localhost/microshift/pause:1', 'restart', "image of Pods' sandboxes"),
  list('node.pinnedImages', [], 'restart', 'images that are never removed to free space'),
  text(
    'node.credentialProviderConfig',
    '',
    'restart',
    'file that names plugins for credentials of registries (CredentialProviderConfig); empty: none',
  ),
  text(
    'node.credentialProviderBinDir',
    '/usr/libexec/kubernetes/credential-providers',
    'restart',
    'directory of those plugins',
  ),
  integer('node.imagePullsMax', 10, 'restart', 'image pulls at once; 1: one after the other', { least: 1, most: 100 }),
  integer(
    'node.imagePullDeadlineSeconds',
    300,
    'restart',
    'a pull that brings nothing for so long is given up, and tried again later',
    { least: 10, most: 3600 },
  ),
  integer('node.kubeletPort', 10250, 'restart', "port of the node's API (logs, exec, port-forward)", {
    least: 1,
    most: 65535,
  }),
];

/** Settings of the kubelet by its own names: those that the node agent has. */
export const kubeletKeys: readonly ConfigurationKey[] = [
  integer('kubelet.maxPods', 250, 'restart', 'Pods that this node takes', { least: 1, most: 1000 }),
  integer('kubelet.podPidsLimit', -1, 'restart', 'processes and threads that one Pod may have; -1: no limit', {
    least: -1,
    most: 4_194_304,
  }),
  duration(
    'kubelet.streamingConnectionIdleTimeout',
    '4h',
    'restart',
    'silence after which exec, attach and port-forward are ended; 0: never',
  ),
  duration(
    'kubelet.shutdownGracePeriod',
    '0s',
    'restart',
    'time that a shutdown of the machine waits for Pods to end, by systemd-logind; 0: none',
  ),
  duration(
    'kubelet.shutdownGracePeriodCriticalPods',
    '0s',
    'restart',
    'part of it, at its end, for critical Pods: at most the whole',
  ),
  text('kubelet.containerLogMaxSize', '10Mi', 'live', "size of a container's log at which another file is begun"),
  integer(
    'kubelet.containerLogMaxFiles',
    5,
    'live',
    'log files of a container that are kept, the current one included',
    {
      least: 2,
      most: 100,
    },
  ),
  integer('kubelet.imageGCHighThresholdPercent', 85, 'live', 'use of the disk at which unused images are removed', {
    least: 1,
    most: 100,
  }),
  integer('kubelet.imageGCLowThresholdPercent', 80, 'live', 'use of the disk down to which unused images are removed', {
    least: 0,
    most: 100,
  }),
  ...evictionKeys,
  text('kubelet.systemReserved.cpu', '0', 'restart', 'cores that Pods do not get, for the system'),
  text('kubelet.systemReserved.memory', '0', 'restart', 'memory that Pods do not get, for the system'),
  text('kubelet.kubeReserved.cpu', '0', 'restart', 'cores that Pods do not get, for MicroShift and the runtime'),
  text('kubelet.kubeReserved.memory', '0', 'restart', 'memory that Pods do not get, for MicroShift and the runtime'),
];

// Keys of this process, this machine and its node to their slices of the configuration.
import type { Configuration, NodeConfiguration, Role } from './configuration.ts';
import { isDnsName } from './names.ts';
import { isIPv6 } from '#pki/address.ts';
import { parseIpv4 } from './ranges.ts';
import type { ConfigurationValues } from './values.ts';

/** What defaults depend on. */
export interface ConfigurationHost {
  readonly hostname: string;
  readonly isRoot: boolean;
  readonly homeDirectory: string;
  /** ~/.microshift/data exists. */
  readonly homeDataExists: boolean;
  readonly nodeAddress: () => string;
  /** What the node of this data directory has been named since its first start. */
  readonly nodeNameBefore?: string | undefined;
  /** Networks that the machine is in; absent: not looked at. */
  readonly networks?: (() => readonly { readonly interface: string; readonly cidr: string }[]) | undefined;
}

export const defaultDataDirectory = (
  host: Pick<ConfigurationHost, 'isRoot' | 'homeDirectory' | 'homeDataExists'>,
): string => (host.homeDataExists || !host.isRoot ? `${host.homeDirectory}/.microshift/data` : '/var/lib/microshift');

type Machine = Pick<
  Configuration,
  'dataDirectory' | 'logVerbosity' | 'logFormat' | 'roles' | 'nodeName' | 'nodeIp' | 'nodeIpDetected' | 'nodeIpv6'
>;

export function checkMachine(values: ConfigurationValues, host: ConfigurationHost): Machine {
  const dataDirectory = values.directory('dataDir', defaultDataDirectory(host));
  if (dataDirectory === '/')
    values.wrong('dataDir', 'must be a directory of its own', 'Choose for example /var/lib/microshift.', dataDirectory);

  // A Node keeps its name when the host gets another one: its Pods are bound to it.
  const before = host.nodeNameBefore;
  const nodeName = values.text('nodeName', before ?? host.hostname.toLowerCase());
  if (!isDnsName(nodeName))
    values.wrong(
      'nodeName',
      'must be a DNS name in lower case: letters, digits, "-" and "."',
      'Set nodeName (or MICROSHIFT_NODENAME) to such a name; the host name may stay as it is.',
      nodeName,
    );
  else if (before !== undefined && nodeName !== before)
    values.wrong(
      'nodeName',
      `differs from ${before}, the name of this machine's node since its first start, to which its Pods are bound`,
      `Set it to ${before}, or leave it out; another name needs an empty data directory.`,
      nodeName,
    );
  const given = values.text('nodeIP', '');
  const nodeIp = given === '' ? host.nodeAddress() : given;
  values.show('nodeIP', nodeIp);
  if (parseIpv4(nodeIp) === undefined)
    values.wrong(
      'nodeIP',
      'must be an IPv4 address',
      'Write the address of this machine, such as 192.168.1.10.',
      nodeIp,
    );
  return {
    dataDirectory,
    logVerbosity: values.integer('logVLevel'),
    logFormat: values.text('logFormat') as 'text' | 'json',
    roles: checkRoles(values, host),
    nodeName,
    nodeIp,
    nodeIpDetected: given === '',
    nodeIpv6: checkNodeIpv6(values),
  };
}

function checkNodeIpv6(values: ConfigurationValues): string | undefined {
  const given = values.text('nodeIPv6');
  if (given === '') return undefined;
  if (!isIPv6(given) || given === '::1' || /^(fe[89ab]|ff)/i.test(given))
    values.wrong(
      'nodeIPv6',
      'must be an IPv6 address at which other machines reach this one',
      'Write one such as 2001:db8::10, or leave it out.',
      given,
    );
  return given;
}

function checkRoles(values: ConfigurationValues, host: ConfigurationHost): readonly Role[] {
  const roles = [...new Set(values.list('roles'))] as Role[];
  if (roles.length === 0)
    values.wrong('roles', 'must hold at least one role', 'Roles are controlplane and node.', roles);
  else if (roles.includes('node') && !host.isRoot)
    values.add(
      'roles',
      `${values.where('roles')} holds node, and this user is not root: a node starts containers, mounts and changes the network.`,
      'Run it as root (sudo microshift run), or only the control plane: --roles controlplane.',
    );
  else if (!roles.includes('controlplane') && values.text('node.kubeconfig') === '')
    values.wrong(
      'roles',
      'holds node alone, and nothing says which control plane it joins',
      'Make a kubeconfig where that runs (microshift add-node NAME) and name it here with node.kubeconfig or --kubeconfig.',
      roles,
    );
  else if (roles.includes('controlplane') && values.text('node.kubeconfig') !== '')
    values.wrong(
      'node.kubeconfig',
      'is for the role node alone, and here runs a control plane',
      'Leave it out, or set roles to node.',
    );
  return roles;
}

export function checkNode(values: ConfigurationValues): NodeConfiguration {
  const runtimeEndpoint = values.text('node.runtimeEndpoint');
  if (runtimeEndpoint !== '' && !runtimeEndpoint.startsWith('unix:///'))
    values.wrong('node.runtimeEndpoint', 'must be unix:///PATH', 'For example unix:///run/crio/crio.sock.');
  return {
    kubeconfig: values.directory('node.kubeconfig'),
    runtimeEndpoint,
    cniConfigDirectory: values.directory('node.cniConfigDir'),
    cniPluginDirectories: values.list('node.cniPluginDirs'),
    kubeletDirectory: values.directory('node.kubeletDir'),
    podLogDirectory: values.directory('node.podLogDir'),
    volumeDirectory: values.directory('node.volumeDir'),
    imageDirectory: values.directory('node.imageDir'),
    pauseImage: values.text('node.pauseImage'),
    pinnedImages: values.list('node.pinnedImages'),
    credentialProviderConfig: values.directory('node.credentialProviderConfig'),
    credentialProviderDirectory: values.directory('node.credentialProviderBinDir'),
    imagePullsMax: values.integer('node.imagePullsMax'),
    imagePullDeadlineSeconds: values.integer('node.imagePullDeadlineSeconds'),
    kubeletPort: values.integer('node.kubeletPort'),
  };
}

// Raw values to a Configuration: defaults, meanings, contradictions. All mistakes are found at once; each names the key,
// its value, where that came from, and the remedy.
import { checkApiServer } from './check-api-server.ts';
import { checkCluster } from './check-cluster.ts';
import { checkBackup, checkDatastore } from './check-datastore.ts';
import { checkIngress } from './check-ingress.ts';
import { checkMachine, checkNode, type ConfigurationHost } from './check-machine.ts';
import { checkKubelet } from './check-kubelet.ts';
import type { Configuration } from './configuration.ts';
import type { RawConfiguration } from './keys.ts';
import { configurationKeys } from './keys.ts';
import { ConfigurationError, type ConfigurationProblem } from './problems.ts';
import { ConfigurationValues, type ShownValue } from './values.ts';

export type { ConfigurationHost } from './check-machine.ts';

export interface CheckedConfiguration {
  readonly configuration: Configuration;
  /** What holds, in the form of the file, by key and in the order of the table. */
  readonly values: ReadonlyMap<string, ShownValue>;
}

/** `earlier`: what was already wrong when the values were read; it is reported together with what is found here. */
export function checkConfiguration(
  raw: RawConfiguration,
  host: ConfigurationHost,
  earlier: readonly ConfigurationProblem[] = [],
): CheckedConfiguration {
  const values = new ConfigurationValues(raw);
  const machine = checkMachine(values, host);
  // Packets of Pods and Services exist where there is a node.
  const networks = machine.roles.includes('node') ? (host.networks?.() ?? []) : [];
  const cluster = checkCluster(values, machine, networks);
  const configuration: Configuration = {
    ...machine,
    ...cluster,
    apiServer: checkApiServer(values, machine.dataDirectory, host.isRoot),
    datastore: checkDatastore(values),
    backup: checkBackup(values),
    ingress: checkIngress(values),
    node: checkNode(values),
    kubelet: checkKubelet(values),
  };
  checkPortsDiffer(values, configuration);
  const problems = [...earlier, ...values.problems];
  if (problems.length > 0) throw new ConfigurationError(problems);
  return {
    configuration: deepFreeze(configuration),
    values: new Map(configurationKeys.map((key) => [key.path, values.shown.get(key.path)!])),
  };
}

/** Of what listens on all addresses of this machine. */
function checkPortsDiffer(values: ConfigurationValues, { cluster, ingress, node, roles }: Configuration): void {
  const hasNode = roles.includes('node');
  const ports: readonly (readonly [path: string, port: number])[] = [
    ...(roles.includes('controlplane') ? [['cluster.url', cluster.port] as const] : []),
    ...(hasNode ? [['node.kubeletPort', node.kubeletPort] as const] : []),
    ...(hasNode && ingress.status === 'Managed'
      ? ([
          ['ingress.ports.http', ingress.httpPort],
          ['ingress.ports.https', ingress.httpsPort],
        ] as const)
      : []),
  ];
  const seen = new Map<number, string>();
  for (const [path, port] of ports) {
    const other = seen.get(port);
    // Two ports of the router are compared where they are read.
    if (other !== undefined && !(path.startsWith('ingress.') && other.startsWith('ingress.')))
      values.add(
        path,
        `${values.where(path)} and ${values.where(other)} both ask for port ${port}.`,
        'Choose another port for one of them.',
      );
    else seen.set(port, path);
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) deepFreeze(child);
  }
  return value;
}

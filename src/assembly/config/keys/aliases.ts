// MicroShift's newer names of keys that the original had: both are understood, the later source wins.
import { variableOf, type KeyAlias, type KeyType, type RawValue } from './key.ts';

const levels: ReadonlyMap<string, number> = new Map([
  ['normal', 2],
  ['debug', 4],
  ['trace', 6],
  ['traceall', 10],
]);
/** The type of these aliases is `string`. */
const lowerCase = (value: RawValue): string => (value as string).toLowerCase();

const alias = (path: string, of: string, type: KeyType, convert: KeyAlias['convert']): KeyAlias => ({
  path,
  variable: variableOf(path),
  of,
  type,
  convert,
});
const same = (value: RawValue): RawValue => value;
const ranges = (value: RawValue): RawValue => (value as readonly string[]).join();

export const keyAliases: readonly KeyAlias[] = [
  alias('network.clusterNetwork', 'cluster.clusterCIDR', 'list', ranges),
  alias('network.serviceNetwork', 'cluster.serviceCIDR', 'list', ranges),
  alias('network.serviceNodePortRange', 'cluster.serviceNodePortRange', 'string', same),
  alias('node.hostnameOverride', 'nodeName', 'string', lowerCase),
  alias('node.nodeIP', 'nodeIP', 'string', same),
  alias('node.nodeIPv6', 'nodeIPv6', 'string', same),
  alias(
    'debugging.logLevel',
    'logVLevel',
    'string',
    (value) =>
      levels.get(lowerCase(value)) ?? {
        wrong: 'must be one of Normal, Debug, Trace, TraceAll',
        remedy: 'Choose one of these.',
      },
  ),
  alias('kubelet.maxParallelImagePulls', 'node.imagePullsMax', 'integer', same),
  alias('kubelet.serializeImagePulls', 'node.imagePullsMax', 'boolean', (value) => (value === true ? 1 : 10)),
];

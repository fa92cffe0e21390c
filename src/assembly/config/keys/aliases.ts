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
const oneRange = (value: RawValue): ReturnType<KeyAlias['convert']> => {
  const ranges = value as readonly string[];
  return ranges.length <= 1
    ? (ranges[0] ?? '')
    : {
        wrong: 'must hold one range',
        remedy: 'Leave one IPv4 range: dual-stack clusters are not supported yet.',
      };
};

export const keyAliases: readonly KeyAlias[] = [
  alias('network.clusterNetwork', 'cluster.clusterCIDR', 'list', oneRange),
  alias('network.serviceNetwork', 'cluster.serviceCIDR', 'list', oneRange),
  alias('network.serviceNodePortRange', 'cluster.serviceNodePortRange', 'string', same),
  alias('node.hostnameOverride', 'nodeName', 'string', lowerCase),
  alias('node.nodeIP', 'nodeIP', 'string', same),
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

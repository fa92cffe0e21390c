// Which built-in versions of the API are served: upstream's --runtime-config. Those that are on by default stay on, for this
// product's own parts use them; others are turned on by version, by resource, or all of a stage.
import type { FeatureGate, FeatureGates } from '#api/feature-gates.ts';
import type { KindRow } from '#api/kind.ts';
import { apiVersionOf, kindTable } from '#api/kinds.ts';

/** Such as `resource.k8s.io/v1beta1=true`, `api/beta=true`; without a value: true. */
export type RuntimeConfig = readonly string[];

const stages = ['api/all', 'api/ga', 'api/beta', 'api/alpha'];
const stageOf = ({ version }: Pick<KindRow, 'version'>): string =>
  version.includes('alpha') ? 'api/alpha' : version.includes('beta') ? 'api/beta' : 'api/ga';

const entryOf = (text: string): readonly [key: string, value: string] => {
  const at = text.indexOf('=');
  return at < 0 ? [text.trim(), 'true'] : [text.slice(0, at).trim(), text.slice(at + 1).trim()];
};

/** What is wrong with it; undefined: nothing. */
export function runtimeConfigProblem(text: string): string | undefined {
  const [key, value] = entryOf(text);
  if (value !== 'true' && value !== 'false') return `the value of ${key} is neither true nor false`;
  if (key === 'api/ga' && value === 'false') return 'stable versions are on and cannot be turned off';
  if (stages.includes(key)) return undefined;
  const rows = kindTable.rows.filter(
    (row) => key === apiVersionOf(row) || key === `${apiVersionOf(row)}/${row.resource}`,
  );
  if (rows.length === 0) return `${key} is no version of the API that is known here`;
  return value === 'false' && rows.some((row) => row.servedByDefault)
    ? `${key} is on by default and cannot be turned off`
    : undefined;
}

/** Upstream serves them only where their gate is on as well, whatever is said of versions. */
const gateOf: Readonly<Record<string, FeatureGate>> = {
  'certificates.k8s.io/clustertrustbundles': 'ClusterTrustBundle',
  'certificates.k8s.io/podcertificaterequests': 'PodCertificateRequest',
  'scheduling.k8s.io/podgroups': 'GenericWorkload',
  'scheduling.k8s.io/workloads': 'GenericWorkload',
  'storagemigration.k8s.io/storageversionmigrations': 'StorageVersionMigrator',
};

export interface ClosedResource {
  /** `certificates.k8s.io/v1beta1/clustertrustbundles`. */
  readonly name: string;
  readonly gate: FeatureGate;
}

/** Asked for, and closed by a gate. */
export function closedByGates(config: RuntimeConfig, gates: FeatureGates): readonly ClosedResource[] {
  if (config.length === 0) return [];
  return kindTable.rows.filter(servedBy(config)).flatMap((row) => {
    const gate = gateOf[`${row.group}/${row.resource}`];
    if (gate === undefined || gates.isOn(gate)) return [];
    return [{ name: `${apiVersionOf(row)}/${row.resource}`, gate }];
  });
}

/** The same without what is closed. */
export const openedByGates = (config: RuntimeConfig, gates: FeatureGates): RuntimeConfig => [
  ...config,
  ...closedByGates(config, gates).map(({ name }) => `${name}=false`),
];

/** The more precise entry counts, of two of a kind the later one. */
export function servedBy(config: RuntimeConfig): (row: KindRow) => boolean {
  if (config.length === 0) return (row) => row.servedByDefault;
  const values = new Map(config.map(entryOf));
  return (row) => {
    if (row.servedByDefault) return true;
    const version = apiVersionOf(row);
    const value = [`${version}/${row.resource}`, version, stageOf(row), 'api/all']
      .map((key) => values.get(key))
      .find((one) => one !== undefined);
    return value === 'true';
  };
}

// Which built-in versions of the API are served: upstream's --runtime-config. Those that are on by default stay on, for this
// product's own parts use them; others are turned on by version, by resource, or all of a stage.
import type { KindRow } from '#api/kind.ts';
import { apiVersionOf, kindTable } from '#api/kinds.ts';

/** Such as `resource.k8s.io/v1beta1=true`, `api/beta=true`; without a value: true. */
export type RuntimeConfig = readonly string[];

const stages = ['api/all', 'api/beta', 'api/alpha'];
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
  if (stages.includes(key)) return undefined;
  const rows = kindTable.rows.filter(
    (row) => key === apiVersionOf(row) || key === `${apiVersionOf(row)}/${row.resource}`,
  );
  if (rows.length === 0) return `${key} is no version of the API that is known here`;
  return value === 'false' && rows.some((row) => row.servedByDefault)
    ? `${key} is on by default and cannot be turned off`
    : undefined;
}

/** The more precise entry counts. */
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

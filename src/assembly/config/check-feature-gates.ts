// The keys of feature gates, as MicroShift writes them, to gates that are set. All that is wrong with a list is told at once.
import { featureGateRows, resolveFeatureGates, type GateProblem } from '#rules/feature-gates.ts';
import { nearestName } from './nearest.ts';
import type { ConfigurationValues } from './values.ts';

export interface FeatureGatesConfiguration {
  /** Those that are not as by default. */
  readonly changed: Readonly<Record<string, boolean>>;
  /** Of those: nothing here depends on them. */
  readonly withoutEffect: readonly string[];
}

const prefix = 'apiServer.featureGates';
const setPath = `${prefix}.featureSet`;
const custom = `${prefix}.customNoUpgrade`;
const special = `${prefix}.specialHandlingSupportExceptionRequired`;
const lists = [`${custom}.enabled`, `${custom}.disabled`, `${special}.enabled`, `${special}.disabled`] as const;
const none: FeatureGatesConfiguration = { changed: {}, withoutEffect: [] };
/** Those that MicroShift always has on: its Pods may have users of their own. */
const required = new Set(['UserNamespacesSupport', 'UserNamespacesPodSecurityStandards']);

const turnsOn = (path: string): boolean => path.endsWith('.enabled');
const remedy =
  'Name gates of Kubernetes 1.36, each once, in the list that turns them on or off: docs/how-to/feature-gates.md.';

export function checkFeatureGates(values: ConfigurationValues): FeatureGatesConfiguration {
  const set = values.text(setPath);
  const given = new Map(lists.map((path) => [path, values.list(path).filter((one) => one !== '')]));
  if (set === 'TechPreviewNoUpgrade' || set === 'DevPreviewNoUpgrade')
    values.wrong(
      setPath,
      'is a set of gates that a single machine does not have',
      'Write CustomNoUpgrade and name the gates.',
    );
  else if (set !== '' && set !== 'CustomNoUpgrade')
    values.wrong(setPath, 'must be CustomNoUpgrade or empty', 'Write CustomNoUpgrade, or remove the key.');
  else if (set === '')
    for (const [path, names] of given)
      if (names.length > 0)
        values.wrong(path, 'has no effect without a feature set', `Write CustomNoUpgrade in ${setPath}.`);
  if (set !== 'CustomNoUpgrade' || [...given.values()].every((one) => one.length === 0)) return none;

  const says = new Map<string, string[]>();
  const wrong = (path: string, what: string) => says.set(path, [...(says.get(path) ?? []), what]);
  const asked = new Map<string, boolean>();
  for (const [path, names] of given)
    for (const name of names) {
      const value = turnsOn(path);
      if (!value && required.has(name)) wrong(path, `${name} is always on`);
      else if (asked.get(name) === !value) wrong(path, `${name} is both enabled and disabled`);
      else asked.set(name, value);
    }
  const { changed, problems, withoutEffect } = resolveFeatureGates(asked);
  for (const problem of problems) wrong(pathOf(problem, given), textOf(problem));
  for (const [path, texts] of says) values.wrong(path, `cannot be had: ${texts.join('; ')}`, remedy);
  return { changed: Object.fromEntries(changed), withoutEffect };
}

/** The list that names the gate, or one of those that it needs; else, with all of a stage, the first that says anything. */
function pathOf({ gate, others }: GateProblem, given: ReadonlyMap<string, readonly string[]>): string {
  const paths = [...given.keys()];
  return (
    [gate, ...others].map((name) => paths.find((path) => given.get(path)!.includes(name))).find(Boolean) ??
    paths.find((path) => given.get(path)!.length > 0)!
  );
}

function textOf({ gate, says }: GateProblem): string {
  if (!says.startsWith('unrecognized')) return says;
  const near = nearestName(
    gate,
    featureGateRows().map((one) => one.name),
  );
  return near === undefined ? says : `${says}, did you mean ${near}?`;
}

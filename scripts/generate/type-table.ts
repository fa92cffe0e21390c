// The schema of every served type without its wire numbers, one JSON text a type, so that a process parses only the types
// that it meets; and the defaulting rules with the feature gates decided.
import { openshiftTypePrefixes, type ResourceTable } from './facts.ts';

type Json = Readonly<Record<string, unknown>>;
interface Table {
  readonly types: Readonly<Record<string, Json>>;
  readonly extraTypes?: Readonly<Record<string, Json>>;
}
interface Defaults {
  readonly rules: Readonly<Record<string, readonly Json[]>>;
  readonly markerDefaults: readonly (readonly [string, string, unknown])[];
}
interface Gates {
  readonly on: Readonly<Record<string, unknown>>;
  readonly offOrOther: Readonly<Record<string, unknown>>;
}

const droppedFieldKeys = new Set([
  'proto',
  'protoType',
  'protoRepeated',
  'protoName',
  'optional',
  'featureGate',
  'cel',
]);

const prune = (value: Json, dropped: ReadonlySet<string>): Json =>
  Object.fromEntries(Object.entries(value).filter(([key]) => !dropped.has(key)));

const droppedTypeKeys = new Set(['protoPkg', 'protoMsg', 'protoOther', 'source', 'fields']);

/** The OpenShift facts do not say which types are kinds: those of the resources and their lists are. */
function kindsOf(openshift: ResourceTable): Map<string, (readonly [string, string, string])[]> {
  const kinds = new Map<string, (readonly [string, string, string])[]>();
  for (const { group, version, kind } of Object.values(openshift.resources))
    for (const one of [kind, `${kind}List`])
      kinds.set(`com.github.openshift.api.${group.split('.')[0]}.${version}.${one}`, [[group, version, one]]);
  return kinds;
}

export function generateTypeTable(k8s: Table, openshift: Table & ResourceTable): string {
  const selected = new Map<string, Json>([...Object.entries(k8s.types), ...Object.entries(k8s.extraTypes ?? {})]);
  for (const [name, facts] of Object.entries(openshift.types))
    if (openshiftTypePrefixes.some((prefix) => name.startsWith(prefix))) selected.set(name, facts);
  const openshiftKinds = kindsOf(openshift);
  const texts: Record<string, string> = {};
  for (const name of [...selected.keys()].toSorted()) {
    const facts = selected.get(name)!;
    const fields = Object.entries(facts['fields'] as Readonly<Record<string, Json>>).map(([field, value]) => ({
      name: field,
      ...prune(value, droppedFieldKeys),
    }));
    const gvks = openshiftKinds.get(name);
    texts[name] = JSON.stringify({ ...(gvks === undefined ? {} : { gvks }), ...prune(facts, droppedTypeKeys), fields });
  }
  return `${JSON.stringify(texts, null, 0).replaceAll('","io.', '",\n"io.').replaceAll('","com.', '",\n"com.')}\n`;
}

/** Wire numbers by type, in the order of the type's fields (0: not on the wire; a list: through inlined messages). */
export function generateProtobufNumbers(k8s: Table, openshift: Table & ResourceTable): string {
  const numbers: Record<string, string> = {};
  const kinds: Record<string, string> = {};
  const openshiftKinds = kindsOf(openshift);
  const all = { ...k8s.types, ...k8s.extraTypes, ...openshift.types };
  for (const name of Object.keys(all).toSorted()) {
    if (name.startsWith('com.') && !openshiftTypePrefixes.some((prefix) => name.startsWith(prefix))) continue;
    const facts = all[name]!;
    const fields = Object.values(facts['fields'] as Readonly<Record<string, Json>>);
    numbers[name] = JSON.stringify(fields.map((field) => field['proto'] ?? 0));
    const gvks = (facts['gvks'] ?? openshiftKinds.get(name) ?? []) as readonly (readonly string[])[];
    for (const [group, version, kind] of gvks) kinds[`${group === '' ? '' : `${group}/`}${version}/${kind}`] ??= name;
  }
  return `${JSON.stringify({ numbers, kinds }).replaceAll('","', '",\n"')}\n`;
}

export function generateDefaultRules(
  k8s: Defaults,
  openshift: Readonly<Record<string, readonly Json[]>>,
  gates: Gates,
): string {
  const isOn = (gate: string) => {
    if (gate in gates.on) return true;
    if (!(gate in gates.offOrOther)) throw new Error(`unknown feature gate ${gate}`);
    return false;
  };
  const decideCondition = (condition: Json): Json | boolean => {
    if ('gate' in condition) return isOn(String(condition['gate']));
    if ('all' in condition) {
      const members = (condition['all'] as Json[]).map(decideCondition);
      if (members.includes(false)) return false;
      const rest = members.filter((one) => one !== true) as Json[];
      return rest.length === 0 ? true : rest.length === 1 ? rest[0]! : { all: rest };
    }
    return condition;
  };
  const decide = (steps: readonly Json[]): Json[] =>
    steps.flatMap((step): Json[] => {
      const nested = (key: string) => (key in step ? { [key]: decide(step[key] as Json[]) } : {});
      const whole = { ...step, ...nested('do'), ...nested('else') };
      if (!('if' in step)) return [whole];
      const condition = decideCondition(step['if'] as Json);
      const { if: _, ...unconditional } = whole as Json & { if?: unknown };
      if (condition === false) return [];
      if (condition === true) return 'do' in unconditional ? (unconditional['do'] as Json[]) : [unconditional];
      return [{ ...unconditional, if: condition }];
    });
  const rules: Record<string, Json[]> = {};
  for (const [name, steps] of Object.entries(k8s.rules)) rules[name] = decide(steps);
  for (const [name, steps] of Object.entries(openshift))
    if (openshiftTypePrefixes.some((prefix) => name.startsWith(prefix))) rules[name] = decide(steps);
  const markers: Record<string, Record<string, unknown>> = {};
  for (const [type, field, value] of k8s.markerDefaults) (markers[type] ??= {})[field] = value;
  return `${JSON.stringify({ rules, markers })}\n`;
}

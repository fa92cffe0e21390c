// Leaves out of what clients write the fields whose feature gate is off, unless the object had them before: the rules of
// gated-field-rules.ts, made ready once for the gates of a server.
import type { FeatureGates } from './feature-gates.ts';
import { gatedDefaults, kindRules, podSpecPaths, podSpecRules, type GatedFields } from './gated-field-rules.ts';
import type { KindReference, KubernetesObject, Mutable } from './kind.ts';

export type DropGatedFields = (
  row: Pick<KindReference, 'group' | 'resource'>,
  object: Mutable<KubernetesObject>,
  previous: KubernetesObject | undefined,
) => void;

type Part = { readonly name: string; readonly each: boolean };
type Path = readonly Part[];

const groups: Readonly<Record<string, readonly string[]>> = {
  '@containers': ['containers', 'initContainers', 'ephemeralContainers'],
  '@statuses': ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'],
};

/** One for each list that an `@` stands for. */
function pathsOf(text: string): Path[] {
  let paths: Part[][] = [[]];
  for (const part of text.split('.')) {
    const name = part.replace(/\[\]$|\{\}$/, '');
    const each = name !== part;
    const names = groups[name] ?? [name];
    paths = paths.flatMap((path) => names.map((one) => [...path, { name: one, each }]));
  }
  return paths;
}

type Holder = Record<string, unknown>;
const isHolder = (value: unknown): value is Holder => typeof value === 'object' && value !== null;

/** Calls `visit` for each object that may have the path's last field, with what that object is in; true ends the search. */
function find(at: unknown, path: Path, index: number, visit: (holder: Holder) => boolean): boolean {
  if (!isHolder(at)) return false;
  const { name, each } = path[index]!;
  if (index === path.length - 1) return visit(at);
  const next = at[name];
  if (!isHolder(next)) return false;
  if (!each) return find(next, path, index + 1, visit);
  return Object.values(next).some((one) => find(one, path, index + 1, visit));
}

const saysSomething = (value: unknown): boolean =>
  value !== undefined && value !== null && value !== '' && !(Array.isArray(value) && value.length === 0);

const isThere = (object: unknown, path: Path): boolean =>
  find(object, path, 0, (holder) => saysSomething(holder[path.at(-1)!.name]));

interface ReadyRule {
  readonly drop: readonly Path[];
  readonly inUse: readonly Path[];
  readonly when: Path | undefined;
  readonly withParent: boolean;
}

function dropPath(object: unknown, path: Path, withParent: boolean): void {
  const last = path.at(-1)!.name;
  const parents = path.slice(0, -1);
  const parent = parents.at(-1)!.name;
  find(object, withParent ? parents : path, 0, (holder) => {
    const own = withParent ? holder[parent] : holder;
    if (!isHolder(own) || own[last] === undefined) return false;
    delete own[last];
    if (withParent && Object.values(own).every((one) => one === undefined)) delete holder[parent];
    return false;
  });
}

function apply(rule: ReadyRule, object: unknown, previous: unknown): void {
  if (rule.when !== undefined && !isThere(object, rule.when)) return;
  // What is looked at first is what nearly no object has.
  const last = (path: Path) => path.at(-1)!.name;
  const present = rule.drop.filter((path) =>
    find(object, path, 0, (holder) => (holder[last(path)] ?? undefined) !== undefined),
  );
  if (present.length === 0 || rule.inUse.some((path) => isThere(previous, path))) return;
  for (const path of present) dropPath(object, path, rule.withParent);
}

export function dropGatedFields(gates: FeatureGates): DropGatedFields {
  const rules = new Map<string, ReadyRule[]>();
  const add = (kind: string, prefix: string, rule: GatedFields): void => {
    if (rule.gates.every((gate) => gates.isOn(gate))) return;
    const ready = (paths: readonly string[]) => paths.flatMap((path) => pathsOf(prefix + path));
    const list = rules.get(kind) ?? [];
    list.push({
      drop: ready(rule.drop),
      inUse: ready(rule.inUse ?? rule.drop),
      when: rule.when === undefined ? undefined : ready([rule.when])[0],
      withParent: rule.withParent === true,
    });
    rules.set(kind, list);
  };
  for (const [kind, list] of Object.entries(kindRules)) for (const rule of list) add(kind, '', rule);
  for (const [kind, spec] of Object.entries(podSpecPaths)) for (const rule of podSpecRules) add(kind, `${spec}.`, rule);
  return ({ group, resource }, object, previous) => {
    const kind = `${group}/${resource}`;
    for (const rule of rules.get(kind) ?? []) apply(rule, object, previous);
    const fallback = gatedDefaults[kind];
    if (fallback === undefined || !gates.isOn(fallback.gate)) return;
    const path = pathsOf(fallback.field)[0]!;
    find(object, path, 0, (holder) => {
      holder[path.at(-1)!.name] ??= fallback.value;
      return true;
    });
  };
}

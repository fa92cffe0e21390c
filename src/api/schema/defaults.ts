// Upstream's defaults, from the rule tables: parents before children, fields in declaration order, then the conversions
// that every read and write of upstream makes, then the stored form.
import ruleTable from '../generated/default-rules.json' with { type: 'json' };
import { byHand, conversions, predicates, roundUpResources } from './default-by-hand.ts';
import { canonicalize } from './canonical.ts';
import type { KindRow, KubernetesObject, Mutable } from '../kind.ts';
import { compileSteps, type StepFacts } from './default-steps.ts';
import { typeFacts, type FieldType, type StructType, type ValueType } from './type-table.ts';

type Node = Record<string, unknown>;

interface RuleTable {
  readonly rules: Readonly<Record<string, readonly StepFacts[]>>;
  readonly markers: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const table = ruleTable as unknown as RuleTable;

/** Runs only for the object itself: a Pod's requests follow its limits, a template's do not. */
const rootOnly = new Set(['io.k8s.api.core.v1.Pod']);

/** Go's types embed Rule, whose defaults are theirs; the same in every version. */
const embedded = (name: string): string =>
  name.replace(/^(io\.k8s\.api\.admissionregistration\.)v1\w*\.(?:Named)?RuleWithOperations$/, '$1v1.Rule');

interface Plan {
  readonly run: ((object: unknown, now: number | undefined) => void) | undefined;
  readonly markers: readonly { readonly field: string; readonly pointer: boolean; readonly value: unknown }[];
  readonly convert: ((object: Node) => void) | undefined;
  /** The fields below which something is to be done. */
  readonly children: readonly FieldType[];
  readonly needed: boolean;
}

const plans = new Map<StructType, Plan>();
const inProgress = new Set<StructType>();

function planOf(struct: StructType): Plan {
  const known = plans.get(struct);
  if (known !== undefined) return known;
  inProgress.add(struct);
  const steps = table.rules[embedded(struct.name)];
  const markers = Object.entries(table.markers[struct.name] ?? {}).map(([field, value]) => ({
    field,
    pointer: struct.byName.get(field)?.pointer === true,
    value,
  }));
  const convert = conversions[struct.name];
  const children = struct.fields.filter((field) => needsWork(field, field.type));
  const plan: Plan = {
    run: steps === undefined ? undefined : compileSteps(steps, contextOf(struct)),
    markers,
    convert,
    children,
    needed: steps !== undefined || markers.length > 0 || convert !== undefined || children.length > 0,
  };
  inProgress.delete(struct);
  plans.set(struct, plan);
  return plan;
}

function needsWork(field: FieldType, type: ValueType): boolean {
  switch (type.kind) {
    case 'scalar':
      return false;
    case 'struct':
      return !inProgress.has(type) && planOf(type).needed;
    case 'list':
      return needsWork(field, type.element);
    case 'map':
      return isResourceList(field) || needsWork(field, type.value);
  }
}

const isResourceList = (field: FieldType) => field.rules.go?.endsWith('ResourceList') ?? false;

const contextOf = (struct: StructType) => ({
  predicates,
  byHand,
  ruleSet: (name: string): readonly StepFacts[] | undefined => {
    const short = name.replace(/^SetDefaults_/, '');
    const scope = struct.name.slice(0, struct.name.lastIndexOf('.'));
    const all = table.rules;
    return (
      all[`${scope}.${short}`] ??
      all[`${struct.name}#${short}`] ??
      Object.entries(all).find(([key]) => key.startsWith(`${scope}.`) && key.endsWith(`#${short}`))?.[1]
    );
  },
});

function walk(struct: StructType, object: Node, now: number | undefined, isRoot: boolean): void {
  const plan = planOf(struct);
  if (isRoot || !rootOnly.has(struct.name)) plan.run?.(object, now);
  for (const { field, pointer, value } of plan.markers) if (isUnset(object[field], pointer)) object[field] = value;
  plan.convert?.(object);
  for (const field of plan.children) {
    const { type } = field;
    let value = object[field.name];
    if (value === undefined || value === null) {
      if (type.kind !== 'struct' || field.pointer || field.omitzero) continue;
      // A struct that is there by value has defaults of its own even when nobody wrote it.
      value = {};
      object[field.name] = value;
    }
    walkValue(field, type, value, now);
  }
}

function walkValue(field: FieldType, type: ValueType, value: unknown, now: number | undefined): void {
  if (typeof value !== 'object' || value === null) return;
  switch (type.kind) {
    case 'scalar':
      return;
    case 'struct':
      walk(type, value as Node, now, false);
      return;
    case 'list':
      if (Array.isArray(value)) for (const one of value) walkValue(field, type.element, one, now);
      return;
    case 'map':
      if (isResourceList(field)) roundUpResources(value as Node);
      else for (const one of Object.values(value)) walkValue(field, type.value, one, now);
  }
}

/** The zero that somebody wrote is a value where Go has a pointer. */
const isUnset = (value: unknown, pointer: boolean) =>
  value === undefined || value === null || (!pointer && (value === '' || value === 0));

/**
 * Makes the object (this request's own, from decodeObject) what upstream would store of it. Its parts are replaced: take
 * none of them from before. `now` is for the few defaults that are the present time.
 */
export function applyDefaults(typeName: string, object: object, now?: number): void {
  const struct = typeFacts(typeName);
  const target = object as Node;
  walk(struct, target, now, true);
  replaceContent(target, canonicalize(struct, target));
}

/** The same for an object of a row, which may be a custom resource. */
export function applyRowDefaults(
  row: Pick<KindRow, 'typeName' | 'custom'>,
  object: Mutable<KubernetesObject>,
  now?: number,
): void {
  if (row.custom === undefined) applyDefaults(row.typeName, object, now);
  else row.custom.applyDefaults(object);
}

/** Only the stored form, without defaults: for objects that were decoded after they had been defaulted. */
export function canonicalizeInPlace(typeName: string, object: object): void {
  const target = object as Node;
  replaceContent(target, canonicalize(typeFacts(typeName), target));
}

function replaceContent(target: Node, content: Node): void {
  const [now, next] = [Object.keys(target), Object.keys(content)];
  const isInOrder = now.every((key, index) => key === next[index]);
  if (!isInOrder) for (const key of now) delete target[key];
  for (const key of next) target[key] = content[key];
}

// Lists that Go writes even when nothing is in them. Between a request and its storing it matters whether somebody said so or
// nobody said anything: who says `[]` owns the list. What is stored and answered is null in either case, for the form in which
// upstream stores has no empty lists.
import type { StructType, ValueType } from './type-table.ts';

type Node = Record<string, unknown>;

/** Lists that are there because the type demands them, and nobody said anything of them. */
const unsaid = new WeakSet<readonly unknown[]>();

export function unsaidList(): readonly unknown[] {
  const list: readonly unknown[] = [];
  unsaid.add(list);
  return list;
}

export const isUnsaid = (value: unknown): boolean => Array.isArray(value) && unsaid.has(value);

interface Plan {
  readonly lists: readonly string[];
  readonly below: readonly { readonly name: string; readonly type: ValueType; readonly plan: Plan }[];
}
const plans = new WeakMap<StructType, Plan | undefined>();

const structIn = (type: ValueType): StructType | undefined =>
  type.kind === 'struct' ? type : type.kind === 'scalar' ? undefined : structIn(innerOf(type));
const innerOf = (type: Exclude<ValueType, StructType | { readonly kind: 'scalar' }>): ValueType =>
  type.kind === 'list' ? type.element : type.value;

/** Undefined: there is no such list in the type. */
function planOf(struct: StructType): Plan | undefined {
  if (plans.has(struct)) return plans.get(struct);
  // A type within itself finds nothing of its own there.
  plans.set(struct, undefined);
  const lists: string[] = [];
  const below: { name: string; type: ValueType; plan: Plan }[] = [];
  for (const field of struct.fields) {
    const { name, type, rules } = field;
    if (type.kind === 'list' && !field.omitempty && !field.pointer && rules.nullable !== true) lists.push(name);
    const inner = structIn(type);
    const plan = inner === undefined ? undefined : planOf(inner);
    if (plan !== undefined) below.push({ name, type, plan });
  }
  const plan = lists.length === 0 && below.length === 0 ? undefined : { lists, below };
  plans.set(struct, plan);
  return plan;
}

/** Changes the object, which is this request's own. */
export function storeEmptyLists(struct: StructType, object: object): void {
  const plan = planOf(struct);
  if (plan !== undefined) clear(plan, object as Node);
}

function clear(plan: Plan, node: Node): void {
  for (const name of plan.lists) {
    const value = node[name];
    if (Array.isArray(value) && value.length === 0) node[name] = null;
  }
  for (const { name, type, plan: inner } of plan.below) clearIn(inner, type, node[name]);
}

function clearIn(plan: Plan, type: ValueType, value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  if (type.kind === 'struct') clear(plan, value as Node);
  else if (type.kind !== 'scalar') for (const one of Object.values(value)) clearIn(plan, innerOf(type), one);
}

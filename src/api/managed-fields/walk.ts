// The four walks over typed values: which fields a value has, how two values differ, how one is merged over another, and a
// value without some of its fields. After sigs.k8s.io/structured-merge-diff, whose results clients rely on.
import { equalJson, isJsonObject, setMember, type JsonObject, type MutableJson } from '../patch/json-values.ts';
import { isUnsaid } from '../schema/empty-lists.ts';
import { goMap } from '../patch/strategic-merge.ts';
import { FieldSet, declaredElement, fieldElement, pathText, type PathElement } from './field-set.ts';
import {
  deduced,
  isDeclared,
  itemElement,
  settle,
  shapeOfMember,
  type ListShape,
  type MapShape,
  type Shape,
} from './shape.ts';

type Path = PathElement[];

const isEmptyMap = (value: unknown) => !isJsonObject(value) || Object.keys(value).length === 0;
const isEmptyList = (value: unknown) => !Array.isArray(value) || value.length === 0;
const keysOf = (left: unknown, right: unknown): readonly string[] => {
  if (!isJsonObject(left)) return isJsonObject(right) ? Object.keys(right) : [];
  const keys = Object.keys(left);
  if (isJsonObject(right)) for (const key of Object.keys(right)) if (!Object.hasOwn(left, key)) keys.push(key);
  return keys;
};
const memberOf = (value: unknown, key: string): unknown =>
  isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;

/** Items by their element; several under one element are duplicates. */
function itemsByElement(list: ListShape, value: unknown): Map<PathElement, unknown[]> {
  const result = new Map<PathElement, unknown[]>();
  if (!Array.isArray(value)) return result;
  for (const item of value as readonly unknown[]) {
    const element = itemElement(list, item);
    if (typeof element !== 'string') continue;
    const items = result.get(element);
    if (items === undefined) result.set(element, [item]);
    else items.push(item);
  }
  return result;
}

/** Every field that the value has. */
export function fieldSetOf(shape: Shape, value: unknown): FieldSet {
  const set = new FieldSet();
  collect(shape, value, [], set);
  return set;
}

function collect(given: Shape, value: unknown, path: Path, set: FieldSet): void {
  const shape = settle(given, undefined, value);
  if (shape.kind === 'scalar' || shape.atomic) {
    set.insert(path);
    return;
  }
  if (shape.kind === 'list') {
    for (const [element, items] of itemsByElement(shape, value)) {
      path.push(element);
      if (items.length === 1) collect(shape.element, items[0], path, set);
      set.insert(path);
      path.pop();
    }
    return;
  }
  if (!isJsonObject(value)) return;
  for (const key of Object.keys(value)) {
    const member = value[key];
    if (member === undefined) continue;
    path.push(fieldElement(key));
    collect(shapeOfMember(shape, key) ?? deduced, member, path, set);
    const isFree = !isDeclared(shape, key);
    if (isFree || member === null || (isJsonObject(member) && isEmptyMap(member))) set.insert(path);
    path.pop();
  }
}

export interface Comparison {
  readonly added: FieldSet;
  readonly removed: FieldSet;
  readonly modified: FieldSet;
}

/** The three sets at one container; made in the parent's sets when something is put in. */
class Level implements Comparison {
  readonly #parent: Comparison;
  readonly #element: PathElement;
  #added: FieldSet | undefined;
  #removed: FieldSet | undefined;
  #modified: FieldSet | undefined;

  constructor(parent: Comparison, element: PathElement) {
    this.#parent = parent;
    this.#element = element;
  }

  get added(): FieldSet {
    return (this.#added ??= this.#parent.added.childFor(this.#element));
  }

  get removed(): FieldSet {
    return (this.#removed ??= this.#parent.removed.childFor(this.#element));
  }

  get modified(): FieldSet {
    return (this.#modified ??= this.#parent.modified.childFor(this.#element));
  }
}

/** Both are containers of the shape (or absent); the root itself is in no set. */
export function compareValues(shape: MapShape, left: unknown, right: unknown): Comparison {
  const comparison: Comparison = { added: new FieldSet(), removed: new FieldSet(), modified: new FieldSet() };
  compareMembers(shape, left, right, comparison);
  return comparison;
}

const elementOf = (map: MapShape, key: string, member: Shape | undefined): PathElement =>
  map.struct === undefined || member === undefined ? fieldElement(key) : declaredElement(key);

function compareMembers(shape: MapShape, left: unknown, right: unknown, at: Comparison): void {
  for (const key of keysOf(left, right)) {
    const [before, after] = [memberOf(left, key), memberOf(right, key)];
    // Most of an object is the same before and after, often the very same part.
    if (before === after) continue;
    const member = shapeOfMember(shape, key);
    compare(member ?? deduced, before, after, at, elementOf(shape, key, member));
  }
}

/** Compares what is at `element` of the container that `at` stands for. */
function compare(given: Shape, left: unknown, right: unknown, at: Comparison, element: PathElement): void {
  if (left === undefined) {
    add(given, right, at.added, element);
    return;
  }
  const shape = settle(given, left, right);
  const isLeaf =
    shape.kind === 'scalar' ||
    shape.atomic ||
    (shape.kind === 'list' ? isEmptyList(left) && isEmptyList(right) : isEmptyMap(left) && isEmptyMap(right));
  if (isLeaf) {
    const said = (value: unknown): unknown => (isUnsaid(value) ? null : value);
    if (right === undefined) at.removed.addMember(element);
    else if (!equalJson(said(left), said(right))) at.modified.addMember(element);
    return;
  }
  if (shape.kind === 'list') compareItems(shape, left, right, new Level(at, element));
  else compareMembers(shape, left, right, new Level(at, element));
  if (right === undefined) at.removed.addMember(element);
}

/** The same of what was not there before: all of it is new. */
function add(given: Shape, value: unknown, to: FieldSet, element: PathElement): void {
  const shape = settle(given, undefined, value);
  to.addMember(element);
  if (shape.kind === 'scalar' || shape.atomic) return;
  if (shape.kind === 'list') {
    for (const [item, values] of itemsByElement(shape, value)) {
      const below = to.childFor(element);
      if (values.length === 1) add(shape.element, values[0], below, item);
      else below.addMember(item);
    }
    return;
  }
  if (!isJsonObject(value)) return;
  for (const key of Object.keys(value)) {
    if (value[key] === undefined) continue;
    const member = shapeOfMember(shape, key);
    add(member ?? deduced, value[key], to.childFor(element), elementOf(shape, key, member));
  }
}

function compareItems(list: ListShape, left: unknown, right: unknown, at: Comparison): void {
  const [ours, theirs] = [itemsByElement(list, left), itemsByElement(list, right)];
  const one = (before: unknown, after: unknown, element: PathElement) => {
    if (before !== after) compare(list.element, before, after, at, element);
  };
  for (const element of new Set([...ours.keys(), ...theirs.keys()])) {
    const [before, after] = [ours.get(element) ?? [], theirs.get(element) ?? []];
    if (before.length <= 1 && after.length <= 1) one(before[0], after[0], element);
    else if (before.length >= 2 && after.length >= 2) {
      if (!equalJson(before, after)) at.modified.addMember(element);
    } else if (before.length >= 2) {
      if (after.length > 0) one(undefined, after[0], element);
      at.removed.addMember(element);
    } else {
      if (before.length > 0) one(before[0], undefined, element);
      at.added.addMember(element);
    }
  }
}

/** The applied value over the live one; parts may be shared with both. */
export function mergeValues(given: Shape, live: unknown, applied: unknown): unknown {
  if (applied === undefined) return live;
  if (live === undefined) return applied;
  const shape = settle(given, live, applied);
  if (shape.kind === 'scalar' || shape.atomic) return applied;
  if (shape.kind === 'list')
    return isEmptyList(live) && isEmptyList(applied) ? applied : mergeItems(shape, live, applied);
  if (isEmptyMap(live) && isEmptyMap(applied)) return applied;
  const result: MutableJson = {};
  for (const key of keysOf(live, applied)) {
    const member = mergeValues(shapeOfMember(shape, key) ?? deduced, memberOf(live, key), memberOf(applied, key));
    if (member !== undefined) setMember(result, key, member);
  }
  return result;
}

/** Live items keep their places where the applied order allows; shared items come in the applied order. */
function mergeItems(list: ListShape, live: unknown, applied: unknown): unknown[] {
  const elementsOf = (value: unknown): PathElement[] =>
    Array.isArray(value)
      ? (value as readonly unknown[]).flatMap((item) => {
          const element = itemElement(list, item);
          return typeof element === 'string' ? [element] : [];
        })
      : [];
  const [left, right] = [elementsOf(live), elementsOf(applied)];
  const [ours, theirs] = [itemsByElement(list, live), itemsByElement(list, applied)];
  const shared = right.filter((element) => ours.has(element));
  let nextShared = shared.shift();
  const merged = new Set<PathElement>();
  const result: unknown[] = [];
  const take = (element: PathElement): void => {
    const before = ours.get(element) ?? [];
    // Duplicates of the live list are not merged with the new value.
    result.push(mergeValues(list.element, before.length === 1 ? before[0] : undefined, theirs.get(element)![0]));
    merged.add(element);
  };
  let [at, appliedAt] = [0, 0];
  while (at < left.length || appliedAt < right.length) {
    const mine = left[at];
    const other = right[appliedAt];
    if (mine !== undefined && other !== undefined) {
      if (mine === other) {
        take(mine);
        at++;
        appliedAt++;
        nextShared = shared.shift();
        continue;
      }
      if (theirs.has(mine) && nextShared !== undefined && nextShared !== mine) {
        at++;
        continue;
      }
    }
    if (mine !== undefined) {
      if (!theirs.has(mine)) {
        result.push((live as readonly unknown[])[at]);
        at++;
        continue;
      }
      if (merged.has(mine)) at++;
    }
    if (other !== undefined) {
      take(other);
      appliedAt++;
      if (nextShared === other) nextShared = shared.shift();
    }
  }
  return result;
}

/** The value without the fields of the set; undefined for nothing left. */
export function removeFields(given: Shape, value: unknown, removed: FieldSet): unknown {
  const shape = settle(given, undefined, value);
  if (shape.kind === 'scalar') return value;
  if (shape.kind === 'list' ? isEmptyList(value) : isEmptyMap(value)) return undefined;
  if (shape.atomic) return undefined;
  let hadMatches = false;
  const without = (inner: Shape, element: PathElement, part: unknown): unknown => {
    const below = removed.below(element);
    if (below === undefined) return part;
    hadMatches = true;
    // What was taken from inside leaves an empty container, not nothing.
    return removeFields(inner, part, below) ?? (Array.isArray(part) ? [] : isJsonObject(part) ? {} : part);
  };
  if (shape.kind === 'list') {
    const items: unknown[] = [];
    for (const item of value as readonly unknown[]) {
      const element = itemElement(shape, item);
      if (typeof element !== 'string') items.push(item);
      else if (!removed.members.has(element)) items.push(without(shape.element, element, item));
    }
    return items.length > 0 || hadMatches ? items : undefined;
  }
  const result: MutableJson = {};
  for (const [key, member] of Object.entries(value as JsonObject)) {
    const element = fieldElement(key);
    if (!removed.members.has(element))
      setMember(result, key, without(shapeOfMember(shape, key) ?? deduced, element, member));
  }
  return Object.keys(result).length > 0 || hadMatches ? result : undefined;
}

/** The set with every declared field on the way to its paths as a member. */
export function withNamedFields(shape: Shape, set: FieldSet): FieldSet {
  const result = new FieldSet();
  for (const member of set.members) result.addMember(member);
  for (const [element, child] of set.children) {
    let inner: Shape = deduced;
    if (element.startsWith('f:')) {
      const name = element.slice(2);
      const map = shape.kind === 'map' ? shape : undefined;
      if (map !== undefined && isDeclared(map, name)) result.addMember(element);
      inner = map === undefined ? deduced : (shapeOfMember(map, name) ?? deduced);
    } else if (shape.kind === 'list') inner = shape.element;
    result.setChild(element, withNamedFields(inner, child));
  }
  return result;
}

/** What an applied value must not have, each with its path: undeclared fields, wrong types, duplicate items. */
export function checkApplied(shape: Shape, value: unknown): string[] {
  const errors: string[] = [];
  check(shape, value, [], errors);
  return errors;
}

function check(given: Shape, value: unknown, path: Path, errors: string[]): void {
  if (value === null || value === undefined) return;
  const shape = settle(given, undefined, value);
  const fail = (message: string) => void errors.push(`${pathText(path)}: ${message}`);
  switch (shape.kind) {
    case 'scalar':
      if (typeof value === 'object')
        fail(
          `expected ${shape.expected === 'any' ? 'scalar' : shape.expected}, got ${Array.isArray(value) ? 'list' : 'map'}`,
        );
      else if (shape.expected === 'number' && typeof value !== 'number')
        fail(`expected numeric (int or float), got ${typeof value === 'boolean' ? 'bool' : typeof value}`);
      else if (shape.expected !== 'any' && typeof value !== shape.expected)
        fail(`expected ${shape.expected}, got &value.valueUnstructured{Value:${JSON.stringify(value)}}`);
      return;
    case 'list':
      return checkList(shape, value, path, errors, fail);
    case 'map':
      return checkMap(shape, value, path, errors, fail);
  }
}

/** As the value library prints. */
const showScalar = (value: unknown) => `&{${goMap(value)}}`;

function checkList(
  shape: ListShape,
  value: unknown,
  path: Path,
  errors: string[],
  fail: (message: string) => void,
): void {
  if (!Array.isArray(value)) return fail(`expected list, got ${showScalar(value)}`);
  const seen = new Set<PathElement>();
  (value as readonly unknown[]).forEach((item, index) => {
    let element: PathElement = `i:${index}`;
    if (!shape.atomic) {
      const found = itemElement(shape, item);
      if (typeof found !== 'string') return fail(`element ${index}: ${found.error}`);
      if (seen.has(found)) fail(`duplicate entries for key ${pathText([found])}`);
      seen.add(found);
      element = found;
    }
    path.push(element);
    check(shape.element, item, path, errors);
    path.pop();
  });
}

function checkMap(
  shape: MapShape,
  value: unknown,
  path: Path,
  errors: string[],
  fail: (message: string) => void,
): void {
  if (!isJsonObject(value)) return fail(`expected map, got ${showScalar(value)}`);
  for (const key of Object.keys(value)) {
    const member = shapeOfMember(shape, key);
    path.push(fieldElement(key));
    if (member === undefined) errors.push(`${pathText(path)}: field not declared in schema`);
    else check(member, value[key], path, errors);
    path.pop();
  }
}

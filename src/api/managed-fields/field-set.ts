// A set of field paths, as fieldsV1 holds it: the ownership of managed fields. A path element is a text: `f:name` a field
// or map key, `k:{...}` an item of a list by its keys, `v:...` a member of a set, `i:0` a position.
// Sets are values: no operation but insert changes one.

export type PathElement = string;

/** Most nodes have members or children, not both: neither is allocated before it holds something. */
const noMembers: ReadonlySet<PathElement> = new Set();
const noChildren: ReadonlyMap<PathElement, FieldSet> = new Map();

export class FieldSet {
  #members: Set<PathElement> | undefined;
  #children: Map<PathElement, FieldSet> | undefined;

  get members(): ReadonlySet<PathElement> {
    return this.#members ?? noMembers;
  }

  get children(): ReadonlyMap<PathElement, FieldSet> {
    return this.#children ?? noChildren;
  }

  static of(...paths: readonly (readonly PathElement[])[]): FieldSet {
    const set = new FieldSet();
    for (const path of paths) set.insert(path);
    return set;
  }

  get isEmpty(): boolean {
    if (this.#members !== undefined && this.#members.size > 0) return false;
    if (this.#children === undefined) return true;
    for (const child of this.#children.values()) if (!child.isEmpty) return false;
    return true;
  }

  /** Nothing was ever put in. */
  get #isBare(): boolean {
    return this.#members === undefined && this.#children === undefined;
  }

  // The four that change a set, only while it is being built.

  insert(path: readonly PathElement[], from = 0): void {
    const element = path[from];
    if (element === undefined) return;
    if (from === path.length - 1) this.addMember(element);
    else this.childFor(element).insert(path, from + 1);
  }

  addMember(element: PathElement): void {
    (this.#members ??= new Set()).add(element);
  }

  setChild(element: PathElement, child: FieldSet): void {
    (this.#children ??= new Map()).set(element, child);
  }

  childFor(element: PathElement): FieldSet {
    let child = this.#children?.get(element);
    if (child === undefined) this.setChild(element, (child = new FieldSet()));
    return child;
  }

  has(path: readonly PathElement[], from = 0): boolean {
    const element = path[from];
    if (element === undefined) return false;
    return from === path.length - 1
      ? this.members.has(element)
      : (this.children.get(element)?.has(path, from + 1) ?? false);
  }

  /** The paths below an element, or nothing. */
  below(element: PathElement): FieldSet | undefined {
    const child = this.children.get(element);
    return child === undefined || child.isEmpty ? undefined : child;
  }

  union(other: FieldSet): FieldSet {
    if (this.#isBare) return other;
    if (other.#isBare) return this;
    const result = new FieldSet();
    for (const one of [this, other]) for (const member of one.members) result.addMember(member);
    for (const [element, child] of this.children) {
      const theirs = other.children.get(element);
      result.setChild(element, theirs === undefined ? child : child.union(theirs));
    }
    for (const [element, child] of other.children) if (!this.children.has(element)) result.setChild(element, child);
    return result;
  }

  intersection(other: FieldSet): FieldSet {
    const result = new FieldSet();
    for (const member of this.members) if (other.members.has(member)) result.addMember(member);
    for (const [element, child] of this.children) {
      const theirs = other.children.get(element);
      if (theirs !== undefined) result.#adopt(element, child.intersection(theirs));
    }
    return result;
  }

  difference(other: FieldSet): FieldSet {
    if (this.#isBare || other.#isBare) return this;
    const result = new FieldSet();
    for (const member of this.members) if (!other.members.has(member)) result.addMember(member);
    for (const [element, child] of this.children) {
      const theirs = other.children.get(element);
      result.#adopt(element, theirs === undefined ? child : child.difference(theirs));
    }
    return result;
  }

  /** Without the other's members and everything below them. */
  recursiveDifference(other: FieldSet): FieldSet {
    if (this.#isBare || other.#isBare) return this;
    const result = new FieldSet();
    for (const member of this.members) if (!other.members.has(member)) result.addMember(member);
    for (const [element, child] of this.children) {
      if (other.members.has(element)) continue;
      const theirs = other.children.get(element);
      result.#adopt(element, theirs === undefined ? child : child.recursiveDifference(theirs));
    }
    return result;
  }

  equals(other: FieldSet): boolean {
    return this.difference(other).isEmpty && other.difference(this).isEmpty;
  }

  /** In upstream's order: the members of a level, then what is below. */
  *paths(prefix: readonly PathElement[] = []): Generator<readonly PathElement[]> {
    for (const member of [...this.members].toSorted(comparePathElements)) yield [...prefix, member];
    for (const element of [...this.children.keys()].toSorted(comparePathElements))
      yield* this.children.get(element)!.paths([...prefix, element]);
  }

  #adopt(element: PathElement, child: FieldSet): void {
    if (!child.isEmpty) this.setChild(element, child);
  }
}

/** In place. Names alone, the usual case, need no comparison of ours. */
function sortElements(elements: PathElement[]): PathElement[] {
  if (elements.length < 2) return elements;
  return elements.every((element) => element.startsWith('f')) ? elements.sort() : elements.sort(comparePathElements);
}

interface FieldsV1 {
  [element: string]: FieldsV1;
}

/** The object for fieldsV1, in canonical order. */
export function toFieldsV1(set: FieldSet): FieldsV1 {
  const result: FieldsV1 = {};
  const elements = [...set.members];
  for (const [element, child] of set.children) if (!set.members.has(element) && !child.isEmpty) elements.push(element);
  for (const element of sortElements(elements)) {
    const child = set.below(element);
    const below: FieldsV1 = child === undefined ? {} : toFieldsV1(child);
    result[element] = child !== undefined && set.members.has(element) ? { '.': {}, ...below } : below;
  }
  return result;
}

/** Undefined for what is no fieldsV1. */
export function fromFieldsV1(fields: unknown): FieldSet | undefined {
  const set = new FieldSet();
  if (fields === undefined || fields === null) return set;
  if (typeof fields !== 'object' || Array.isArray(fields)) return undefined;
  for (const [element, value] of Object.entries(fields)) {
    if (element === '.') continue;
    const canonical = canonicalElement(element);
    if (canonical === undefined) return undefined;
    const child = fromFieldsV1(value);
    if (child === undefined) return undefined;
    const isMember = child.isEmpty || (typeof value === 'object' && value !== null && '.' in value);
    if (isMember) set.addMember(canonical);
    if (!child.isEmpty) set.setChild(canonical, child);
  }
  return set;
}

function canonicalElement(element: string): PathElement | undefined {
  if (element[1] !== ':') return undefined;
  const rest = element.slice(2);
  if (element.startsWith('f')) return element;
  if (element.startsWith('i')) return /^\d+$/.test(rest) ? element : undefined;
  let value: unknown;
  try {
    value = JSON.parse(rest);
  } catch {
    return undefined;
  }
  if (element.startsWith('v')) return valueElement(value);
  if (!element.startsWith('k') || typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return keyElement(Object.entries(value));
}

export const fieldElement = (name: string): PathElement => `f:${name}`;

const declared = new Map<string, PathElement>();

/** Of a field that a type declares: these come again and again, and are no more than types have. */
export function declaredElement(name: string): PathElement {
  let element = declared.get(name);
  if (element === undefined) declared.set(name, (element = fieldElement(name)));
  return element;
}

export const valueElement = (value: unknown): PathElement => `v:${JSON.stringify(value)}`;
export function keyElement(fields: readonly (readonly [name: string, value: unknown])[]): PathElement {
  const sorted = fields.length === 1 ? fields : fields.toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `k:{${sorted.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`;
}

const kindOrder = 'fkvi';

function comparePathElements(left: PathElement, right: PathElement): number {
  if (left === right) return 0;
  const kinds = kindOrder.indexOf(left[0]!) - kindOrder.indexOf(right[0]!);
  if (kinds !== 0) return kinds;
  const [a, b] = [left.slice(2), right.slice(2)];
  switch (left[0]) {
    case 'f':
      return a < b ? -1 : 1;
    case 'i':
      return Number(a) - Number(b);
    case 'v':
      return compareValues(JSON.parse(a), JSON.parse(b));
    default:
      return compareKeys(JSON.parse(a) as object, JSON.parse(b) as object);
  }
}

function compareKeys(left: object, right: object): number {
  const [a, b] = [Object.entries(left), Object.entries(right)];
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    const [nameA, valueA] = a[index]!;
    const [nameB, valueB] = b[index]!;
    if (nameA !== nameB) return nameA < nameB ? -1 : 1;
    const order = compareValues(valueA, valueB);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

const typeRank = (value: unknown): number => {
  const rank = ['number', 'string', 'boolean'].indexOf(typeof value);
  return rank >= 0 ? rank : value === null ? 5 : Array.isArray(value) ? 3 : 4;
};

function compareValues(left: unknown, right: unknown): number {
  const ranks = typeRank(left) - typeRank(right);
  if (ranks !== 0 || left === right) return ranks;
  if (typeof left === 'object') return JSON.stringify(left) < JSON.stringify(right) ? -1 : 1;
  return (left as number | string) < (right as number | string) ? -1 : 1;
}

/** As upstream prints a path in messages: `.spec.containers[name="web"].image`. */
export function pathText(path: readonly PathElement[]): string {
  return path
    .map((element) => {
      const rest = element.slice(2);
      switch (element[0]) {
        case 'f':
          return `.${rest}`;
        case 'v':
          return `[=${rest}]`;
        case 'i':
          return `[${rest}]`;
        default:
          return `[${Object.entries(JSON.parse(rest) as object)
            .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
            .join(',')}]`;
      }
    })
    .join('');
}

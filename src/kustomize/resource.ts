// One object on its way through a kustomization: its present content, and the names that it had before, by which patches
// and references still find it.
import { kindTable } from '#api/kinds.ts';
import { isJsonObject, type MutableJson } from '#api/patch/json-values.ts';

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}
export interface ResourceId extends GroupVersionKind {
  readonly name: string;
  /** '' for none. */
  readonly namespace: string;
}

export type Behavior = 'unspecified' | 'create' | 'replace' | 'merge';

/** Stands for the namespace of objects that have none. */
const noNamespace = '_non_namespaceable_';

let scopes: ReadonlyMap<string, boolean> | undefined;
/** By group and kind: bundled kinds only; everything else is taken for namespaced. */
export function isClusterScoped({ group, kind }: { readonly group: string; readonly kind: string }): boolean {
  scopes ??= new Map(kindTable.rows.map((row) => [`${row.group}/${row.kind}`, row.namespaced]));
  return scopes.get(`${group}/${kind}`) === false;
}

export const effectiveNamespace = (id: ResourceId): string =>
  isClusterScoped(id) ? noNamespace : id.namespace === '' ? 'default' : id.namespace;

export const isSameKind = (a: GroupVersionKind, b: GroupVersionKind): boolean =>
  a.kind === b.kind && a.group === b.group && a.version === b.version;

export const isSameId = (a: ResourceId, b: ResourceId): boolean =>
  a.name === b.name && isSameKind(a, b) && effectiveNamespace(a) === effectiveNamespace(b);

/** What the selector leaves out matches everything. */
export const isSelectedKind = (id: GroupVersionKind, selector: Partial<GroupVersionKind>): boolean =>
  (!selector.group || selector.group === id.group) &&
  (!selector.version || selector.version === id.version) &&
  (!selector.kind || selector.kind === id.kind);

export const kindText = ({ kind = '', version = '', group = '' }: Partial<GroupVersionKind>): string =>
  `${kind || '[noKind]'}.${version || '[noVer]'}.${group || '[noGrp]'}`;
export const idText = (id: ResourceId): string =>
  `${kindText(id)}/${id.name || '[noName]'}.${id.namespace || '[noNs]'}`;

export function splitApiVersion(apiVersion: string): { readonly group: string; readonly version: string } {
  const slash = apiVersion.indexOf('/');
  return slash < 0
    ? { group: '', version: apiVersion }
    : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';

export class Resource {
  /** Changed in place. Undefined: a patch deleted it. */
  object: MutableJson | undefined;
  previous: { readonly name: string; readonly namespace: string; readonly kind: string }[] = [];
  prefixes: string[] = [];
  suffixes: string[] = [];
  behavior: Behavior = 'unspecified';
  needsHash = false;
  allowNameChange = false;
  allowKindChange = false;
  /** Names of variables whose value is in this object. */
  variables: string[] = [];

  constructor(object: MutableJson) {
    this.object = object;
  }
  get kind(): string {
    return textOf(this.object?.['kind']);
  }
  get apiVersion(): string {
    return textOf(this.object?.['apiVersion']);
  }
  get groupVersionKind(): GroupVersionKind {
    return { ...splitApiVersion(this.apiVersion), kind: this.kind };
  }
  get name(): string {
    return textOf(this.#metadata()?.['name']);
  }
  set name(name: string) {
    this.metadata()['name'] = name;
  }
  get namespace(): string {
    return textOf(this.#metadata()?.['namespace']);
  }
  set namespace(namespace: string) {
    if (namespace === '') delete this.metadata()['namespace'];
    else this.metadata()['namespace'] = namespace;
  }
  get id(): ResourceId {
    return { ...this.groupVersionKind, name: this.name, namespace: this.namespace };
  }
  /** Oldest first. */
  get previousIds(): ResourceId[] {
    const version = splitApiVersion(this.apiVersion);
    return this.previous.map((one) => ({ ...version, ...one }));
  }
  get originalId(): ResourceId {
    return this.previousIds[0] ?? this.id;
  }
  get labels(): Record<string, string> {
    return this.#texts('labels');
  }
  set labels(labels: Readonly<Record<string, string>>) {
    this.#setTexts('labels', labels);
  }
  get annotations(): Record<string, string> {
    return this.#texts('annotations');
  }
  set annotations(annotations: Readonly<Record<string, string>>) {
    this.#setTexts('annotations', annotations);
  }
  /** The id as it is now will still find this resource later. */
  rememberId(): void {
    const { name, kind, id } = this;
    this.previous.push({ name, kind, namespace: effectiveNamespace(id) });
  }
  metadata(): MutableJson {
    this.object ??= {};
    return (this.#metadata() ?? (this.object['metadata'] = {})) as MutableJson;
  }
  copy(): Resource {
    const copy = new Resource(structuredClone(this.object ?? {}));
    return Object.assign(copy, {
      previous: [...this.previous],
      prefixes: [...this.prefixes],
      suffixes: [...this.suffixes],
      behavior: this.behavior,
      needsHash: this.needsHash,
      allowNameChange: this.allowNameChange,
      allowKindChange: this.allowKindChange,
      variables: [...this.variables],
    });
  }
  #metadata(): MutableJson | undefined {
    const metadata = this.object?.['metadata'];
    return isJsonObject(metadata) ? (metadata as MutableJson) : undefined;
  }
  #texts(field: 'labels' | 'annotations'): Record<string, string> {
    const value = this.#metadata()?.[field];
    if (!isJsonObject(value)) return {};
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, textOf(one)]));
  }
  #setTexts(field: 'labels' | 'annotations', texts: Readonly<Record<string, string>>): void {
    if (Object.keys(texts).length === 0) delete this.metadata()[field];
    else this.metadata()[field] = { ...texts };
  }
}

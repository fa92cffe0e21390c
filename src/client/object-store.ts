// The objects of one informer with its indexes. Lists are made when asked for and kept until the next change.
import type { KubernetesObject } from '#api/kind.ts';
import type { InformerChange, InformerIndex } from './client.ts';

interface Index<T> {
  readonly keysOf: (object: T) => readonly string[];
  readonly byValue: Map<string, { readonly objects: Map<string, T>; list: readonly T[] | undefined }>;
}

const none: readonly never[] = [];

export const objectKey = (object: KubernetesObject): string =>
  `${object.metadata.namespace ?? ''}/${object.metadata.name ?? ''}`;

export class ObjectStore<T extends KubernetesObject> {
  readonly #namespaces = new Map<string, { readonly objects: Map<string, T>; list: readonly T[] | undefined }>();
  readonly #indexes = new Map<string, Index<T>>();
  #all: readonly T[] | undefined = none;

  get(namespace: string | undefined, name: string): T | undefined {
    return this.#namespaces.get(namespace ?? '')?.objects.get(name);
  }
  list(namespace?: string): readonly T[] {
    if (namespace !== undefined) {
      const entry = this.#namespaces.get(namespace);
      return entry === undefined ? none : (entry.list ??= Object.freeze([...entry.objects.values()]));
    }
    return (this.#all ??= Object.freeze(
      [...this.#namespaces.values()].flatMap((entry) => [...entry.objects.values()]),
    ));
  }
  byIndex({ name, keysOf }: InformerIndex<T>, value: string): readonly T[] {
    let index = this.#indexes.get(name);
    if (index === undefined) {
      this.#indexes.set(name, (index = { keysOf, byValue: new Map() }));
      for (const object of this.list()) this.#addTo(index, object);
    }
    const entry = index.byValue.get(value);
    return entry === undefined ? none : (entry.list ??= Object.freeze([...entry.objects.values()]));
  }
  put(object: T): InformerChange<T> {
    const { namespace = '', name = '' } = object.metadata;
    let entry = this.#namespaces.get(namespace);
    if (entry === undefined) this.#namespaces.set(namespace, (entry = { objects: new Map(), list: undefined }));
    const previous = entry.objects.get(name);
    entry.objects.set(name, object);
    entry.list = this.#all = undefined;
    for (const index of this.#indexes.values()) {
      if (previous !== undefined) this.#removeFrom(index, previous);
      this.#addTo(index, object);
    }
    return { previous, current: object };
  }
  remove({ metadata: { namespace = '', name = '' } }: KubernetesObject): InformerChange<T> | undefined {
    const entry = this.#namespaces.get(namespace);
    const previous = entry?.objects.get(name);
    if (entry === undefined || previous === undefined) return undefined;
    entry.objects.delete(name);
    entry.list = this.#all = undefined;
    if (entry.objects.size === 0) this.#namespaces.delete(namespace);
    for (const index of this.#indexes.values()) this.#removeFrom(index, previous);
    return { previous, current: undefined };
  }
  #addTo(index: Index<T>, object: T): void {
    for (const value of index.keysOf(object)) {
      let entry = index.byValue.get(value);
      if (entry === undefined) index.byValue.set(value, (entry = { objects: new Map(), list: undefined }));
      entry.objects.set(objectKey(object), object);
      entry.list = undefined;
    }
  }
  #removeFrom(index: Index<T>, object: T): void {
    for (const value of index.keysOf(object)) {
      const entry = index.byValue.get(value);
      if (entry === undefined) continue;
      entry.objects.delete(objectKey(object));
      entry.list = undefined;
      if (entry.objects.size === 0) index.byValue.delete(value);
    }
  }
}

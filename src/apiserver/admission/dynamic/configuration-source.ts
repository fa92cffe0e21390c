// The objects of one kind of configuration, compiled when they are first needed after a change; a list that nobody configured
// is an empty one that costs nothing.
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import { storagePrefix } from '#api/kinds.ts';
import type { Store, StoredObject } from '#storage/store.ts';

export interface ConfigurationSource<T> extends Disposable {
  /** In the order of the objects' names; the same list until something changes. */
  readonly items: readonly T[];
}

/** `compile` is called once for each state of an object. */
export function configurationSource<K extends KubernetesObject, T>(
  store: Store,
  kind: KindReference<K>,
  compile: (object: K) => readonly T[],
): ConfigurationSource<T> {
  const prefix = storagePrefix(kind);
  const compiled = new WeakMap<StoredObject, readonly T[]>();
  const none: readonly T[] = [];
  let items: readonly T[] | undefined;
  let watch: Disposable | undefined;
  let isClosed = false;

  const compileOnce = (stored: StoredObject): readonly T[] => {
    let made = compiled.get(stored);
    if (made === undefined) compiled.set(stored, (made = compile(stored.object() as K)));
    return made;
  };
  const start = (): void => {
    items = undefined;
    watch = store.watch(prefix, store.revision, {
      onEvents: () => void (items = undefined),
      onEnd: (reason) => {
        if (reason === 'compacted' && !isClosed) start();
      },
    });
  };
  start();
  return {
    get items() {
      if (items === undefined) {
        const found = store.list(prefix).items;
        items = found.length === 0 ? none : found.flatMap(compileOnce);
      }
      return items;
    },
    [Symbol.dispose]() {
      isClosed = true;
      watch?.[Symbol.dispose]();
    },
  };
}

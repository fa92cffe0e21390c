// Objects of one prefix by some value of theirs, kept current by watching the store. Built at the first question; after
// that a change costs only its own values. Holds references to the shared objects, no copies.
import type { KubernetesObject } from '#api/kind.ts';
import type { Store, StoredObject } from '#storage/store.ts';

export interface StoreIndex<T extends KubernetesObject> extends Disposable {
  find(value: string): Iterable<T>;
  has(value: string): boolean;
  /** Another number after each change: who keeps what was found looks here first. */
  version(): number;
}

export function createStoreIndex<T extends KubernetesObject>(
  store: Store,
  prefix: string,
  valuesOf: (object: T) => readonly string[],
): StoreIndex<T> {
  const byValue = new Map<string, Map<string, T>>();
  let watch: Disposable | undefined;
  let version = 0;

  const change = (stored: StoredObject, add: boolean): void => {
    const object = stored.object() as T;
    for (const value of valuesOf(object)) {
      const there = byValue.get(value);
      if (!add) {
        there?.delete(stored.key);
        if (there?.size === 0) byValue.delete(value);
      } else if (there === undefined) byValue.set(value, new Map([[stored.key, object]]));
      else there.set(stored.key, object);
    }
  };
  const stop = (): void => {
    watch?.[Symbol.dispose]();
    watch = undefined;
  };
  const start = (): void => {
    version++;
    byValue.clear();
    const page = store.list(prefix);
    for (const stored of page.items) change(stored, true);
    watch = store.watch(prefix, page.revision, {
      onEvents(events) {
        version++;
        for (const event of events) {
          if (event.previous !== undefined) change(event.previous, false);
          if (event.type === 'put') change(event.stored, true);
        }
      },
      onEnd: () => void (watch = undefined), // the next question lists again
    });
  };
  return {
    find(value) {
      if (watch === undefined) start();
      return byValue.get(value)?.values() ?? [];
    },
    has(value) {
      if (watch === undefined) start();
      return byValue.has(value);
    },
    version() {
      if (watch === undefined) start();
      return version;
    },
    [Symbol.dispose]: stop,
  };
}

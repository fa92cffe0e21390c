// The kinds that this server serves: those of the table, and those that custom resource definitions in its store add while it
// runs. A change makes new lists; who holds an old one (a request under way) goes on with it.
import type { CustomResourceDefinition } from '#api/generated/types.ts';
import { CustomResourceDefinitions } from '#api/generated/kind-references.ts';
import type { KindRow } from '#api/kind.ts';
import { kindTable, storagePrefix, type GroupRow } from '#api/kinds.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { servedBy, type RuntimeConfig } from '#rules/runtime-config.ts';
import type { Store, StoredObject } from '#storage/store.ts';

type Makers = typeof import('#api/custom/custom-rows.ts');

export interface ServedKinds extends Disposable {
  /** Served rows; the same list as long as nothing changes. */
  readonly rows: readonly KindRow[];
  /** In the order of discovery. */
  readonly groups: readonly GroupRow[];
  /** Undefined: this server does not serve it. */
  find(group: string, version: string, resource: string): KindRow | undefined;
  /** Undefined: all definitions are known. Else requests wait for it. */
  readonly pending: Promise<void> | undefined;
  /** Called after each change. */
  onChange(listener: () => void): Disposable;
}

interface Lists {
  readonly rows: readonly KindRow[];
  readonly groups: readonly GroupRow[];
  readonly byResource: ReadonlyMap<string, KindRow>;
}

interface Known {
  readonly stored: StoredObject;
  /** Of what the rows are made. */
  readonly identity: string;
  readonly rows: readonly KindRow[];
}

const keyOf = (row: { group: string; version: string; resource: string }) =>
  `${row.group}/${row.version}/${row.resource}`;

const listsOf = (config: RuntimeConfig): Lists => {
  const rows = kindTable.rows.filter(servedBy(config));
  return { rows, groups: kindTable.groups, byResource: new Map(rows.map((row) => [keyOf(row), row])) };
};
let byDefault: Lists | undefined;
/** The same lists for all servers that turn nothing on. */
const builtInLists = (config: RuntimeConfig): Lists =>
  config.length > 0 ? listsOf(config) : (byDefault ??= listsOf(config));

/** Built-in resources keep their names: a definition of one adds nothing. */
export const isBuiltIn = (group: string, resource: string): boolean =>
  kindTable.rows.some((row) => row.group === group && row.resource === resource);

export function createServedKinds(store: Store, logger: Logger, config: RuntimeConfig = []): ServedKinds {
  const builtIn = builtInLists(config);
  const prefix = storagePrefix(CustomResourceDefinitions);
  const known = new Map<string, Known>();
  const listeners = new Set<() => void>();
  let lists = builtIn;
  let makers: Makers | undefined;
  let pending: Promise<void> | undefined;
  let watch: Disposable | undefined;
  let isClosed = false;

  const rebuild = (): void => {
    const custom = [...known.values()].flatMap((one) => one.rows);
    lists = custom.length === 0 ? builtIn : joined(builtIn, custom, makers!);
    for (const listener of listeners) listener();
  };
  const take = (stored: StoredObject): boolean => {
    const definition = stored.object() as CustomResourceDefinition;
    const before = known.get(stored.key);
    const identity = makers!.identityOf(definition);
    if (before?.identity === identity) {
      known.set(stored.key, { ...before, stored });
      return false;
    }
    let rows: readonly KindRow[] = [];
    try {
      if (!isBuiltIn(definition.spec.group, definition.spec.names.plural)) rows = makers!.customRows(definition);
    } catch (error) {
      // Only of a definition that was stored by somebody else's rules: the others go on.
      logger.error('a custom resource definition cannot be served', {
        name: definition.metadata.name,
        error: messageOf(error),
      });
    }
    known.set(stored.key, { stored, identity, rows });
    return rows.length > 0 || (before?.rows.length ?? 0) > 0;
  };
  const load = async (): Promise<void> => {
    makers = await import('#api/custom/custom-rows.ts');
    await makers.loadRegularExpressions();
    pending = undefined;
    if (!isClosed) start();
  };
  /** With definitions in the store, or the first that comes: what they need is loaded once. */
  const start = (): void => {
    watch?.[Symbol.dispose]();
    watch = undefined;
    known.clear();
    const page = store.list(prefix);
    if (page.items.length > 0) {
      if (makers === undefined) {
        pending ??= load();
        return;
      }
      for (const stored of page.items) take(stored);
    }
    watch = store.watch(prefix, page.revision, {
      onEvents(events) {
        if (makers === undefined) {
          pending ??= load();
          return;
        }
        let isChanged = false;
        for (const event of events)
          if (event.type === 'delete') {
            isChanged = (known.get(event.stored.key)?.rows.length ?? 0) > 0 || isChanged;
            known.delete(event.stored.key);
          } else isChanged = take(event.stored) || isChanged;
        if (isChanged) rebuild();
      },
      onEnd(reason) {
        watch = undefined;
        if (reason === 'compacted' && !isClosed) start();
      },
    });
    rebuild();
  };
  start();

  return {
    get rows() {
      return lists.rows;
    },
    get groups() {
      return lists.groups;
    },
    find: (group, version, resource) => lists.byResource.get(`${group}/${version}/${resource}`),
    get pending() {
      return pending;
    },
    onChange(listener) {
      const own = (): void => listener();
      listeners.add(own);
      return { [Symbol.dispose]: () => void listeners.delete(own) };
    },
    [Symbol.dispose]() {
      isClosed = true;
      watch?.[Symbol.dispose]();
    },
  };
}

/** Custom groups come behind the built-in ones, by name; versions of a group newest first. */
function joined(base: Lists, custom: readonly KindRow[], { compareVersions }: Makers): Lists {
  const added = custom.filter((row) => !base.byResource.has(keyOf(row)));
  const versions = new Map<string, Set<string>>();
  for (const row of added) {
    const there = versions.get(row.group) ?? new Set();
    versions.set(row.group, there.add(row.version));
  }
  const sorted = (names: Iterable<string>) =>
    [...names].toSorted((a, b) => compareVersions(b, a)).map((version) => ({ version, servedByDefault: true }));
  const groups = base.groups.map((group) => {
    const more = versions.get(group.name);
    versions.delete(group.name);
    if (more === undefined) return group;
    const there = new Set(group.versions.map((one) => one.version));
    return { ...group, versions: [...group.versions, ...sorted([...more].filter((one) => !there.has(one)))] };
  });
  for (const name of [...versions.keys()].toSorted()) {
    const own = sorted(versions.get(name)!);
    groups.push({ name, versions: own, preferredVersion: own[0]?.version });
  }
  const rows = [...base.rows, ...added.toSorted((a, b) => (a.resource < b.resource ? -1 : 1))];
  return { rows, groups, byResource: new Map(rows.map((row) => [keyOf(row), row])) };
}

// Which projects somebody sees, and how that changes: who may get a namespace sees it as a project. A watch hears not only of
// changed namespaces but also of rights that came or went.
import { ClusterRoleBindings, ClusterRoles, Namespaces, RoleBindings, Roles } from '#api/generated/kind-references.ts';
import { storageKey, storagePrefix } from '#api/kinds.ts';
import type { Store, StoredObject, StoreEvent } from '#storage/store.ts';
import type { Selection } from '../content/selection.ts';
import type { AccessAttributes, RequestContext } from '../context.ts';
import type { ChangeType } from '../verbs/watch-events.ts';
import type { WatchMembers } from '../verbs/watch.ts';

const nameOf = (stored: StoredObject): string => stored.key.slice(stored.key.lastIndexOf('/') + 1);

/** Asked anew at each call: rights change. By roles alone, as OpenShift does: no webhook is asked for every namespace. */
export function visibleProjects({ server, user }: RequestContext): (stored: StoredObject) => boolean {
  const mayGet = (namespace: string): boolean => {
    const attributes: AccessAttributes = {
      user,
      verb: 'get',
      isResource: true,
      group: '',
      version: 'v1',
      resource: 'namespaces',
      subresource: '',
      namespace,
      name: namespace,
      path: '',
    };
    return server.boundRights.authorize(attributes).decision === 'allow';
  };
  return (stored) => mayGet(nameOf(stored));
}

export function projectMembers(context: RequestContext, selection: Selection): WatchMembers {
  const { store } = context.server.options;
  const visible = visibleProjects(context);
  const seen = new Map<string, StoredObject>();
  const sees = (stored: StoredObject): boolean => visible(stored) && selection.matches(stored);
  const typeOf = (change: StoreEvent): ChangeType | undefined => {
    const name = nameOf(change.stored);
    if (change.type === 'delete') return seen.delete(name) || sees(change.stored) ? 'DELETED' : undefined;
    if (!sees(change.stored)) return seen.delete(name) ? 'DELETED' : undefined;
    const isNew = !seen.has(name) || change.previous === undefined;
    seen.set(name, change.stored);
    return isNew ? 'ADDED' : 'MODIFIED';
  };
  return {
    typeOf,
    start(emit) {
      for (const stored of store.list(storagePrefix(Namespaces)).items)
        if (sees(stored)) seen.set(nameOf(stored), stored);
      const look = (stored: StoredObject, revision: number): void => {
        const name = nameOf(stored);
        const before = seen.get(name);
        const isSeen = sees(stored);
        if (isSeen && before === undefined) {
          seen.set(name, stored);
          emit('ADDED', stored, stored.revision);
        } else if (!isSeen && before !== undefined) {
          seen.delete(name);
          emit('DELETED', before, revision);
        }
      };
      return onRights(store, (namespace, revision) => {
        if (namespace === undefined)
          for (const stored of store.list(storagePrefix(Namespaces)).items) look(stored, revision);
        else {
          const stored = store.get(storageKey(Namespaces, undefined, namespace));
          if (stored !== undefined) look(stored, revision);
        }
      });
    },
  };
}

/** Calls `changed` with the namespace in which rights changed, undefined for all of them. */
function onRights(store: Store, changed: (namespace: string | undefined, revision: number) => void): Disposable {
  const subscriptions = [RoleBindings, Roles, ClusterRoleBindings, ClusterRoles].map((kind) =>
    store.watch(storagePrefix(kind), store.revision, {
      onEvents(changes) {
        for (const { stored, revision } of changes)
          changed(kind.namespaced ? stored.object().metadata.namespace : undefined, revision);
      },
      onEnd() {}, // the watch of the namespaces ends with it, and says so
    }),
  );
  return {
    [Symbol.dispose]() {
      for (const one of subscriptions) one?.[Symbol.dispose]();
    },
  };
}

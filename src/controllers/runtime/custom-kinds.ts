// The kinds that there are beside those of the table: custom resources as their definitions come and go, and what aggregated API
// servers serve.
import { CustomResourceDefinitions } from '#api/generated/kind-references.ts';
import type { CustomResourceDefinition } from '#api/generated/types.ts';
import type { KindReference } from '#api/kind.ts';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { Client } from '#client/client.ts';
import { followAggregatedKinds, type ChangingKind } from './aggregated-kinds.ts';

export interface CustomKindChange {
  readonly kind: ChangingKind;
  readonly type: 'added' | 'removed';
}

export interface CustomKinds extends Disposable {
  /** The present ones come first, synchronously. */
  onChange(listener: (change: CustomKindChange) => void): Disposable;
  /** Group versions of other servers of which it is not known what they serve: `GROUP/VERSION`, sorted. */
  undiscovered(): readonly string[];
}

/** Undefined: not served. In the stored version where that is served, else in the first that is. */
function kindOf({ spec, status }: CustomResourceDefinition): KindReference | undefined {
  if (!status?.conditions?.some((one) => one.type === 'Established' && one.status === 'True')) return undefined;
  const served = spec.versions.filter((one) => one.served);
  const version = served.find((one) => one.storage) ?? served[0];
  const { plural, kind } = status.acceptedNames ?? spec.names;
  return version === undefined
    ? undefined
    : { group: spec.group, version: version.name, resource: plural, kind, namespaced: spec.scope === 'Namespaced' };
}

const isSame = (one: KindReference, other: KindReference): boolean =>
  one.version === other.version && one.kind === other.kind && one.namespaced === other.namespaced;

export function createCustomKinds(
  client: Client,
  options: { readonly clock: Clock; readonly logger: Logger },
): CustomKinds {
  const known = new Map<string, { readonly kind: KindReference; readonly uid: string | undefined }>();
  const listeners = new Set<(change: CustomKindChange) => void>();
  const tell = (change: CustomKindChange): void => {
    for (const listener of listeners) listener(change);
  };
  const subscription = client.informer(CustomResourceDefinitions).onChange(({ previous, current }) => {
    const name = (current ?? previous)!.metadata.name!;
    const before = known.get(name);
    const kind = current === undefined ? undefined : kindOf(current);
    const uid = current?.metadata.uid;
    if (before !== undefined && kind !== undefined && before.uid === uid && isSame(before.kind, kind)) return;
    if (before !== undefined) {
      known.delete(name);
      tell({ kind: before.kind, type: 'removed' });
      client.forget(before.kind);
    }
    if (kind !== undefined) {
      known.set(name, { kind, uid });
      tell({ kind, type: 'added' });
    }
  });
  const aggregated = new Map<string, ChangingKind>();
  const others = followAggregatedKinds(client, options, (kind, type) => {
    const id = `${kind.group}/${kind.version}/${kind.resource}`;
    if (type === 'added') aggregated.set(id, kind);
    else aggregated.delete(id);
    tell({ kind, type });
    if (type === 'removed') client.forget(kind);
  });
  return {
    undiscovered: () => others.undiscovered(),
    onChange(listener) {
      const own = (change: CustomKindChange): void => listener(change);
      listeners.add(own);
      for (const { kind } of known.values()) own({ kind, type: 'added' });
      for (const kind of aggregated.values()) own({ kind, type: 'added' });
      return { [Symbol.dispose]: () => void listeners.delete(own) };
    },
    [Symbol.dispose]() {
      subscription[Symbol.dispose]();
      others[Symbol.dispose]();
    },
  };
}

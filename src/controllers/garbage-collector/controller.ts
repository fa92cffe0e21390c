// Garbage collector: objects go when their owners are gone (in the background), before them (in the foreground), or stay as orphans.
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import { parseApiVersion } from '#api/kinds.ts';
import type { InformerIndex } from '#client/client.ts';
import { semanticallyEqual } from '#rules/semantically-equal.ts';
import {
  keyText,
  keyedController,
  kindId,
  read,
  splitKey,
  write,
  type Controller,
  type Lookup,
} from '../runtime/declaration.ts';
import type { RuntimeConfig } from '#rules/runtime-config.ts';
import { storedKinds } from '../runtime/served-kinds.ts';
import { decide, deletesDependents, type OwnedObject } from './decide.ts';

const ownerIndex: InformerIndex<KubernetesObject> = {
  name: 'owner-uid',
  keysOf: (object) => object.metadata.ownerReferences?.map((one) => one.uid) ?? [],
};
const separator = '|';

/** What of an object concerns its place in the graph. */
const graphPart = ({ metadata }: KubernetesObject) => [
  metadata.ownerReferences,
  metadata.deletionTimestamp,
  metadata.finalizers,
];
const concerns = (previous: KubernetesObject | undefined, current: KubernetesObject | undefined): boolean =>
  previous === undefined
    ? (current?.metadata.ownerReferences ?? []).length > 0 || current?.metadata.deletionTimestamp !== undefined
    : current === undefined || !semanticallyEqual(graphPart(previous), graphPart(current));

export function garbageCollector(config: RuntimeConfig = []): Controller {
  const builtIn = storedKinds(config);
  const byId = new Map(builtIn.map((kind) => [kindId(kind), kind]));
  // Owners are named by kind and any served version: the group and kind decide.
  const byGroupKind = new Map(builtIn.map((kind) => [`${kind.group}/${kind.kind}`, kind]));
  /** Of other servers: once they are gone, their kinds are unknown, not empty. */
  const aggregated = new Set<string>();
  const isKnown = (lookup: Lookup, kind: KindReference): boolean =>
    !aggregated.has(kindId(kind)) || lookup.customKinds().some((one) => kindId(one) === kindId(kind));
  const keyIn = (kind: KindReference, object: KubernetesObject) => `${kindId(kind)}${separator}${keyText(object)}`;
  const dependentsOf = (lookup: Lookup, uid: string): readonly OwnedObject[] =>
    [...builtIn, ...lookup.customKinds()].flatMap((kind) =>
      lookup.byIndex(kind, ownerIndex, uid).map((object) => ({ kind, object })),
    );
  const ownersOf = (lookup: Lookup, object: KubernetesObject) =>
    (object.metadata.ownerReferences ?? []).map((reference) => {
      const found = byGroupKind.get(`${parseApiVersion(reference.apiVersion).group}/${reference.kind}`);
      const kind = found === undefined || !isKnown(lookup, found) ? undefined : found;
      const namespace = kind?.namespaced === true ? object.metadata.namespace : undefined;
      // A cluster-wide object cannot have a namespaced owner: nothing is done but to tell of it.
      if (kind?.namespaced === true && namespace === undefined)
        return { reference, kind: undefined, namespace, object: undefined, isElsewhere: true };
      const owner = kind === undefined ? undefined : lookup.get(kind, namespace, reference.name);
      const isElsewhere =
        kind?.namespaced === true &&
        owner?.metadata.uid !== reference.uid &&
        lookup.list(kind).some((one) => one.metadata.uid === reference.uid && one.metadata.namespace !== namespace);
      return { reference, kind, namespace, object: owner, isElsewhere };
    });

  const wake =
    (kind: KindReference) =>
    (object: KubernetesObject, lookup: Lookup): readonly string[] => {
      const keys = [keyIn(kind, object)];
      const here = lookup.get(kind, object.metadata.namespace, object.metadata.name!);
      const gone = here === undefined || here.metadata.uid !== object.metadata.uid;
      if (gone || deletesDependents(object))
        for (const one of dependentsOf(lookup, object.metadata.uid!)) keys.push(keyIn(one.kind, one.object));
      for (const owner of ownersOf(lookup, object))
        if (owner.kind !== undefined && owner.object !== undefined && deletesDependents(owner.object))
          keys.push(keyIn(owner.kind, owner.object));
      return keys;
    };

  return keyedController({
    name: 'garbage-collector',
    account: 'generic-garbage-collector',
    component: 'garbage-collector-controller',
    concurrency: 20,
    reads: builtIn.map((kind) => read(kind, wake(kind), concerns)),
    custom: {
      read(kind) {
        // Kept when the kind goes: its objects are gone then, and what they owned follows.
        byId.set(kindId(kind), kind);
        byGroupKind.set(`${kind.group}/${kind.kind}`, kind);
        if (kind.aggregated === true) aggregated.add(kindId(kind));
        return read(kind, wake(kind), concerns);
      },
      wake: (owner, lookup) =>
        [...builtIn, ...lookup.customKinds()].flatMap((kind) =>
          lookup
            .list(kind)
            .filter((object) =>
              object.metadata.ownerReferences?.some(
                (one) => one.kind === owner.kind && parseApiVersion(one.apiVersion).group === owner.group,
              ),
            )
            .map((object) => keyIn(kind, object)),
        ),
    },
    writes: [write('any', 'delete', 'patch')],
    snapshot(lookup, key) {
      const [id, rest] = key.split(separator) as [string, string];
      const kind = byId.get(id)!;
      const { namespace, name } = splitKey(rest);
      const object = lookup.get(kind, namespace, name);
      if (object === undefined) return undefined;
      return {
        kind,
        object,
        owners: ownersOf(lookup, object),
        dependents: () => dependentsOf(lookup, object.metadata.uid!),
      };
    },
    decide,
  });
}

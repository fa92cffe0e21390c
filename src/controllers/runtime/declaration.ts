// What a controller is: what it reads, what wakes it, what it may write, and a pure decision. Two shapes, no third:
// keyed (one decision a key) and snapshot (one decision over everything, coalesced).
import type { MetricRegistry } from '#base/metrics/registry.ts';
import type { Clock } from '#base/clock.ts';
import type { Client, InformerIndex } from '#client/client.ts';
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import { semanticallyEqual } from '#rules/semantically-equal.ts';
import type { Action, Decision, EventRequest } from './action.ts';
import type { ChangingKind } from './aggregated-kinds.ts';

/** The controller's view of the informers: the kinds that it declares, and no others. Objects are shared: never change them. */
export interface Lookup {
  get<T extends KubernetesObject>(kind: KindReference<T>, namespace: string | undefined, name: string): T | undefined;
  list<T extends KubernetesObject>(kind: KindReference<T>, namespace?: string): readonly T[];
  byIndex<T extends KubernetesObject>(kind: KindReference<T>, index: InformerIndex<T>, value: string): readonly T[];
  /** Of controllers that read custom resources: those that there are now. Their objects may still be on their way. */
  customKinds(): readonly KindReference[];
  /** Group versions of other servers of which it is not known what they serve: `GROUP/VERSION`, sorted. */
  undiscovered(): readonly string[];
}

/** How a controller reads kinds that come and go. */
export interface CustomReads {
  /** Undefined: it does not concern the controller. */
  read(kind: ChangingKind): Read | undefined;
  /** Keys to decide again now that the objects of the kind are there. */
  wake(kind: KindReference, lookup: Lookup): Iterable<string>;
}

export interface Read<T extends KubernetesObject = KubernetesObject> {
  readonly kind: KindReference<T>;
  /** Keys to decide again when this object (its state before or after the change) changed. Absent: read only. */
  wake?(object: T, lookup: Lookup): Iterable<string>;
  /** Absent: every change wakes. Both states are given when an object changed, one when it came or went. */
  when?(previous: T | undefined, current: T | undefined): boolean;
}
export const read = <T extends KubernetesObject>(
  kind: KindReference<T>,
  wake?: (object: T, lookup: Lookup) => Iterable<string>,
  when?: (previous: T | undefined, current: T | undefined) => boolean,
): Read => {
  const typed: Read<T> = { kind, ...(wake === undefined ? {} : { wake }), ...(when === undefined ? {} : { when }) };
  return typed as unknown as Read; // the loop gives it only objects of its own kind
};

/** Wakes when `part` of the object changed, or when it came or went. */
export const partChanges =
  <T extends KubernetesObject>(part: (object: T) => unknown) =>
  (previous: T | undefined, current: T | undefined): boolean =>
    previous === undefined || current === undefined || !semanticallyEqual(part(previous), part(current));

export type WriteVerb = 'create' | 'update' | 'patch' | 'delete';
export interface Write {
  readonly kind: KindReference | 'any';
  readonly verbs: readonly WriteVerb[];
  readonly subresource?: string | undefined;
}
export const write = (kind: KindReference | 'any', ...verbs: readonly WriteVerb[]): Write => ({ kind, verbs });
export const writeSubresource = (kind: KindReference, subresource: string, ...verbs: readonly WriteVerb[]): Write => ({
  kind,
  verbs,
  subresource,
});

/** An action of the last run of this key that failed; gone once a run succeeds. */
export interface Failure {
  readonly message: string;
  /** Of each kind that an action was about the first that failed. */
  readonly messages: readonly string[];
}
export interface SnapshotContext {
  readonly now: number;
  readonly monotonicMs: number;
  readonly failure: Failure | undefined;
  /** What was decided on, for those who measure. */
  seen?: unknown;
}

/** One decision and what came of it. */
export interface Run<S = unknown> {
  readonly key: string;
  /** What the decision was made on. */
  readonly seen: S;
  readonly actions: readonly Action[];
  /** Undefined: all was done. */
  readonly error: unknown;
  readonly seconds: number;
  readonly lookup: Lookup;
  readonly now: number;
}
export type RunObserver<S = unknown> = (run: Run<S>) => void;
/** Begins to tell something in metrics. */
export type Measures<S = unknown> = (registry: MetricRegistry) => RunObserver<S>;

/** What an effect may use: the controller's own rights, and events in its name. */
export interface EffectHands {
  readonly client: Client;
  readonly clock: Clock;
  event(event: EventRequest): void;
}
export type Effect = (argument: string, hands: EffectHands) => Promise<void>;

interface Declaration<S> {
  readonly name: string;
  /** Service account whose rights it has; upstream's. */
  readonly account: string;
  /** Default kube-system. */
  readonly accountNamespace?: string | undefined;
  /** Upstream's event source component. */
  readonly component?: string | undefined;
  readonly reads: readonly Read[];
  readonly writes: readonly Write[];
  readonly custom?: CustomReads | undefined;
  /** Effects outside the API, by name; assembly gives them. */
  readonly effects?: Readonly<Record<string, Effect>> | undefined;
  readonly measures?: Measures<S> | undefined;
  /** Synchronous and pure. `now` in milliseconds since the epoch. */
  decide(snapshot: S, now: number): Decision;
}
export interface KeyedDeclaration<S> extends Declaration<S> {
  /** Keys decided side by side. */
  readonly concurrency?: number | undefined;
  /** Undefined: nothing to decide for this key. */
  snapshot(lookup: Lookup, key: string, context: SnapshotContext): S | undefined;
}
export interface SnapshotDeclaration<S> extends Declaration<S> {
  snapshot(lookup: Lookup, context: SnapshotContext): S;
}

export interface Controller {
  readonly name: string;
  readonly account: string;
  readonly accountNamespace: string;
  readonly component: string;
  readonly reads: readonly Read[];
  readonly writes: readonly Write[];
  readonly custom: CustomReads | undefined;
  readonly effects: Readonly<Record<string, Effect>>;
  readonly concurrency: number;
  readonly measures?: Measures | undefined;
  /** Looked at once when everything has been read, though nothing may be there. */
  readonly firstKeys: readonly string[];
  plan(lookup: Lookup, key: string, context: SnapshotContext): Decision | undefined;
}

export function keyedController<S>(declaration: KeyedDeclaration<S>): Controller {
  const { name, account, reads, writes } = declaration;
  return {
    name,
    account,
    accountNamespace: declaration.accountNamespace ?? 'kube-system',
    component: declaration.component ?? account,
    reads,
    writes,
    custom: declaration.custom,
    effects: declaration.effects ?? {},
    // The loop gives back what `snapshot` made.
    measures: declaration.measures as Measures | undefined,
    concurrency: declaration.concurrency ?? 5,
    firstKeys: [],
    plan(lookup, key, context) {
      const snapshot = declaration.snapshot(lookup, key, context);
      if (snapshot === undefined) return undefined;
      context.seen = snapshot;
      return declaration.decide(snapshot, context.now);
    },
  };
}

/** Every read that changes wakes the one decision; an empty cluster is one to decide about, too. */
export function snapshotController<S>(declaration: SnapshotDeclaration<S>): Controller {
  const everything = [''];
  return {
    name: declaration.name,
    account: declaration.account,
    accountNamespace: declaration.accountNamespace ?? 'kube-system',
    component: declaration.component ?? declaration.account,
    reads: declaration.reads.map((one) => (one.wake === undefined ? { ...one, wake: () => everything } : one)),
    writes: declaration.writes,
    custom: declaration.custom,
    effects: declaration.effects ?? {},
    // The loop gives back what `snapshot` made.
    measures: declaration.measures as Measures | undefined,
    concurrency: 1,
    firstKeys: everything,
    plan(lookup, _key, context) {
      const snapshot = declaration.snapshot(lookup, context);
      context.seen = snapshot;
      return declaration.decide(snapshot, context.now);
    },
  };
}

/** `namespace/name`, or `name` for cluster-wide kinds. */
export const keyText = (object: KubernetesObject): string =>
  object.metadata.namespace === undefined
    ? object.metadata.name!
    : `${object.metadata.namespace}/${object.metadata.name!}`;

export function splitKey(key: string): { readonly namespace: string | undefined; readonly name: string } {
  const slash = key.indexOf('/');
  return slash < 0
    ? { namespace: undefined, name: key }
    : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** Wakes the object's own key. */
export const self = (object: KubernetesObject): readonly string[] => [keyText(object)];

/** Wakes the key of the controlling owner, if it is of this kind. */
export const controllerOwner =
  (kind: KindReference) =>
  (object: KubernetesObject): readonly string[] => {
    const owner = object.metadata.ownerReferences?.find((one) => one.controller === true);
    if (
      owner === undefined ||
      owner.kind !== kind.kind ||
      owner.apiVersion.split('/').length !== (kind.group === '' ? 1 : 2)
    )
      return [];
    if (kind.group !== '' && !owner.apiVersion.startsWith(`${kind.group}/`)) return [];
    return [kind.namespaced ? `${object.metadata.namespace ?? ''}/${owner.name}` : owner.name];
  };

export const kindId = (kind: KindReference): string => `${kind.group}/${kind.version}/${kind.resource}`;

// What a decision may ask for. Actions are data: only apply-actions.ts turns them into requests.
import type { DeleteOptions, ObjectKey, Patch } from '#client/client.ts';
import type { KindReference, KubernetesObject } from '#api/kind.ts';

export interface EventRequest {
  readonly about: KubernetesObject;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** Checked against the API server itself (not the informers) right before the action; if it does not hold, the action is skipped. */
export type Guard =
  /** None of these exists with that uid. */
  | { readonly type: 'absent'; readonly objects: readonly (ObjectKey & { kind: KindReference; uid: string })[] }
  /** No object of these kinds is left in the namespace. */
  | { readonly type: 'empty'; readonly namespace: string; readonly kinds: readonly KindReference[] };

interface Outcome<T> {
  readonly guard?: Guard | undefined;
  /** ApiError reasons that count as success. */
  readonly accept?: readonly string[] | undefined;
  onSuccess?(result: T): EventRequest | undefined;
  onFailure?(message: string): EventRequest | undefined;
}
export interface CreateAction<T extends KubernetesObject = KubernetesObject> extends Outcome<T> {
  readonly verb: 'create';
  readonly kind: KindReference<T>;
  readonly object: T;
}
export interface UpdateAction<T extends KubernetesObject = KubernetesObject> extends Outcome<T> {
  readonly verb: 'update';
  readonly kind: KindReference<T>;
  /** Carries the resourceVersion that the decision saw. */
  readonly object: T;
  readonly subresource?: string | undefined;
}
export interface PatchAction<T extends KubernetesObject = KubernetesObject> extends Outcome<T> {
  readonly verb: 'patch';
  readonly kind: KindReference<T>;
  readonly key: ObjectKey;
  readonly patch: Patch;
  readonly subresource?: string | undefined;
  /** Of an apply: who owns what it says. Default: the controller's component. */
  readonly fieldManager?: string | undefined;
}
export interface DeleteAction<T extends KubernetesObject = KubernetesObject> extends Outcome<undefined> {
  readonly verb: 'delete';
  readonly kind: KindReference<T>;
  readonly key: ObjectKey;
  readonly options: DeleteOptions;
}
/** Something outside the API, by the name under which the controller declares it. */
export interface EffectAction extends Outcome<undefined> {
  readonly verb: 'effect';
  readonly effect: string;
  readonly argument: string;
}
/** Deletes every object of the kind in the namespace, as a list finds them: for kinds too many to be kept in an informer. */
export interface PurgeAction extends Outcome<undefined> {
  readonly verb: 'purge';
  readonly kind: KindReference;
  readonly namespace: string;
}
export type Action = CreateAction | UpdateAction | PatchAction | DeleteAction | EffectAction | PurgeAction;

export interface Decision {
  /** Executed in this order; the first failure ends the run. Neighbours that create or patch objects of one kind, or that delete, run side by side. */
  readonly actions: readonly Action[];
  /** Decide again after this time even if nothing changes. */
  readonly wakeAfterMs?: number | undefined;
  readonly events?: readonly EventRequest[] | undefined;
}

export const nothing: Decision = { actions: [] };

type Extras<A> = Omit<A, 'verb' | 'kind' | 'object' | 'key' | 'patch' | 'options'>;

export const create = <T extends KubernetesObject>(
  kind: KindReference<T>,
  object: T,
  extras: Extras<CreateAction<T>> = {},
): Action => ({ verb: 'create', kind, object, ...extras });

export const update = <T extends KubernetesObject>(
  kind: KindReference<T>,
  object: T,
  extras: Extras<UpdateAction<T>> = {},
): Action => ({ verb: 'update', kind, object, ...extras });

export const updateStatus = <T extends KubernetesObject>(kind: KindReference<T>, object: T): Action => ({
  verb: 'update',
  kind,
  object,
  subresource: 'status',
});

export const patch = <T extends KubernetesObject>(
  kind: KindReference<T>,
  object: KubernetesObject,
  change: Patch,
  extras: Extras<PatchAction<T>> = {},
): Action => ({ verb: 'patch', kind, key: keyOf(object), patch: change, ...extras });

/** Deletes this very object: its uid is a precondition. */
export const remove = <T extends KubernetesObject>(
  kind: KindReference<T>,
  object: T,
  options: DeleteOptions = {},
  extras: Extras<DeleteAction<T>> = {},
): Action => ({
  verb: 'delete',
  kind,
  key: keyOf(object),
  options: { ...options, preconditions: { uid: object.metadata.uid, ...options.preconditions } },
  ...extras,
});

export const keyOf = (object: KubernetesObject): ObjectKey => ({
  ...(object.metadata.namespace === undefined ? {} : { namespace: object.metadata.namespace }),
  name: object.metadata.name!,
});

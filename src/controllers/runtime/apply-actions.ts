// Executes the actions of one decision, in order, through the declared writes only.
import { ApiError, isNotFound } from '#api/status.ts';
import type { Clock } from '#base/clock.ts';
import { assert, messageOf } from '#base/errors.ts';
import { listChunkItemsMax } from '#base/limits.ts';
import type { Client, EventRecorder, ResourceClient } from '#client/client.ts';
import type { KubernetesObject } from '#api/kind.ts';
import type { Action, EventRequest, Guard } from './action.ts';
import { kindId, type Controller } from './declaration.ts';

export interface ActionHost {
  readonly controller: Controller;
  readonly client: Client;
  readonly events: EventRecorder;
  readonly clock: Clock;
  /** Hears of every write that was done, with the object that it made (undefined for a delete). */
  onWritten(action: Action, result: KubernetesObject | undefined): void;
}

export type RunResult =
  | { readonly type: 'done' }
  /** The decision was made on what is no longer true: look again. */
  | { readonly type: 'stale'; readonly message: string }
  /** `messages`: of each kind the first that failed, all of one run of neighbours. */
  | { readonly type: 'failed'; readonly error: unknown; readonly messages: readonly string[] };

type Failed = Extract<RunResult, { readonly type: 'failed' }>;
const kindOf = (action: Action): string => ('kind' in action ? kindId(action.kind) : '');

const done: RunResult = { type: 'done' };
/** Deletes of one run that are under way at a time. */
const sideBySideMax = 50;

export async function applyActions(actions: readonly Action[], host: ActionHost): Promise<RunResult> {
  for (const action of actions) assertDeclared(action, host.controller);
  for (let start = 0; start < actions.length;) {
    const run = neighbours(actions, start);
    const end = start + run.length;
    // Creates start slowly (1, 2, 4, ...): when all fail for one reason, few requests and events say so.
    let batch = run[0]!.verb === 'create' ? 1 : sideBySideMax;
    let stale: RunResult | undefined;
    const failures = new Map<string, Failed>();
    for (let next = 0; next < run.length; batch = Math.min(batch * 2, sideBySideMax)) {
      const tried = run.slice(next, next + batch);
      for (const [index, result] of (await Promise.all(tried.map((action) => applyOne(action, host)))).entries())
        if (result.type === 'stale') stale ??= result;
        else if (result.type === 'failed' && !failures.has(kindOf(tried[index]!)))
          failures.set(kindOf(tried[index]!), result);
      next += batch;
      // What may not be deleted keeps nothing else.
      if (run[0]!.verb !== 'delete' && (failures.size > 0 || stale !== undefined)) break;
    }
    const [first] = failures.values();
    if (first !== undefined) return { ...first, messages: [...failures.values()].map((one) => messageOf(one.error)) };
    if (stale !== undefined) return stale;
    start = end;
  }
  return done;
}

/** The actions from `start` on that may run side by side. */
export function neighbours(actions: readonly Action[], start: number): readonly Action[] {
  const first = actions[start]!;
  // Two patches of one object keep their order.
  const patched = new Set<string>();
  let end = start;
  for (; end < actions.length; end++) {
    const one = actions[end]!;
    if (end > start && !sideBySide(first, one)) break;
    if (one.verb !== 'patch') continue;
    const key = `${one.key.namespace ?? ''}/${one.key.name}`;
    if (patched.has(key)) break;
    patched.add(key);
  }
  return actions.slice(start, end);
}

const sideBySide = (one: Action, other: Action): boolean =>
  ((one.verb === 'create' || one.verb === 'patch') && one.verb === other.verb && one.kind === other.kind) ||
  (one.verb === 'delete' && other.verb === 'delete');

export function assertDeclared(action: Action, controller: Controller): void {
  if (action.verb === 'effect') {
    assert(action.effect in controller.effects, `${controller.name} does not declare the effect ${action.effect}`);
    return;
  }
  const subresource = 'subresource' in action ? action.subresource : undefined;
  assert(
    controller.writes.some(
      (one) =>
        (one.kind === 'any' || kindId(one.kind) === kindId(action.kind)) &&
        one.subresource === subresource &&
        one.verbs.includes(action.verb === 'purge' ? 'delete' : action.verb),
    ),
    `${controller.name} does not declare ${action.verb} of ${action.kind.resource}${subresource === undefined ? '' : `/${subresource}`}`,
  );
}

async function applyOne(action: Action, host: ActionHost): Promise<RunResult> {
  const record = (event: EventRequest | undefined) => {
    if (event !== undefined) host.events.event(event.about, event.type, event.reason, event.message);
  };
  try {
    if (action.guard !== undefined && !(await holds(action.guard, host.client)))
      return { type: 'stale', message: `${action.guard.type} no longer holds` };
    const result = await perform(action, host);
    host.onWritten(action, result);
    // The overloads of the union meet here: result belongs to the action that made it.
    record((action.onSuccess as ((result: unknown) => EventRequest | undefined) | undefined)?.(result));
    return done;
  } catch (error) {
    if (error instanceof ApiError) {
      if (action.accept?.includes(error.reason) === true) return done;
      if (action.verb === 'delete' && error.reason === 'NotFound') return done;
      // Every create in a namespace that ends fails; nothing is left to be done there.
      if (
        action.verb === 'create' &&
        error.details?.causes?.some((one) => one.reason === 'NamespaceTerminating') === true
      )
        return done;
      if (isStale(action, error)) return { type: 'stale', message: error.message };
    }
    record(action.onFailure?.(messageOf(error)));
    return { type: 'failed', error, messages: [] };
  }
}

const isStale = (action: Action, error: ApiError): boolean =>
  error.reason === 'Conflict' ||
  (error.reason === 'AlreadyExists' && action.verb === 'create') ||
  (error.reason === 'NotFound' && (action.verb === 'update' || action.verb === 'patch'));

async function perform(
  action: Action,
  { client, controller, clock, events }: ActionHost,
): Promise<KubernetesObject | undefined> {
  switch (action.verb) {
    case 'create':
      return client.resource(action.kind).create(action.object);
    case 'update':
      return client.resource(action.kind).update(action.object, { subresource: action.subresource });
    case 'patch':
      return client.resource(action.kind).patch(action.key, action.patch, {
        subresource: action.subresource,
        // An apply says who it is; elsewhere the program that the requests come from is the owner.
        ...(action.patch.type === 'apply' ? { fieldManager: action.fieldManager ?? controller.component } : {}),
      });
    case 'delete':
      await client.resource(action.kind).delete(action.key, action.options);
      return undefined;
    case 'purge': {
      const kind = client.resource(action.kind);
      for (;;) {
        const page = await kind.list({ namespace: action.namespace, limit: listChunkItemsMax });
        await Promise.all(page.items.map((one) => deleteFound(kind, one)));
        if (page.metadata.continue === undefined || page.metadata.continue === '') return undefined;
      }
    }
    case 'effect':
      await controller.effects[action.effect]!(action.argument, {
        client,
        clock,
        event: ({ about, type, reason, message }) => events.event(about, type, reason, message),
      });
      return undefined;
  }
}

async function deleteFound(kind: ResourceClient<KubernetesObject>, object: KubernetesObject): Promise<void> {
  try {
    await kind.delete({ namespace: object.metadata.namespace, name: object.metadata.name! });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

async function holds(guard: Guard, client: Client): Promise<boolean> {
  switch (guard.type) {
    case 'absent': {
      const found = await Promise.all(
        guard.objects.map(async ({ kind, uid, ...key }) => {
          try {
            return (await client.resource(kind).get(key)).metadata.uid === uid;
          } catch (error) {
            if (isNotFound(error)) return false;
            throw error;
          }
        }),
      );
      return !found.includes(true);
    }
    case 'empty': {
      for (const kind of guard.kinds) {
        const page = await client.resource(kind).list({ namespace: guard.namespace, limit: 1 });
        if (page.items.length > 0) return false;
      }
      return true;
    }
  }
}

// The loop of one controller: changes wake keys, a key is decided on what the informers hold, its actions are executed.
// A key is not decided again before the informers have seen this key's own writes: so nothing is ever made twice.
import { WorkQueue } from '#base/work-queue.ts';
import { assert, messageOf } from '#base/errors.ts';
import type { Clock } from '#base/clock.ts';
import type { QueueObserver } from '#base/metrics/work-queues.ts';
import type { Logger } from '#base/log.ts';
import type { Scope } from '#base/scope.ts';
import type { Client, EventRecorder, Informer } from '#client/client.ts';
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import type { Action } from './action.ts';
import type { CustomKinds } from './custom-kinds.ts';
import { applyActions } from './apply-actions.ts';
import {
  kindId,
  type Controller,
  type Failure,
  type Lookup,
  type Read,
  type RunObserver,
  type SnapshotContext,
} from './declaration.ts';

export interface LoopOptions {
  readonly controller: Controller;
  /** Whose informers are shared by all controllers. */
  readonly informers: Client;
  readonly customKinds: CustomKinds;
  /** With the controller's own identity. */
  readonly client: Client;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Absent: nothing is measured. */
  readonly queue?: QueueObserver | undefined;
  readonly onRun?: RunObserver | undefined;
}

/** After so long a decision is made even if an own deletion was not seen: the object may be gone without a trace. As client-go's expectations. */
const deletionDeadlineMs = 300_000;
/** A key that waits is woken by the change that it waits for; this is for the case that its informer cannot read at all. */
const blockedLookMs = 60_000;

interface Waits {
  /** Kind -> revision that its informer must have reached. */
  readonly revisions: Map<string, number>;
  deletes: {
    readonly kind: string;
    readonly namespace: string | undefined;
    readonly name: string;
    readonly uid: string | undefined;
    readonly until: number;
  }[];
}

class StaleError extends Error {}

const nothingThere = { get: () => undefined, list: () => [], byIndex: () => [] } as const;

export class ControllerLoop {
  readonly #options: LoopOptions;
  readonly #queue: WorkQueue;
  readonly #informers = new Map<string, Informer<KubernetesObject>>();
  readonly #lookup: Lookup;
  readonly #waits = new Map<string, Waits>();
  /** Kind -> keys that wait for its informer. */
  readonly #blocked = new Map<string, Set<string>>();
  readonly #failures = new Map<string, Failure>();
  #customKinds: readonly KindReference[] = [];
  /** Custom kinds that were served once: a decision under way may still ask for one. */
  readonly #goneKinds = new Set<string>();

  constructor(options: LoopOptions) {
    this.#options = options;
    const { controller, logger, clock } = options;
    this.#queue = new WorkQueue({
      clock,
      concurrency: controller.concurrency,
      observer: options.queue,
      work: (key) => this.#work(key),
      onError: (key, error, retryInMs) => {
        if (error instanceof StaleError) logger.debug('looks again', { key, cause: error.message });
        else logger.warn('decision failed, will retry', { key, error: messageOf(error), retryInMs });
      },
    });
    const informerOf = <T extends KubernetesObject>(
      kind: KindReference<T>,
    ): Pick<Informer<T>, 'get' | 'list' | 'byIndex'> => {
      const informer = this.#informers.get(kindId(kind));
      if (informer === undefined && this.#goneKinds.has(kindId(kind))) return nothingThere;
      assert(informer !== undefined, `${controller.name} does not declare that it reads ${kind.resource}`);
      return informer as Informer<T>; // made from the same reference in start()
    };
    this.#lookup = {
      get: (kind, namespace, name) => informerOf(kind).get(namespace, name),
      list: (kind, namespace) => informerOf(kind).list(namespace),
      byIndex: (kind, index, value) => informerOf(kind).byIndex(index, value),
      customKinds: () => this.#customKinds,
      undiscovered: () => this.#options.customKinds.undiscovered(),
    };
  }

  get name(): string {
    return this.#options.controller.name;
  }
  /** Resolves when no key waits or works. For tests and simulation. */
  whenIdle(): Promise<void> {
    return this.#queue.whenIdle();
  }
  get idle(): boolean {
    return this.#queue.length === 0 && this.#blockedCount === 0;
  }
  get #blockedCount(): number {
    let count = 0;
    for (const keys of this.#blocked.values()) count += keys.size;
    return count;
  }

  async start(scope: Scope): Promise<void> {
    const { controller, informers } = this.#options;
    for (const { kind } of controller.reads) this.#informers.set(kindId(kind), informers.informer(kind));
    await Promise.all([...this.#informers.values()].map((informer) => informer.whenSynced(scope.signal)));
    scope.onClose(() => this.#queue.close());
    for (const one of controller.reads) {
      const subscription = this.#informers.get(kindId(one.kind))!.onChange((change) => this.#onChange(one, change));
      scope.onClose(() => subscription[Symbol.dispose]());
    }
    for (const key of controller.firstKeys) this.#queue.add(key);
    this.#followCustomKinds(scope);
  }

  #followCustomKinds(scope: Scope): void {
    const { controller, informers, customKinds } = this.#options;
    const { custom } = controller;
    if (custom === undefined) return;
    const subscriptions = new Map<string, Disposable>();
    const end = (id: string): void => {
      subscriptions.get(id)?.[Symbol.dispose]();
      subscriptions.delete(id);
    };
    const following = customKinds.onChange(({ kind, type }) => {
      const id = kindId(kind);
      end(id);
      this.#customKinds = this.#customKinds.filter((one) => kindId(one) !== id);
      if (type === 'removed') {
        this.#goneKinds.add(id);
        this.#informers.delete(id);
        this.#release(id);
        return;
      }
      const one = custom.read(kind);
      if (one === undefined) return;
      const informer = informers.informer(kind);
      this.#informers.set(id, informer);
      this.#customKinds = [...this.#customKinds, kind];
      subscriptions.set(
        id,
        informer.onChange((change) => this.#onChange(one, change)),
      );
      informer.whenSynced(scope.signal).then(
        () => {
          if (this.#informers.get(id) === informer)
            for (const key of custom.wake(kind, this.#lookup)) this.#queue.add(key);
        },
        () => {}, // the kind went before it was seen, or the controller ends
      );
    });
    scope.onClose(() => {
      following[Symbol.dispose]();
      for (const id of subscriptions.keys()) end(id);
    });
  }

  /** Keys that wait for news of a kind look again. */
  #release(id: string): void {
    const blocked = this.#blocked.get(id);
    if (blocked === undefined || blocked.size === 0) return;
    const waiting = [...blocked];
    this.#blocked.delete(id);
    for (const key of waiting) this.#queue.add(key);
  }

  #onChange(
    one: Read,
    change: { readonly previous: KubernetesObject | undefined; readonly current: KubernetesObject | undefined },
  ) {
    // Most of the time nobody waits.
    if (this.#blocked.size > 0) this.#release(kindId(one.kind));
    if (one.wake === undefined || one.when?.(change.previous, change.current) === false) return;
    if (change.current !== undefined) for (const key of one.wake(change.current, this.#lookup)) this.#queue.add(key);
    if (change.previous !== undefined) for (const key of one.wake(change.previous, this.#lookup)) this.#queue.add(key);
  }

  async #work(key: string): Promise<number | void> {
    const { controller, clock } = this.#options;
    const waitMs = this.#waitMs(key);
    if (waitMs > 0) return waitMs;
    const startMs = clock.monotonicMs();
    const hadFailure = this.#failures.has(key);
    const context: SnapshotContext = {
      now: clock.now(),
      monotonicMs: startMs,
      failure: this.#failures.get(key),
    };
    const decision = controller.plan(this.#lookup, key, context);
    if (decision === undefined) {
      this.#failures.delete(key);
      return undefined;
    }
    for (const event of decision.events ?? [])
      this.#options.events.event(event.about, event.type, event.reason, event.message);
    const result = await applyActions(decision.actions, {
      controller,
      client: this.#options.client,
      events: this.#options.events,
      clock,
      onWritten: (action, object) => this.#expect(key, action, object),
    });
    this.#options.onRun?.({
      key,
      seen: context.seen,
      actions: decision.actions,
      error:
        result.type === 'done' ? undefined : result.type === 'failed' ? result.error : new StaleError(result.message),
      seconds: (clock.monotonicMs() - startMs) / 1000,
      lookup: this.#lookup,
      now: clock.now(),
    });
    switch (result.type) {
      case 'stale':
        throw new StaleError(result.message);
      case 'failed':
        this.#failures.set(key, { message: messageOf(result.error), messages: result.messages });
        throw result.error;
      case 'done':
        if (hadFailure) {
          this.#failures.delete(key);
          return 0;
        }
        return decision.wakeAfterMs;
    }
  }

  #expect(key: string, action: Action, object: KubernetesObject | undefined): void {
    if (action.verb === 'effect' || action.verb === 'purge' || !this.#informers.has(kindId(action.kind))) return;
    const waits: Waits = this.#waits.get(key) ?? {
      revisions: new Map(),
      deletes: [],
    };
    this.#waits.set(key, waits);
    const kind = kindId(action.kind);
    if (action.verb === 'delete')
      waits.deletes.push({
        kind,
        namespace: action.key.namespace,
        name: action.key.name,
        uid: action.options.preconditions?.uid,
        until: this.#options.clock.monotonicMs() + deletionDeadlineMs,
      });
    else {
      const revision = Number(object?.metadata.resourceVersion ?? 0);
      waits.revisions.set(kind, Math.max(revision, waits.revisions.get(kind) ?? 0));
    }
  }

  /**
   * Zero: every own write of this key is visible. Else it is blocked; the time returned is when to look again. What was written
   * is seen in the end, however long its informer reads nothing (each write has a revision, and informers get there or list
   * again): a decision before that would make the same twice.
   */
  #waitMs(key: string): number {
    const waits = this.#waits.get(key);
    if (waits === undefined) return 0;
    const kinds = new Set<string>();
    const now = this.#options.clock.monotonicMs();
    for (const [kind, revision] of waits.revisions) {
      if ((this.#informers.get(kind)?.revision ?? revision) < revision) kinds.add(kind);
      else waits.revisions.delete(kind);
    }
    waits.deletes = waits.deletes.filter(({ kind, namespace, name, uid, until }) => {
      const seen = this.#informers.get(kind)?.get(namespace, name);
      const settled =
        until <= now ||
        seen === undefined ||
        seen.metadata.deletionTimestamp !== undefined ||
        (uid !== undefined && seen.metadata.uid !== uid);
      if (!settled) kinds.add(kind);
      return !settled;
    });
    if (kinds.size === 0) {
      this.#waits.delete(key);
      return 0;
    }
    for (const kind of kinds) {
      const keys = this.#blocked.get(kind) ?? new Set();
      this.#blocked.set(kind, keys.add(key));
    }
    return blockedLookMs;
  }
}

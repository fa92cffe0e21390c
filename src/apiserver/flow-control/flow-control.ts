// API priority and fairness (KEP-1040): which schema and priority level a request belongs to, and whether it may run, must wait or
// is refused. The objects are read from the store and followed; no request waits for that. Nothing ticks while nobody asks.
import { FlowSchemas, PriorityLevelConfigurations } from '#api/generated/kind-references.ts';
import type { FlowSchema, PolicyRulesWithSubjects, PriorityLevelConfiguration } from '#api/generated/types.ts';
import type { KubernetesObject } from '#api/kind.ts';
import type { Identity } from '#api/request.ts';
import { storagePrefix } from '#api/kinds.ts';
import type { Clock } from '#base/clock.ts';
import { defaultFlowSchemas, defaultPriorityLevels, mandatoryNames } from '#rules/flow-control-defaults.ts';
import type { Store } from '#storage/store.ts';
import type { RequestInfo } from '../request-info.ts';
import { allocate, nominalLimits, smoothed, type LevelLimits } from './allocation.ts';
import { covers, flowOf, inOrder, isAbout } from './classify.ts';
import { FairQueue, type Flow, type QueueSettings, type Refusal, type Ticket } from './fair-queue.ts';
import { RetryAfter } from './retry-after.ts';
import { estimate, levelSeatsMax, type Facts } from './seats.ts';
import { hashOf } from './shuffle.ts';
import { FlowStatistics } from './statistics.ts';

export interface PriorityLevel {
  readonly name: string;
  readonly isExempt: boolean;
  readonly queue: FairQueue;
  readonly retryAfter: RetryAfter;
  object: PriorityLevelConfiguration;
  limits: LevelLimits;
  /** Of one request. */
  seatsMax: number;
  smoothed: number;
  /** Its object is gone; what is in work or waits still ends. */
  isLeaving: boolean;
}

interface CompiledSchema {
  readonly object: FlowSchema;
  readonly level: PriorityLevel;
  /** Sent with every answer, as upstream. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What it needs to know of a request. */
export interface Asked {
  readonly info: RequestInfo;
  readonly user: Identity;
  readonly request: { readonly query: URLSearchParams; readonly signal: AbortSignal };
}

export interface Admitted {
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined: refused. */
  readonly ticket: Ticket | undefined;
  readonly retryAfterSeconds: number;
}

export interface FlowControl extends Disposable {
  admit(asked: Asked, waitLimitMs: number): Admitted | Promise<Admitted>;
  /** For `/debug/api_priority_and_fairness` and `/metrics`. */
  levels(): readonly PriorityLevel[];
  readonly statistics: FlowStatistics;
}

const adjustmentPeriodMs = 10_000;

const settingsOf = ({ spec }: PriorityLevelConfiguration): QueueSettings | undefined => {
  const queuing = spec.limited?.limitResponse?.type === 'Queue' ? spec.limited.limitResponse.queuing : undefined;
  return queuing === undefined
    ? undefined
    : {
        queues: queuing.queues ?? 64,
        handSize: queuing.handSize ?? 8,
        queueLengthMax: queuing.queueLengthLimit ?? 50,
      };
};

/** Asked only when the request must wait. */
class RequestFlow implements Flow {
  readonly #schema: FlowSchema;
  readonly #user: Identity;
  readonly #info: RequestInfo;
  constructor(schema: FlowSchema, user: Identity, info: RequestInfo) {
    this.#schema = schema;
    this.#user = user;
    this.#info = info;
  }
  get schema(): string {
    return this.#schema.metadata.name!;
  }
  get name(): string {
    return flowOf(this.#schema, this.#user, this.#info);
  }
  hash(): number {
    return hashOf(`${this.schema}\0${this.name}`);
  }
}

export function createFlowControl(options: {
  readonly store: Store;
  readonly clock: Clock;
  readonly totalSeats: number;
  readonly facts: Facts;
}): FlowControl {
  const { store, clock, totalSeats, facts } = options;
  const statistics = new FlowStatistics();
  let levels = new Map<string, PriorityLevel>();
  let schemas: readonly CompiledSchema[] = [];
  let watches: Disposable[] = [];
  let isCurrent = false;
  let isClosed = false;
  let timer: { cancel(): void } | undefined;

  const objectsOf = <T extends KubernetesObject>(prefix: string, defaults: readonly T[]): T[] => {
    const stored = store.list(prefix).items.map((one) => one.object() as T);
    const mandatory = defaults.filter((one) => mandatoryNames.has(one.metadata.name!));
    return [
      ...stored,
      ...mandatory.filter((one) => !stored.some((other) => other.metadata.name === one.metadata.name)),
    ];
  };

  const adjust = (): void => {
    const demands = [...levels.values()].map((level) => {
      const demand = level.queue.demand.take(clock.monotonicMs());
      level.smoothed = smoothed(level.smoothed, demand);
      return { ...level.limits, ...level, highWatermark: demand.highWatermark };
    });
    const seats = allocate(demands, totalSeats);
    for (const [name, count] of seats) levels.get(name)!.queue.seatsMax = count;
    // Quiet: nobody lends, nobody borrows, until somebody asks again.
    const isQuiet = demands.every((one) => one.isExempt || (one.highWatermark === 0 && one.smoothed < 0.1));
    for (const [name, level] of levels) if (level.isLeaving && level.queue.isIdle) levels.delete(name);
    timer = isQuiet || isClosed ? undefined : clock.schedule(adjustmentPeriodMs, adjust);
  };

  const compile = (): void => {
    const configurations = objectsOf(storagePrefix(PriorityLevelConfigurations), defaultPriorityLevels);
    const limits = nominalLimits(configurations, totalSeats);
    const next = new Map<string, PriorityLevel>();
    for (const object of configurations) {
      const name = object.metadata.name!;
      const settings = settingsOf(object);
      const ownLimits = limits.get(name)!;
      const isExempt = object.spec.type === 'Exempt';
      const level: PriorityLevel = levels.get(name) ?? {
        name,
        isExempt,
        queue: new FairQueue(
          clock,
          settings,
          isExempt ? Infinity : Math.max(1, ownLimits.nominal - Math.floor((ownLimits.nominal - ownLimits.lower) / 2)),
        ),
        retryAfter: new RetryAfter(),
        object,
        limits: ownLimits,
        seatsMax: Infinity,
        smoothed: 0,
        isLeaving: false,
      };
      level.object = object;
      level.limits = ownLimits;
      level.isLeaving = false;
      level.seatsMax = settings === undefined ? Infinity : levelSeatsMax(ownLimits.nominal, settings.handSize);
      level.queue.configure(settings);
      next.set(name, level);
    }
    for (const [name, level] of levels)
      if (!next.has(name) && !level.queue.isIdle) next.set(name, Object.assign(level, { isLeaving: true }));
    levels = next;
    // A schema whose level is not there holds for nobody, as upstream.
    schemas = inOrder(objectsOf(storagePrefix(FlowSchemas), defaultFlowSchemas)).flatMap((object) => {
      const level = levels.get(object.spec.priorityLevelConfiguration.name);
      if (level === undefined || level.isLeaving) return [];
      const headers = {
        'x-kubernetes-pf-flowschema-uid': object.metadata.uid ?? '',
        'x-kubernetes-pf-prioritylevel-uid': level.object.metadata.uid ?? '',
      };
      return [{ object, level, headers }];
    });
    isCurrent = true;
  };

  const follow = (): void => {
    for (const prefix of [storagePrefix(FlowSchemas), storagePrefix(PriorityLevelConfigurations)]) {
      const watch = store.watch(prefix, store.revision, {
        onEvents: () => void (isCurrent = false),
        onEnd() {
          isCurrent = false;
          for (const one of watches) one[Symbol.dispose]();
          watches = [];
        },
      });
      if (watch !== undefined) watches.push(watch);
    }
  };
  const current = (): readonly CompiledSchema[] => {
    if (watches.length === 0) {
      follow();
      isCurrent = false;
    }
    if (!isCurrent) compile();
    return schemas;
  };

  /** What is about a user, in order, until the schemas change. */
  let byUser = new WeakMap<Identity, readonly (readonly [CompiledSchema, PolicyRulesWithSubjects])[]>();
  let madeFor: readonly CompiledSchema[] | undefined;
  const schemaOf = (user: Identity, info: RequestInfo): CompiledSchema => {
    const all = current();
    if (madeFor !== all) {
      byUser = new WeakMap();
      madeFor = all;
    }
    let rules = byUser.get(user);
    if (rules === undefined) {
      rules = all.flatMap((schema) =>
        (schema.object.spec.rules ?? []).flatMap((rule) => (isAbout(rule, user) ? [[schema, rule] as const] : [])),
      );
      byUser.set(user, rules);
    }
    for (const [schema, rule] of rules) if (covers(rule, info)) return schema;
    return all.find((one) => one.object.metadata.name === 'catch-all')!;
  };

  return {
    statistics,
    levels() {
      current();
      return [...levels.values()];
    },
    admit({ info, user, request }, waitLimitMs) {
      const schema = schemaOf(user, info);
      const { level, headers } = schema;
      const schemaName = schema.object.metadata.name!;
      const work = estimate(info, request.query, level.seatsMax, facts);
      if (timer === undefined && !level.isExempt) {
        for (const one of levels.values()) one.queue.demand.take(clock.monotonicMs());
        timer = clock.schedule(adjustmentPeriodMs, adjust);
      }
      const counters = statistics.of(level.name, schemaName);
      const outcomeOf = (outcome: Ticket | Refusal): Admitted => {
        if (typeof outcome === 'string') {
          level.retryAfter.onRefused(Math.floor(clock.monotonicMs() / 1000));
          counters.onRefused(outcome);
          return { headers, ticket: undefined, retryAfterSeconds: level.retryAfter.seconds };
        }
        return { headers, ticket: counters.onStarted(outcome, work.seats), retryAfterSeconds: 0 };
      };
      const started = level.queue.start(work, new RequestFlow(schema.object, user, info), {
        limitMs: waitLimitMs,
        signal: () => request.signal,
      });
      if (!(started instanceof Promise)) return outcomeOf(started);
      counters.waiting++;
      return started.then((outcome) => {
        counters.waiting--;
        return outcomeOf(outcome);
      });
    },
    [Symbol.dispose]() {
      isClosed = true;
      timer?.cancel();
      for (const watch of watches) watch[Symbol.dispose]();
      watches = [];
    },
  };
}

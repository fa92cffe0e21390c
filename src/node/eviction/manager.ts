// Keeps the node from running out of memory, disk and processes: looks every ten seconds, tells conditions, removes what
// nobody needs, and then ends one Pod at a time. The decisions are in decide.ts and ranking.ts.
import { type Clock, sleep } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Scope } from '#base/scope.ts';
import type { Pod } from '#api/generated/types.ts';
import type { EventRecorder } from '#client/client.ts';
import { isCriticalPod } from '../pod/critical.ts';
import type { RunningPod } from '../server/stats.ts';
import { decideEviction, type EvictionMemory, metThresholds, noMemory } from './decide.ts';
import { type Surroundings, Surveyor } from './observe.ts';
import { evictionMessage, rankPods } from './ranking.ts';
import { type PressureCondition, type Signal, signals, type Threshold } from './thresholds.ts';

export interface EvictionSettings {
  readonly thresholds: readonly Threshold[];
  /** So long the node's condition stays after it was last seen. */
  readonly transitionMs: number;
  /** The longest grace of a Pod that goes because of a soft threshold. */
  readonly podGraceSecondsMax: number;
}

export interface Eviction {
  readonly message: string;
  readonly graceSeconds: number;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface EvictionOptions extends Surroundings {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly scope: Scope;
  /** The node's. */
  readonly events: EventRecorder;
  readonly nodeName: string;
  readonly settings: EvictionSettings;
  readonly pods: {
    /** That hold something, and are not ending for good already. */
    evictable(): readonly Pod[];
    running(): readonly RunningPod[];
    evict(pod: Pod, eviction: Eviction): void;
    /** Nothing of it runs any more. */
    isQuiet(podUid: string): boolean;
    /** Removes containers of Pods that are over. */
    removeEnded(): Promise<void>;
  };
  /** Default 10 s, as upstream. */
  readonly lookMs?: number | undefined;
  /** What else is looked at as often: one timer for both. */
  readonly beforeLook?: (() => Promise<void>) | undefined;
  readonly removeUnusedImages: () => Promise<void>;
  readonly onConditions: () => void;
  readonly onEvicted?: ((signal: Signal) => void) | undefined;
}

const lookMs = 10_000;
const endingMs = 30_000;
const endingLookMs = 1_000;
const hardGraceSeconds = 1;

const conditionEvents: Readonly<Record<PressureCondition, readonly [string, string]>> = {
  MemoryPressure: ['NodeHasInsufficientMemory', 'NodeHasSufficientMemory'],
  DiskPressure: ['NodeHasDiskPressure', 'NodeHasNoDiskPressure'],
  PIDPressure: ['NodeHasInsufficientPID', 'NodeHasSufficientPID'],
};

export class EvictionManager {
  readonly #options: EvictionOptions;
  readonly #surveyor: Surveyor;
  #memory: EvictionMemory = noMemory;
  #conditions: ReadonlySet<PressureCondition> = new Set();

  constructor(options: EvictionOptions) {
    this.#options = options;
    this.#surveyor = new Surveyor(options);
  }

  get conditions(): ReadonlySet<PressureCondition> {
    return this.#conditions;
  }
  /** Of all Pods, and what they may have. */
  get podsCgroup(): { readonly name: string; readonly memoryBytes: number } {
    return { name: this.#options.podsCgroup, memoryBytes: this.#options.podsMemoryBytes };
  }

  start(): void {
    const { scope, clock, logger } = this.#options;
    scope.spawn('eviction', async (signal) => {
      while (!signal.aborted) {
        let evicted: Pod | undefined;
        try {
          await this.#options.beforeLook?.();
          evicted = await this.look();
          if (evicted !== undefined) await this.#waitForEnd(evicted, signal);
        } catch (error) {
          if (!signal.aborted) logger.warn('looking for shortages failed', { error: messageOf(error) });
        }
        if (evicted === undefined) await sleep(clock, this.#options.lookMs ?? lookMs, signal).catch(() => undefined);
      }
    });
  }

  /** The Pod that was evicted; at most one, so that what it frees is seen before the next goes. */
  async look(): Promise<Pod | undefined> {
    const { clock, settings, logger, events, pods, nodeName } = this.#options;
    const { observations, separateImages } = await this.#surveyor.survey();
    const { thresholds, transitionMs } = settings;
    const nowMs = clock.monotonicMs();
    const decision = decideEviction({ memory: this.#memory, thresholds, observations, nowMs, transitionMs });
    this.#memory = decision.memory;
    this.#tell(new Set(decision.conditions));
    const [first] = decision.due;
    if (first === undefined) return undefined;
    const { resource } = signals[first.signal];
    logger.warn('the node runs short', { resource, signal: first.signal });
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName, uid: nodeName } };
    events.event(node, 'Warning', 'EvictionThresholdMet', `Attempting to reclaim ${resource}`);
    if (await this.#reclaim(first.signal, separateImages)) return undefined;
    const candidates = pods.evictable();
    const uses = await this.#surveyor.uses(pods.running(), resource);
    for (const pod of rankPods(candidates, uses, first.signal, separateImages)) {
      if (isCriticalPod(pod)) continue;
      const use = uses.get(pod.metadata.uid ?? '');
      const { due } = decision;
      const { message, annotations } = evictionMessage({ resource, pod, use, thresholds: due, observations });
      const most = settings.podGraceSecondsMax;
      const graceSeconds =
        first.graceMs === 0 ? hardGraceSeconds : Math.min(most, pod.spec.terminationGracePeriodSeconds ?? most);
      pods.evict(pod, { message, graceSeconds, annotations });
      this.#options.onEvicted?.(first.signal);
      const { name, namespace } = pod.metadata;
      logger.warn('a Pod was evicted', { pod: `${namespace}/${name}`, resource });
      return pod;
    }
    logger.error('the node runs short, and no Pod may be evicted', { resource });
    return undefined;
  }

  #tell(conditions: ReadonlySet<PressureCondition>): void {
    const before = this.#conditions;
    this.#conditions = conditions;
    const { events, nodeName, onConditions } = this.#options;
    let changed = false;
    for (const [condition, [begins, ends]] of Object.entries(conditionEvents)) {
      const is = conditions.has(condition as PressureCondition);
      if (is === before.has(condition as PressureCondition)) continue;
      changed = true;
      const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName, uid: nodeName } };
      const reason = is ? begins : ends;
      events.event(node, 'Normal', reason, `Node ${nodeName} status is now: ${reason}`);
    }
    if (changed) onConditions();
  }

  /** True: that was enough. */
  async #reclaim(signal: Signal, separateImages: boolean): Promise<boolean> {
    const { pods, removeUnusedImages, settings, logger } = this.#options;
    if (signals[signal].condition !== 'DiskPressure') return false;
    // Removing images frees nothing where volumes and logs are.
    if (separateImages && !signal.startsWith('imagefs')) return false;
    for (const step of [() => pods.removeEnded(), removeUnusedImages])
      await step().catch((error: unknown) => logger.warn('freeing disk failed', { error: messageOf(error) }));
    const { observations } = await this.#surveyor.survey();
    return metThresholds(settings.thresholds, observations, true).length === 0;
  }

  async #waitForEnd(pod: Pod, signal: AbortSignal): Promise<void> {
    const { clock, pods } = this.#options;
    const untilMs = clock.monotonicMs() + endingMs;
    while (!pods.isQuiet(pod.metadata.uid ?? '') && clock.monotonicMs() < untilMs)
      await sleep(clock, endingLookMs, signal);
  }
}

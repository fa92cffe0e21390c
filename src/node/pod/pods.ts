// The Pods of this node: which there are, from the API and from the runtime, and one keyed worker a Pod. The work on one
// is in worker.ts, and in leftovers.ts once the API has it no more.
import { sleep } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import { WorkQueue } from '#base/work-queue.ts';
import type { Pod } from '#api/generated/types.ts';
import { podIsTerminal } from '#rules/pod-is-active.ts';
import type { Eviction } from '../eviction/manager.ts';
import { withAllocation } from './allocation.ts';
import { KeyedBackoff } from './back-off.ts';
import { cgroupPath, containerCgroup, podCgroup } from './cgroup-names.ts';
import { ClassCgroups } from './class-cgroups.ts';
import type { PodFailure } from './conditions.ts';
import type { PodCounts } from '../metrics/print.ts';
import { ContainerStarts } from './container-starts.ts';
import { clearAway } from './leftovers.ts';
import type { PodsOptions } from './options.ts';
import { Removal } from './removal.ts';
import { ResizeActuation } from './resize-actuation.ts';
import { Resizing } from './resizing.ts';
import { RuntimeCache } from './runtime-cache.ts';
import { podLogDirectory } from './runtime-config.ts';
import type { RuntimeContainer } from './runtime-status.ts';
import type { RunningPod } from '../server/stats.ts';
import { Sandboxes } from './sandboxes.ts';
import { newPodState, type PodState } from './state.ts';
import { Stopping } from './stopping.ts';
import { evictForStorage } from './storage-eviction.ts';
import { PodWorker } from './worker.ts';

const concurrentPods = 16;
const stoppingLookMs = 60_000;

export class Pods {
  readonly #options: PodsOptions;
  readonly #states = new Map<string, PodState>();
  readonly #backoff = new KeyedBackoff();
  readonly #queue: WorkQueue;
  readonly #cache: RuntimeCache;
  readonly #removal: Removal;
  readonly #stopping: Stopping;
  readonly #classes: ClassCgroups;
  readonly #resizing: Resizing;
  readonly #worker: PodWorker;

  constructor(options: PodsOptions) {
    this.#options = options;
    const enqueue = (podUid: string) => this.enqueue(podUid);
    const admitted = () =>
      this.list()
        .filter((one) => {
          const state = this.#states.get(one.metadata.uid ?? '');
          // After a start, those that run and were not looked at yet take their place too.
          return state?.admitted === true || (state?.failure === undefined && (one.status?.phase ?? '') === 'Running');
        })
        .map((one) => withAllocation(one, this.#states.get(one.metadata.uid ?? '')?.resources?.allocated));
    const cache = new RuntimeCache(options.runtime);
    const removal = new Removal(options, cache);
    const stopping = new Stopping(options, cache, removal, enqueue);
    const classes = new ClassCgroups(options, admitted);
    const sandboxes = new Sandboxes(options, cache, classes);
    const backoff = this.#backoff;
    const starts = new ContainerStarts(options, { cache, backoff, removal, sandboxes, stopping, enqueue });
    this.#cache = cache;
    this.#removal = removal;
    this.#stopping = stopping;
    this.#classes = classes;
    const resizing = new Resizing(options, { states: this.#states, admitted, enqueue });
    const actuation = new ResizeActuation(options, cache, classes);
    this.#resizing = resizing;
    const parts = { cache, classes, removal, resizing, actuation, sandboxes, starts, stopping, enqueue, admitted };
    this.#worker = new PodWorker(options, parts);
    const { clock, logger } = options;
    this.#queue = new WorkQueue({
      clock,
      concurrency: concurrentPods,
      backoff: { baseMs: 500, maxMs: 60_000 },
      work: (uid) => this.#work(uid),
      onError: (uid, error, retryInMs) => {
        const pod = this.#states.get(uid)?.pod;
        logger.warn('pod', {
          pod: pod === undefined ? uid : `${pod.metadata.namespace}/${pod.metadata.name}`,
          error: messageOf(error),
          retryInMs,
        });
      },
    });
  }

  /** Begins with what runs: running containers of this cluster's Pods are adopted, leftovers removed. */
  async start(): Promise<void> {
    const { informer, scope } = this.#options;
    await informer.whenSynced(scope.signal);
    await this.#classes.limit();
    await this.#firstRelist();
    const listening = informer.onChange(({ current, previous }) => {
      const pod = current ?? previous;
      const uid = pod?.metadata.uid;
      if (pod === undefined || uid === undefined) return;
      // A Pod of the same name may have come in its place.
      if (previous !== undefined && previous.metadata.uid !== uid) this.#queue.add(previous.metadata.uid ?? '');
      this.#state(uid).pod = pod;
      this.#queue.add(uid);
    });
    scope.onClose(async () => {
      listening[Symbol.dispose]();
      await this.#queue.close();
    });
  }

  /** Nothing can begin before it is known what runs; a runtime that fails for a moment must not end the process. */
  async #firstRelist(): Promise<void> {
    const { clock, scope, logger } = this.#options;
    for (let failures = 0; ; failures++)
      try {
        return await this.relist();
      } catch (error) {
        if (scope.closed) throw error;
        logger.warn('the container runtime does not tell what it has', { error: messageOf(error) });
        await sleep(clock, Math.min(5_000, 100 * 2 ** Math.min(failures, 6)), scope.signal);
      }
  }

  /** Looks at the whole runtime: finds Pods that nobody wants any more, and changes whose event was missed. */
  async relist(): Promise<void> {
    const { claims, volumes, settings, clock, metrics } = this.#options;
    const startedMs = clock.monotonicMs();
    const [pods, directories] = await Promise.all([this.#cache.relist(), volumes.known()]);
    metrics.relisted(startedMs, clock.monotonicMs() - startedMs, clock.now());
    for (const { uid, clusterId, changed } of pods) {
      // Another cluster's is a leftover to remove.
      if (clusterId !== settings.clusterId) this.#state(uid);
      if (changed || this.#wanted(this.#state(uid), uid) === undefined) this.#queue.add(uid);
    }
    for (const uid of [...directories, ...claims.users()])
      if (this.#states.get(uid) === undefined) this.#queue.add(uid);
  }

  /** A sandbox or container changed. */
  runtimeChanged(id: string): void {
    const owner = this.#cache.changed(id);
    if (owner !== undefined) this.#queue.add(owner);
  }

  /** Evicts the Pods that use more local disk than they may. */
  checkStorage(): Promise<void> {
    return evictForStorage(this.#options, this.list(), this.#states, (uid) => this.enqueue(uid));
  }

  runningContainers(): readonly RuntimeContainer[] {
    return this.#cache.running();
  }

  /** Ends it for a reason of the node's; nothing happens to one that ends for another. */
  end(pod: Pod, failure: PodFailure, graceSeconds: number): void {
    const uid = pod.metadata.uid ?? '';
    const state = this.#state(uid);
    if (state.failure === undefined) state.failure = failure;
    state.graceSeconds = Math.min(state.graceSeconds ?? graceSeconds, graceSeconds);
    this.#queue.add(uid);
  }

  evict(pod: Pod, { message, annotations, graceSeconds }: Eviction): void {
    this.#options.events.event(pod, 'Warning', 'Evicted', message, undefined, annotations);
    this.end(pod, { reason: 'Evicted', message, disrupts: true }, graceSeconds);
  }

  /** Pods that hold something here and are not ending for a reason already. */
  evictable(): readonly Pod[] {
    return this.list().filter((one) => {
      const uid = one.metadata.uid ?? '';
      return (
        !podIsTerminal(one) && this.#states.get(uid)?.failure === undefined && this.#cache.runningOf(uid).length > 0
      );
    });
  }

  /** Removes what the runtime keeps of Pods that are over: their logs can be read no more. */
  async removeEnded(): Promise<void> {
    for (const pod of this.list()) {
      const uid = pod.metadata.uid ?? '';
      if (!podIsTerminal(pod)) continue;
      const { containers } = await this.#cache.read(uid);
      for (const one of containers) if (one.state === 'exited') await this.#removal.container(one.id);
    }
  }

  /** None of its containers runs. */
  isQuiet(uid: string): boolean {
    return this.#cache.runningOf(uid).length === 0;
  }

  /** What metrics count. */
  counts(): PodCounts {
    const all = this.list();
    return { ...this.#cache.counts(), desired: all.length, active: all.filter((one) => !podIsTerminal(one)).length };
  }

  /** What statistics are made of. */
  running(): readonly RunningPod[] {
    const { settings, runtimeName, volumes } = this.#options;
    return this.list()
      .map((pod): RunningPod => {
        const cgroup = podCgroup(pod, settings);
        return {
          pod,
          cgroup: cgroupPath(cgroup),
          containers: this.#cache
            .runningOf(pod.metadata.uid ?? '')
            .map((container) => ({ container, cgroup: containerCgroup(cgroup, runtimeName, container.id) })),
          logDirectory: podLogDirectory(settings.podLogDirectory, pod),
          volumes: () => volumes.used(pod),
        };
      })
      .filter((one) => one.containers.length > 0);
  }

  enqueue(podUid: string): void {
    this.#queue.add(podUid);
  }

  /** The Pod that this node runs under this name. */
  find(namespace: string, name: string): Pod | undefined {
    return this.#options.informer.get(namespace, name);
  }

  list(): readonly Pod[] {
    return this.#options.informer.list();
  }

  #state(uid: string): PodState {
    let state = this.#states.get(uid);
    if (state === undefined) {
      state = newPodState(this.#options.clock.monotonicMs());
      this.#states.set(uid, state);
    }
    return state;
  }

  /** The Pod as the API has it now; undefined: it is gone there. */
  #wanted(state: PodState, uid: string): Pod | undefined {
    const known = state.pod;
    const current =
      known === undefined
        ? this.#options.informer.list().find((one) => one.metadata.uid === uid)
        : this.#options.informer.get(known.metadata.namespace, known.metadata.name ?? '');
    return current?.metadata.uid === uid ? current : undefined;
  }

  async #work(uid: string): Promise<number | undefined> {
    const state = this.#state(uid);
    const pod = this.#wanted(state, uid);
    if (pod === undefined) return this.#clearAway(uid, state);
    state.pod = pod;
    return this.#measured(pod, state);
  }

  async #measured(pod: Pod, state: PodState): Promise<number | undefined> {
    const { clock, metrics } = this.#options;
    const startedMs = clock.monotonicMs();
    const { generation = 0, deletionTimestamp } = pod.metadata;
    const work =
      deletionTimestamp !== undefined || state.failure !== undefined
        ? 'kill'
        : state.workedGeneration === undefined
          ? 'create'
          : state.workedGeneration === generation
            ? 'sync'
            : 'update';
    if (state.workedGeneration === undefined) metrics.podSeen(pod.spec.containers.length, startedMs - state.seenAtMs);
    state.workedGeneration = generation;
    try {
      return await this.#worker.sync(pod, state);
    } finally {
      metrics.podWorked(work, clock.monotonicMs() - startedMs);
    }
  }

  async #clearAway(uid: string, state: PodState): Promise<number | undefined> {
    this.#options.probes.removePod(uid);
    this.#cache.invalidate(uid);
    const runtime = await this.#cache.read(uid);
    const parts = { removal: this.#removal, stopping: this.#stopping };
    if (!(await clearAway(this.#options, parts, uid, state, runtime))) return stoppingLookMs;
    this.#backoff.forget(`${uid}_`);
    this.#cache.forget(uid);
    this.#states.delete(uid);
    this.#resizing.forget(uid);
    await this.#classes.weigh();
    return undefined;
  }
}

// The scheduler service: informers feed the books and the queue; one Pod at a time gets a node; bindings run side by side.
import { Pods } from '#api/generated/kind-references.ts';
import type { Node, Pod, ResourceClaimResourceV1 } from '#api/generated/types.ts';
import { loadCel } from '#api/cel/cel.ts';
import { isNotFound, isReason } from '#api/status.ts';
import type { Clock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { MetricRegistry } from '#base/metrics/registry.ts';
import { fraction, uuid, type Random } from '#base/random.ts';
import type { Scope } from '#base/scope.ts';
import type { Service } from '#base/service.ts';
import type { Client, EventRecorder, InformerChange } from '#client/client.ts';
import { podIsTerminal } from '#rules/pod-is-active.ts';
import { semanticallyEqual } from '#rules/semantically-equal.ts';
import { releaseDevices, unreserveDevices, type BindDevicesOptions } from './bind-devices.ts';
import { bind, StalePlanError, type BindPlan } from './bind.ts';
import { ClusterCache } from './cluster-cache.ts';
import { decide, type Verdict } from './cycle.ts';
import { HeldPods } from './held-pods.ts';
import { schedulerInformers } from './informers.ts';
import { makeRoom } from './make-room.ts';
import { schedulerMetrics, type SchedulerMetrics } from './metrics.ts';
import type { NodeInfo } from './node-info.ts';
import { CycleError, type ClusterEvent } from './plugin.ts';
import { planDevices } from './plugins/dynamic-resources/plugin.ts';
import { claimsOf, usesClaims } from './plugins/dynamic-resources/pod-claims.ts';
import { plugins } from './plugins/registry.ts';
import { priorityOf, type Preemption } from './preemption.ts';
import { planVolumes } from './plugins/volume-binding/plugin.ts';
import { SchedulingQueue } from './queue.ts';
import { podEvent, reportWaiting } from './report.ts';
import { concernedPlugins, isOurs, queueEvents, scaledDown, schedulingPart, waits } from './waking.ts';

export interface SchedulerOptions {
  /** With the identity system:kube-scheduler. */
  readonly client: Client;
  /** Source component: default-scheduler. */
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Absent: what is measured is told to nobody. */
  readonly metrics?: MetricRegistry | undefined;
  readonly dependsOn?: readonly string[] | undefined;
}

/** Pods decided in one turn of the event loop. */
const decisionsPerTurn = 16;

export const createScheduler = (options: SchedulerOptions): Service => {
  const scheduler = new Scheduler(options);
  return {
    name: 'scheduler',
    dependsOn: options.dependsOn ?? [],
    start: (scope) => scheduler.start(scope),
  };
};

export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #cache: ClusterCache;
  readonly #queue: SchedulingQueue;
  readonly #held: HeldPods;
  readonly #metrics: SchedulerMetrics;
  #turnPlanned = false;
  /** Where the next search begins, so that all nodes get their turn. */
  #nextNode = 0;
  #scope: Scope | undefined;
  /** Expressions of device selectors can be evaluated. */
  #isCelLoaded = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#cache = new ClusterCache(options.client, () => options.clock.now());
    this.#held = new HeldPods(this.#cache.devices);
    this.#queue = new SchedulingQueue(
      options.clock,
      () => this.#planTurn(),
      (event, queue) => this.#metrics.onQueued(event, queue),
    );
    this.#metrics = schedulerMetrics(options.metrics ?? new MetricRegistry(), options.clock, {
      waiting: () => ({ ...this.#queue.counts(), gated: this.#gated() }),
      rejected: () => this.#queue.rejected(),
      cache: () => this.#cache.sizes(),
    });
  }

  async start(scope: Scope): Promise<void> {
    const { client } = this.#options;
    const informers = schedulerInformers(client);
    await Promise.all(Object.values(informers).map((one) => one.whenSynced(scope.signal)));
    this.#scope = scope;
    const subscriptions = [
      // Before Pods: what is taken has to be known.
      informers.resourceClaims.onChange((change) => this.#onResourceClaim(change)),
      informers.deviceClasses.onChange(() => this.#wake('device')),
      informers.slices.onChange(() => this.#wake('device')),
      informers.nodes.onChange((change) => this.#onNode(change)),
      informers.pods.onChange((change) => this.#onPod(change)),
      informers.claims.onChange(() => this.#wake('volume')),
      informers.volumes.onChange(() => this.#wake('volume')),
      informers.classes.onChange(() => this.#wake('volume')),
      informers.csiNodes.onChange(() => this.#wake('volume')),
      informers.csiDrivers.onChange(() => this.#wake('volume')),
      informers.capacities.onChange(() => this.#wake('volume')),
      informers.attachments.onChange(({ current }) => {
        if (current === undefined) this.#wake('volume');
      }),
      informers.namespaces.onChange(({ previous, current }) => {
        if (!semanticallyEqual(previous?.metadata.labels, current?.metadata.labels)) this.#wake('namespace');
      }),
    ];
    scope.onClose(() => {
      for (const one of subscriptions) one[Symbol.dispose]();
      this.#queue.close();
    });
  }

  #onNode({ previous, current }: InformerChange<Node>): void {
    if (current === undefined) {
      this.#cache.removeNode(previous!.metadata.name!);
      // A domain that is gone may have been the one with the fewest Pods.
      this.#wake('node-removed');
      return;
    }
    this.#cache.setNode(current);
    if (previous === undefined || !semanticallyEqual(schedulingPart(previous), schedulingPart(current)))
      this.#wake('node');
  }

  #onResourceClaim(change: InformerChange<ResourceClaimResourceV1>): void {
    const { previous, current } = change;
    const { devices } = this.#cache;
    devices.onClaim(change);
    for (const pod of this.#held.take((current ?? previous)!.metadata.namespace!)) this.#queue.set(pod, false);
    if (previous?.status?.allocation !== undefined && current?.status?.allocation === undefined)
      return this.#wake('device'); // anybody may want them
    if (current === undefined || semanticallyEqual(previous?.status ?? null, current.status ?? {})) return;
    this.#wake('device', (pod) => {
      const claims = claimsOf(pod, devices);
      return typeof claims !== 'string' && claims.some((one) => one.metadata.uid === current.metadata.uid);
    });
  }

  #onPod({ previous, current }: InformerChange<Pod>): void {
    if (previous !== undefined && previous.metadata.uid !== current?.metadata.uid) this.#dropPod(previous);
    if (current === undefined) return;
    if (podIsTerminal(current)) {
      this.#dropPod(current);
      return;
    }
    const nominated = previous?.status?.nominatedNodeName ?? '';
    const lostPlace = nominated !== '' && nominated !== (current.status?.nominatedNodeName ?? '');
    if (lostPlace) this.#cache.nominate(current, undefined);
    this.#cache.setPod(current);
    if (waits(current)) {
      // It counted there as if it ran.
      if (lostPlace) this.#wake('pod-removed');
      if (this.#cache.isPlaced(current.metadata.uid!)) return; // its binding is under way
      const changed =
        previous !== undefined &&
        (!semanticallyEqual(previous.spec, current.spec) ||
          !semanticallyEqual(previous.metadata.labels, current.metadata.labels) ||
          !semanticallyEqual(previous.status?.resourceClaimStatuses, current.status?.resourceClaimStatuses));
      const isHeld = usesClaims(current) && this.#held.hold(current);
      if (isHeld) this.#queue.remove(current);
      else this.#queue.set(current, changed);
      return;
    }
    this.#held.remove(current);
    this.#queue.remove(current);
    const arrived = (current.spec.nodeName ?? '') !== '' && (previous?.spec.nodeName ?? '') === '';
    const relabelled = previous !== undefined && !semanticallyEqual(previous.metadata.labels, current.metadata.labels);
    if (arrived || relabelled) this.#wake('pod-added');
    else if (previous !== undefined && this.#queue.size > 0 && scaledDown(previous, current))
      this.#wake('pod-scaled-down');
  }

  #dropPod(pod: Pod): void {
    this.#queue.remove(pod);
    this.#held.remove(pod);
    // One for which room was made counts as if it ran.
    const counted = this.#cache.isPlaced(pod.metadata.uid!) || (pod.status?.nominatedNodeName ?? '') !== '';
    this.#cache.removePod(pod.metadata.uid!);
    if (counted) this.#wake('pod-removed');
  }

  /** `concerns`: which of the Pods that wait for such an event. */
  #wake(event: ClusterEvent, concerns?: (pod: Pod) => boolean): void {
    if (this.#queue.size === 0) return;
    this.#queue.wake(concernedPlugins.get(event)!, queueEvents[event], concerns);
  }

  /** Held back by their gates, or until their claims are there. */
  #gated(): number {
    const pods = this.#options.client.informer(Pods).list();
    const byGates = pods.filter(
      (pod) => isOurs(pod) && !podIsTerminal(pod) && (pod.spec.schedulingGates ?? []).length > 0,
    );
    return byGates.length + this.#held.size;
  }

  #planTurn(): void {
    if (this.#turnPlanned) return;
    this.#turnPlanned = true;
    queueMicrotask(() => this.#turn());
  }
  #turn(): void {
    for (let count = 0; count < decisionsPerTurn; count++) {
      const pod = this.#queue.pop();
      if (pod === undefined) {
        this.#turnPlanned = false;
        return;
      }
      this.#schedule(pod);
    }
    this.#options.clock.schedule(0, () => this.#turn());
  }

  #schedule(pod: Pod): void {
    const scope = this.#scope;
    if (scope === undefined || scope.closed) return;
    if (usesClaims(pod) && !this.#isCelLoaded) {
      scope.spawn('loading of expressions', async () => {
        await loadCel();
        this.#isCelLoaded = true;
        this.#queue.stale(pod);
      });
      return;
    }
    const { clock, random, logger } = this.#options;
    const metrics = this.#metrics;
    const startMs = clock.monotonicMs();
    const seconds = (): number => (clock.monotonicMs() - startMs) / 1000;
    const measures = metrics.cycle();
    const pick = (count: number): number => Math.floor(fraction(random) * count);
    const name = `${pod.metadata.namespace!}/${pod.metadata.name!}`;
    let verdict: Verdict;
    let plan: BindPlan | string = '';
    try {
      verdict = decide(pod, this.#cache, plugins, pick, measures, this.#nextNode);
      if (verdict.type === 'node') plan = this.#plan(pod, verdict.node);
    } catch (error) {
      if (!(error instanceof CycleError)) throw error;
      metrics.onAttempt('error', seconds());
      this.#queue.failed(pod, new Set());
      scope.spawn(`report of ${name}`, () =>
        reportWaiting(pod, 'SchedulerError', error.message, undefined, this.#options),
      );
      return;
    }
    if (verdict.type === 'unschedulable') {
      logger.debug('no node', { pod: name, cause: verdict.message });
      measures.ended('PostFilter', verdict.preemption === undefined ? 'Unschedulable' : 'Success');
      metrics.onPreemption(verdict.preemption?.victims.length);
      metrics.onAttempt('unschedulable', seconds());
      this.#queue.failed(pod, verdict.rejectedBy);
      const { message, preemption, release } = verdict;
      if (preemption !== undefined) this.#preempt(pod, preemption, scope);
      if (release !== undefined) scope.spawn(`deallocation for ${name}`, () => releaseDevices(release, this.#options));
      scope.spawn(`report of ${name}`, () =>
        reportWaiting(pod, 'Unschedulable', message, preemption?.node.name, this.#options),
      );
      return;
    }
    metrics.onDecided(seconds());
    if (typeof plan === 'string') {
      metrics.onAttempt('error', seconds());
      this.#queue.failed(pod, new Set());
      return;
    }
    this.#nextNode = (this.#nextNode + verdict.looked) % Math.max(1, this.#cache.nodes.length);
    this.#bind(pod, verdict.node.name, plan, startMs, scope);
  }

  /** A text: the node does not do after all. */
  #plan(pod: Pod, node: NodeInfo): BindPlan | string {
    const volumes = planVolumes(pod, node, this.#cache);
    if (typeof volumes === 'string') return volumes;
    const devices = planDevices(pod, node, this.#cache, () => uuid(this.#options.random));
    return typeof devices === 'string' ? devices : { volumes, devices };
  }

  #bind(pod: Pod, node: string, plan: BindPlan, startMs: number, scope: Scope): void {
    const { clock } = this.#options;
    const metrics = this.#metrics;
    const seconds = (sinceMs: number): number => (clock.monotonicMs() - sinceMs) / 1000;
    const name = `${pod.metadata.namespace!}/${pod.metadata.name!}`;
    this.#cache.assume(pod, node);
    for (const { claim, allocation } of plan.devices.claims)
      if (allocation !== undefined) this.#cache.devices.reserve(claim.metadata.uid!, allocation);
    scope.spawn(`binding of ${name}`, async (signal) => {
      try {
        const bindingMs = clock.monotonicMs();
        // The informer may tell of the binding first.
        const tries = this.#queue.triesOf(pod);
        const options: BindDevicesOptions = {
          ...this.#options,
          signal,
          onWritten: (claim) => this.#cache.devices.written(claim),
          onWaiting: () =>
            this.#event(
              pod,
              'Normal',
              'BindingConditionsPending',
              `waiting for binding conditions for device on node ${node}`,
            ),
          onWaited: metrics.onDevicesWaited,
        };
        await bind(pod, node, plan, options);
        metrics.onPoint('Bind', 'Success', seconds(bindingMs));
        metrics.onAttempt('scheduled', seconds(startMs));
        if (tries !== undefined) metrics.onScheduled(tries.attempts, seconds(tries.firstTriedMs ?? startMs));
        this.#queue.remove(pod);
        this.#event(pod, 'Normal', 'Scheduled', `Successfully assigned ${name} to ${node}`);
      } catch (error) {
        if (!(error instanceof StalePlanError)) metrics.onAttempt('error', seconds(startMs));
        await this.#bindingFailed(pod, plan, error);
      }
    });
  }

  #preempt(pod: Pod, { node, victims }: Preemption, scope: Scope): void {
    // Less important ones for which room was made there look for another place.
    const displaced = this.#cache.nominated(node.name).filter((one) => priorityOf(one) < priorityOf(pod));
    for (const one of displaced) this.#cache.nominate(one, undefined);
    this.#cache.nominate(pod, node.name);
    scope.spawn(`preemption for ${pod.metadata.namespace!}/${pod.metadata.name!}`, () =>
      makeRoom(pod, node.name, victims, displaced, {
        ...this.#options,
        event: (...event) => this.#event(...event),
      }),
    );
  }

  async #bindingFailed(pod: Pod, { devices }: BindPlan, error: unknown): Promise<void> {
    if (this.#scope!.closed) return;
    this.#cache.forget(pod.metadata.uid!);
    this.#wake('pod-removed');
    if (devices.claims.length > 0) {
      for (const { claim } of devices.claims) this.#cache.devices.release(claim.metadata.uid!);
      this.#wake('device');
      await unreserveDevices(pod, devices, this.#options);
    }
    // Deleted, replaced or bound meanwhile: the informer says what is now.
    if (isNotFound(error) || isReason(error, 'Conflict')) {
      const known = this.#options.client.informer(Pods).get(pod.metadata.namespace, pod.metadata.name!);
      if (known === undefined || !waits(known) || known.metadata.uid !== pod.metadata.uid) {
        this.#queue.remove(pod);
        return;
      }
    }
    if (error instanceof StalePlanError) {
      this.#options.logger.debug('decided again', { pod: pod.metadata.name, cause: error.message });
      this.#queue.stale(pod);
      return;
    }
    this.#options.logger.warn('binding failed, will retry', {
      pod: `${pod.metadata.namespace!}/${pod.metadata.name!}`,
      error: messageOf(error),
    });
    this.#queue.failed(pod, new Set());
    await reportWaiting(pod, 'SchedulerError', messageOf(error), undefined, this.#options);
  }

  #event(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string): void {
    podEvent(this.#options, pod, type, reason, message);
  }
}

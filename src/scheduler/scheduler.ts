// The scheduler service: informers feed the books and the queue; one Pod at a time gets a node; bindings run side by side.
import {
  CSIDrivers,
  CSINodes,
  CSIStorageCapacities,
  Namespaces,
  Nodes,
  PersistentVolumeClaims,
  PersistentVolumes,
  PodDisruptionBudgets,
  ReplicaSets,
  ReplicationControllers,
  Services,
  StatefulSets,
  Pods,
  StorageClasses,
  VolumeAttachments,
} from '#api/generated/kind-references.ts';
import type { Node, Pod, PodCondition } from '#api/generated/types.ts';
import { formatTime } from '#api/meta/time.ts';
import { isNotFound, isReason } from '#api/status.ts';
import type { Clock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { MetricRegistry } from '#base/metrics/registry.ts';
import { fraction, type Random } from '#base/random.ts';
import type { Scope } from '#base/scope.ts';
import type { Service } from '#base/service.ts';
import type { Client, EventRecorder, InformerChange } from '#client/client.ts';
import { podIsTerminal } from '#rules/pod-is-active.ts';
import { podCondition } from '#rules/pod-is-ready.ts';
import { semanticallyEqual } from '#rules/semantically-equal.ts';
import { bind, StalePlanError } from './bind.ts';
import { ClusterCache } from './cluster-cache.ts';
import { decide } from './cycle.ts';
import { makeRoom } from './make-room.ts';
import { schedulerMetrics, type SchedulerMetrics } from './metrics.ts';
import type { ClusterEvent } from './plugin.ts';
import { plugins } from './plugins/registry.ts';
import { priorityOf, type Preemption } from './preemption.ts';
import { planVolumes } from './plugins/volume-binding/plugin.ts';
import { SchedulingQueue } from './queue.ts';
import { concernedPlugins, queueEvents, scaledDown, schedulingPart } from './waking.ts';

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
/** Characters of an event's message: upstream's NoteLengthLimit. */
const eventMessageLengthMax = 1024;
const schedulerName = 'default-scheduler';

export const createScheduler = (options: SchedulerOptions): Service => {
  const scheduler = new Scheduler(options);
  return {
    name: 'scheduler',
    dependsOn: options.dependsOn ?? [],
    start: (scope) => scheduler.start(scope),
  };
};

const isOurs = (pod: Pod): boolean => (pod.spec.schedulerName ?? schedulerName) === schedulerName;
const waits = (pod: Pod): boolean =>
  isOurs(pod) &&
  (pod.spec.nodeName ?? '') === '' &&
  !podIsTerminal(pod) &&
  pod.metadata.deletionTimestamp === undefined &&
  (pod.spec.schedulingGates ?? []).length === 0;

export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #cache: ClusterCache;
  readonly #queue: SchedulingQueue;
  readonly #metrics: SchedulerMetrics;
  #turnPlanned = false;
  /** Where the next search begins, so that all nodes get their turn. */
  #nextNode = 0;
  #scope: Scope | undefined;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#cache = new ClusterCache(options.client);
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
    const informers = {
      nodes: client.informer(Nodes),
      pods: client.informer(Pods),
      claims: client.informer(PersistentVolumeClaims),
      volumes: client.informer(PersistentVolumes),
      classes: client.informer(StorageClasses),
      namespaces: client.informer(Namespaces),
      budgets: client.informer(PodDisruptionBudgets),
      csiNodes: client.informer(CSINodes),
      csiDrivers: client.informer(CSIDrivers),
      capacities: client.informer(CSIStorageCapacities),
      attachments: client.informer(VolumeAttachments),
      services: client.informer(Services),
      replicaSets: client.informer(ReplicaSets),
      replicationControllers: client.informer(ReplicationControllers),
      statefulSets: client.informer(StatefulSets),
    };
    await Promise.all(Object.values(informers).map((one) => one.whenSynced(scope.signal)));
    this.#scope = scope;
    const subscriptions = [
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
          !semanticallyEqual(previous.metadata.labels, current.metadata.labels));
      this.#queue.set(current, changed);
      return;
    }
    this.#queue.remove(current);
    const arrived = (current.spec.nodeName ?? '') !== '' && (previous?.spec.nodeName ?? '') === '';
    const relabelled = previous !== undefined && !semanticallyEqual(previous.metadata.labels, current.metadata.labels);
    if (arrived || relabelled) this.#wake('pod-added');
    else if (previous !== undefined && this.#queue.size > 0 && scaledDown(previous, current))
      this.#wake('pod-scaled-down');
  }

  #dropPod(pod: Pod): void {
    this.#queue.remove(pod);
    // One for which room was made counts as if it ran.
    const counted = this.#cache.isPlaced(pod.metadata.uid!) || (pod.status?.nominatedNodeName ?? '') !== '';
    this.#cache.removePod(pod.metadata.uid!);
    if (counted) this.#wake('pod-removed');
  }

  #wake(event: ClusterEvent): void {
    if (this.#queue.size === 0) return;
    this.#queue.wake(concernedPlugins.get(event)!, queueEvents[event]);
  }

  /** Held back by their gates. */
  #gated(): number {
    const pods = this.#options.client.informer(Pods).list();
    return pods.filter((pod) => isOurs(pod) && !podIsTerminal(pod) && (pod.spec.schedulingGates ?? []).length > 0)
      .length;
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
    const { clock, random, logger } = this.#options;
    const metrics = this.#metrics;
    const startMs = clock.monotonicMs();
    const seconds = (): number => (clock.monotonicMs() - startMs) / 1000;
    const measures = metrics.cycle();
    const pick = (count: number): number => Math.floor(fraction(random) * count);
    const verdict = decide(pod, this.#cache, plugins, pick, measures, this.#nextNode);
    const name = `${pod.metadata.namespace!}/${pod.metadata.name!}`;
    switch (verdict.type) {
      case 'unschedulable':
        logger.debug('no node', { pod: name, cause: verdict.message });
        measures.ended('PostFilter', verdict.preemption === undefined ? 'Unschedulable' : 'Success');
        metrics.onPreemption(verdict.preemption?.victims.length);
        metrics.onAttempt('unschedulable', seconds());
        this.#queue.failed(pod, verdict.rejectedBy);
        if (verdict.preemption !== undefined) this.#preempt(pod, verdict.preemption, scope);
        scope.spawn(`report of ${name}`, () =>
          this.#report(pod, 'Unschedulable', verdict.message, verdict.preemption?.node.name),
        );
        return;
      case 'node': {
        metrics.onDecided(seconds());
        const plan = planVolumes(pod, verdict.node, this.#cache);
        if (typeof plan === 'string') {
          metrics.onAttempt('error', seconds());
          this.#queue.failed(pod, new Set());
          return;
        }
        const node = verdict.node.name;
        this.#nextNode = (this.#nextNode + verdict.looked) % Math.max(1, this.#cache.nodes.length);
        this.#cache.assume(pod, node);
        scope.spawn(`binding of ${name}`, async (signal) => {
          try {
            const bindingMs = clock.monotonicMs();
            // The informer may tell of the binding first.
            const tries = this.#queue.triesOf(pod);
            await bind(pod, node, plan, { ...this.#options, signal });
            metrics.onPoint('Bind', 'Success', (clock.monotonicMs() - bindingMs) / 1000);
            metrics.onAttempt('scheduled', seconds());
            if (tries !== undefined)
              metrics.onScheduled(tries.attempts, (clock.monotonicMs() - (tries.firstTriedMs ?? startMs)) / 1000);
            this.#queue.remove(pod);
            this.#event(pod, 'Normal', 'Scheduled', `Successfully assigned ${name} to ${node}`);
          } catch (error) {
            if (!(error instanceof StalePlanError)) metrics.onAttempt('error', seconds());
            await this.#bindingFailed(pod, error);
          }
        });
      }
    }
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

  async #bindingFailed(pod: Pod, error: unknown): Promise<void> {
    if (this.#scope!.closed) return;
    this.#cache.forget(pod.metadata.uid!);
    this.#wake('pod-removed');
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
    await this.#report(pod, 'SchedulerError', messageOf(error));
  }

  #event(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const text =
      message.length > eventMessageLengthMax ? `${message.slice(0, eventMessageLengthMax - 4)} ...` : message;
    this.#options.events.event({ ...pod, kind: 'Pod', apiVersion: 'v1' }, type, reason, text);
  }

  /** Says in event and status why the Pod waits. */
  async #report(
    pod: Pod,
    reason: 'Unschedulable' | 'SchedulerError',
    message: string,
    nominatedNodeName?: string,
  ): Promise<void> {
    const { client, clock, logger } = this.#options;
    this.#event(pod, 'Warning', 'FailedScheduling', message);
    const known = client.informer(Pods).get(pod.metadata.namespace, pod.metadata.name!) ?? pod;
    const current = podCondition(known, 'PodScheduled');
    const isSame = current?.status === 'False' && current.reason === reason && current.message === message;
    const isNominated = nominatedNodeName === undefined || known.status?.nominatedNodeName === nominatedNodeName;
    if (isSame && isNominated) return;
    const now = formatTime(clock.now());
    const condition: PodCondition = {
      type: 'PodScheduled',
      status: 'False',
      reason,
      message,
      lastTransitionTime: current?.status === 'False' ? (current.lastTransitionTime ?? now) : now,
    };
    try {
      await client.resource(Pods).patch(
        { namespace: pod.metadata.namespace, name: pod.metadata.name! },
        {
          type: 'strategic',
          value: {
            metadata: { uid: pod.metadata.uid },
            status: {
              conditions: [condition],
              ...(nominatedNodeName === undefined ? {} : { nominatedNodeName }),
            },
          },
        },
        { subresource: 'status' },
      );
    } catch (error) {
      if (isNotFound(error) || isReason(error, 'Conflict')) return;
      logger.warn('cannot write why a Pod waits', { pod: pod.metadata.name, error: messageOf(error) });
    }
  }
}

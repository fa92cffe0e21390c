// What the scheduler tells of itself, under upstream's names. It has one profile.
import type { Clock } from '#base/clock.ts';
import { exponentialBounds, familyText, type Value } from '#base/metrics/families.ts';
import type { MetricRegistry } from '#base/metrics/registry.ts';
import type { SchedulerPlugin } from './plugin.ts';
import type { BindDevicesOptions } from './bind-devices.ts';
import { resultsWithConditions } from './plugins/dynamic-resources/binding-conditions.ts';

export type AttemptResult = 'scheduled' | 'unschedulable' | 'error';
export type ExtensionPoint = 'PreFilter' | 'Filter' | 'PostFilter' | 'Score' | 'Bind';
export type PointStatus = 'Success' | 'Unschedulable' | 'Error';
/** Parts of the queue, as upstream names them. */
export type QueuePart = 'active' | 'backoff' | 'unschedulable' | 'gated';

/** One decision, as it goes on. */
export interface CycleMeasures {
  /** The extension point has ended; the next begins. */
  ended(point: ExtensionPoint, status: PointStatus): void;
  evaluated(plugin: SchedulerPlugin, point: 'PreFilter' | 'Filter' | 'Score'): void;
}

/** What is counted when somebody asks. */
export interface SchedulerState {
  waiting(): Readonly<Record<QueuePart, number>>;
  /** Waiting Pods by the plugins that rejected them. */
  rejected(): ReadonlyMap<string, number>;
  cache(): Readonly<Record<'assumed_pods' | 'nodes' | 'pods', number>>;
}

export interface SchedulerMetrics {
  cycle(): CycleMeasures;
  onDecided(seconds: number): void;
  onAttempt(result: AttemptResult, seconds: number): void;
  onPoint(point: ExtensionPoint, status: PointStatus, seconds: number): void;
  onScheduled(attempts: number, sinceFirstSeconds: number): void;
  onPreemption(victims: number | undefined): void;
  onQueued(event: string, queue: QueuePart): void;
  readonly onDevicesWaited: BindDevicesOptions['onWaited'];
}

const profile = 'default-scheduler';
/** More are told as this many and more. */
const attemptsLabelMax = 15;
const secondsOf = (count: number): readonly number[] => exponentialBounds(0.001, 2, count);

export function schedulerMetrics(registry: MetricRegistry, clock: Clock, state: SchedulerState): SchedulerMetrics {
  const attempts = registry.counter('scheduler_schedule_attempts_total', 'Attempts to find a node.', [
    'profile',
    'result',
  ]);
  const durations = registry.histogram(
    'scheduler_scheduling_attempt_duration_seconds',
    'Time of an attempt, with the binding.',
    secondsOf(15),
    ['profile', 'result'],
  );
  const algorithm = registry
    .histogram('scheduler_scheduling_algorithm_duration_seconds', 'Time of a decision.', secondsOf(15))
    .with({});
  const points = registry.histogram(
    'scheduler_framework_extension_point_duration_seconds',
    'Time of all plugins of an extension point.',
    exponentialBounds(0.0001, 2, 12),
    ['extension_point', 'profile', 'status'],
  );
  const evaluations = registry.counter('scheduler_plugin_evaluation_total', 'How often a plugin was asked.', [
    'extension_point',
    'plugin',
    'profile',
  ]);
  const needed = registry
    .histogram('scheduler_pod_scheduling_attempts', 'Attempts until a Pod had its node.', exponentialBounds(1, 2, 5))
    .with({});
  const service = registry.histogram(
    'scheduler_pod_scheduling_sli_duration_seconds',
    'Time from the first attempt until a Pod had its node.',
    exponentialBounds(0.01, 2, 20),
    ['attempts'],
  );
  const preemptions = registry
    .counter('scheduler_preemption_attempts_total', 'Looks for Pods that could make room.')
    .with({});
  const victims = registry
    .histogram('scheduler_preemption_victims', 'Pods that made room.', exponentialBounds(1, 2, 7))
    .with({});
  const incoming = registry.counter('scheduler_queue_incoming_pods_total', 'Pods that came into a part of the queue.', [
    'event',
    'queue',
  ]);
  const ofDrivers = ['driver', 'profile', 'status'] as const;
  const waits = registry.histogram(
    'scheduler_dra_bindingconditions_wait_duration_seconds',
    'Time until drivers said of devices that they are ready.',
    exponentialBounds(0.1, 2, 14),
    ofDrivers,
  );
  const waited = registry.counter(
    'scheduler_dra_bindingconditions_allocations_total',
    'Allocated devices whose drivers were waited for.',
    ofDrivers,
  );
  const computed = (name: string, help: string, label: string, values: () => Iterable<readonly [string, number]>) =>
    registry.add({
      name,
      text: () =>
        familyText(
          name,
          'gauge',
          help,
          [...values()].map(([one, value]) => [
            '',
            { [label]: one, ...(label === 'plugin' ? { profile } : {}) },
            value,
          ]),
        ),
    });
  computed('scheduler_pending_pods', 'Pods that wait, by where.', 'queue', () => Object.entries(state.waiting()));
  computed('scheduler_unschedulable_pods', 'Pods that wait, by what rejected them.', 'plugin', () => state.rejected());
  computed('scheduler_cache_size', 'What the scheduler knows of.', 'type', () => Object.entries(state.cache()));

  const evaluated = new Map<SchedulerPlugin, Record<'PreFilter' | 'Filter' | 'Score', Value>>();
  const countsOf = (plugin: SchedulerPlugin) => {
    let counts = evaluated.get(plugin);
    if (counts === undefined) {
      const at = (point: string) => evaluations.with({ extension_point: point, plugin: plugin.name, profile });
      evaluated.set(plugin, (counts = { PreFilter: at('PreFilter'), Filter: at('Filter'), Score: at('Score') }));
    }
    return counts;
  };
  const onPoint = (point: ExtensionPoint, status: PointStatus, seconds: number): void =>
    points.with({ extension_point: point, profile, status }).observe(seconds);

  return {
    cycle() {
      let sinceMs = clock.monotonicMs();
      return {
        ended(point, status) {
          const now = clock.monotonicMs();
          onPoint(point, status, (now - sinceMs) / 1000);
          sinceMs = now;
        },
        evaluated: (plugin, point) => void countsOf(plugin)[point].value++,
      };
    },
    onDecided: (seconds) => algorithm.observe(seconds),
    onAttempt(result, seconds) {
      attempts.with({ profile, result }).add();
      durations.with({ profile, result }).observe(seconds);
    },
    onPoint,
    onScheduled(count, seconds) {
      needed.observe(count);
      const label = count >= attemptsLabelMax ? `${attemptsLabelMax}+` : String(count);
      service.with({ attempts: label }).observe(seconds);
    },
    onPreemption(count) {
      preemptions.add();
      if (count !== undefined) victims.observe(count);
    },
    onDevicesWaited(status, seconds, claims) {
      for (const claim of claims) {
        for (const { driver } of claim.status?.allocation?.devices?.results ?? [])
          waits.with({ driver, profile, status }).observe(seconds);
        for (const { driver } of resultsWithConditions(claim)) waited.with({ driver, profile, status }).add();
      }
    },
    onQueued: (event, queue) => incoming.with({ event, queue }).add(),
  };
}

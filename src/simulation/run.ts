// Runs one scenario from the first start to the rest at its end, and checks what must hold on the way.
import { CronJobs, Events, Leases, Nodes } from '#api/generated/kind-references.ts';
import { storagePrefix } from '#api/kinds.ts';
import type { StoreEvent } from '#storage/store.ts';
import { ContainerRules } from './invariants/container-rules.ts';
import { DisruptionRules } from './invariants/disruption-rules.ts';
import { HistoryRules } from './invariants/history-rules.ts';
import { OwnerRules } from './invariants/owner-rules.ts';
import { restProblems } from './invariants/rest-rules.ts';
import { WatchRules } from './invariants/watch-rules.ts';
import { faults, heal } from './workload/faults.ts';
import type { Scenario, Step } from './workload/scenario.ts';
import { userActions } from './workload/user-actions.ts';
import { Cluster, type ClusterOptions } from './world/cluster.ts';
import { Dice } from './world/dice.ts';
import type { Violation } from './world/journal.ts';
import { stored } from './world/stored.ts';

export interface RunOptions {
  readonly onLine?: ((line: string) => void) | undefined;
  readonly replaceController?: ClusterOptions['replaceController'];
}
export interface RunResult {
  readonly violations: readonly Violation[];
  /** Of everything that happened. */
  readonly digest: string;
  readonly revisions: number;
  readonly virtualMs: number;
  /** How much some rules had to judge: nothing judged is nothing shown. */
  readonly judged: { readonly evictions: number; readonly watched: number };
}

const minute = 60_000;
/** So long nothing may be written before it counts as rest; back-off of containers and images goes up to five minutes. */
const quietMinutes = 6;
/** A clock that was put back delays what waits for a time by as much. */
const restMinutesMax = 45;
/** Several times what a busy run needs. */
const revisionsMax = 10_000;
const turnsMax = 250_000;
/** What is written at rest, too. */
const heartbeats = [Leases, Nodes, Events].map((kind) => storagePrefix(kind));

export async function runScenario(scenario: Scenario, options: RunOptions = {}): Promise<RunResult> {
  const containers = new ContainerRules();
  const cluster = await Cluster.create({ ...scenario, ...options, watcher: containers });
  containers.cluster = cluster;
  const { journal, timeline, store } = cluster;
  const [history, owners] = [new HistoryRules(cluster), new OwnerRules(cluster)];
  const [disruptions, watcher] = [new DisruptionRules(cluster), new WatchRules(cluster)];
  cluster.onAcknowledged = (revision, what) => watcher.onAcknowledged(revision, what);
  let lastWriteMs = 0;
  const stop = (why: string): void => {
    if (!timeline.stopped) journal.violate('work is bounded', why);
    timeline.stopped = true;
  };
  const lateWrites = new Map<string, number>();
  const onEvent = (event: StoreEvent): void => {
    history.onEvent(event);
    owners.onEvent(event);
    containers.onEvent(event);
    disruptions.onEvent(event);
    watcher.onEvent(event);
    if (event.revision > revisionsMax) stop(`${revisionsMax} revisions were written`);
    const { key } = event.stored;
    if (heartbeats.some((prefix) => key.startsWith(prefix))) return;
    lastWriteMs = timeline.monotonicMs;
    lateWrites.set(key, (lateWrites.get(key) ?? 0) + 1);
  };
  store.watch('/registry/', 0, { onEvents: (events) => events.forEach(onEvent), onEnd: () => undefined });

  cluster.start();
  watcher.watch();
  for (const step of scenario.steps) {
    await timeline.runFor(Math.max(0, step.atMs - timeline.monotonicMs));
    perform(cluster, step);
  }
  await timeline.runFor(minute / 2);
  heal(cluster);
  journal.write('user', 'everything is well again');
  cluster.act('suspend cron jobs', async () => {
    for (const one of stored(store, CronJobs)) {
      const { namespace, name = '' } = one.metadata;
      await cluster.user
        .resource(CronJobs)
        .patch({ namespace, name }, { type: 'merge', value: { spec: { suspend: true } } });
    }
  });
  for (let minutes = 0; ; minutes++) {
    lateWrites.clear();
    await timeline.runFor(minute);
    if (timeline.turns > turnsMax) stop(`${turnsMax} timers have run`);
    if (timeline.stopped) break;
    if (timeline.monotonicMs - lastWriteMs < quietMinutes * minute) {
      if (minutes < restMinutesMax) continue;
      const busiest = [...lateWrites].map(([key, count]) => `${key} ${count}`).slice(0, 5);
      journal.violate('rest is reached', `in the last minute: ${busiest.join(', ')}`);
    }
    const problems = restProblems(cluster);
    if (problems.length > 0 && minutes < restMinutesMax) continue;
    for (const [rule, problem] of problems) journal.violate(rule, problem);
    watcher.finish();
    break;
  }
  return {
    violations: journal.violations,
    digest: journal.digest(),
    revisions: store.revision,
    virtualMs: timeline.monotonicMs,
    judged: { evictions: disruptions.judged, watched: watcher.received },
  };
}

function perform(cluster: Cluster, { action, seed }: Step): void {
  const dice = new Dice(seed);
  const userAction = userActions[action];
  if (userAction !== undefined) {
    cluster.act(action, () => userAction.run({ dice, client: cluster.user, store: cluster.store }));
    return;
  }
  const fault = faults[action];
  if (fault === undefined) throw new Error(`the scenario has the unknown action ${JSON.stringify(action)}`);
  const { what, lastsMs, end } = fault.begin(cluster, dice);
  cluster.journal.write('fault', `${action}: ${what}${lastsMs === undefined ? '' : ` for ${lastsMs / 1_000} s`}`);
  if (end !== undefined)
    cluster.timeline.schedule(lastsMs ?? 0, () => {
      cluster.journal.write('fault', `over: ${action}`);
      end();
    });
}

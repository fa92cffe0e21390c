// A DaemonSet's Pods, status and history: one Pod on each node that takes it.
import { ControllerRevisions, DaemonSets, Pods } from '#api/generated/kind-references.ts';
import type { ControllerRevision, DaemonSet, DaemonSetStatus, Node, Pod } from '#api/generated/types.ts';
import { matcherFor } from '#api/meta/label-selector.ts';
import { podIsTerminal } from '#rules/pod-is-active.ts';
import { availableInMs, podIsAvailable, podIsReady } from '#rules/pod-is-ready.ts';
import { semanticallyEqual } from '#rules/semantically-equal.ts';
import { claim } from '../ownership/ownership.ts';
import { templateHash } from '../deployment/template-hash.ts';
import { historyOf, revisionLabel, surplus } from '../revisions/revisions.ts';
import {
  create,
  nothing,
  patch,
  remove,
  updateStatus,
  type Action,
  type Decision,
  type EventRequest,
} from '../runtime/action.ts';
import { daemonPod, fit, isUpdated, nodeOf, type Fit } from './daemon-pod.ts';
import { isRolling, rollout, surgeOf, type Rollout } from './rollout.ts';

export interface DaemonSetSnapshot {
  readonly daemonSet: DaemonSet;
  /** Pods of the namespace that it controls, and those without a controller. */
  readonly pods: readonly Pod[];
  readonly nodes: readonly Node[];
  /** Of the namespace: those that it controls, and those without a controller. */
  readonly revisions: readonly ControllerRevision[];
  revisionNamed(name: string): ControllerRevision | undefined;
  /** How long a failed Pod on this node is still left there. */
  failedBackoffMs(node: string): number;
}

/** Pods made or removed in one decision: upstream's BurstReplicas. */
const burstMax = 250;
/** Notes that a failed Pod on the node of this name was removed: the next one waits longer. */
export const noteFailure = 'note-failure';
const historyLimitDefault = 10;

export function decide(snapshot: DaemonSetSnapshot, now: number): Decision {
  const { daemonSet } = snapshot;
  const { spec, metadata } = daemonSet;
  if (Object.keys(spec.selector).length === 0)
    return {
      actions: [],
      events: [
        about(
          daemonSet,
          'Warning',
          'SelectingAll',
          'This daemon set is selecting all pods. A non-empty selector is required.',
        ),
      ],
    };
  if (metadata.deletionTimestamp !== undefined) return nothing;
  const matches = (labels: Readonly<Record<string, string>> | undefined) => matcherFor(spec.selector).matches(labels);
  const history = historyOf({
    ownerKind: DaemonSets,
    owner: daemonSet,
    template: spec.template,
    hash: () => templateHash(spec.template, daemonSet.status?.collisionCount),
    hashLabel: revisionLabel,
    candidates: snapshot.revisions,
    matches,
    named: (name) => snapshot.revisionNamed(name),
  });
  if (history.collides) {
    const status = { ...daemonSet.status!, collisionCount: (daemonSet.status?.collisionCount ?? 0) + 1 };
    return { actions: [...history.actions, updateStatus(DaemonSets, { ...daemonSet, status })] };
  }
  const hash = history.current.metadata.labels?.[revisionLabel] ?? history.current.metadata.name!;
  const claims = claim({
    ownerKind: DaemonSets,
    owner: daemonSet,
    kind: Pods,
    candidates: snapshot.pods,
    matches: (pod) => matches(pod.metadata.labels),
  });
  const fits = new Map(snapshot.nodes.map((node) => [node.metadata.name!, fit(daemonSet, node)]));
  const podsByNode = groupByNode(claims.claimed);
  const kept = manage(snapshot, podsByNode, fits, hash, now);
  const desired = [...fits].filter(([, one]) => one.runs).map(([name]) => name);
  let changes: Rollout = kept;
  // The next step of a rollout waits until the Pods are as they should be otherwise.
  if (kept.remove.length + kept.make.length === 0 && isRolling(daemonSet)) {
    const all = new Map([...desired.map((name) => [name, [] as readonly Pod[]] as const), ...podsByNode]);
    changes = rollout(daemonSet, all, desired.length, (name) => fits.get(name)?.runs === true, hash, now);
  }
  const { status, wakeAfterMs } = statusOf(daemonSet, podsByNode, fits, hash, now);
  const live = new Set(claims.claimed.map((pod) => pod.metadata.labels?.[revisionLabel]));
  return {
    actions: [
      ...claims.actions,
      ...history.actions,
      ...dropTwins(claims.claimed, history.twins, hash),
      ...(semanticallyEqual(status, daemonSet.status) ? [] : [updateStatus(DaemonSets, { ...daemonSet, status })]),
      ...kept.failedOn.map((node): Action => ({
        verb: 'effect',
        effect: noteFailure,
        argument: `${metadata.uid!}/${node}`,
      })),
      ...changes.remove.slice(0, burstMax).map((pod) => removal(daemonSet, pod)),
      ...changes.make.slice(0, burstMax).map((node) => creation(daemonSet, daemonPod(daemonSet, node, hash))),
      ...surplus(history.old, spec.revisionHistoryLimit ?? historyLimitDefault, (one) =>
        live.has(one.metadata.labels?.[revisionLabel]),
      ),
    ],
    events: kept.events,
    wakeAfterMs: earliest(wakeAfterMs, kept.wakeAfterMs),
  };
}

const earliest = (one: number | undefined, other: number | undefined): number | undefined =>
  one === undefined || other === undefined ? (one ?? other) : Math.min(one, other);

/** Scheduled ones first, then the oldest. */
function byAge(one: Pod, other: Pod): number {
  const [placed, otherPlaced] = [(one.spec.nodeName ?? '') !== '', (other.spec.nodeName ?? '') !== ''];
  if (placed !== otherPlaced) return placed ? -1 : 1;
  const text = (pod: Pod) => `${pod.metadata.creationTimestamp ?? ''} ${pod.metadata.name!}`;
  return text(one) < text(other) ? -1 : 1;
}

function groupByNode(pods: readonly Pod[]): ReadonlyMap<string, readonly Pod[]> {
  const groups = new Map<string, Pod[]>();
  for (const pod of pods.toSorted(byAge)) {
    const node = nodeOf(pod);
    // One that has ended and is being deleted is nobody's any more.
    if (node === undefined || (podIsTerminal(pod) && pod.metadata.deletionTimestamp !== undefined)) continue;
    const group = groups.get(node);
    if (group === undefined) groups.set(node, [pod]);
    else group.push(pod);
  }
  return groups;
}

interface Kept extends Rollout {
  readonly failedOn: readonly string[];
  readonly events: readonly EventRequest[];
  readonly wakeAfterMs: number | undefined;
}

/** One Pod on each node that should have it, none elsewhere. */
function manage(
  snapshot: DaemonSetSnapshot,
  podsByNode: ReadonlyMap<string, readonly Pod[]>,
  fits: ReadonlyMap<string, Fit>,
  hash: string,
  now: number,
): Kept {
  const { daemonSet } = snapshot;
  const gone: Pod[] = [];
  const make: string[] = [];
  const failedOn: string[] = [];
  const events: EventRequest[] = [];
  let wakeAfterMs: number | undefined;
  const surges = surgeOf(daemonSet, 1) > 0;
  for (const [node, { runs, stays }] of fits) {
    const pods = podsByNode.get(node);
    if (pods === undefined) {
      if (runs) make.push(node);
      continue;
    }
    const living = pods.filter((one) => one.metadata.deletionTimestamp === undefined);
    if (!stays) {
      gone.push(...living);
      continue;
    }
    const running: Pod[] = [];
    for (const pod of living) {
      const { phase } = pod.status ?? {};
      const name = `${pod.metadata.namespace!}/${pod.metadata.name!}`;
      if (phase === 'Failed') {
        const waitMs = snapshot.failedBackoffMs(node);
        if (waitMs > 0) {
          wakeAfterMs = earliest(wakeAfterMs, waitMs);
          continue;
        }
        failedOn.push(node);
        gone.push(pod);
        const message = `Found failed daemon pod ${name} on node ${node}, will try to kill it`;
        events.push(about(daemonSet, 'Warning', 'FailedDaemonPod', message));
      } else if (phase === 'Succeeded') {
        gone.push(pod);
        const message = `Found succeeded daemon pod ${name} on node ${node}, will try to delete it`;
        events.push(about(daemonSet, 'Normal', 'SucceededDaemonPod', message));
      } else running.push(pod);
    }
    if (!surges) gone.push(...running.slice(1));
    else if (running.length === 0) {
      if (runs) make.push(node);
    } else if (running.length > 1) gone.push(...surplusOfSurge(daemonSet, running, hash, now));
  }
  // Nobody else removes a Pod that waits for a node that does not come.
  for (const [node, pods] of podsByNode)
    if (!fits.has(node)) gone.push(...pods.filter((one) => (one.spec.nodeName ?? '') === ''));
  return { remove: gone, make, failedOn, events, wakeAfterMs };
}

/** One old and one new Pod may be there together, as long as the old one is ready and the new one not available yet. */
function surplusOfSurge(daemonSet: DaemonSet, running: readonly Pod[], hash: string, now: number): readonly Pod[] {
  const isNew = (pod: Pod) => pod.metadata.labels?.[revisionLabel] === hash;
  const fresh = running.filter(isNew);
  const stale = running.filter((pod) => !isNew(pod));
  const extra = [...fresh.slice(1), ...stale.slice(1)];
  const [one, other] = [fresh[0], stale[0]];
  if (one === undefined || other === undefined) return extra;
  const isReplaced = !podIsReady(other) || podIsAvailable(one, daemonSet.spec.minReadySeconds ?? 0, now);
  return isReplaced ? [...extra, other] : extra;
}

function statusOf(
  daemonSet: DaemonSet,
  podsByNode: ReadonlyMap<string, readonly Pod[]>,
  fits: ReadonlyMap<string, Fit>,
  hash: string,
  now: number,
) {
  const minReadySeconds = daemonSet.spec.minReadySeconds ?? 0;
  let [desired, current, misscheduled, ready, updated, available] = [0, 0, 0, 0, 0, 0];
  let wakeAfterMs: number | undefined;
  for (const [node, { runs }] of fits) {
    const pod = podsByNode.get(node)?.[0];
    if (!runs) {
      if (pod !== undefined) misscheduled++;
      continue;
    }
    desired++;
    if (pod === undefined) continue;
    current++;
    if (isUpdated(daemonSet, pod, hash)) updated++;
    for (const one of podsByNode.get(node)!) {
      const inMs = availableInMs(one, minReadySeconds, now);
      if (inMs !== undefined && inMs > 0) wakeAfterMs = earliest(wakeAfterMs, inMs);
    }
    if (!podIsReady(pod)) continue;
    ready++;
    if (podIsAvailable(pod, minReadySeconds, now)) available++;
  }
  const { collisionCount, conditions } = daemonSet.status ?? {};
  const status: DaemonSetStatus = {
    currentNumberScheduled: current,
    numberMisscheduled: misscheduled,
    desiredNumberScheduled: desired,
    numberReady: ready,
    observedGeneration: daemonSet.metadata.generation ?? 0,
    ...(updated === 0 ? {} : { updatedNumberScheduled: updated }),
    ...(available === 0 ? {} : { numberAvailable: available }),
    ...(desired === available ? {} : { numberUnavailable: desired - available }),
    ...(collisionCount === undefined ? {} : { collisionCount }),
    ...(conditions === undefined ? {} : { conditions }),
  };
  return { status, wakeAfterMs };
}

/** Pods of a revision that goes are counted to the one that stays. */
function dropTwins(pods: readonly Pod[], twins: readonly ControllerRevision[], hash: string): readonly Action[] {
  const hashes = new Set(twins.map((one) => one.metadata.labels?.[revisionLabel]));
  return [
    ...pods
      .filter((pod) => hashes.has(pod.metadata.labels?.[revisionLabel] ?? ''))
      .map((pod) => patch(Pods, pod, { type: 'merge', value: { metadata: { labels: { [revisionLabel]: hash } } } })),
    ...twins.map((one) => remove(ControllerRevisions, one)),
  ];
}

const about = (daemonSet: DaemonSet, type: EventRequest['type'], reason: string, message: string): EventRequest => ({
  about: { ...daemonSet, kind: 'DaemonSet', apiVersion: 'apps/v1' },
  type,
  reason,
  message,
});

const creation = (daemonSet: DaemonSet, pod: Pod): Action =>
  create(Pods, pod, {
    onSuccess: (made) => about(daemonSet, 'Normal', 'SuccessfulCreate', `Created pod: ${made.metadata.name!}`),
    onFailure: (message) => about(daemonSet, 'Warning', 'FailedCreate', `Error creating: ${message}`),
  });
const removal = (daemonSet: DaemonSet, pod: Pod): Action =>
  remove(
    Pods,
    pod,
    {},
    {
      onSuccess: () => about(daemonSet, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name!}`),
      onFailure: (message) => about(daemonSet, 'Warning', 'FailedDelete', `Error deleting: ${message}`),
    },
  );

// What holds once everything is well again and nobody changes anything: status is what is, nothing is left over. Each rule
// gives what is wrong; empty: nothing.
import {
  DaemonSets,
  Deployments,
  Jobs,
  Nodes,
  PersistentVolumeClaims,
  PersistentVolumes,
  PodDisruptionBudgets,
  Pods,
  ReplicaSets,
  ResourceQuotas,
  StatefulSets,
} from '#api/generated/kind-references.ts';
import type { Pod } from '#api/generated/types.ts';
import type { KubernetesObject } from '#api/kind.ts';
import { matcherFor } from '#api/meta/label-selector.ts';
import { quantityToNumber } from '#api/quantity.ts';
import { podUidLabel } from '#node/pod/runtime-status.ts';
import { podIsActive, podIsTerminal } from '#rules/pod-is-active.ts';
import { podIsReady } from '#rules/pod-is-ready.ts';
import type { Cluster } from '../world/cluster.ts';
import { nameOf, stored } from '../world/stored.ts';
import { endpointProblems } from './endpoint-rules.ts';
import { controllerUid, targetNode } from './owner-rules.ts';

interface Rest {
  readonly cluster: Cluster;
  readonly pods: readonly Pod[];
  readonly podsOf: (owner: KubernetesObject) => readonly Pod[];
}
type Rule = (rest: Rest) => readonly string[];

const differing = (object: KubernetesObject, has: object, is: object): string[] => {
  const [left, right] = [JSON.stringify(has), JSON.stringify(is)];
  return left === right ? [] : [`${nameOf(object)}: status says ${left}, it is ${right}`];
};

const observed = ({
  metadata,
  status,
}: KubernetesObject & { status?: { observedGeneration?: number | undefined } | undefined }) =>
  status?.observedGeneration === metadata.generation;

const usesClaim = (pod: Pod, { metadata }: KubernetesObject): boolean =>
  pod.metadata.namespace === metadata.namespace &&
  (pod.spec.volumes ?? []).some((one) => one.persistentVolumeClaim?.claimName === metadata.name);

const nothingIsDeleting: Rule = ({ cluster, pods }) =>
  cluster.store
    .list('/registry/')
    .items.map((one) => one.object())
    .filter((one) => one.metadata.deletionTimestamp !== undefined)
    // A claim stays as long as a Pod has it.
    .filter((one) => one.kind !== 'PersistentVolumeClaim' || !pods.some((pod) => usesClaim(pod, one)))
    .map((one) => `${one.kind} ${nameOf(one)} waits for ${one.metadata.finalizers?.join(' ') ?? 'its removal'}`);

const nothingIsOrphaned: Rule = ({ cluster }) => {
  const all = cluster.store.list('/registry/').items.map((one) => one.object());
  const uids = new Set(all.map((one) => one.metadata.uid));
  return all
    .filter(
      ({ metadata: { ownerReferences = [], deletionTimestamp } }) =>
        ownerReferences.length > 0 && deletionTimestamp === undefined,
    )
    .filter(({ metadata: { ownerReferences = [] } }) => !ownerReferences.some((one) => uids.has(one.uid)))
    .map((one) => `${one.kind} ${nameOf(one)} has lost ${one.metadata.ownerReferences?.[0]?.kind}`);
};

const replicaSetsCount: Rule = ({ cluster, podsOf }) =>
  stored(cluster.store, ReplicaSets).flatMap((set) => {
    const own = podsOf(set).filter(podIsActive);
    const ready = own.filter(podIsReady).length;
    const { replicas = 0, readyReplicas = 0, conditions = [] } = set.status ?? {};
    const problems = differing(set, { replicas, readyReplicas }, { replicas: own.length, readyReplicas: ready });
    if (!observed(set)) problems.push(`${nameOf(set)}: its generation was not observed`);
    const mayFail = conditions.some((one) => one.type === 'ReplicaFailure' && one.status === 'True');
    if (own.length !== (set.spec?.replicas ?? 1) && !mayFail)
      problems.push(`${nameOf(set)}: wants ${set.spec?.replicas} and has ${own.length}`);
    return problems;
  });

const deploymentsCount: Rule = ({ cluster, podsOf }) =>
  stored(cluster.store, Deployments).flatMap((deployment) => {
    const sets = stored(cluster.store, ReplicaSets).filter((one) => controllerUid(one) === deployment.metadata.uid);
    const own = sets.flatMap(podsOf).filter(podIsActive);
    const { replicas = 0, readyReplicas = 0 } = deployment.status ?? {};
    const is = { replicas: own.length, readyReplicas: own.filter(podIsReady).length };
    return [
      ...differing(deployment, { replicas, readyReplicas }, is),
      ...(observed(deployment) ? [] : [`${nameOf(deployment)}: its generation was not observed`]),
    ];
  });

const statefulSetsCount: Rule = ({ cluster, podsOf }) =>
  stored(cluster.store, StatefulSets).flatMap((set) => {
    const own = podsOf(set).filter((one) => one.metadata.deletionTimestamp === undefined);
    const { replicas = 0, readyReplicas = 0 } = set.status ?? {};
    return [
      ...differing(
        set,
        { replicas, readyReplicas },
        { replicas: own.length, readyReplicas: own.filter(podIsReady).length },
      ),
      ...(observed(set) ? [] : [`${nameOf(set)}: its generation was not observed`]),
    ];
  });

const daemonSetsCount: Rule = ({ cluster, podsOf }) =>
  stored(cluster.store, DaemonSets).flatMap((set) => {
    const { currentNumberScheduled = 0, numberMisscheduled = 0, numberReady = 0 } = set.status ?? {};
    const places = (pods: readonly Pod[]) =>
      new Set(pods.flatMap((pod) => pod.spec.nodeName ?? targetNode(pod) ?? [])).size;
    const own = podsOf(set).filter(podIsActive);
    return [
      ...differing(set, { scheduled: currentNumberScheduled + numberMisscheduled }, { scheduled: places(own) }),
      // On nodes that it should not be on (any more) it is not counted as ready.
      ...(numberMisscheduled > 0
        ? []
        : differing(set, { numberReady }, { numberReady: places(own.filter(podIsReady)) })),
      ...(observed(set) ? [] : [`${nameOf(set)}: its generation was not observed`]),
    ];
  });

const jobsCount: Rule = ({ cluster, podsOf, pods }) => [
  ...stored(cluster.store, Jobs).flatMap((job) => {
    const own = podsOf(job);
    const { active = 0, uncountedTerminatedPods: uncounted, conditions = [] } = job.status ?? {};
    const problems = differing(job, { active }, { active: own.filter(podIsActive).length });
    if ((uncounted?.succeeded?.length ?? 0) + (uncounted?.failed?.length ?? 0) > 0)
      problems.push(`${nameOf(job)}: Pods are not counted yet`);
    const ended = conditions.some((one) => ['Complete', 'Failed'].includes(one.type) && one.status === 'True');
    const mayWait = stored(cluster.store, ResourceQuotas, job.metadata.namespace).length > 0;
    if (
      !ended &&
      !mayWait &&
      job.spec?.suspend !== true &&
      own.every((one) => !podIsActive(one)) &&
      (job.spec?.parallelism ?? 1) > 0
    )
      problems.push(`${nameOf(job)}: it has neither ended nor has it Pods`);
    const { succeeded = 0 } = job.status ?? {};
    const { completions, completionMode } = job.spec ?? {};
    const complete = conditions.some((one) => one.type === 'Complete' && one.status === 'True');
    if (complete && completions !== undefined && completionMode === 'Indexed' && succeeded !== completions)
      problems.push(`${nameOf(job)}: complete with ${succeeded} of ${completions}`);
    return problems;
  }),
  ...pods
    .filter(
      (one) => podIsTerminal(one) && one.metadata.finalizers?.includes('batch.kubernetes.io/job-tracking') === true,
    )
    .map((one) => `${nameOf(one)} has ended and was not counted`),
];

const budgetsCount: Rule = ({ cluster, pods }) =>
  stored(cluster.store, PodDisruptionBudgets).flatMap((one) => {
    // Pods without a controller cannot be counted by some budgets: then it says so.
    if (one.status?.conditions?.some(({ reason }) => reason === 'SyncFailed') === true) return [];
    const matches = matcherFor(one.spec?.selector);
    const healthy = pods.filter(
      (pod) => pod.metadata.namespace === one.metadata.namespace && matches.matches(pod.metadata.labels ?? {}),
    );
    const currentHealthy = healthy.filter((pod) => podIsActive(pod) && podIsReady(pod)).length;
    return differing(one, { currentHealthy: one.status?.currentHealthy ?? 0 }, { currentHealthy });
  });

const quotasCount: Rule = ({ cluster, pods }) =>
  stored(cluster.store, ResourceQuotas).flatMap((quota) => {
    const count = pods.filter(
      (one) => one.metadata.namespace === quota.metadata.namespace && !podIsTerminal(one),
    ).length;
    return differing(quota, { pods: quantityToNumber(String(quota.status?.used?.['pods'] ?? -1)) }, { pods: count });
  });

const claimsAreBoundOnce: Rule = ({ cluster }) => {
  const [claims, volumes] = [stored(cluster.store, PersistentVolumeClaims), stored(cluster.store, PersistentVolumes)];
  const problems: string[] = [];
  for (const claim of claims) {
    const { volumeName } = claim.spec;
    if (volumeName === undefined || volumeName === '') continue;
    const volume = volumes.find((one) => one.metadata.name === volumeName);
    if (volume?.spec.claimRef?.uid !== claim.metadata.uid)
      problems.push(`${nameOf(claim)} has ${volumeName}, which is of ${volume?.spec.claimRef?.name}`);
  }
  for (const volume of volumes) {
    const { claimRef } = volume.spec;
    if (volume.status?.phase === 'Bound' && !claims.some((one) => one.metadata.uid === claimRef?.uid))
      problems.push(`${nameOf(volume)} is bound to ${claimRef?.name}, which is not there`);
  }
  for (const path of cluster.volumeDirectories)
    if (!volumes.some((one) => one.spec.hostPath?.path === path || one.spec.local?.path === path))
      problems.push(`the directory ${path} is of no volume`);
  return problems;
};

const nodesAreReady: Rule = ({ cluster }) =>
  stored(cluster.store, Nodes).flatMap((node) => {
    const ready = node.status?.conditions?.find((one) => one.type === 'Ready')?.status;
    const taints = (node.spec?.taints ?? []).filter((one) =>
      /^node.kubernetes.io\/(not-ready|unreachable)$/.test(one.key),
    );
    return ready === 'True' && taints.length === 0
      ? []
      : [`${nameOf(node)}: Ready is ${ready}, ${taints.length} taints`];
  });

const podsRun: Rule = ({ pods }) =>
  pods.flatMap((pod) => {
    if (podIsTerminal(pod)) return [];
    if ((pod.spec.nodeName ?? '') === '') {
      const waits = pod.status?.conditions?.some((one) => one.type === 'PodScheduled' && one.status === 'False');
      return waits === true ? [] : [`${nameOf(pod)} was not looked at by the scheduler`];
    }
    // One of its containers has ended for good, another runs on.
    const hasEnded =
      pod.spec.restartPolicy !== 'Always' &&
      pod.status?.containerStatuses?.some((one) => one.state?.terminated !== undefined) === true;
    return podIsReady(pod) || hasEnded
      ? []
      : [
          `${nameOf(pod)} on ${pod.spec.nodeName} is not ready: ${JSON.stringify(pod.status?.containerStatuses?.map((one) => one.state) ?? pod.status)}`,
        ];
  });

const runtimesHoldWhatIsWanted: Rule = ({ cluster, pods }) =>
  cluster.nodes.flatMap(({ name, runtime }) => {
    const wanted = new Map(pods.filter((one) => one.spec.nodeName === name).map((one) => [one.metadata.uid, one]));
    const problems: string[] = [];
    for (const { id, config } of runtime.sandboxes.values())
      if (!wanted.has(config.labels[podUidLabel])) problems.push(`${name}: sandbox ${id} is of no Pod`);
    const running = new Set<string | undefined>();
    for (const { state, id, config } of runtime.containers.values()) {
      if (state !== 'running') continue;
      const pod = wanted.get(config.labels[podUidLabel]);
      running.add(pod?.metadata.uid);
      if (pod === undefined) problems.push(`${name}: container ${id} runs and is of no Pod`);
      else if (podIsTerminal(pod)) problems.push(`${name}: container ${id} runs and its Pod ${nameOf(pod)} has ended`);
    }
    for (const pod of wanted.values())
      if (podIsReady(pod) && !podIsTerminal(pod) && !running.has(pod.metadata.uid))
        problems.push(`${nameOf(pod)} is ready and nothing of it runs`);
    return problems;
  });

export const restRules: Readonly<Record<string, Rule>> = {
  'what is deleted goes': nothingIsDeleting,
  'nothing is left of owners that are gone': nothingIsOrphaned,
  'nodes become ready again': nodesAreReady,
  'Pods run': podsRun,
  'ReplicaSets count right and have what they want': replicaSetsCount,
  'Deployments count right': deploymentsCount,
  'StatefulSets count right': statefulSetsCount,
  'DaemonSets count right': daemonSetsCount,
  'Jobs count right and end': jobsCount,
  'budgets count right': budgetsCount,
  'quotas count right': quotasCount,
  'claims and volumes are bound one to one': claimsAreBoundOnce,
  'runtimes hold what Pods want': runtimesHoldWhatIsWanted,
  'endpoints are the ready Pods': ({ cluster, pods }) => endpointProblems(cluster, pods),
};

/** Every rule that does not hold, with what is wrong. */
export function restProblems(cluster: Cluster): readonly (readonly [rule: string, problem: string])[] {
  const pods = stored(cluster.store, Pods);
  const rest: Rest = {
    cluster,
    pods,
    podsOf: (owner) => pods.filter((one) => controllerUid(one) === owner.metadata.uid),
  };
  return Object.entries(restRules).flatMap(([rule, check]) => check(rest).map((problem) => [rule, problem] as const));
}

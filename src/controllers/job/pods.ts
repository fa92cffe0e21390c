// What a Job reads in its Pods and writes into them.
import { Jobs, Pods } from '#api/generated/kind-references.ts';
import type { Container, Job, Pod } from '#api/generated/types.ts';
import { podIsTerminal } from '#rules/pod-is-active.ts';
import { deletionOrder } from '../replicaset/deletion-order.ts';
import { podFromTemplate } from '../replicaset/replicas.ts';
import { patch, type Action } from '../runtime/action.ts';
import { failureVerdict } from './policies.ts';

export const trackingFinalizer = 'batch.kubernetes.io/job-tracking';
const indexKey = 'batch.kubernetes.io/job-completion-index';
const failureCountKey = 'batch.kubernetes.io/job-index-failure-count';
const ignoredCountKey = 'batch.kubernetes.io/job-index-ignored-failure-count';
/** A generated name has 63 characters, 5 of them random. */
const generateNameLengthMax = 58;

export const isTracked = (pod: Pod): boolean => pod.metadata.finalizers?.includes(trackingFinalizer) === true;
export const isEnding = (pod: Pod): boolean => !podIsTerminal(pod) && pod.metadata.deletionTimestamp !== undefined;
export const isIndexed = (job: Job): boolean => job.spec.completionMode === 'Indexed';
/** Pods that are being deleted are replaced only once they have ended. */
export const replacesOnlyFailed = ({ spec }: Job): boolean =>
  spec.podReplacementPolicy === 'Failed' || spec.podFailurePolicy !== undefined;

export const hasFailed = (pod: Pod, job: Job): boolean =>
  pod.status?.phase === 'Failed' ||
  (!replacesOnlyFailed(job) && pod.metadata.deletionTimestamp !== undefined && pod.status?.phase !== 'Succeeded');

/** Undefined: none that counts. */
export function indexOf(pod: Pod, job: Job): number | undefined {
  const text = pod.metadata.annotations?.[indexKey];
  if (text === undefined || !/^\d+$/.test(text)) return undefined;
  const index = Number(text);
  return index < (job.spec.completions ?? 0) ? index : undefined;
}

const annotated = (pod: Pod, key: string): number => {
  const text = pod.metadata.annotations?.[key] ?? '';
  return /^\d{1,10}$/.test(text) ? Number(text) : 0;
};
/** Earlier failures of the Pod's index that count. */
export const indexFailures = (pod: Pod): number => annotated(pod, failureCountKey);
/** All earlier failures of the Pod's index. */
export const allIndexFailures = (pod: Pod): number => indexFailures(pod) + annotated(pod, ignoredCountKey);

export const untrack = (pod: Pod): Action =>
  patch(
    Pods,
    pod,
    {
      type: 'strategic',
      value: { metadata: { uid: pod.metadata.uid, '$deleteFromPrimitiveList/finalizers': [trackingFinalizer] } },
    },
    { accept: ['NotFound'] },
  );

/** Which of the active Pods go when at least so many must: repeated and invalid indexes always. */
export function podsToRemove(job: Job, active: readonly Pod[], atLeast: number, now: number): readonly Pod[] {
  if (!isIndexed(job)) return deletionOrder(active, [], now).slice(0, atLeast);
  const byIndex = Map.groupBy(active, (one) => indexOf(one, job));
  const gone: Pod[] = [];
  const left: Pod[] = [];
  for (const [index, pods] of byIndex) {
    if (index === undefined) gone.push(...pods);
    else {
      const ordered = deletionOrder(pods, [], now);
      gone.push(...ordered.slice(0, -1));
      left.push(ordered.at(-1)!);
    }
  }
  return [...gone, ...deletionOrder(left, [], now).slice(0, Math.max(0, atLeast - gone.length))];
}

/** `replaced`: the failed Pod of the same index whose failures are carried over. */
export function podOf(job: Job, index: number | undefined, replaced: Pod | undefined): Pod {
  const pod = podFromTemplate(Jobs, job, job.spec.template);
  const finalizers = [...new Set([...(pod.metadata.finalizers ?? []), trackingFinalizer])];
  if (index === undefined) {
    return { ...pod, metadata: { ...pod.metadata, finalizers } };
  }
  const suffix = `-${index}-`;
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      finalizers,
      generateName: `${job.metadata.name!.slice(0, generateNameLengthMax - suffix.length)}${suffix}`,
      labels: { ...pod.metadata.labels, [indexKey]: String(index) },
      annotations: {
        ...pod.metadata.annotations,
        [indexKey]: String(index),
        ...(job.spec.backoffLimitPerIndex === undefined ? {} : failureCounts(job, replaced)),
      },
    },
    spec: {
      ...pod.spec,
      hostname: `${job.metadata.name!}-${index}`,
      containers: pod.spec.containers.map(withIndexVariable),
      ...(pod.spec.initContainers === undefined
        ? {}
        : { initContainers: pod.spec.initContainers.map(withIndexVariable) }),
    },
  };
}

function failureCounts(job: Job, replaced: Pod | undefined): Record<string, string> {
  if (replaced === undefined) return { [failureCountKey]: '0' };
  const { counts } = failureVerdict(job, replaced);
  const ignored = annotated(replaced, ignoredCountKey) + (counts ? 0 : 1);
  return {
    [failureCountKey]: String(indexFailures(replaced) + (counts ? 1 : 0)),
    ...(ignored === 0 ? {} : { [ignoredCountKey]: String(ignored) }),
  };
}

const indexVariable = 'JOB_COMPLETION_INDEX';
const withIndexVariable = (container: Container): Container =>
  container.env?.some((one) => one.name === indexVariable) === true
    ? container
    : {
        ...container,
        env: [
          ...(container.env ?? []),
          {
            name: indexVariable,
            valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: `metadata.labels['${indexKey}']` } },
          },
        ],
      };

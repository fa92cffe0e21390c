// What a Job's failure policy says of a failed Pod, and its success policy of the indexes that succeeded.
import type {
  ContainerStatus,
  Job,
  Pod,
  PodFailurePolicyOnExitCodesRequirement,
  SuccessPolicy,
} from '#api/generated/types.ts';
import { IndexSet } from './index-set.ts';

export interface FailureVerdict {
  readonly action: string | undefined;
  /** The failure counts against the limits. */
  readonly counts: boolean;
  /** The whole Job fails for this. */
  readonly failsJob: string | undefined;
}
const counted: FailureVerdict = { action: undefined, counts: true, failsJob: undefined };

export function failureVerdict(job: Job, pod: Pod): FailureVerdict {
  const name = `${pod.metadata.namespace!}/${pod.metadata.name!}`;
  for (const [index, rule] of (job.spec.podFailurePolicy?.rules ?? []).entries()) {
    const rest = `matching ${rule.action} rule at index ${index}`;
    let cause: string | undefined;
    if (rule.onExitCodes !== undefined) {
      const container = matchingContainer(pod, rule.onExitCodes);
      if (container !== undefined)
        cause = `Container ${container.name} for pod ${name} failed with exit code ${container.state!.terminated!.exitCode} ${rest}`;
    } else {
      const condition = pod.status?.conditions?.find((one) =>
        rule.onPodConditions?.some((wanted) => wanted.type === one.type && (wanted.status ?? 'True') === one.status),
      );
      if (condition !== undefined) cause = `Pod ${name} has condition ${condition.type} ${rest}`;
    }
    if (cause === undefined) continue;
    return {
      action: rule.action,
      counts: rule.action !== 'Ignore',
      failsJob: rule.action === 'FailJob' ? cause : undefined,
    };
  }
  return counted;
}

function matchingContainer(
  pod: Pod,
  { containerName, operator, values }: PodFailurePolicyOnExitCodesRequirement,
): ContainerStatus | undefined {
  return [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])].find((one) => {
    const code = one.state?.terminated?.exitCode ?? 0;
    return (
      code !== 0 &&
      (containerName === undefined || containerName === one.name) &&
      values.includes(code) === (operator === 'In')
    );
  });
}

/** The message of the first rule that is met. */
export function successMessage(
  policy: SuccessPolicy | undefined,
  completions: number,
  succeeded: IndexSet,
): string | undefined {
  if (succeeded.size === 0) return undefined;
  const index = (policy?.rules ?? []).findIndex(({ succeededIndexes, succeededCount }) => {
    if (succeededIndexes === undefined) return succeededCount !== undefined && succeeded.size >= succeededCount;
    const wanted = IndexSet.parse(succeededIndexes, completions);
    if (wanted.size === 0) return false;
    const reached = wanted.overlap(succeeded);
    return reached === wanted.size || (succeededCount !== undefined && reached >= succeededCount);
  });
  return index < 0 ? undefined : `Matched rules at index ${index}`;
}

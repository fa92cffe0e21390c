// POST of an Eviction: a delete that asks the pod disruption budgets first. Rules of upstream's registry/core/pod eviction.
import type { Eviction, Pod, PodDisruptionBudget } from '#api/generated/types.ts';
import type { Mutable } from '#api/kind.ts';
import { kindTable, storagePrefix } from '#api/kinds.ts';
import { matcherFor } from '#api/meta/label-selector.ts';
import type { ApiResponse } from '#api/request.ts';
import { formatTime } from '#api/meta/time.ts';
import { invalid } from '#api/field-error.ts';
import { ApiError, badRequestError, conflictError, internalError, invalidError, notFoundError } from '#api/status.ts';
import { readTyped } from '../content/read-created.ts';
import { writeOptions } from '../content/request-options.ts';
import { admitAction } from '../registry/admit-action.ts';
import { deleteObject } from '../registry/delete-object.ts';
import type { DeleteSettings } from '../registry/delete-object.ts';
import { groupResource, isTerminating, storedOf } from '../registry/resource-request.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import { updateObject } from '../registry/update-object.ts';
import { respondObject, successStatus } from '../responses.ts';

const evictionType = 'io.k8s.api.policy.v1.Eviction';
const retryAfterSeconds = 10;
/** Names in disruptedPods at once: upstream's MaxDisruptedPodSize. */
const disruptedPodsMax = 2_000;

const isReady = (pod: Pod): boolean =>
  pod.status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') === true;
const disruptionTarget = 'DisruptionTarget';

const needsNoBudget = (pod: Pod): boolean =>
  pod.status?.phase === 'Succeeded' ||
  pod.status?.phase === 'Failed' ||
  pod.status?.phase === 'Pending' ||
  isTerminating(pod);

const refused = (message: string, cause?: string): ApiError =>
  new ApiError(429, 'TooManyRequests', message, {
    ...(cause === undefined ? {} : { causes: [{ reason: 'DisruptionBudget', message: cause }] }),
    retryAfterSeconds,
  });

/** Takes one disruption from the budget, or throws why not. */
async function takeDisruption(request: ResourceRequest, budget: PodDisruptionBudget, pod: Pod, dryRun: boolean) {
  const row = kindTable.find('policy', 'v1', 'poddisruptionbudgets')!;
  const name = budget.metadata.name!;
  const { clock } = request.context.server.options;
  await updateObject(
    { context: request.context, row, namespace: request.namespace, name, subresource: 'status' },
    (current) => {
      if (current === undefined) throw notFoundError(groupResource(row), name);
      const copy = structuredClone(current) as PodDisruptionBudget;
      const { status } = copy;
      if ((status?.observedGeneration ?? 0) < (copy.metadata.generation ?? 0))
        throw refused(
          "Cannot evict pod as it would violate the pod's disruption budget.",
          `The disruption budget ${name} is still being processed by the server.`,
        );
      if ((status?.disruptionsAllowed ?? 0) <= 0)
        throw refused(
          "Cannot evict pod as it would violate the pod's disruption budget.",
          `The disruption budget ${name} needs ${status?.desiredHealthy ?? 0} healthy pods and has ${status?.currentHealthy ?? 0} currently`,
        );
      if (Object.keys(status?.disruptedPods ?? {}).length > disruptedPodsMax)
        throw new ApiError(
          403,
          'Forbidden',
          'DisruptedPods map too big - too many evictions not confirmed by PDB controller',
        );
      return {
        ...copy,
        status: {
          ...status,
          disruptionsAllowed: (status?.disruptionsAllowed ?? 0) - 1,
          disruptedPods: { ...status?.disruptedPods, [pod.metadata.name!]: formatTime(clock.now()) },
        },
      } as never;
    },
    { dryRun, createWhenAbsent: false, retriesConflicts: true, fieldManager: '', isInternal: true },
  );
}

/** The Pod says why it ends: whoever counts its failures (a Job's policy) tells an eviction from a failure of its own. */
async function markEvicted(request: ResourceRequest, settings: DeleteSettings): Promise<DeleteSettings> {
  const { preconditions } = settings;
  const now = formatTime(request.context.server.options.clock.now());
  const written = await updateObject(
    { ...request, subresource: 'eviction' },
    (current) => {
      if (current === undefined) throw notFoundError(groupResource(request.row), request.name);
      const conflict = (what: string, wanted: string, found: string) =>
        conflictError(
          { group: '', resource: 'Pod' },
          request.name,
          `the ${what} in the precondition (${wanted}) does not match the ${what} in record (${found}). The object might have been ${what === 'UID' ? 'deleted and then recreated' : 'modified'}`,
        );
      const { uid = '', resourceVersion = '' } = preconditions;
      const found = current.metadata;
      if (uid !== '' && uid !== found.uid) throw conflict('UID', uid, found.uid ?? '');
      if (resourceVersion !== '' && resourceVersion !== found.resourceVersion)
        throw conflict('ResourceVersion', resourceVersion, found.resourceVersion ?? '');
      const pod = structuredClone(current) as Mutable<Pod>;
      const conditions = (pod.status ??= {}).conditions ?? [];
      const before = conditions.find((one) => one.type === disruptionTarget);
      pod.status.conditions = [
        ...conditions.filter((one) => one !== before),
        {
          type: disruptionTarget,
          status: 'True',
          lastProbeTime: null as never,
          lastTransitionTime: before?.status === 'True' ? before.lastTransitionTime : now,
          reason: 'EvictionByEvictionAPI',
          message: 'Eviction API: evicting',
        },
      ];
      return pod;
    },
    { dryRun: false, createWhenAbsent: false, retriesConflicts: true, fieldManager: '', isInternal: true },
  );
  if ((preconditions.resourceVersion ?? '') === '' || written.type !== 'stored') return settings;
  return { ...settings, preconditions: { ...preconditions, resourceVersion: String(written.stored.revision) } };
}

export async function evictPod(request: ResourceRequest): Promise<ApiResponse> {
  const { context } = request;
  const { store } = context.server.options;
  const options = writeOptions(context.request, 'CreateOptions');
  const target = { group: 'policy', version: 'v1', kind: 'Eviction' };
  const eviction = (await readTyped(context, evictionType, target, options, ['policy/v1beta1'])) as unknown as Eviction;
  if (eviction.metadata?.name !== request.name)
    throw badRequestError('name in URL does not match name in Eviction object');
  const asked = eviction.deleteOptions;
  if (asked?.ignoreStoreReadErrorWithClusterBreakingPotential === true)
    throw invalidError(target, request.name, [
      invalid(
        'deleteOptions.ignoreStoreReadErrorWithClusterBreakingPotential',
        true,
        'can not be set for pod eviction, try after removing the option',
      ),
    ]);
  const dryRun = options.dryRun || (asked?.dryRun?.length ?? 0) > 0;
  await admitAction(request, {
    operation: 'CREATE',
    object: eviction,
    kind: { group: 'policy', version: 'v1', kind: 'Eviction' },
    dryRun,
  });
  const pod = storedOf(request).object() as Pod;
  let settings: DeleteSettings = {
    dryRun,
    gracePeriodSeconds: asked?.gracePeriodSeconds ?? undefined,
    propagationPolicy: (asked?.propagationPolicy ?? undefined) as DeleteSettings['propagationPolicy'],
    preconditions: { uid: pod.metadata.uid, ...asked?.preconditions },
    isEviction: true,
  };
  if (!needsNoBudget(pod)) {
    const budgets = store
      .list(storagePrefix(kindTable.find('policy', 'v1', 'poddisruptionbudgets')!, request.namespace))
      .items.map((stored) => stored.object() as PodDisruptionBudget)
      .filter((budget) => matcherFor(budget.spec?.selector).matches(pod.metadata.labels));
    if (budgets.length > 1)
      throw internalError(
        'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
      );
    const budget = budgets[0];
    if (budget !== undefined) {
      const healthy = budget.status?.currentHealthy ?? 0;
      const mayGoUnhealthy =
        !isReady(pod) &&
        (budget.spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow' ||
          (healthy >= (budget.status?.desiredHealthy ?? 0) && (budget.status?.desiredHealthy ?? 0) > 0));
      if (!mayGoUnhealthy) await takeDisruption(request, budget, pod, dryRun);
    }
  }
  if (!dryRun) settings = await markEvicted(request, settings);
  await deleteObject({ ...request, subresource: '' }, settings);
  return respondObject(successStatus(undefined, 201), 201);
}

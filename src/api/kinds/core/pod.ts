// Pod: preparation, what is validated when, graceful deletion. The rules themselves are in api/validation.
import { ownValue } from '#base/own-value.ts';
import { forbidden } from '../../field-error.ts';
import type { Pod, PodAffinityTerm, PodSpec } from '../../generated/types.ts';
import type { KindBehaviour, Mutable } from '../../kind.ts';
import { findCondition } from '../../meta/conditions.ts';
import { dns1123Label } from '../../meta/names.ts';
import { formatTime } from '../../meta/time.ts';
import { appArmorMismatchErrors, fillAppArmorProfiles } from '../../validation/app-armor.ts';
import { isAbsent, semanticEqual } from '../../validation/fields.ts';
import { podQosClass } from '../../validation/pod-qos.ts';
import { podErrors } from '../../validation/pod-spec.ts';
import { podStatusErrors } from '../../validation/pod-status.ts';
import { podResizeErrors } from '../../validation/pod-resize.ts';
import { ephemeralContainersUpdateErrors, podUpdateErrors } from '../../validation/pod-update.ts';
import { podWarnings } from '../../validation/pod-warnings.ts';

/** The Pod's own values of matchLabelKeys become part of the selector. */
function mergeLabelKeys(
  term: Mutable<Pick<PodAffinityTerm, 'labelSelector' | 'matchLabelKeys' | 'mismatchLabelKeys'>>,
  labels: Readonly<Record<string, string>> | undefined,
): void {
  if (term.labelSelector === undefined) return;
  for (const [keys, operator] of [
    [term.matchLabelKeys, 'In'],
    [term.mismatchLabelKeys, 'NotIn'],
  ] as const)
    for (const key of keys ?? []) {
      const value = ownValue(labels, key);
      if (value !== undefined) (term.labelSelector.matchExpressions ??= []).push({ key, operator, values: [value] });
    }
}

function mergeAllLabelKeys(pod: Mutable<Pod>): void {
  const { affinity, topologySpreadConstraints } = pod.spec;
  for (const kind of ['podAffinity', 'podAntiAffinity'] as const) {
    const one = affinity?.[kind];
    for (const term of one?.preferredDuringSchedulingIgnoredDuringExecution ?? [])
      mergeLabelKeys(term.podAffinityTerm, pod.metadata.labels);
    for (const term of one?.requiredDuringSchedulingIgnoredDuringExecution ?? [])
      mergeLabelKeys(term, pod.metadata.labels);
  }
  for (const constraint of topologySpreadConstraints ?? []) mergeLabelKeys(constraint, pod.metadata.labels);
}

/** Everything but the part that the subresource is for stays as it was. */
function keepAllBut(pod: Mutable<Pod>, previous: Pod, spec: PodSpec): void {
  pod.spec = spec as Mutable<PodSpec>;
  pod.status = previous.status as Mutable<Pod['status']>;
  pod.metadata = {
    ...(previous.metadata as Mutable<Pod['metadata']>),
    managedFields: pod.metadata.managedFields,
    resourceVersion: pod.metadata.resourceVersion,
  };
  if (!semanticEqual(spec, previous.spec)) pod.metadata.generation = (previous.metadata.generation ?? 0) + 1;
}

export const pod: KindBehaviour<Pod> = {
  prepareForCreate(object, context) {
    object.status = { phase: 'Pending', qosClass: podQosClass(object.spec) };
    if ((object.spec.schedulingGates?.length ?? 0) > 0)
      object.status.conditions = [
        {
          type: 'PodScheduled',
          status: 'False',
          reason: 'SchedulingGated',
          message: 'Scheduling is blocked due to non-empty scheduling gates',
          lastProbeTime: null as never,
          lastTransitionTime: formatTime(context.now),
        },
      ];
    mergeAllLabelKeys(object);
    fillAppArmorProfiles(object, (text) => context.warn?.(text));
  },
  prepareForUpdate(object, previous, { subresource }) {
    switch (subresource) {
      case 'status':
        object.spec = previous.spec as Mutable<PodSpec>;
        object.metadata.ownerReferences = previous.metadata.ownerReferences as Mutable<
          Pod['metadata']['ownerReferences']
        >;
        object.metadata.deletionTimestamp = previous.metadata.deletionTimestamp;
        object.status ??= {};
        if (isAbsent(object.status.qosClass)) object.status.qosClass = previous.status?.qosClass;
        if ((object.status.observedGeneration ?? 0) === 0)
          object.status.observedGeneration = previous.status?.observedGeneration;
        for (const condition of object.status.conditions ?? [])
          if ((condition.observedGeneration ?? 0) === 0)
            condition.observedGeneration = findCondition(
              previous.status?.conditions,
              condition.type,
            )?.observedGeneration;
        break;
      case 'ephemeralcontainers':
        keepAllBut(object, previous, { ...previous.spec, ephemeralContainers: object.spec.ephemeralContainers });
        break;
      case 'resize': {
        const merge = (list: 'containers' | 'initContainers') => {
          const old = previous.spec[list];
          if (old === undefined || object.spec[list]?.length !== old.length) return object.spec[list];
          if (old.some((one, index) => one.name !== object.spec[list]![index]!.name)) return object.spec[list];
          return old.map((one, index) => {
            const { resources, resizePolicy } = object.spec[list]![index]!;
            return { ...one, resources, resizePolicy };
          });
        };
        keepAllBut(object, previous, {
          ...previous.spec,
          containers: merge('containers') ?? [],
          initContainers: merge('initContainers'),
          resources: object.spec.resources,
        });
        break;
      }
    }
  },
  validate(object) {
    const errors = podErrors(object);
    errors.push(...appArmorMismatchErrors('spec', object.metadata.annotations, object.spec));
    if ((object.spec.ephemeralContainers?.length ?? 0) > 0)
      errors.push(forbidden('spec.ephemeralContainers', 'cannot be set on create'));
    if (!isAbsent(object.spec.nodeName) && (object.spec.schedulingGates?.length ?? 0) > 0)
      errors.push(forbidden('spec.nodeName', 'cannot be set until all schedulingGates have been cleared'));
    return errors;
  },
  validateUpdate(object, previous, subresource) {
    switch (subresource) {
      case 'status':
        return podStatusErrors(object, previous);
      case 'ephemeralcontainers':
        return ephemeralContainersUpdateErrors(object, previous);
      case 'resize':
        return podResizeErrors(object, previous);
      default:
        return podUpdateErrors(object, previous);
    }
  },
  warnings(object, previous) {
    if (previous !== undefined) return [];
    const wrong = dns1123Label(object.metadata.name ?? '');
    const ofName =
      wrong.length === 0
        ? []
        : [
            `metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [${wrong.join(' ')}]`,
          ];
    return [...ofName, ...podWarnings('', object.spec, object.metadata)];
  },
  selectableFields: ({ spec, status }) => ({
    'spec.nodeName': spec.nodeName ?? '',
    'spec.host': spec.nodeName ?? '',
    'spec.restartPolicy': spec.restartPolicy ?? '',
    'spec.schedulerName': spec.schedulerName ?? '',
    'spec.serviceAccountName': spec.serviceAccountName ?? '',
    'spec.hostNetwork': String(spec.hostNetwork ?? false),
    'status.phase': status?.phase ?? '',
    'status.podIP': status?.podIPs?.[0]?.ip ?? status?.podIP ?? '',
    'status.podIPs': status?.podIPs?.[0]?.ip ?? '',
    'status.nominatedNodeName': status?.nominatedNodeName ?? '',
  }),
  /** Bound and not yet finished: the node agent ends it within the period; otherwise it goes at once. */
  gracefulDeletion({ spec, status }, options) {
    const finished = status?.phase === 'Failed' || status?.phase === 'Succeeded';
    const asked = options.gracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? 0;
    const seconds = isAbsent(spec.nodeName) || finished ? 0 : asked < 0 ? 1 : asked;
    return { gracePeriodSeconds: seconds };
  },
};

// Pod: preparation, validation, what may change afterwards, graceful deletion. The spec's rules are in api/validation.
import { forbidden, invalid, required, type FieldError } from '../../field-error.ts';
import type { ContainerStatus, Pod, PodAffinityTerm, PodSpec, Toleration } from '../../generated/types.ts';
import type { KindBehaviour, Mutable } from '../../kind.ts';
import { dns1123Label, nameIsDnsSubdomain, rangeText } from '../../meta/names.ts';
import { findCondition } from '../../meta/conditions.ts';
import { formatTime } from '../../meta/time.ts';
import { ipErrors, isDualStack } from '../../validation/addresses.ts';
import { differences, isAbsent, qualifiedErrors, semanticEqual, texts } from '../../validation/fields.ts';
import { podQosClass } from '../../validation/pod-qos.ts';
import { mirrorPodAnnotation, podAnnotationErrors, podOnlyErrors, podSpecErrors } from '../../validation/pod-spec.ts';
import { podWarnings } from '../../validation/pod-warnings.ts';
import { resourceRequirementErrors } from '../../validation/resources.ts';
import { nodeSelectorErrors, tolerationErrors } from '../../validation/scheduling.ts';

const int32Max = 2 ** 31 - 1;

const updatableFields = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
].join(',');

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
      const value = labels?.[key];
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

const commonErrors = (pod: Pod): FieldError[] => [
  ...podAnnotationErrors('metadata.annotations', pod.metadata.annotations, pod.spec),
  ...podSpecErrors('spec', pod.spec, pod.metadata),
  ...podOnlyErrors(pod.spec),
];

function annotationUpdateErrors(pod: Pod, previous: Pod): FieldError[] {
  const [now, before] = [pod.metadata.annotations ?? {}, previous.metadata.annotations ?? {}];
  const errors: FieldError[] = [];
  const restricted = (key: string) =>
    key.startsWith('container.apparmor.security.beta.kubernetes.io/')
      ? 'AppArmor annotations'
      : key === mirrorPodAnnotation
        ? 'mirror pod annotation'
        : undefined;
  for (const key of new Set([...Object.keys(before), ...Object.keys(now)])) {
    const what = restricted(key);
    if (what === undefined || now[key] === before[key]) continue;
    errors.push(
      forbidden(`metadata.annotations[${key}]`, `may not ${key in before ? 'remove or update' : 'add'} ${what}`),
    );
  }
  return errors;
}

const sameToleration = (a: Toleration, b: Toleration) =>
  semanticEqual({ ...a, tolerationSeconds: undefined }, { ...b, tolerationSeconds: undefined });

/** A gated Pod may still be narrowed: keys added to nodeSelector and to required node affinity. */
function gatedPlacementErrors(spec: PodSpec, previous: PodSpec): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(previous.nodeSelector ?? {}))
    if (spec.nodeSelector?.[key] !== value) {
      errors.push(
        invalid(
          'spec.nodeSelector',
          spec.nodeSelector ?? null,
          'only additions to spec.nodeSelector are allowed (no mutations or deletions)',
        ),
      );
      break;
    }
  const [now, before] = [spec.affinity?.nodeAffinity, previous.affinity?.nodeAffinity].map(
    (one) => one?.requiredDuringSchedulingIgnoredDuringExecution,
  );
  if (before !== undefined && !semanticEqual(now, before)) {
    const path = 'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms';
    const [terms, oldTerms] = [now?.nodeSelectorTerms ?? [], before.nodeSelectorTerms];
    if (terms.length !== oldTerms.length)
      errors.push(invalid(path, terms, 'no additions/deletions to non-empty NodeSelectorTerms list are allowed'));
    else
      for (const [index, term] of terms.entries()) {
        const kept = (['matchExpressions', 'matchFields'] as const).every((part) => {
          const old = oldTerms[index]![part] ?? [];
          return old.every((one, at) => semanticEqual(one, term[part]?.[at]));
        });
        if (!kept)
          errors.push(invalid(`${path}[${index}]`, term, 'only additions are allowed (no mutations or deletions)'));
      }
    if (now !== undefined) errors.push(...nodeSelectorErrors(path.slice(0, path.lastIndexOf('.')), now));
  }
  return errors;
}

function updateErrors(pod: Pod, previous: Pod): FieldError[] {
  const errors = [...commonErrors(pod), ...annotationUpdateErrors(pod, previous)];
  const { spec } = pod;
  const before = previous.spec;
  for (const list of ['containers', 'initContainers'] as const) {
    if ((spec[list]?.length ?? 0) !== (before[list]?.length ?? 0))
      return [...errors, forbidden(`spec.${list}`, 'pod updates may not add or remove containers')];
    for (const [index, container] of (spec[list] ?? []).entries())
      if (isAbsent(container.image)) errors.push(required(`spec.${list}[${index}].image`));
  }
  const [deadline, deadlineBefore] = [spec.activeDeadlineSeconds, before.activeDeadlineSeconds];
  if (deadline !== undefined) {
    if (deadline < 0 || deadline > int32Max)
      return [...errors, invalid('spec.activeDeadlineSeconds', deadline, rangeText(0, int32Max))];
    if (deadlineBefore !== undefined && deadlineBefore < deadline)
      return [
        ...errors,
        invalid('spec.activeDeadlineSeconds', deadline, 'must be less than or equal to previous value'),
      ];
  } else if (deadlineBefore !== undefined)
    errors.push(invalid('spec.activeDeadlineSeconds', null, 'must not update from a positive integer to nil value'));

  if ((before.tolerations ?? []).some((old) => spec.tolerations?.some((one) => sameToleration(one, old)) !== true))
    errors.push(forbidden('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds'));
  else errors.push(...tolerationErrors('spec.tolerations', spec.tolerations));
  for (const [index, gate] of (spec.schedulingGates ?? []).entries())
    if (before.schedulingGates?.some((one) => one.name === gate.name) !== true)
      errors.push(
        forbidden(
          `spec.schedulingGates[${index}].name`,
          `only deletion is allowed, but found new scheduling gate '${gate.name}'`,
        ),
      );
  if (semanticEqual(spec, before)) return errors;

  const gated = (before.schedulingGates?.length ?? 0) > 0;
  if (gated) errors.push(...gatedPlacementErrors(spec, before));
  const graceFixed = (before.terminationGracePeriodSeconds ?? 0) < 0 && spec.terminationGracePeriodSeconds === 1;
  const unchanged: PodSpec = {
    ...spec,
    containers: spec.containers.map((one, index) => ({ ...one, image: before.containers[index]!.image })),
    initContainers: spec.initContainers?.map((one, index) => ({ ...one, image: before.initContainers![index]!.image })),
    activeDeadlineSeconds: before.activeDeadlineSeconds,
    schedulingGates: before.schedulingGates,
    tolerations: before.tolerations,
    terminationGracePeriodSeconds: graceFixed
      ? before.terminationGracePeriodSeconds
      : spec.terminationGracePeriodSeconds,
    ...(gated
      ? {
          nodeSelector: before.nodeSelector,
          affinity: { ...spec.affinity, nodeAffinity: before.affinity?.nodeAffinity },
        }
      : {}),
  };
  if (!semanticEqual(unchanged, before))
    errors.push(
      forbidden(
        'spec',
        `pod updates may not change fields other than ${updatableFields}\n${differences(before, unchanged, 'spec').join('\n')}`,
      ),
    );
  return errors;
}

/** Statuses of containers that ended for good do not come back to life. */
function transitionErrors(
  path: string,
  now: readonly ContainerStatus[] | undefined,
  before: readonly ContainerStatus[] | undefined,
  mayRestart: (name: string, exitCode: number) => boolean,
): FieldError[] {
  return (before ?? []).flatMap((old, index) => {
    const exitCode = old.state?.terminated?.exitCode;
    if (exitCode === undefined || mayRestart(old.name, exitCode)) return [];
    const next = now?.find((one) => one.name === old.name);
    return next !== undefined && next.state?.terminated === undefined
      ? [forbidden(`${path}[${index}].state`, 'may not be transitioned to non-terminated state')]
      : [];
  });
}

function mayRestart(spec: PodSpec, list: 'containers' | 'initContainers'): (name: string, exitCode: number) => boolean {
  return (name, exitCode) => {
    const container = spec[list]?.find((one) => one.name === name);
    if (container === undefined) return false;
    const rules = container.restartPolicyRules ?? [];
    for (const { exitCodes, action } of rules) {
      const listed = exitCodes?.values?.includes(exitCode) === true;
      if (exitCodes !== undefined && (exitCodes.operator === 'In') === listed)
        return action === 'Restart' || action === 'RestartAllContainers';
    }
    const policy = container.restartPolicy ?? spec.restartPolicy;
    return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
  };
}

const systemConditions = new Set(['PodScheduled', 'Ready', 'Initialized']);

function addressListErrors(
  path: string,
  now: readonly { ip?: string | undefined }[] | undefined,
  before: typeof now,
): FieldError[] {
  const known = (before ?? []).map((one) => one.ip ?? '');
  const errors = (now ?? []).flatMap(({ ip = '' }, index) => ipErrors(`${path}[${index}]`, ip, known));
  if ((now?.length ?? 0) > 1 && !isDualStack(now!.map((one) => one.ip ?? '')))
    errors.push(invalid(path, now, 'may specify no more than one IP for each IP family'));
  return errors;
}

function statusErrors(pod: Pod, previous: Pod): FieldError[] {
  const [status, before] = [pod.status ?? {}, previous.status ?? {}];
  const errors = [
    ...podAnnotationErrors('metadata.annotations', pod.metadata.annotations, pod.spec),
    ...annotationUpdateErrors(pod, previous),
  ];
  for (const [index, condition] of (status.conditions ?? []).entries()) {
    if ((condition.observedGeneration ?? 0) < 0)
      errors.push(
        invalid(
          `status.conditions[${index}].observedGeneration`,
          condition.observedGeneration,
          'must be a non-negative integer',
        ),
      );
    if (!systemConditions.has(condition.type))
      errors.push(...qualifiedErrors(`status.conditions[${index}].Type`, condition.type));
  }
  const nominated = status.nominatedNodeName ?? '';
  if (nominated !== '' && nominated !== before.nominatedNodeName) {
    errors.push(...texts('status.nominatedNodeName', nominated, nameIsDnsSubdomain(nominated, false)));
    if (!isAbsent(previous.spec.nodeName))
      errors.push(forbidden('status.nominatedNodeName', 'may not be set on pods that are already bound to a node'));
  }
  if ((status.observedGeneration ?? 0) < 0)
    errors.push(invalid('status.observedGeneration', status.observedGeneration, 'must be a non-negative integer'));
  if (!semanticEqual(status.qosClass, before.qosClass))
    errors.push(invalid('status.qosClass', status.qosClass ?? '', 'field is immutable'));
  const { spec } = previous;
  errors.push(
    ...transitionErrors(
      'status.containerStatuses',
      status.containerStatuses,
      before.containerStatuses,
      mayRestart(spec, 'containers'),
    ),
    ...transitionErrors(
      'status.initContainerStatuses',
      status.initContainerStatuses,
      before.initContainerStatuses,
      mayRestart(spec, 'initContainers'),
    ),
    ...transitionErrors(
      'status.ephemeralContainerStatuses',
      status.ephemeralContainerStatuses,
      before.ephemeralContainerStatuses,
      () => false,
    ),
    ...addressListErrors('status.podIPs', status.podIPs, before.podIPs),
  );
  if ((status.hostIPs?.length ?? 0) > 0) {
    if (status.hostIP !== status.hostIPs![0]!.ip)
      errors.push(invalid('status.hostIPs[0].ip', status.hostIPs![0]!.ip, 'must be equal to `hostIP`'));
    errors.push(...addressListErrors('status.hostIPs', status.hostIPs, before.hostIPs));
  }
  return errors;
}

function ephemeralErrors(pod: Pod, previous: Pod): FieldError[] {
  if (previous.metadata.annotations?.[mirrorPodAnnotation] !== undefined)
    return [forbidden('', 'static pods do not support ephemeral containers')];
  const errors = commonErrors(pod);
  for (const old of previous.spec.ephemeralContainers ?? []) {
    const now = pod.spec.ephemeralContainers?.find((one) => one.name === old.name);
    const name = JSON.stringify(old.name);
    if (now === undefined)
      errors.push(forbidden('spec.ephemeralContainers', `existing ephemeral containers ${name} may not be removed\n`));
    else if (!semanticEqual(now, old))
      errors.push(
        forbidden(
          'spec.ephemeralContainers',
          `existing ephemeral containers ${name} may not be changed\n${differences(old, now).join('\n')}`,
        ),
      );
  }
  return errors;
}

function resizeErrors(pod: Pod, previous: Pod): FieldError[] {
  const errors = commonErrors(pod);
  if (previous.metadata.annotations?.[mirrorPodAnnotation] !== undefined)
    return [forbidden('', 'static pods cannot be resized')];
  if (previous.status?.qosClass !== undefined && podQosClass(pod.spec) !== previous.status.qosClass)
    errors.push(
      invalid('status.qosClass', podQosClass(pod.spec), 'Pod QOS Class may not change as a result of resizing'),
    );
  for (const list of ['containers', 'initContainers'] as const)
    for (const [index, container] of (pod.spec[list] ?? []).entries()) {
      const old = previous.spec[list]?.[index]?.resources;
      const at = `spec.${list}[${index}].resources`;
      for (const part of ['requests', 'limits'] as const)
        if (Object.keys(old?.[part] ?? {}).some((name) => container.resources?.[part]?.[name] === undefined))
          errors.push(forbidden(`${at}.${part}`, `resource ${part} cannot be removed`));
      errors.push(...resourceRequirementErrors(at, container.resources ?? {}, new Set()));
    }
  return errors;
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
          lastTransitionTime: formatTime(context.now),
        },
      ];
    mergeAllLabelKeys(object);
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
      default:
        break;
    }
  },
  validate(object) {
    const errors = commonErrors(object);
    if ((object.spec.ephemeralContainers?.length ?? 0) > 0)
      errors.push(forbidden('spec.ephemeralContainers', 'cannot be set on create'));
    if (!isAbsent(object.spec.nodeName) && (object.spec.schedulingGates?.length ?? 0) > 0)
      errors.push(forbidden('spec.nodeName', 'cannot be set until all schedulingGates have been cleared'));
    return errors;
  },
  validateUpdate(object, previous, subresource) {
    switch (subresource) {
      case 'status':
        return statusErrors(object, previous);
      case 'ephemeralcontainers':
        return ephemeralErrors(object, previous);
      case 'resize':
        return resizeErrors(object, previous);
      default:
        return updateErrors(object, previous);
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
    return [...ofName, ...podWarnings('', object.spec)];
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

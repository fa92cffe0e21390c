// What of a Pod may change once it is made: little of its spec, and what the ephemeralcontainers subresource is for.
// Resizing is in pod-resize.ts, the status in pod-status.ts.
import { forbidden, invalid, required, type FieldError } from '../field-error.ts';
import type { Pod, PodSpec, Toleration } from '../generated/types.ts';
import { rangeText } from '../meta/names.ts';
import { differences, exactlyEqual, isAbsent, semanticEqual } from './fields.ts';
import { podErrors } from './pod-spec.ts';
import { mirrorPodAnnotation, podAnnotationErrors, podAnnotationUpdateErrors } from './pod-annotations.ts';
import { nodeSelectorErrors, tolerationErrors } from './scheduling.ts';

const int32Max = 2 ** 31 - 1;

const updatableFields = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
].join(',');

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
      errors.push(
        invalid(
          path,
          now?.nodeSelectorTerms ?? null,
          'no additions/deletions to non-empty NodeSelectorTerms list are allowed',
        ),
      );
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

export function podUpdateErrors(pod: Pod, previous: Pod): FieldError[] {
  const errors = [
    ...podErrors(pod),
    ...podAnnotationUpdateErrors(pod, previous),
    ...podAnnotationErrors('metadata.annotations', pod.metadata.annotations, pod.spec),
  ];
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
  if (exactlyEqual(spec, before)) return errors;

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
  if (!exactlyEqual(unchanged, before))
    errors.push(
      forbidden(
        'spec',
        `pod updates may not change fields other than ${updatableFields}\n${differences(before, unchanged, 'spec').join('\n')}`,
      ),
    );
  return errors;
}

export function ephemeralContainersUpdateErrors(pod: Pod, previous: Pod): FieldError[] {
  if (previous.metadata.annotations?.[mirrorPodAnnotation] !== undefined)
    return [forbidden('', 'static pods do not support ephemeral containers')];
  const errors = [...podErrors(pod), ...podAnnotationUpdateErrors(pod, previous)];
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

// The resize subresource of Pods: CPU and memory of its containers, and of the Pod as a whole, and nothing else.
import { forbidden, invalid, type FieldError } from '../field-error.ts';
import type { Container, Pod, ResourceRequirements } from '../generated/types.ts';
import { semanticEqual } from './fields.ts';
import { mirrorPodAnnotation } from './pod-annotations.ts';
import { podQosClass } from './pod-qos.ts';
import { podErrors } from './pod-spec.ts';

const resizable = new Set(['cpu', 'memory']);
const parts = ['requests', 'limits'] as const;

function removalErrors(
  path: string,
  now: ResourceRequirements | undefined,
  before: ResourceRequirements | undefined,
  what: string,
): FieldError[] {
  return parts.flatMap((part) =>
    Object.keys(before?.[part] ?? {}).some((name) => now?.[part]?.[name] === undefined)
      ? [forbidden(`${path}.${part}`, `${what} ${part} cannot be removed`)]
      : [],
  );
}

/** What is left of resources when CPU and memory may change. */
function fixedPart(
  now: ResourceRequirements | undefined,
  before: ResourceRequirements | undefined,
): ResourceRequirements | undefined {
  const keep = (part: 'requests' | 'limits') => {
    const others = Object.entries(now?.[part] ?? {}).filter(([name]) => !resizable.has(name));
    const old = Object.entries(before?.[part] ?? {}).filter(([name]) => resizable.has(name));
    return Object.fromEntries([...others, ...old]);
  };
  return { requests: keep('requests'), limits: keep('limits') };
}

function orderErrors(pod: Pod, previous: Pod): FieldError[] {
  const errors: FieldError[] = [];
  for (const list of ['containers', 'initContainers'] as const) {
    const [now, before] = [pod.spec[list] ?? [], previous.spec[list] ?? []];
    if (now.length !== before.length)
      errors.push(forbidden(`spec.${list}`, `${list} may not be added or removed on resize`));
    else
      for (const [index, { name }] of before.entries())
        if (now[index]!.name !== name)
          errors.push(forbidden(`spec.${list}[${index}].name`, `${list} may not be renamed or reordered on resize`));
  }
  return errors;
}

const otherFields = (container: Container) => ({ ...container, resources: undefined });
const isOnlyResized = (now: Container, before: Container): boolean =>
  semanticEqual(otherFields(now), otherFields(before)) &&
  semanticEqual(fixedPart(now.resources, before.resources), {
    requests: before.resources?.requests ?? {},
    limits: before.resources?.limits ?? {},
  });

const hasAmounts = ({ spec }: Pod): boolean =>
  parts.some((part) => Object.keys(spec.resources?.[part] ?? {}).length > 0);

function levelErrors(pod: Pod, previous: Pod): FieldError[] {
  const [now, before] = [pod.spec.resources, previous.spec.resources];
  if (!hasAmounts(pod) && !hasAmounts(previous)) return [];
  if (before !== undefined && now === undefined)
    return [forbidden('spec.resources', 'pod-level resources cannot be removed')];
  const errors = removalErrors('spec.resources', now, before, 'pod-level resource');
  if (!semanticEqual(fixedPart(now, before), { requests: before?.requests ?? {}, limits: before?.limits ?? {} }))
    errors.push(forbidden('spec', 'only cpu and memory resources are mutable at pod-level'));
  return errors;
}

export function podResizeErrors(pod: Pod, previous: Pod): FieldError[] {
  if (previous.metadata.annotations?.[mirrorPodAnnotation] !== undefined)
    return [forbidden('', 'static pods cannot be resized')];
  if (previous.spec.os?.name === 'windows') return [forbidden('', 'windows pods cannot be resized')];
  const errors = podErrors(pod);
  if (podQosClass(pod.spec) !== (previous.status?.qosClass ?? podQosClass(previous.spec)))
    errors.push(invalid('spec', pod.status?.qosClass ?? '', 'Pod QOS Class may not change as a result of resizing'));
  // A node that tells what containers have can change it.
  const running = previous.status?.containerStatuses?.find((one) => one.state?.running !== undefined);
  if (running !== undefined && running.resources === undefined)
    errors.push(forbidden('spec', 'Pod running on node without support for resize'));
  errors.push(...levelErrors(pod, previous));
  if ((previous.status?.nodeAllocatableResourceClaimStatuses?.length ?? 0) > 0)
    errors.push(forbidden('spec', 'pods with node allocatable resource claims cannot be resized'));
  const moved = orderErrors(pod, previous);
  if (moved.length > 0) return [...errors, ...moved];

  for (const list of ['initContainers', 'containers'] as const)
    for (const [index, before] of (previous.spec[list] ?? []).entries()) {
      const now = pod.spec[list]![index]!;
      errors.push(...removalErrors(`spec.${list}[${index}].resources`, now.resources, before.resources, 'resource'));
    }
  for (const [index, before] of previous.spec.containers.entries())
    if (!isOnlyResized(pod.spec.containers[index]!, before))
      errors.push(forbidden('spec', 'only cpu and memory resources are mutable'));
  for (const [index, before] of (previous.spec.initContainers ?? []).entries()) {
    const now = pod.spec.initContainers![index]!;
    const at = `spec.initContainers[${index}]`;
    if (!isOnlyResized(now, before))
      errors.push(forbidden(at, 'only cpu and memory resources for init or sidecar containers are mutable'));
    if (
      before.restartPolicy !== 'Always' &&
      !semanticEqual(now, before) &&
      now.resizePolicy?.some((one) => one.restartPolicy === 'RestartContainer') === true
    )
      errors.push(
        forbidden(at, 'non-sidecar init containers with a resize policy of RestartContainer cannot be resized'),
      );
  }
  return errors;
}

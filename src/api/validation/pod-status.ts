// What the status of a Pod may become.
import { duplicate, forbidden, invalid, type FieldError } from '../field-error.ts';
import type { ContainerStatus, Pod, PodSpec } from '../generated/types.ts';
import { nameIsDnsSubdomain } from '../meta/names.ts';
import { ipErrors, isDualStack } from './addresses.ts';
import { isAbsent, qualifiedErrors, semanticEqual, texts } from './fields.ts';
import { podAnnotationErrors, podAnnotationUpdateErrors } from './pod-annotations.ts';

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

export function podStatusErrors(pod: Pod, previous: Pod): FieldError[] {
  const [status, before] = [pod.status ?? {}, previous.status ?? {}];
  const errors = [
    ...podAnnotationErrors('metadata.annotations', pod.metadata.annotations, pod.spec),
    ...podAnnotationUpdateErrors(pod, previous),
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
  const told = new Set<string>();
  const claims = new Set((previous.spec.resourceClaims ?? []).map((one) => one.name));
  for (const [index, { name, resourceClaimName }] of (status.resourceClaimStatuses ?? []).entries()) {
    const at = `status.resourceClaimStatuses[${index}]`;
    if (!claims.has(name))
      errors.push(invalid(`${at}.name`, name, 'must match the name of an entry in `spec.resourceClaims`'));
    if (told.has(name)) errors.push(duplicate(`${at}.name`, name));
    told.add(name);
    if (resourceClaimName !== undefined)
      errors.push(...texts(`${at}.resourceClaimName`, resourceClaimName, nameIsDnsSubdomain(resourceClaimName, false)));
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

// Containers of a Pod: regular, init (with sidecars) and ephemeral. Environment, mounts and probes have files of their own.
import { duplicate, forbidden, invalid, notFound, required, tooMany, type FieldError } from '../field-error.ts';
import type { Container, ContainerPort, EphemeralContainer, PodSpec, Volume } from '../generated/types.ts';
import { portName, portNumber } from '../meta/names.ts';
import { environmentErrors, environmentSourceErrors } from './environment.ts';
import { isAbsent, labelErrors, oneOf, requiredOneOf, requiredText, texts } from './fields.ts';
import { probesAndLifecycleErrors } from './probes.ts';
import { resourceRequirementErrors } from './resources.ts';
import { containerSecurityErrors } from './security-context.ts';
import { deviceErrors, mountErrors } from './volume-mounts.ts';

/** What containers share with their Pod. */
export interface PodScope {
  readonly spec: PodSpec;
  readonly volumes: ReadonlyMap<string, Volume>;
  readonly claimNames: ReadonlySet<string>;
}

export const protocols = ['SCTP', 'TCP', 'UDP'];
function portErrors(path: string, ports: readonly ContainerPort[] | undefined): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  for (const [index, port] of (ports ?? []).entries()) {
    const at = `${path}[${index}]`;
    if (!isAbsent(port.name)) {
      const wrong = portName(port.name);
      if (wrong.length > 0) errors.push(...texts(`${at}.name`, port.name, wrong));
      else if (names.has(port.name)) errors.push(duplicate(`${at}.name`, port.name));
      else names.add(port.name);
    }
    if ((port.containerPort ?? 0) === 0) errors.push(required(`${at}.containerPort`));
    else errors.push(...texts(`${at}.containerPort`, port.containerPort, portNumber(port.containerPort)));
    if ((port.hostPort ?? 0) !== 0) errors.push(...texts(`${at}.hostPort`, port.hostPort, portNumber(port.hostPort!)));
    errors.push(...requiredOneOf(`${at}.protocol`, port.protocol, protocols));
  }
  return errors;
}

function restartRuleErrors(path: string, container: Container): FieldError[] {
  const { restartPolicy, restartPolicyRules: rules = [] } = container;
  const errors: FieldError[] = [];
  if (restartPolicy === undefined) {
    if (rules.length > 0)
      errors.push(required(`${path}.restartPolicy`, 'must specify restartPolicy when restart rules are used'));
  } else errors.push(...oneOf(`${path}.restartPolicy`, restartPolicy, ['Always', 'Never', 'OnFailure']));
  if (rules.length > 20) errors.push(tooMany(`${path}.restartPolicyRules`, rules.length, 20));
  for (const [index, rule] of rules.entries()) {
    const at = `${path}.restartPolicyRules[${index}]`;
    errors.push(...oneOf(`${at}.action`, rule.action, ['Restart', 'RestartAllContainers']));
    if (rule.exitCodes === undefined) {
      errors.push(required(`${at}.exitCodes`, 'must be specified'));
      continue;
    }
    errors.push(...oneOf(`${at}.exitCodes.operator`, rule.exitCodes.operator, ['In', 'NotIn']));
    const count = rule.exitCodes.values?.length ?? 0;
    if (count > 255) errors.push(tooMany(`${at}.exitCodes.values`, count, 255));
  }
  return errors;
}

function resizePolicyErrors(path: string, container: Container, podRestartPolicy: string | undefined): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [index, policy] of (container.resizePolicy ?? []).entries()) {
    if (seen.has(policy.resourceName)) errors.push(duplicate(`${path}[${index}]`, policy.resourceName));
    seen.add(policy.resourceName);
    errors.push(
      ...requiredOneOf(path, policy.resourceName, ['cpu', 'memory']),
      ...requiredOneOf(path, policy.restartPolicy, ['NotRequired', 'RestartContainer']),
    );
    if (podRestartPolicy === 'Never' && policy.restartPolicy !== 'NotRequired')
      errors.push(invalid(path, policy.restartPolicy, "must be 'NotRequired' when pod `restartPolicy` is 'Never'"));
  }
  return errors;
}

function commonErrors(path: string, container: Container, scope: PodScope): FieldError[] {
  const { spec, volumes, claimNames } = scope;
  return [
    ...(isAbsent(container.name) ? [required(`${path}.name`)] : labelErrors(`${path}.name`, container.name)),
    ...requiredText(`${path}.image`, container.image),
    ...requiredOneOf(`${path}.terminationMessagePolicy`, container.terminationMessagePolicy, [
      'File',
      'FallbackToLogsOnError',
    ]),
    ...portErrors(`${path}.ports`, container.ports),
    ...environmentErrors(`${path}.env`, container.env),
    ...environmentSourceErrors(`${path}.envFrom`, container.envFrom),
    ...mountErrors(`${path}.volumeMounts`, container, volumes),
    ...deviceErrors(`${path}.volumeDevices`, container, volumes),
    ...requiredOneOf(`${path}.imagePullPolicy`, container.imagePullPolicy, ['Always', 'IfNotPresent', 'Never']),
    ...resourceRequirementErrors(`${path}.resources`, container.resources ?? {}, claimNames),
    ...resizePolicyErrors(`${path}.resizePolicy`, container, spec.restartPolicy),
    ...containerSecurityErrors(`${path}.securityContext`, container.securityContext, spec.hostUsers !== false),
  ];
}

/** Two containers of one Pod cannot have the same port of the host. */
function hostPortErrors(path: string, containers: readonly Container[], indexOffset = 0): FieldError[] {
  const errors: FieldError[] = [];
  const used = new Set<string>();
  for (const [index, container] of containers.entries())
    for (const [portIndex, port] of (container.ports ?? []).entries()) {
      if ((port.hostPort ?? 0) === 0) continue;
      const key = `${port.protocol ?? ''}/${port.hostIP ?? ''}/${port.hostPort}`;
      if (used.has(key)) errors.push(duplicate(`${path}[${index + indexOffset}].ports[${portIndex}].hostPort`, key));
      used.add(key);
    }
  return errors;
}

export function containersErrors(path: string, scope: PodScope): FieldError[] {
  const { containers } = scope.spec;
  if ((containers?.length ?? 0) === 0) return [required(path)];
  const errors: FieldError[] = [];
  const names = new Set<string>();
  for (const [index, container] of containers.entries()) {
    const at = `${path}[${index}]`;
    errors.push(...commonErrors(at, container, scope));
    if (names.has(container.name)) errors.push(duplicate(`${at}.name`, container.name));
    names.add(container.name);
    errors.push(...probesAndLifecycleErrors(at, container, scope.spec), ...restartRuleErrors(at, container));
  }
  return [...errors, ...hostPortErrors(path, containers)];
}

export const isSidecar = (container: Pick<Container, 'restartPolicy'>): boolean => container.restartPolicy === 'Always';

export function initContainersErrors(path: string, scope: PodScope): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set((scope.spec.containers ?? []).map((one) => one.name));
  for (const [index, container] of (scope.spec.initContainers ?? []).entries()) {
    const at = `${path}[${index}]`;
    errors.push(...commonErrors(at, container, scope), ...restartRuleErrors(at, container));
    if (names.has(container.name)) errors.push(duplicate(`${at}.name`, container.name));
    else if (!isAbsent(container.name)) names.add(container.name);
    errors.push(...hostPortErrors(path, [container]));
    if (isSidecar(container)) {
      errors.push(...probesAndLifecycleErrors(at, container, scope.spec));
      continue;
    }
    for (const field of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const)
      if (container[field] !== undefined)
        errors.push(forbidden(`${at}.${field}`, 'may not be set for init containers without restartPolicy=Always'));
    for (const [policyIndex, policy] of (container.resizePolicy ?? []).entries())
      if (policy.restartPolicy === 'RestartContainer')
        errors.push(
          invalid(
            `${at}.resizePolicy[${policyIndex}].restartPolicy`,
            policy.restartPolicy,
            "must not be set to 'RestartContainer' for non-sidecar initContainers",
          ),
        );
  }
  return errors;
}

const ephemeralFields = new Set<keyof EphemeralContainer>([
  'name',
  'image',
  'command',
  'args',
  'workingDir',
  'envFrom',
  'env',
  'volumeMounts',
  'volumeDevices',
  'terminationMessagePath',
  'terminationMessagePolicy',
  'imagePullPolicy',
  'securityContext',
  'stdin',
  'stdinOnce',
  'tty',
  'targetContainerName',
]);

/** An empty list or structure is nothing, an empty lifecycle or probe is one. */
const isEmpty = (field: string, value: unknown) =>
  isAbsent(value) ||
  (typeof value === 'object' &&
    (Array.isArray(value) || field === 'resources') &&
    Object.keys(value as object).length === 0);

export function ephemeralContainersErrors(path: string, scope: PodScope): FieldError[] {
  const { spec } = scope;
  const others = new Set([...(spec.containers ?? []), ...(spec.initContainers ?? [])].map((one) => one.name));
  const names = new Set(others);
  const detail = 'cannot be set for an Ephemeral Container';
  const errors: FieldError[] = [];
  for (const [index, container] of (spec.ephemeralContainers ?? []).entries()) {
    const at = `${path}[${index}]`;
    errors.push(...commonErrors(at, container, scope), ...imageSpaceErrors(at, container.image));
    if (names.has(container.name)) errors.push(duplicate(`${at}.name`, container.name));
    names.add(container.name);
    const target = container.targetContainerName;
    if (!isAbsent(target) && !others.has(target)) errors.push(notFound(`${at}.targetContainerName`, target));
    for (const [field, value] of Object.entries(container))
      if (!ephemeralFields.has(field as keyof EphemeralContainer) && !isEmpty(field, value))
        errors.push(forbidden(`${at}.${field}`, detail));
    for (const [mountIndex, mount] of (container.volumeMounts ?? []).entries())
      for (const field of ['subPath', 'subPathExpr'] as const)
        if (!isAbsent(mount[field])) errors.push(forbidden(`${at}.volumeMounts[${mountIndex}].${field}`, detail));
  }
  return errors;
}

/** Templates have always been allowed to carry such an image; Pods never. */
export const imageSpaceErrors = (path: string, image: string | undefined): FieldError[] =>
  image !== undefined && image.trim() !== image
    ? [invalid(`${path}.image`, image, 'must not have leading or trailing whitespace')]
    : [];

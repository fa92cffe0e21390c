// Containers of a Pod: regular, init (with sidecars) and ephemeral.
import { duplicate, forbidden, invalid, notFound, required, tooMany, type FieldError } from '../field-error.ts';
import type {
  Container,
  ContainerPort,
  EnvFromSource,
  EnvVar,
  EphemeralContainer,
  LifecycleHandler,
  PodSpec,
  Probe,
  Volume,
} from '../generated/types.ts';
import {
  configMapKey,
  environmentVariableName,
  httpHeaderName,
  nameIsDnsSubdomain,
  portName,
  portNumber,
} from '../meta/names.ts';
import {
  isAbsent,
  labelErrors,
  nonNegative,
  noStepsUp,
  oneOf,
  optionalOneOf,
  portNumberOrName,
  relativePath,
  requiredOneOf,
  requiredText,
  texts,
} from './fields.ts';
import { resourceRequirementErrors } from './resources.ts';
import { containerSecurityErrors } from './security-context.ts';
import { fieldReferenceErrors, resourceReferenceErrors } from './volumes.ts';

/** What containers share with their Pod. */
export interface PodScope {
  readonly spec: PodSpec;
  readonly volumes: ReadonlyMap<string, Volume>;
  readonly claimNames: ReadonlySet<string>;
}

export const protocols = ['SCTP', 'TCP', 'UDP'];
const environmentFieldPaths = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];

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

function environmentErrors(path: string, variables: readonly EnvVar[] | undefined): FieldError[] {
  return (variables ?? []).flatMap((variable, index) => {
    const at = `${path}[${index}]`;
    const errors = isAbsent(variable.name)
      ? [required(`${at}.name`)]
      : texts(`${at}.name`, variable.name, environmentVariableName(variable.name));
    const from = variable.valueFrom;
    if (from === undefined) return errors;
    const of = `${at}.valueFrom`;
    if (from.fieldRef !== undefined)
      errors.push(...fieldReferenceErrors(`${of}.fieldRef`, from.fieldRef, environmentFieldPaths));
    if (from.resourceFieldRef !== undefined)
      errors.push(...resourceReferenceErrors(`${of}.resourceFieldRef`, from.resourceFieldRef, false));
    for (const kind of ['configMapKeyRef', 'secretKeyRef'] as const) {
      const reference = from[kind];
      if (reference === undefined) continue;
      errors.push(
        ...texts(`${of}.${kind}.name`, reference.name ?? '', nameIsDnsSubdomain(reference.name ?? '', false)),
        ...(isAbsent(reference.key)
          ? [required(`${of}.${kind}.key`)]
          : texts(`${of}.${kind}.key`, reference.key, configMapKey(reference.key))),
      );
    }
    if (from.fileKeyRef !== undefined) {
      const file = from.fileKeyRef;
      const filePath = `${of}.fileKeyRef`;
      errors.push(
        ...(isAbsent(file.key)
          ? [required(`${filePath}.key`)]
          : texts(`${filePath}.key`, file.key, environmentVariableName(file.key))),
        ...(isAbsent(file.volumeName)
          ? [required(`${filePath}.volumeName`)]
          : labelErrors(`${filePath}.volumeName`, file.volumeName)),
        ...(isAbsent(file.path) ? [required(`${filePath}.path`)] : noStepsUp(`${filePath}.path`, file.path)),
      );
    }
    const sources = Object.values(from).filter((one) => one !== undefined).length;
    if (sources === 0)
      errors.push(
        invalid(
          of,
          '',
          'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
        ),
      );
    else if (!isAbsent(variable.value)) errors.push(invalid(of, '', 'may not be specified when `value` is not empty'));
    else if (sources > 1) errors.push(invalid(of, '', 'may not have more than one field specified at a time'));
    return errors;
  });
}

function environmentSourceErrors(path: string, sources: readonly EnvFromSource[] | undefined): FieldError[] {
  return (sources ?? []).flatMap((source, index) => {
    const at = `${path}[${index}]`;
    const errors = isAbsent(source.prefix)
      ? []
      : texts(`${at}.prefix`, source.prefix, environmentVariableName(source.prefix));
    let count = 0;
    for (const kind of ['configMapRef', 'secretRef'] as const) {
      const reference = source[kind];
      if (reference === undefined) continue;
      count++;
      errors.push(
        ...(isAbsent(reference.name)
          ? [required(`${at}.${kind}.name`)]
          : texts(`${at}.${kind}.name`, reference.name, nameIsDnsSubdomain(reference.name, true))),
      );
    }
    if (count === 0) errors.push(invalid(path, '', 'must specify one of: `configMapRef` or `secretRef`'));
    if (count > 1) errors.push(invalid(path, '', 'may not have more than one field specified at a time'));
    return errors;
  });
}

function mountErrors(path: string, container: Container, volumes: ReadonlyMap<string, Volume>): FieldError[] {
  const errors: FieldError[] = [];
  const points = new Set<string>();
  const devices = container.volumeDevices ?? [];
  const privileged = container.securityContext?.privileged === true;
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
    const at = `${path}[${index}]`;
    errors.push(...requiredText(`${at}.name`, mount.name));
    if (!volumes.has(mount.name)) errors.push(notFound(`${at}.name`, mount.name));
    errors.push(...requiredText(`${at}.mountPath`, mount.mountPath));
    if (points.has(mount.mountPath)) errors.push(invalid(`${at}.mountPath`, mount.mountPath, 'must be unique'));
    points.add(mount.mountPath);
    if (devices.some((one) => one.name === mount.name))
      errors.push(invalid(`${at}.name`, mount.name, 'must not already exist in volumeDevices'));
    if (devices.some((one) => one.devicePath === mount.mountPath))
      errors.push(invalid(`${at}.mountPath`, mount.mountPath, 'must not already exist as a path in volumeDevices'));
    // Upstream leaves the index out of the next four paths.
    if (!isAbsent(mount.subPath)) errors.push(...relativePath(`${path}.subPath`, mount.subPath));
    if (!isAbsent(mount.subPathExpr)) {
      if (!isAbsent(mount.subPath))
        errors.push(invalid(`${at}.subPathExpr`, mount.subPathExpr, 'subPathExpr and subPath are mutually exclusive'));
      errors.push(...relativePath(`${path}.subPathExpr`, mount.subPathExpr));
    }
    const propagation = mount.mountPropagation;
    if (propagation !== undefined) {
      errors.push(...oneOf(`${path}.mountPropagation`, propagation, ['Bidirectional', 'HostToContainer', 'None']));
      if (propagation === 'Bidirectional' && !privileged)
        errors.push(
          forbidden(
            `${path}.mountPropagation`,
            'Bidirectional mount propagation is available only to privileged containers',
          ),
        );
    }
    const recursive = mount.recursiveReadOnly;
    if (recursive === 'Enabled' || recursive === 'IfPossible') {
      if (mount.readOnly !== true)
        errors.push(forbidden(`${path}.recursiveReadOnly`, 'may only be specified when readOnly is true'));
      if (propagation !== undefined && propagation !== 'None')
        errors.push(
          forbidden(
            `${path}.recursiveReadOnly`,
            'may only be specified when mountPropagation is None or not specified',
          ),
        );
    } else errors.push(...optionalOneOf(`${path}.recursiveReadOnly`, recursive, ['Disabled', 'Enabled', 'IfPossible']));
  }
  return errors;
}

function deviceErrors(path: string, container: Container, volumes: ReadonlyMap<string, Volume>): FieldError[] {
  const errors: FieldError[] = [];
  const [paths, names] = [new Set<string>(), new Set<string>()];
  const mounts = container.volumeMounts ?? [];
  for (const [index, device] of (container.volumeDevices ?? []).entries()) {
    const at = `${path}[${index}]`;
    const volume = volumes.get(device.name);
    errors.push(...requiredText(`${at}.name`, device.name));
    if (names.has(device.name)) errors.push(invalid(`${at}.name`, device.name, 'must be unique'));
    if (volume === undefined) errors.push(notFound(`${at}.name`, device.name));
    else if (volume.persistentVolumeClaim === undefined && volume.ephemeral === undefined)
      errors.push(
        invalid(
          `${at}.name`,
          device.name,
          'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode',
        ),
      );
    errors.push(...requiredText(`${at}.devicePath`, device.devicePath));
    if (paths.has(device.devicePath)) errors.push(invalid(`${at}.devicePath`, device.devicePath, 'must be unique'));
    if (noStepsUp('', device.devicePath).length > 0)
      errors.push(invalid(`${at}.devicePath`, device.devicePath, "can not contain backsteps ('..')"));
    else paths.add(device.devicePath);
    if (mounts.some((one) => one.name === device.name))
      errors.push(invalid(`${at}.name`, device.name, 'must not already exist in volumeMounts'));
    if (mounts.some((one) => one.mountPath === device.devicePath))
      errors.push(invalid(`${at}.devicePath`, device.devicePath, 'must not already exist as a path in volumeMounts'));
    names.add(device.name);
  }
  return errors;
}

const handlerOrder = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const;

function handlerErrors(path: string, handler: Probe & LifecycleHandler, gracePeriod: number | undefined): FieldError[] {
  const [first, ...further] = handlerOrder.filter((name) => handler[name] !== undefined);
  if (first === undefined) return [required(path, 'must specify a handler type')];
  const at = `${path}.${first}`;
  const errors: FieldError[] = [];
  switch (first) {
    case 'exec':
      if ((handler.exec!.command?.length ?? 0) === 0) errors.push(required(`${at}.command`));
      break;
    case 'httpGet': {
      const { path: urlPath, port, scheme, httpHeaders } = handler.httpGet!;
      errors.push(
        ...requiredText(`${at}.path`, urlPath),
        ...portNumberOrName(`${at}.port`, port),
        ...oneOf(`${at}.scheme`, scheme, ['HTTP', 'HTTPS']),
        ...(httpHeaders ?? []).flatMap(({ name }) => texts(`${at}.httpHeaders`, name, httpHeaderName(name))),
      );
      break;
    }
    case 'tcpSocket':
      errors.push(...portNumberOrName(`${at}.port`, handler.tcpSocket!.port));
      break;
    case 'grpc':
      errors.push(...portNumberOrName(`${at}.port`, handler.grpc!.port));
      break;
    case 'sleep': {
      const { seconds } = handler.sleep!;
      if (gracePeriod !== undefined && (seconds < 0 || seconds > gracePeriod))
        errors.push(
          invalid(at, seconds, `must be non-negative and less than terminationGracePeriodSeconds (${gracePeriod})`),
        );
      break;
    }
  }
  for (const name of further) errors.push(forbidden(`${path}.${name}`, 'may not specify more than 1 handler type'));
  return errors;
}

function probeErrors(
  path: string,
  probe: Probe | undefined,
  gracePeriod: number | undefined,
  readiness: boolean,
): FieldError[] {
  if (probe === undefined) return [];
  const errors = [
    ...handlerErrors(path, probe, gracePeriod),
    ...(
      ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'] as const
    ).flatMap((name) => nonNegative(`${path}.${name}`, probe[name])),
  ];
  const grace = probe.terminationGracePeriodSeconds;
  if (grace !== undefined && grace <= 0)
    errors.push(invalid(`${path}.terminationGracePeriodSeconds`, grace, 'must be greater than 0'));
  if (readiness && grace !== undefined)
    errors.push(invalid(`${path}.terminationGracePeriodSeconds`, grace, 'must not be set for readinessProbes'));
  if (!readiness && probe.successThreshold !== 1)
    errors.push(invalid(`${path}.successThreshold`, probe.successThreshold ?? 0, 'must be 1'));
  return errors;
}

function probesAndLifecycleErrors(path: string, container: Container, { spec }: PodScope): FieldError[] {
  const grace = spec.terminationGracePeriodSeconds;
  const { lifecycle } = container;
  const errors: FieldError[] = [];
  if (lifecycle !== undefined) {
    for (const hook of ['postStart', 'preStop'] as const)
      if (lifecycle[hook] !== undefined)
        errors.push(...handlerErrors(`${path}.lifecycle.${hook}`, lifecycle[hook], grace));
    if (lifecycle.stopSignal !== undefined) {
      const at = `${path}.lifecycle.stopSignal`;
      if (spec.os === undefined) errors.push(forbidden(at, 'may not be set for containers with empty `spec.os.name`'));
      else if (spec.os.name === 'windows') errors.push(...oneOf(at, lifecycle.stopSignal, ['SIGKILL', 'SIGTERM']));
    }
  }
  return [
    ...errors,
    ...probeErrors(`${path}.livenessProbe`, container.livenessProbe, grace, false),
    ...probeErrors(`${path}.readinessProbe`, container.readinessProbe, grace, true),
    ...probeErrors(`${path}.startupProbe`, container.startupProbe, grace, false),
  ];
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
    errors.push(...probesAndLifecycleErrors(at, container, scope), ...restartRuleErrors(at, container));
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
      errors.push(...probesAndLifecycleErrors(at, container, scope));
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

const isEmpty = (value: unknown) =>
  isAbsent(value) || (typeof value === 'object' && Object.keys(value as object).length === 0);

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
      if (!ephemeralFields.has(field as keyof EphemeralContainer) && !isEmpty(value))
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

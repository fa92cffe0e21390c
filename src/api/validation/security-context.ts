// Security contexts of containers and Pods.
import { duplicate, forbidden, invalid, required, type FieldError } from '../field-error.ts';
import type { PodSpec, SeccompProfile, SecurityContext } from '../generated/types.ts';
import { userId } from '../meta/names.ts';
import { appArmorErrors } from './app-armor.ts';
import { isAbsent, oneOf, optionalOneOf, relativePath, texts } from './fields.ts';
import { windowsOptionErrors } from './windows.ts';

const idErrors = (path: string, id: number | undefined): FieldError[] =>
  id === undefined ? [] : texts(path, id, userId(id));

const profileTypes = ['Localhost', 'RuntimeDefault', 'Unconfined'];

function seccompErrors(path: string, profile: SeccompProfile | undefined): FieldError[] {
  if (profile === undefined) return [];
  const errors = isAbsent(profile.type)
    ? [required(`${path}.type`, 'type is required when seccompProfile is set')]
    : oneOf(`${path}.type`, profile.type, profileTypes);
  const at = `${path}.localhostProfile`;
  const file = profile.localhostProfile;
  if (profile.type === 'Localhost')
    errors.push(
      ...(file === undefined ? [required(at, 'must be set when seccomp type is Localhost')] : relativePath(at, file)),
    );
  else if (file !== undefined) errors.push(invalid(at, profile, 'can only be set when seccomp type is Localhost'));
  return errors;
}

export function containerSecurityErrors(
  path: string,
  context: SecurityContext | undefined,
  hostUsers: boolean,
): FieldError[] {
  if (context === undefined) return [];
  const errors = [
    ...idErrors(`${path}.runAsUser`, context.runAsUser),
    ...idErrors(`${path}.runAsGroup`, context.runAsGroup),
    ...optionalOneOf(`${path}.procMount`, context.procMount, ['Default', 'Unmasked']),
  ];
  if (hostUsers && context.procMount === 'Unmasked')
    errors.push(invalid(`${path}.procMount`, context.procMount, '`hostUsers` must be false to use `Unmasked`'));
  errors.push(...seccompErrors(`${path}.seccompProfile`, context.seccompProfile));
  if (context.allowPrivilegeEscalation === false) {
    if (context.privileged === true)
      errors.push(invalid(path, context, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true'));
    if (context.capabilities?.add?.includes('CAP_SYS_ADMIN') === true)
      errors.push(
        invalid(path, context, 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN'),
      );
  }
  return [
    ...errors,
    ...windowsOptionErrors(`${path}.windowsOptions`, context.windowsOptions),
    ...appArmorErrors(`${path}.appArmorProfile`, context.appArmorProfile),
  ];
}

const sysctlSegment = '[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const sysctlFormat = `^(${sysctlSegment}[\\./])*${sysctlSegment}$`;
const sysctlPattern = new RegExp(sysctlFormat);

const networkSysctl = /^net[./]/;
const ipcSysctl = /^(kernel[./](shm|sem$|msg)|fs[./]mqueue[./])/;

function sysctlErrors(path: string, spec: PodSpec): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  for (const [index, { name }] of (spec.securityContext?.sysctls ?? []).entries()) {
    const at = `${path}[${index}].name`;
    if (isAbsent(name)) errors.push(required(at));
    else if (name.length > 253 || !sysctlPattern.test(name))
      errors.push(invalid(at, name, `must have at most 253 characters and match regex ${sysctlFormat}`));
    else if (names.has(name)) errors.push(duplicate(at, name));
    if (spec.hostNetwork === true && networkSysctl.test(name))
      errors.push(invalid(at, name, "may not be specified when 'hostNetwork' is true"));
    else if (spec.hostIPC === true && ipcSysctl.test(name))
      errors.push(invalid(at, name, "may not be specified when 'hostIPC' is true"));
    names.add(name);
  }
  return errors;
}

export function podSecurityErrors(specPath: string, spec: PodSpec): FieldError[] {
  const path = `${specPath}.securityContext`;
  const context = spec.securityContext ?? {};
  const errors = [
    ...idErrors(`${path}.fsGroup`, context.fsGroup),
    ...idErrors(`${path}.runAsUser`, context.runAsUser),
    ...idErrors(`${path}.runAsGroup`, context.runAsGroup),
    ...(context.supplementalGroups ?? []).flatMap((id, index) => idErrors(`${path}.supplementalGroups[${index}]`, id)),
  ];
  if (spec.shareProcessNamespace === true && spec.hostPID === true)
    errors.push(
      invalid(`${path}.shareProcessNamespace`, true, 'ShareProcessNamespace and HostPID cannot both be enabled'),
    );
  return [
    ...errors,
    ...sysctlErrors(`${path}.sysctls`, spec),
    ...optionalOneOf(`${path}.fsGroupChangePolicy`, context.fsGroupChangePolicy, ['Always', 'OnRootMismatch']),
    ...seccompErrors(`${path}.seccompProfile`, context.seccompProfile),
    ...appArmorErrors(`${path}.appArmorProfile`, context.appArmorProfile),
    ...optionalOneOf(`${path}.supplementalGroupsPolicy`, context.supplementalGroupsPolicy, ['Merge', 'Strict']),
    ...optionalOneOf(`${path}.seLinuxChangePolicy`, context.seLinuxChangePolicy, ['Recursive']),
    ...windowsOptionErrors(`${path}.windowsOptions`, context.windowsOptions),
  ];
}

/** What a Pod with a user namespace of its own cannot have. */
export function userNamespaceErrors(path: string, spec: PodSpec): FieldError[] {
  if (spec.hostUsers !== false) return [];
  const detail = 'when `hostUsers` is false';
  const errors: FieldError[] = [];
  if (spec.hostNetwork === true) errors.push(forbidden(`${path}.hostNetwork`, detail));
  if (spec.hostPID === true) errors.push(forbidden(`${path}.HostPID`, detail));
  if (spec.hostIPC === true) errors.push(forbidden(`${path}.HostIPC`, detail));
  for (const list of ['initContainers', 'containers', 'ephemeralContainers'] as const)
    for (const [index, container] of (spec[list] ?? []).entries())
      if ((container.volumeDevices?.length ?? 0) > 0)
        errors.push(forbidden(`${path}.${list}[${index}].volumeDevices`, detail));
  return errors;
}

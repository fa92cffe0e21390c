// Pods that say for which system they are. None runs on Windows here, and yet upstream's server tells what is wrong in them.
import { forbidden, invalid, notSupported, required, type FieldError } from '../field-error.ts';
import type {
  PodSecurityContext,
  PodSpec,
  SecurityContext,
  WindowsSecurityContextOptions,
} from '../generated/types.ts';
import { byteLength, dns1123Subdomain } from '../meta/names.ts';
import { placedContainers } from './placed-containers.ts';
import { texts } from './fields.ts';

const credentialSpecKib = 64;
const domainBytesMax = 256;
const userBytesMax = 104;

const netBiosName = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/;
const dnsLabel = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?';
const dnsName = new RegExp(`^${dnsLabel}(?:\\.${dnsLabel})*$`);
// oxlint-disable-next-line no-control-regex -- that is what is looked for
const controlCharacter = /[\u0000-\u001F\u007F]/;

function userNameErrors(path: string, name: string): FieldError[] {
  const wrong = (text: string) => invalid(path, name, text);
  if (name === '') return [wrong('runAsUserName cannot be an empty string')];
  if (controlCharacter.test(name)) return [wrong('runAsUserName cannot contain control characters')];
  const parts = name.split('\\');
  if (parts.length > 2) return [wrong('runAsUserName cannot contain more than one backslash')];
  const domain = parts.length === 2 ? parts[0]! : undefined;
  const user = parts.at(-1)!;
  const errors: FieldError[] = [];
  if (domain !== undefined) {
    if (byteLength(domain) >= domainBytesMax)
      errors.push(wrong(`runAsUserName's Domain length must be under ${domainBytesMax} characters`));
    if (!netBiosName.test(domain) && !dnsName.test(domain))
      errors.push(wrong("runAsUserName's Domain doesn't match the NetBios nor the DNS format"));
  }
  if (user === '') errors.push(wrong("runAsUserName's User cannot be empty"));
  else if (byteLength(user) > userBytesMax)
    errors.push(wrong(`runAsUserName's User length must not be longer than ${userBytesMax} characters`));
  if (/^[. ]+$/.test(user)) errors.push(wrong("runAsUserName's User cannot contain only periods or spaces"));
  if (/["/\\:;|=,+*?<>@[\]]/.test(user))
    errors.push(wrong('runAsUserName\'s User cannot contain the following characters: "/\\:;|=,+*?<>@[]'));
  return errors;
}

export function windowsOptionErrors(path: string, options: WindowsSecurityContextOptions | undefined): FieldError[] {
  if (options === undefined) return [];
  const { gmsaCredentialSpecName: specName, gmsaCredentialSpec: spec, runAsUserName } = options;
  const errors =
    specName === undefined ? [] : texts(`${path}.gmsaCredentialSpecName`, specName, dns1123Subdomain(specName));
  const at = `${path}.gmsaCredentialSpec`;
  if (spec === '') errors.push(invalid(at, spec, 'gmsaCredentialSpec cannot be an empty string'));
  else if (spec !== undefined && byteLength(spec) > credentialSpecKib * 1024)
    errors.push(invalid(at, spec, `gmsaCredentialSpec size must be under ${credentialSpecKib} KiB`));
  if (runAsUserName !== undefined) errors.push(...userNameErrors(`${path}.runAsUserName`, runAsUserName));
  return errors;
}

/** Containers that are processes of the host: all of a Pod or none. */
export function hostProcessErrors(path: string, spec: PodSpec): FieldError[] {
  const ofPod = spec.securityContext?.windowsOptions?.hostProcess;
  const errors: FieldError[] = [];
  const containers = placedContainers(path, spec);
  let count = 0;
  for (const { path: at, container } of containers) {
    const own = container.securityContext?.windowsOptions?.hostProcess;
    if (ofPod !== undefined && own !== undefined && ofPod !== own)
      errors.push(
        invalid(
          `${at}.securityContext.windowsOptions.hostProcess`,
          own,
          `pod hostProcess value must be identical if both are specified, was ${ofPod}`,
        ),
      );
    if (own ?? ofPod) count++;
  }
  if (count === 0) return errors;
  if (count !== containers.length)
    errors.push(
      invalid(
        path,
        '',
        'If pod contains any hostProcess containers then all containers must be HostProcess containers',
      ),
    );
  if (spec.hostNetwork !== true)
    errors.push(
      invalid(`${path}.hostNetwork`, false, 'hostNetwork must be true if pod contains any hostProcess containers'),
    );
  return errors;
}

const ofLinux = 'cannot be set for a windows pod';

const podContextFields = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'fsGroup',
  'fsGroupChangePolicy',
  'sysctls',
  'runAsUser',
  'runAsGroup',
  'supplementalGroups',
  'supplementalGroupsPolicy',
  'seLinuxChangePolicy',
] as const satisfies readonly (keyof PodSecurityContext)[];

const contextFields = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'capabilities',
  'readOnlyRootFilesystem',
  'privileged',
  'allowPrivilegeEscalation',
  'procMount',
  'runAsUser',
  'runAsGroup',
] as const satisfies readonly (keyof SecurityContext)[];

function windowsPodErrors(path: string, spec: PodSpec): FieldError[] {
  const errors: FieldError[] = [];
  const context = spec.securityContext;
  for (const field of podContextFields) {
    const value = context?.[field];
    if (value !== undefined && !(field === 'sysctls' && context?.sysctls?.length === 0))
      errors.push(forbidden(`${path}.securityContext.${field}`, ofLinux));
  }
  if (spec.hostUsers !== undefined) errors.push(forbidden(`${path}.hostUsers`, ofLinux));
  if (spec.hostPID === true) errors.push(forbidden(`${path}.hostPID`, ofLinux));
  if (spec.hostIPC === true) errors.push(forbidden(`${path}.hostIPC`, ofLinux));
  if (spec.shareProcessNamespace !== undefined) errors.push(forbidden(`${path}.shareProcessNamespace`, ofLinux));
  for (const { path: at, container } of placedContainers(path, spec))
    for (const field of contextFields)
      if (container.securityContext?.[field] !== undefined)
        errors.push(forbidden(`${at}.securityContext.${field}`, ofLinux));
  return errors;
}

function linuxPodErrors(path: string, spec: PodSpec): FieldError[] {
  const detail = 'windows options cannot be set for a linux pod';
  const errors: FieldError[] = [];
  if (spec.securityContext?.windowsOptions !== undefined)
    errors.push(forbidden(`${path}.securityContext.windowsOptions`, detail));
  for (const { path: at, container } of placedContainers(path, spec))
    if (container.securityContext?.windowsOptions !== undefined)
      errors.push(forbidden(`${at}.securityContext.windowsOptions`, detail));
  return errors;
}

export function operatingSystemErrors(path: string, spec: PodSpec): FieldError[] {
  if (spec.os === undefined) return [];
  switch (spec.os.name as string | undefined) {
    case undefined:
    case '':
      return [required(`${path}.os.name`)];
    case 'linux':
      return linuxPodErrors(path, spec);
    case 'windows':
      return windowsPodErrors(path, spec);
    default:
      return [notSupported(`${path}.os`, spec.os.name, ['linux', 'windows'])];
  }
}

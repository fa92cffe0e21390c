// The spec of a Pod, alone or in a template.
import { duplicate, forbidden, invalid, notFound, required, tooLong, type FieldError } from '../field-error.ts';
import type { ObjectMeta, Pod, PodSpec, PodTemplateSpec } from '../generated/types.ts';
import type { LabelMatcher } from '../meta/label-selector.ts';
import { byteLength, dns1123SubdomainWithUnderscore, nameIsDnsSubdomain, rangeText } from '../meta/names.ts';
import { validateAnnotations, validateLabels } from '../meta/object-meta.ts';
import { ipErrors } from './addresses.ts';
import {
  containersErrors,
  ephemeralContainersErrors,
  imageSpaceErrors,
  initContainersErrors,
  type PodScope,
} from './containers.ts';
import { isAbsent, labelErrors, qualifiedErrors, requiredOneOf, subdomainErrors, texts } from './fields.ts';
import { podLevelResourceErrors } from './pod-level-resources.ts';
import { resourceRequirementErrors } from './resources.ts';
import { affinityErrors, spreadErrors, tolerationErrors } from './scheduling.ts';
import { podSecurityErrors, userNamespaceErrors } from './security-context.ts';
import { appArmorMismatchErrors } from './app-armor.ts';
import { mirrorPodAnnotation, podAnnotationErrors } from './pod-annotations.ts';
import { volumeErrors } from './volumes.ts';
import { hostProcessErrors, operatingSystemErrors } from './windows.ts';

const int32Max = 2 ** 31 - 1;

function dnsErrors(path: string, spec: PodSpec): FieldError[] {
  const { dnsConfig, dnsPolicy } = spec;
  if (dnsPolicy === 'None') {
    if (dnsConfig === undefined) return [required(path, 'must provide `dnsConfig` when `dnsPolicy` is None')];
    if ((dnsConfig.nameservers?.length ?? 0) === 0)
      return [required(`${path}.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None')];
  }
  const { nameservers = [], searches = [], options = [] } = dnsConfig ?? {};
  const errors: FieldError[] = [];
  if (nameservers.length > 3)
    errors.push(invalid(`${path}.nameservers`, nameservers, 'must not have more than 3 nameservers'));
  nameservers.forEach((one, index) => errors.push(...ipErrors(`${path}.nameservers[${index}]`, one)));
  if (searches.length > 32)
    errors.push(invalid(`${path}.searches`, searches, 'must not have more than 32 search paths'));
  if (searches.join(' ').length > 2048)
    errors.push(
      invalid(
        `${path}.searches`,
        searches,
        'must not have more than 2048 characters (including spaces) in the search list',
      ),
    );
  for (const [index, search] of searches.entries()) {
    if (search === '.') continue;
    const name = search.replace(/\.$/, '');
    errors.push(...texts(`${path}.searches[${index}]`, name, dns1123SubdomainWithUnderscore(name)));
  }
  for (const [index, option] of options.entries())
    if (isAbsent(option.name)) errors.push(required(`${path}.options[${index}]`, 'must not be empty'));
  return errors;
}

function hostNetworkErrors(path: string, spec: PodSpec, isPod: boolean): FieldError[] {
  if (spec.hostNetwork !== true) return [];
  return (spec.containers ?? []).flatMap((container, index) =>
    (container.ports ?? []).flatMap((port, portIndex) =>
      (isPod || (port.hostPort ?? 0) !== 0) && port.hostPort !== port.containerPort
        ? [
            invalid(
              `${path}.containers[${index}].ports[${portIndex}].hostPort`,
              port.hostPort ?? 0,
              'must match `containerPort` when `hostNetwork` is true',
            ),
          ]
        : [],
    ),
  );
}

function resourceClaimErrors(path: string, spec: PodSpec, meta: ObjectMeta | undefined): FieldError[] {
  const claims = spec.resourceClaims ?? [];
  if (claims.length > 0 && meta?.annotations?.[mirrorPodAnnotation] !== undefined)
    return [forbidden('', 'static pods do not support resource claims')];
  const seen = new Set<string>();
  return claims.flatMap((claim, index) => {
    const at = `${path}[${index}]`;
    const { name, resourceClaimName: existing, resourceClaimTemplateName: template } = claim;
    const errors = isAbsent(name)
      ? [required(`${at}.name`)]
      : seen.has(name)
        ? [duplicate(`${at}.name`, name)]
        : labelErrors(`${at}.name`, name);
    seen.add(name);
    if (existing !== undefined && template !== undefined)
      errors.push(
        invalid(at, claim, 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified'),
      );
    if (existing === undefined && template === undefined)
      errors.push(invalid(at, claim, 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`'));
    if (existing !== undefined)
      errors.push(...texts(`${at}.resourceClaimName`, existing, nameIsDnsSubdomain(existing, false)));
    if (template !== undefined)
      errors.push(...texts(`${at}.resourceClaimTemplateName`, template, nameIsDnsSubdomain(template, false)));
    return errors;
  });
}

function gateErrors(path: string, spec: PodSpec): FieldError[] {
  const seen = new Set<string>();
  return (spec.schedulingGates ?? []).flatMap(({ name }, index) => {
    const errors = qualifiedErrors(`${path}[${index}]`, name);
    if (seen.has(name)) errors.push(duplicate(`${path}[${index}]`, name));
    seen.add(name);
    return errors;
  });
}

function hostnameErrors(path: string, spec: PodSpec): FieldError[] {
  const errors: FieldError[] = [];
  const override = spec.hostnameOverride;
  if (override === undefined) return errors;
  const at = `${path}.hostnameOverride`;
  if (spec.setHostnameAsFQDN === true)
    errors.push(forbidden(at, 'may not be specified when setHostnameAsFQDN is true'));
  if (spec.hostNetwork === true) errors.push(forbidden(at, 'may not be specified when hostNetwork is true'));
  if (byteLength(override) > 64) errors.push(tooLong(at, 64));
  return [...errors, ...subdomainErrors(at, override)];
}

/** Environment from files needs an emptyDir to read from. */
function environmentFileErrors(path: string, spec: PodSpec): FieldError[] {
  const errors: FieldError[] = [];
  for (const list of ['initContainers', 'containers', 'ephemeralContainers'] as const)
    for (const [index, container] of (spec[list] ?? []).entries())
      for (const [variableIndex, variable] of (container.env ?? []).entries()) {
        const name = variable.valueFrom?.fileKeyRef?.volumeName;
        if (name === undefined) continue;
        const at = `${path}.${list}[${index}].env[${variableIndex}].valueFrom.fileKeyRef.volumeName`;
        const volume = spec.volumes?.find((one) => one.name === name);
        if (volume === undefined) errors.push(notFound(at, name));
        else if (volume.emptyDir === undefined)
          errors.push(invalid(at, name, 'referenced volume must be of type emptyDir'));
      }
  return errors;
}

/** `meta`: of the Pod itself; absent in templates. */
export function podSpecErrors(path: string, spec: PodSpec, meta: ObjectMeta | undefined): FieldError[] {
  const { errors: fromVolumes, byName } = volumeErrors(`${path}.volumes`, spec.volumes, meta);
  const claimNames = new Set((spec.resourceClaims ?? []).map((one) => one.name).filter((name) => name !== ''));
  const scope: PodScope = { spec, volumes: byName, claimNames };
  const named = (field: 'serviceAccountName' | 'nodeName' | 'priorityClassName' | 'runtimeClassName') => {
    const name = spec[field];
    return isAbsent(name) ? [] : texts(`${path}.${field}`, name, nameIsDnsSubdomain(name, false));
  };
  const deadline = spec.activeDeadlineSeconds;
  return [
    ...(spec.terminationGracePeriodSeconds === undefined ? [required(`${path}.terminationGracePeriodSeconds`)] : []),
    ...fromVolumes,
    ...resourceClaimErrors(`${path}.resourceClaims`, spec, meta),
    ...containersErrors(`${path}.containers`, scope),
    ...initContainersErrors(`${path}.initContainers`, scope),
    ...ephemeralContainersErrors(`${path}.ephemeralContainers`, scope),
    ...podLevelResourceErrors(`${path}.resources`, spec, claimNames),
    ...hostNetworkErrors(path, spec, meta !== undefined),
    ...requiredOneOf(`${path}.restartPolicy`, spec.restartPolicy, ['Always', 'OnFailure', 'Never']),
    ...requiredOneOf(`${path}.dnsPolicy`, spec.dnsPolicy, [
      'ClusterFirstWithHostNet',
      'ClusterFirst',
      'Default',
      'None',
    ]),
    ...validateLabels(spec.nodeSelector, `${path}.nodeSelector`),
    ...podSecurityErrors(path, spec),
    ...affinityErrors(`${path}.affinity`, spec.affinity),
    ...dnsErrors(`${path}.dnsConfig`, spec),
    ...(spec.readinessGates ?? []).flatMap(({ conditionType }, index) =>
      qualifiedErrors(`${path}.readinessGates[${index}].conditionType`, conditionType),
    ),
    ...gateErrors(`${path}.schedulingGates`, spec),
    ...spreadErrors(`${path}.topologySpreadConstraints`, spec.topologySpreadConstraints),
    ...userNamespaceErrors(path, spec),
    ...hostnameErrors(path, spec),
    ...named('serviceAccountName'),
    ...named('nodeName'),
    ...(deadline !== undefined && (deadline < 1 || deadline > int32Max)
      ? [invalid(`${path}.activeDeadlineSeconds`, deadline, rangeText(1, int32Max))]
      : []),
    ...(isAbsent(spec.hostname) ? [] : labelErrors(`${path}.hostname`, spec.hostname)),
    ...(isAbsent(spec.subdomain) ? [] : labelErrors(`${path}.subdomain`, spec.subdomain)),
    ...tolerationErrors(`${path}.tolerations`, spec.tolerations),
    ...(spec.hostAliases ?? []).flatMap(({ ip, hostnames = [] }, index) => [
      ...ipErrors(`${path}.hostAliases[${index}].ip`, ip),
      ...hostnames.flatMap((one, at) => subdomainErrors(`${path}.hostAliases[${index}].hostnames[${at}]`, one)),
    ]),
    ...named('priorityClassName'),
    ...named('runtimeClassName'),
    ...(spec.preemptionPolicy === undefined
      ? []
      : requiredOneOf(`${path}.preemptionPolicy`, spec.preemptionPolicy, ['PreemptLowerPriority', 'Never'])),
    ...(spec.overhead === undefined
      ? []
      : resourceRequirementErrors(`${path}.overhead`, { limits: spec.overhead }, new Set())),
    ...operatingSystemErrors(path, spec),
    ...hostProcessErrors(path, spec),
    ...environmentFileErrors(path, spec),
  ];
}

/** What holds for Pods and not for templates. */
function podOnlyErrors(spec: PodSpec): FieldError[] {
  const errors: FieldError[] = [];
  if (isAbsent(spec.serviceAccountName))
    for (const [index, volume] of (spec.volumes ?? []).entries())
      for (const [sourceIndex, source] of (volume.projected?.sources ?? []).entries())
        if (source.serviceAccountToken !== undefined)
          errors.push(
            forbidden(
              `spec.volumes[${index}].projected.sources[${sourceIndex}].serviceAccountToken`,
              'must not be specified when serviceAccountName is not set',
            ),
          );
  for (const list of ['containers', 'initContainers'] as const)
    for (const [index, container] of (spec[list] ?? []).entries())
      errors.push(...imageSpaceErrors(`spec.${list}[${index}]`, container.image));
  return errors;
}

export function podTemplateErrors(path: string, template: PodTemplateSpec): FieldError[] {
  const meta = template.metadata ?? {};
  const spec = template.spec ?? { containers: [] };
  return [
    ...validateLabels(meta.labels, `${path}.labels`),
    ...validateAnnotations(meta.annotations, `${path}.annotations`),
    ...podAnnotationErrors(`${path}.annotations`, meta.annotations, spec),
    ...podSpecErrors(`${path}.spec`, spec, undefined),
    ...appArmorMismatchErrors(`${path}.spec`, meta.annotations, spec),
    ...((spec.ephemeralContainers?.length ?? 0) > 0
      ? [forbidden(`${path}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template')]
      : []),
  ];
}

/** Templates of controllers that restart their Pods for ever. */
export function workloadTemplateErrors(
  path: string,
  template: PodTemplateSpec,
  selector: Pick<LabelMatcher, 'empty' | 'matches'>,
  ownerKind: string,
): FieldError[] {
  const labels = template.metadata?.labels;
  const errors: FieldError[] = [];
  if (!selector.empty && !selector.matches(labels))
    errors.push(invalid(`${path}.metadata.labels`, labels ?? null, '`selector` does not match template `labels`'));
  errors.push(...podTemplateErrors(path, template));
  const policy = template.spec?.restartPolicy;
  if (policy !== 'Always') {
    errors.push({
      reason: 'FieldValueNotSupported',
      field: `${path}.spec.restartPolicy`,
      message: `Unsupported value: ${JSON.stringify(policy ?? '')}: supported values: "Always"`,
    });
  }
  if (template.spec?.activeDeadlineSeconds !== undefined)
    errors.push(
      forbidden(`${path}.spec.activeDeadlineSeconds`, `activeDeadlineSeconds in ${ownerKind} is not Supported`),
    );
  return errors;
}

/** Of a Pod at every write of its spec. */
export const podErrors = (pod: Pod): FieldError[] => [
  ...podAnnotationErrors('metadata.annotations', pod.metadata.annotations, pod.spec),
  ...podSpecErrors('spec', pod.spec, pod.metadata),
  ...podOnlyErrors(pod.spec),
];

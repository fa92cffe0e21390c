// Rows of nodes, namespaces, events, configuration and access.
import { ownValue } from '#base/own-value.ts';
import type {
  APIService,
  CertificateSigningRequest,
  ComponentStatus,
  ConfigMap,
  Event,
  Lease,
  Namespace,
  Node,
  PriorityClass,
  Project,
  ResourceQuota,
  RoleBinding,
  RuntimeClass,
  Secret,
  SecurityContextConstraints,
  ServiceAccount,
} from '../generated/types.ts';
import { findCondition } from '../meta/conditions.ts';
import { ageOf, humanDuration } from '../meta/time.ts';
import { canonicalQuantity } from '../quantity.ts';
import { age, none, type CellsOf } from './format.ts';

const rolePrefix = 'node-role.kubernetes.io/';

function nodeRoles({ metadata }: Node): string {
  const roles = new Set<string>();
  for (const [key, value] of Object.entries(metadata.labels ?? {}))
    if (key.startsWith(rolePrefix)) roles.add(key.slice(rolePrefix.length));
    else if (key === 'kubernetes.io/role') roles.add(value);
  roles.delete('');
  return roles.size === 0 ? none : [...roles].toSorted().join(',');
}

export const nodeCells: CellsOf<Node> = (object, now) => {
  const { status, spec, metadata } = object;
  const ready = findCondition(status?.conditions, 'Ready');
  const state = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
  const address = (type: string) => status?.addresses?.find((one) => one.type === type)?.address ?? none;
  const info = status?.nodeInfo;
  const known = (text: string | undefined) => (text === undefined || text === '' ? '<unknown>' : text);
  const architecture = info?.architecture ?? '';
  return [
    metadata.name,
    spec?.unschedulable === true ? `${state},SchedulingDisabled` : state,
    nodeRoles(object),
    age(object, now),
    info?.kubeletVersion ?? '',
    address('InternalIP'),
    address('ExternalIP'),
    known(info?.osImage),
    `${known(info?.kernelVersion)}${architecture === '' ? '' : ` (${architecture})`}`,
    known(info?.containerRuntimeVersion),
  ];
};

export const namespaceCells: CellsOf<Namespace> = (object, now) => [
  object.metadata.name,
  object.status?.phase ?? '',
  age(object, now),
];

export const projectCells: CellsOf<Project> = ({ metadata, status }) => [
  metadata.name,
  metadata.annotations?.['openshift.io/display-name'] ?? '',
  status?.phase ?? '',
];

export const configMapCells: CellsOf<ConfigMap> = (object, now) => [
  object.metadata.name,
  Object.keys(object.data ?? {}).length + Object.keys(object.binaryData ?? {}).length,
  age(object, now),
];

export const secretCells: CellsOf<Secret> = (object, now) => [
  object.metadata.name,
  object.type ?? '',
  Object.keys(object.data ?? {}).length,
  age(object, now),
];

export const serviceAccountCells: CellsOf<ServiceAccount> = (object, now) => [object.metadata.name, age(object, now)];

export const leaseCells: CellsOf<Lease> = (object, now) => [
  object.metadata.name,
  object.spec?.holderIdentity ?? '',
  age(object, now),
];

function eventSource({ source, reportingComponent = '', reportingInstance = '' }: Event): string {
  const [component, host] =
    (source?.component ?? '') === ''
      ? [reportingComponent, reportingInstance]
      : [source!.component!, source?.host ?? ''];
  return host === '' ? component : `${component}, ${host}`;
}

export const eventCells: CellsOf<Event> = (object, now) => {
  const first = ageOf(object.firstTimestamp ?? object.eventTime, now);
  const last = object.series?.lastObservedTime ?? object.lastTimestamp;
  const about = object.involvedObject;
  const kind = (about.kind ?? '').toLowerCase();
  return [
    last === undefined || last === null ? first : ageOf(last, now),
    object.type ?? '',
    object.reason ?? '',
    (about.name ?? '') === '' ? kind : `${kind}/${about.name}`,
    about.fieldPath ?? '',
    eventSource(object),
    (object.message ?? '').trim(),
    first,
    object.series?.count ?? ((object.count ?? 0) === 0 ? 1 : (object.count ?? 1)),
    object.metadata.name,
  ];
};

export const resourceQuotaCells: CellsOf<ResourceQuota> = (object, now) => {
  const { hard = {}, used = {} } = object.status ?? {};
  const text = (limits: boolean) =>
    Object.keys(hard)
      .toSorted()
      .filter((name) => name.startsWith('limits.') === limits)
      .map(
        (name) =>
          `${name}: ${canonicalQuantity(String(ownValue(used, name) ?? '0'))}/${canonicalQuantity(String(hard[name]))}`,
      )
      .join(', ');
  return [object.metadata.name, text(false), text(true), age(object, now)];
};

/** Both kinds of binding. */
export const bindingCells: CellsOf<RoleBinding> = (object, now) => {
  const of = (kind: string) => (object.subjects ?? []).filter((one) => one.kind === kind);
  const names = (kind: string) =>
    of(kind)
      .map((one) => one.name)
      .join(', ');
  const accounts = of('ServiceAccount').map(({ namespace = '', name }) =>
    namespace === '' ? name : `${namespace}/${name}`,
  );
  return [
    object.metadata.name,
    `${object.roleRef.kind}/${object.roleRef.name}`,
    age(object, now),
    names('User'),
    names('Group'),
    accounts.join(', '),
  ];
};

function requestStatus({ status }: CertificateSigningRequest): string {
  const has = (type: string) => status?.conditions?.some((one) => one.type === type) === true;
  const decision = has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending';
  return `${decision}${has('Failed') ? ',Failed' : ''}${(status?.certificate ?? '') === '' ? '' : ',Issued'}`;
}

export const certificateSigningRequestCells: CellsOf<CertificateSigningRequest> = (object, now) => {
  const { signerName, username, expirationSeconds } = object.spec;
  return [
    object.metadata.name,
    age(object, now),
    signerName === '' ? none : signerName,
    username ?? '',
    expirationSeconds === undefined ? none : humanDuration(expirationSeconds * 1000),
    requestStatus(object),
  ];
};

export const priorityClassCells: CellsOf<PriorityClass> = (object, now) => [
  object.metadata.name,
  object.value,
  object.globalDefault ?? false,
  age(object, now),
  object.preemptionPolicy ?? '',
];

export const runtimeClassCells: CellsOf<RuntimeClass> = (object, now) => [
  object.metadata.name,
  object.handler,
  age(object, now),
];

export const securityContextConstraintsCells: CellsOf<SecurityContextConstraints> = (object) => {
  const listText = (list: readonly string[] | undefined | null) =>
    list === undefined || list === null || list.length === 0 ? '<no value>' : `[${list.join(' ')}]`;
  return [
    object.metadata.name,
    object.allowPrivilegedContainer,
    listText(object.allowedCapabilities),
    object.seLinuxContext?.type ?? '',
    object.runAsUser?.type ?? '',
    object.fsGroup?.type ?? '',
    object.supplementalGroups?.type ?? '',
    object.priority ?? '<no value>',
    object.readOnlyRootFilesystem,
    listText(object.volumes),
  ];
};

export const apiServiceCells: CellsOf<APIService> = (object, now) => {
  const { service } = object.spec ?? {};
  const available = object.status?.conditions?.find((one) => one.type === 'Available');
  return [
    object.metadata.name,
    service === undefined || service === null ? 'Local' : `${service.namespace ?? ''}/${service.name ?? ''}`,
    available === undefined
      ? 'Unknown'
      : available.status === 'True'
        ? 'True'
        : `${available.status} (${available.reason ?? ''})`,
    age(object, now),
  ];
};

export const componentStatusCells: CellsOf<ComponentStatus> = ({ metadata, conditions = [] }) => {
  const healthy = conditions.find((one) => one.type === 'Healthy');
  const status = healthy === undefined ? 'Unknown' : healthy.status === 'True' ? 'Healthy' : 'Unhealthy';
  return [metadata.name, status, healthy?.message ?? '', healthy?.error ?? ''];
};

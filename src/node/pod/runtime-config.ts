// CRI configurations of a Pod's sandbox and containers: security context, cgroups, DNS, ports. Pure.
import type {
  AppArmorProfile,
  Container,
  Pod,
  PodSecurityContext,
  SeccompProfile,
  SecurityContext,
} from '#api/generated/types.ts';
import * as cri from '../cri/messages.ts';
import { ContainerConfigError } from './environment.ts';
import { type ContainerAmounts, containerAmounts } from './allocation.ts';
import { podCgroup } from './cgroup-names.ts';
import { cpuShares } from './cgroups.ts';
import { hugePageLimits } from './huge-pages.ts';
import { oomScoreAdjust } from './oom-score.ts';
import { clusterLabel, containerAnnotations, containerLabels, podLabels } from './runtime-status.ts';

export interface NodeRuntimeSettings {
  readonly clusterId: string;
  readonly cgroupDriver: 'systemd' | 'cgroupfs';
  /** Name of the cgroup above all Pods' cgroups; upstream's is `kubepods`. */
  readonly cgroupRoot: string;
  readonly memoryBytes: number;
  /** In bytes. */
  readonly hugePageSizes: readonly number[];
  /** What all Pods together may use: all but what is reserved for the system. */
  readonly podsMemoryBytes: number;
  readonly podLogDirectory: string;
  readonly clusterDns: readonly string[];
  readonly clusterDomain: string;
  readonly seccompDirectory: string;
  /** Processes and threads of one Pod; undefined: as many as the machine lets it. */
  readonly podProcessesMax?: number | undefined;
}

export interface ResolverConfig {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

export const podLogDirectory = (root: string, pod: Pod): string =>
  `${root}/${pod.metadata.namespace}_${pod.metadata.name}_${pod.metadata.uid}`;

export function parseResolvConf(text: string): ResolverConfig {
  const result = { servers: [] as string[], searches: [] as string[], options: [] as string[] };
  for (const line of text.split('\n')) {
    const [word, ...values] = line.trim().split(/\s+/);
    if (word === 'nameserver' && values[0] !== undefined) result.servers.push(values[0]);
    else if (word === 'search') result.searches = values;
    else if (word === 'options') result.options = values;
  }
  return result;
}

export function podDns(pod: Pod, host: ResolverConfig, settings: NodeRuntimeSettings): ResolverConfig {
  const policy = pod.spec.dnsPolicy ?? 'ClusterFirst';
  const { clusterDomain, clusterDns } = settings;
  const namespace = pod.metadata.namespace ?? 'default';
  let base: ResolverConfig;
  if (policy === 'None') base = { servers: [], searches: [], options: [] };
  else if (
    clusterDns.length > 0 &&
    (policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && pod.spec.hostNetwork !== true))
  )
    base = {
      servers: clusterDns,
      searches: [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain, ...host.searches],
      options: ['ndots:5'],
    };
  else base = host;
  const extra = pod.spec.dnsConfig;
  if (extra === undefined) return base;
  const unique = (values: readonly string[]) => [...new Set(values)];
  const given = (extra.options ?? []).map((one) =>
    one.value === undefined || one.value === '' ? (one.name ?? '') : `${one.name}:${one.value}`,
  );
  const nameOf = (option: string) => option.split(':')[0];
  return {
    servers: unique([...base.servers, ...(extra.nameservers ?? [])]),
    searches: unique([...base.searches, ...(extra.searches ?? [])]),
    options: [...base.options.filter((one) => !given.some((other) => nameOf(other) === nameOf(one))), ...given],
  };
}

export function podHostname(pod: Pod): string {
  const name = pod.spec.hostnameOverride ?? pod.spec.hostname ?? pod.metadata.name ?? '';
  // The kernel's limit; a trailing dash or dot is no host name.
  return name.slice(0, 63).replace(/[-.]+$/, '');
}

export function podDomain(pod: Pod, settings: NodeRuntimeSettings): string {
  const { subdomain } = pod.spec;
  return subdomain === undefined || subdomain === '' || pod.spec.hostnameOverride !== undefined
    ? ''
    : `${subdomain}.${pod.metadata.namespace}.svc.${settings.clusterDomain}`;
}

/** The name that the kernel gets; a name that it cannot hold is an error of the Pod. */
function kernelHostname(pod: Pod, settings: NodeRuntimeSettings): string {
  const [name, domain] = [podHostname(pod), podDomain(pod, settings)];
  if (pod.spec.setHostnameAsFQDN !== true || domain === '') return name;
  const full = `${name}.${domain}`;
  if (full.length > kernelHostnameMax)
    throw new PodConfigError(
      `failed to construct FQDN from pod hostname and cluster domain, FQDN ${full} is too long (${kernelHostnameMax} characters is the max, ${full.length} characters requested)`,
    );
  return full;
}

/** The sandbox cannot be made as the Pod asks. */
export class PodConfigError extends Error {}

const kernelHostnameMax = 64;

/** Ids of a user namespace of the Pod's own; undefined: the host's. */
export type UserMappings = readonly cri.IdMapping[] | undefined;

function namespaceOptions(pod: Pod, users: UserMappings, targetId?: string): cri.NamespaceOption {
  const { node, pod: ofPod, container, target } = cri.namespaceMode;
  return {
    network: pod.spec.hostNetwork === true ? node : ofPod,
    ipc: pod.spec.hostIPC === true ? node : ofPod,
    ...(targetId === undefined
      ? { pid: pod.spec.hostPID === true ? node : pod.spec.shareProcessNamespace === true ? ofPod : container }
      : { pid: target, targetId }),
    usernsOptions: users === undefined ? { mode: node } : { mode: ofPod, uids: users, gids: users },
  };
}

function seccomp(profile: SeccompProfile | undefined, settings: NodeRuntimeSettings): cri.SecurityProfile {
  const { runtimeDefault, unconfined, localhost } = cri.profileType;
  switch (profile?.type) {
    case 'RuntimeDefault':
      return { profileType: runtimeDefault };
    case 'Localhost':
      return {
        profileType: localhost,
        localhostRef: `${settings.seccompDirectory}/${profile.localhostProfile ?? ''}`,
      };
    default:
      return { profileType: unconfined };
  }
}

const int64 = (value: number | undefined) => (value === undefined ? undefined : { value });

export function sandboxConfig(
  pod: Pod,
  attempt: number,
  host: ResolverConfig,
  settings: NodeRuntimeSettings,
  users?: UserMappings,
): cri.PodSandboxConfig {
  const context: PodSecurityContext = pod.spec.securityContext ?? {};
  const [runAsUser, runAsGroup] = [int64(context.runAsUser), int64(context.runAsGroup)];
  const sidecarsAndMain = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  return {
    metadata: {
      name: pod.metadata.name ?? '',
      namespace: pod.metadata.namespace ?? '',
      uid: pod.metadata.uid ?? '',
      attempt,
    },
    ...(pod.spec.hostNetwork === true ? {} : { hostname: kernelHostname(pod, settings) }),
    logDirectory: podLogDirectory(settings.podLogDirectory, pod),
    dnsConfig: podDns(pod, host, settings),
    portMappings:
      pod.spec.hostNetwork === true
        ? []
        : sidecarsAndMain.flatMap((container) =>
            (container.ports ?? [])
              .filter((port) => (port.hostPort ?? 0) > 0)
              .map((port) => ({
                protocol: cri.protocolNumber[port.protocol ?? 'TCP'] ?? 0,
                containerPort: port.containerPort,
                hostPort: port.hostPort ?? 0,
                hostIp: port.hostIP ?? '',
              })),
          ),
    labels: podLabels(pod, settings.clusterId),
    annotations: { ...pod.metadata.annotations, [clusterLabel]: settings.clusterId },
    linux: {
      cgroupParent: podCgroup(pod, settings),
      securityContext: {
        namespaceOptions: namespaceOptions(pod, users),
        ...(context.seLinuxOptions === undefined ? {} : { selinuxOptions: context.seLinuxOptions }),
        ...(runAsUser === undefined ? {} : { runAsUser }),
        // CRI refuses a group without a user.
        ...(runAsGroup === undefined || runAsUser === undefined ? {} : { runAsGroup }),
        supplementalGroups: supplementalGroups(context),
        ...supplementalGroupsPolicy(context),
        privileged: sidecarsAndMain.some((one) => one.securityContext?.privileged === true),
        seccomp: { profileType: cri.profileType.runtimeDefault },
      },
      sysctls: Object.fromEntries((context.sysctls ?? []).map((one) => [one.name, one.value])),
    },
  };
}

const supplementalGroups = (context: PodSecurityContext): number[] => [
  ...(context.fsGroup === undefined ? [] : [context.fsGroup]),
  ...(context.supplementalGroups ?? []),
];

const supplementalGroupsPolicy = ({ supplementalGroupsPolicy: policy }: PodSecurityContext) =>
  policy === undefined ? {} : { supplementalGroupsPolicy: cri.supplementalGroupsPolicy[policy] ?? 0 };

function appArmor(profile: AppArmorProfile | undefined): { apparmor?: cri.SecurityProfile } {
  const { runtimeDefault, unconfined, localhost } = cri.profileType;
  switch (profile?.type) {
    case undefined:
      return {};
    case 'RuntimeDefault':
      return { apparmor: { profileType: runtimeDefault } };
    case 'Localhost':
      return { apparmor: { profileType: localhost, localhostRef: profile.localhostProfile ?? '' } };
    default:
      return { apparmor: { profileType: unconfined } };
  }
}

export const containerResources = (
  pod: Pod,
  container: Container,
  settings: NodeRuntimeSettings,
): cri.LinuxContainerResources => amountResources(pod, container, containerAmounts(pod, container), settings);

/** With amounts that are not those of its spec, while they change. */
export function amountResources(
  pod: Pod,
  container: Container,
  { cpuRequest, cpuLimit, memoryLimit }: ContainerAmounts,
  settings: NodeRuntimeSettings,
): cri.LinuxContainerResources {
  const requested = container.resources?.requests?.['cpu'] === undefined ? cpuLimit : cpuRequest;
  return {
    cpuShares: cpuShares(requested),
    ...(cpuLimit === 0 ? {} : { cpuPeriod: 100_000, cpuQuota: Math.max(1000, Math.floor(cpuLimit * 100)) }),
    ...(memoryLimit === 0 ? {} : { memoryLimitInBytes: memoryLimit }),
    ...(settings.hugePageSizes.length === 0
      ? {}
      : { hugepageLimits: hugePageLimits(pod, container, settings.hugePageSizes) }),
    oomScoreAdj: oomScoreAdjust(pod, container, settings.memoryBytes),
  };
}

const maskedPaths = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

export interface ImageUser {
  readonly uid: number | undefined;
  readonly username: string;
}

function checkNonRoot(pod: Pod, container: Container, context: SecurityContext, image: ImageUser): void {
  if (context.runAsNonRoot !== true) return;
  const name = `(pod: ${JSON.stringify(`${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`)}, container: ${container.name})`;
  if (context.runAsUser !== undefined) {
    if (context.runAsUser === 0) throw new ContainerConfigError(`container's runAsUser breaks non-root policy ${name}`);
    return;
  }
  if (image.uid === 0 || (image.uid === undefined && image.username === ''))
    throw new ContainerConfigError(`container has runAsNonRoot and image will run as root ${name}`);
  if (image.uid === undefined)
    throw new ContainerConfigError(
      `container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root ${name}`,
    );
}

export interface ContainerConfigInput {
  readonly pod: Pod;
  readonly container: Container;
  readonly restartCount: number;
  readonly imageRef: string;
  readonly imageUser: ImageUser;
  readonly environment: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly mounts: readonly cri.ContainerMount[];
  readonly devices?: readonly cri.ContainerDevice[];
  /** Of plugins; ours count before. */
  readonly annotations?: Readonly<Record<string, string>>;
  readonly cdiDevices?: readonly { readonly name: string }[];
  readonly settings: NodeRuntimeSettings;
  readonly users: UserMappings;
  /** Whose processes an ephemeral container sees. */
  readonly targetId: string | undefined;
}

export function containerConfig(input: ContainerConfigInput): cri.ContainerConfig {
  const { pod, container, settings } = input;
  const ofPod: PodSecurityContext = pod.spec.securityContext ?? {};
  const own: SecurityContext = container.securityContext ?? {};
  const context: SecurityContext = {
    ...own,
    runAsUser: own.runAsUser ?? ofPod.runAsUser,
    runAsGroup: own.runAsGroup ?? ofPod.runAsGroup,
    runAsNonRoot: own.runAsNonRoot ?? ofPod.runAsNonRoot,
    seccompProfile: own.seccompProfile ?? ofPod.seccompProfile,
    seLinuxOptions: own.seLinuxOptions ?? ofPod.seLinuxOptions,
    appArmorProfile: own.appArmorProfile ?? ofPod.appArmorProfile,
  };
  checkNonRoot(pod, container, context, input.imageUser);
  const privileged = context.privileged === true;
  const unmasked = privileged || context.procMount === 'Unmasked';
  const user = context.runAsUser ?? input.imageUser.uid;
  return {
    metadata: { name: container.name, attempt: input.restartCount },
    image: { image: input.imageRef, userSpecifiedImage: container.image ?? '' },
    command: input.command,
    args: input.args,
    workingDir: container.workingDir ?? '',
    envs: Object.entries(input.environment).map(([key, value]) => ({ key, value: Buffer.from(value) })),
    mounts:
      input.users === undefined
        ? input.mounts
        : input.mounts.map((one) => ({ ...one, uidMappings: input.users ?? [], gidMappings: input.users ?? [] })),
    devices: input.devices ?? [],
    ...((input.cdiDevices?.length ?? 0) === 0 ? {} : { CDIDevices: input.cdiDevices ?? [] }),
    labels: containerLabels(pod, container, settings.clusterId),
    annotations: { ...input.annotations, ...containerAnnotations(pod, container, input.restartCount) },
    logPath: `${container.name}/${input.restartCount}.log`,
    ...(container.lifecycle?.stopSignal === undefined ? {} : { stopSignal: container.lifecycle.stopSignal }),
    stdin: container.stdin === true,
    stdinOnce: container.stdinOnce === true,
    tty: container.tty === true,
    linux: {
      resources: containerResources(pod, container, settings),
      securityContext: {
        ...(context.capabilities === undefined
          ? {}
          : {
              capabilities: {
                addCapabilities: context.capabilities.add ?? [],
                dropCapabilities: context.capabilities.drop ?? [],
              },
            }),
        privileged,
        namespaceOptions: namespaceOptions(pod, input.users, input.targetId),
        ...(context.seLinuxOptions === undefined ? {} : { selinuxOptions: context.seLinuxOptions }),
        ...(user === undefined
          ? input.imageUser.username === ''
            ? {}
            : { runAsUsername: input.imageUser.username }
          : { runAsUser: { value: user } }),
        ...(context.runAsGroup === undefined || (user === undefined && input.imageUser.username === '')
          ? {}
          : { runAsGroup: { value: context.runAsGroup } }),
        readonlyRootfs: context.readOnlyRootFilesystem === true,
        supplementalGroups: supplementalGroups(ofPod),
        ...supplementalGroupsPolicy(ofPod),
        ...appArmor(context.appArmorProfile),
        noNewPrivs: context.allowPrivilegeEscalation === false,
        maskedPaths: unmasked ? [] : maskedPaths,
        readonlyPaths: unmasked ? [] : readonlyPaths,
        // A privileged container gets none, as the runtimes demand.
        ...(privileged ? {} : { seccomp: seccomp(context.seccompProfile, settings) }),
      },
    },
  };
}

// The messages of CRI v1 that the agent uses, as they come from and go to wire/grpc.ts. Absent request fields are the
// protobuf default; answers have every field. Enums are numbers, times are nanoseconds since the epoch.

export interface PodSandboxMetadata {
  readonly name: string;
  readonly uid: string;
  readonly namespace: string;
  readonly attempt: number;
}
export interface ContainerMetadata {
  readonly name: string;
  readonly attempt: number;
}
export const sandboxState = { ready: 0, notReady: 1 } as const;
export const containerState = { created: 0, running: 1, exited: 2, unknown: 3 } as const;
export const containerEvent = { created: 0, started: 1, stopped: 2, deleted: 3 } as const;
export const supplementalGroupsPolicy: Readonly<Record<string, number>> = { Merge: 0, Strict: 1 };
export const namespaceMode = { pod: 0, container: 1, node: 2, target: 3 } as const;
export const mountPropagation = { private: 0, hostToContainer: 1, bidirectional: 2 } as const;
export const profileType = { runtimeDefault: 0, unconfined: 1, localhost: 2 } as const;
export const protocolNumber: Readonly<Record<string, number>> = { TCP: 0, UDP: 1, SCTP: 2 };

export interface NamespaceOption {
  readonly network: number;
  readonly pid: number;
  readonly ipc: number;
  readonly targetId?: string;
  readonly usernsOptions?: {
    readonly mode: number;
    readonly uids?: readonly IdMapping[];
    readonly gids?: readonly IdMapping[];
  };
}
export interface IdMapping {
  readonly hostId: number;
  readonly containerId: number;
  readonly length: number;
}
export interface SecurityProfile {
  readonly profileType: number;
  readonly localhostRef?: string;
}
export interface Int64Value {
  readonly value: number;
}
export interface SelinuxOption {
  readonly user?: string | undefined;
  readonly role?: string | undefined;
  readonly type?: string | undefined;
  readonly level?: string | undefined;
}
export interface LinuxContainerResources {
  readonly cpuPeriod?: number;
  readonly cpuQuota?: number;
  readonly cpuShares?: number;
  readonly memoryLimitInBytes?: number;
  readonly oomScoreAdj?: number;
  readonly hugepageLimits?: readonly { readonly pageSize: string; readonly limit: number }[];
  readonly unified?: Readonly<Record<string, string>>;
}
export interface PodSandboxConfig {
  readonly metadata: PodSandboxMetadata;
  readonly hostname?: string;
  readonly logDirectory: string;
  readonly dnsConfig: {
    readonly servers: readonly string[];
    readonly searches: readonly string[];
    readonly options: readonly string[];
  };
  readonly portMappings: readonly {
    readonly protocol: number;
    readonly containerPort: number;
    readonly hostPort: number;
    readonly hostIp: string;
  }[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly linux: {
    readonly cgroupParent: string;
    readonly securityContext: {
      readonly namespaceOptions: NamespaceOption;
      readonly selinuxOptions?: SelinuxOption;
      readonly runAsUser?: Int64Value;
      readonly runAsGroup?: Int64Value;
      readonly supplementalGroups?: readonly number[];
      readonly supplementalGroupsPolicy?: number;
      readonly privileged?: boolean;
      readonly seccomp?: SecurityProfile;
    };
    readonly sysctls: Readonly<Record<string, string>>;
    readonly resources?: LinuxContainerResources;
  };
}
export interface ContainerMount {
  readonly containerPath: string;
  readonly hostPath: string;
  readonly readonly?: boolean;
  readonly selinuxRelabel?: boolean;
  readonly propagation?: number;
  readonly recursiveReadOnly?: boolean;
  readonly uidMappings?: readonly IdMapping[];
  readonly gidMappings?: readonly IdMapping[];
  /** An image's content instead of a path of the host. */
  readonly image?: { readonly image: string; readonly userSpecifiedImage?: string };
  readonly imageSubPath?: string;
}
export interface ContainerDevice {
  readonly containerPath: string;
  readonly hostPath: string;
  /** Of `r`, `w` and `m`. */
  readonly permissions: string;
}
export interface ContainerConfig {
  readonly metadata: ContainerMetadata;
  readonly image: { readonly image: string; readonly userSpecifiedImage?: string };
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly workingDir: string;
  readonly envs: readonly { readonly key: string; readonly value: Uint8Array }[];
  readonly mounts: readonly ContainerMount[];
  readonly devices?: readonly ContainerDevice[];
  readonly CDIDevices?: readonly { readonly name: string }[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly logPath: string;
  /** By name, as the CRI's enumeration has it. */
  readonly stopSignal?: string;
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
  readonly tty: boolean;
  readonly linux: {
    readonly resources: LinuxContainerResources;
    readonly securityContext: {
      readonly capabilities?: {
        readonly addCapabilities: readonly string[];
        readonly dropCapabilities: readonly string[];
      };
      readonly privileged: boolean;
      readonly namespaceOptions: NamespaceOption;
      readonly selinuxOptions?: SelinuxOption;
      readonly runAsUser?: Int64Value;
      readonly runAsUsername?: string;
      readonly runAsGroup?: Int64Value;
      readonly readonlyRootfs: boolean;
      readonly supplementalGroups: readonly number[];
      readonly supplementalGroupsPolicy?: number;
      readonly noNewPrivs: boolean;
      readonly maskedPaths: readonly string[];
      readonly readonlyPaths: readonly string[];
      readonly seccomp?: SecurityProfile;
      readonly apparmor?: SecurityProfile;
    };
  };
}
export interface PodSandbox {
  readonly id: string;
  readonly metadata: PodSandboxMetadata;
  readonly state: number;
  readonly createdAt: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}
export interface PodSandboxStatus extends PodSandbox {
  readonly network: { readonly ip: string; readonly additionalIps: readonly { readonly ip: string }[] } | null;
}
export interface Container {
  readonly id: string;
  readonly podSandboxId: string;
  readonly metadata: ContainerMetadata;
  readonly image: { readonly image: string };
  readonly imageRef: string;
  readonly state: number;
  readonly createdAt: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}
export interface ContainerStatus {
  readonly id: string;
  readonly metadata: ContainerMetadata;
  readonly state: number;
  readonly createdAt: number;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly exitCode: number;
  readonly image: { readonly image: string };
  readonly imageRef: string;
  readonly imageId: string;
  readonly reason: string;
  readonly message: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly logPath: string;
  /** 0: the runtime's default, or a runtime that knows of no other. */
  readonly stopSignal: number;
  /** Null: the runtime does not tell. */
  readonly resources: { readonly linux: LinuxContainerResources | null } | null;
}
export interface Image {
  readonly id: string;
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
  readonly size: number;
  readonly uid: Int64Value | null;
  readonly username: string;
  readonly pinned: boolean;
}
export interface ContainerStats {
  readonly attributes: {
    readonly id: string;
    readonly metadata: ContainerMetadata;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly cpu: { readonly timestamp: number; readonly usageCoreNanoSeconds: Int64Value | null } | null;
  readonly memory: {
    readonly timestamp: number;
    readonly workingSetBytes: Int64Value | null;
    readonly usageBytes: Int64Value | null;
    readonly rssBytes: Int64Value | null;
  } | null;
  readonly writableLayer: { readonly usedBytes: Int64Value | null; readonly inodesUsed: Int64Value | null } | null;
}
export interface AuthConfig {
  readonly username?: string;
  readonly password?: string;
  readonly auth?: string;
  readonly serverAddress?: string;
  readonly identityToken?: string;
  readonly registryToken?: string;
}
export interface RuntimeCondition {
  readonly type: string;
  readonly status: boolean;
  readonly reason: string;
  readonly message: string;
}
export interface RuntimeHandler {
  readonly name: string;
  readonly recursiveReadOnlyMounts: boolean;
  readonly userNamespaces: boolean;
}
/** How the runtime is, and what it can do; handlers by name, '' is the default. */
export interface RuntimeState {
  readonly conditions: readonly RuntimeCondition[];
  readonly handlers: readonly RuntimeHandler[];
  /** Undefined: too old to tell. */
  readonly features: { readonly supplementalGroupsPolicy: boolean } | undefined;
}

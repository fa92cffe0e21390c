// What the node agent is given: the cluster's side, the machine, the runtime, and what its operator has configured.
import type { listenGrpc } from '#wire/grpc-server.ts';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { Random } from '#base/random.ts';
import type { Client, EventRecorder } from '#client/client.ts';
import type { ShutdownInhibitor } from '#host/linux/shutdown-inhibitor.ts';
import type { NodeMachine } from '#host/node-machine.ts';
import type { ContainerRuntime } from './cri/runtime.ts';
import type { EvictionSettings } from './eviction/manager.ts';
import type { CredentialProviders } from './images/credential-providers.ts';
import type { AuthFile } from './images/auth-files.ts';
import type { Verification } from './images/verification.ts';
import type { ImageThresholds } from './images/collection.ts';
import type { PodsOptions } from './pod/options.ts';
import type { ShutdownPeriods } from './shutdown/groups.ts';

export interface NodeAgentOptions {
  /** In the node's own name (system:node:NAME, group system:nodes). */
  readonly client: Client;
  readonly events: EventRecorder;
  readonly machine: NodeMachine;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly nodeName: string;
  /** Asked whenever needed: addresses may change. The first is the main one. */
  readonly nodeIps: () => readonly string[];
  /** Names this cluster: containers of another are leftovers. Such as the uid of kube-system, or a digest of the CA. */
  readonly clusterId: string;
  /** Connects to the runtime; the agent closes it. */
  readonly connectRuntime: () => Promise<ContainerRuntime>;
  /** What else is wrong with the runtime, as its supervisor sees it. */
  readonly runtimeProblem?: (() => string | undefined) | undefined;
  readonly kubeletVersion: string;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Default /var/lib/kubelet. */
  readonly rootDirectory?: string | undefined;
  /** Default /var/log/pods. */
  readonly podLogDirectory?: string | undefined;
  readonly clusterDns: readonly string[];
  readonly clusterDomain: string;
  /** Where the runtime does not tell. */
  readonly cgroupDriver: 'systemd' | 'cgroupfs';
  readonly cgroupRoot?: string | undefined;
  readonly podsMax?: number | undefined;
  /** Processes and threads of one Pod. Default: no limit. */
  readonly podProcessesMax?: number | undefined;
  readonly reserved?: Readonly<Record<string, number>> | undefined;
  /** When Pods go because the node runs short. Absent: upstream's defaults. */
  readonly eviction?: EvictionSettings | undefined;
  /** Asked whenever logs and images are looked at; absent: upstream's. */
  readonly housekeepingLimits?: (() => HousekeepingLimits) | undefined;
  /** Never collected: the pause image and what was brought along. */
  readonly pinnedImages: () => readonly string[];
  /** The node's own logins at registries, read at each pull. */
  readonly authFiles: readonly AuthFile[];
  /** Whose credentials are checked before a Pod gets an image that is there. Absent: upstream's default. */
  readonly imageVerification?: Verification | undefined;
  /** Plugins that give credentials of registries. */
  readonly credentialProviders?: CredentialProviders | undefined;
  /** At once, default 10; 1: one after the other. */
  readonly imagePullsMax?: number | undefined;
  /** After so long without a byte a pull is given up. Default 5 minutes, as containerd 2. */
  readonly imagePullProgressDeadlineMs?: number | undefined;
  /** After so long without a byte exec, attach and port-forward are ended. Default 4 hours, as upstream; 0: never. */
  readonly streamIdleMs?: number | undefined;
  /** Of a machine with systemd-logind: how long its shutdown waits for Pods. Absent: it does not. */
  readonly shutdown?: { readonly inhibitor: ShutdownInhibitor; readonly periods: ShutdownPeriods } | undefined;
  /** Where the runtime is our own: what it knows of mirrors, brought up to date before each pull. */
  readonly registries?: NodeRegistries | undefined;
  /** Common names of the certificate with which the API server calls the node's API. */
  readonly apiServerNames: readonly string[];
  /** Serves gRPC on a socket of the machine; a simulation has none. */
  readonly listenOnSocket?: typeof listenGrpc | undefined;
  /** Absent: nothing to wait for. See PodsOptions. */
  readonly enforcePolicies?: PodsOptions['enforcePolicies'];
  /** Where the node's API listens, for the Node's status. */
  readonly serverPort?: number | undefined;
  /** How often the whole runtime, logs and disk use are looked at. Default 30 s. */
  readonly housekeepingMs?: number | undefined;
  /** Services that must run before. */
  readonly dependsOn?: readonly string[] | undefined;
}

export interface HousekeepingLimits {
  /** Of a container's log at which another file is begun. */
  readonly logBytesMax: number;
  /** The current one included. */
  readonly logFilesMax: number;
  readonly images: ImageThresholds;
}

export interface NodeRegistries {
  refresh(): Promise<void>;
  mirrorsOf(repository: string): readonly string[];
  /** Why the repository may not be pulled. */
  blocked(repository: string): string | undefined;
  /** True: what a pull failed with is now known, and it is tried once more. */
  learn(failure: string): boolean;
}

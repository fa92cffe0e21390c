// What the work on the Pods of this node is given: the cluster's side, the runtime, the machine and what Pods refer to.
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { Scope } from '#base/scope.ts';
import type { Node, Pod } from '#api/generated/types.ts';
import type { Client, EventRecorder, Informer } from '#client/client.ts';
import type { NodeMachine } from '#host/node-machine.ts';
import type { TokenStatus } from '../csi/mounter.ts';
import type { RuntimeState } from '../cri/messages.ts';
import type { ContainerRuntime } from '../cri/runtime.ts';
import type { PodDevices } from '../devices/devices.ts';
import type { PodClaims } from '../dra/claims.ts';
import type { Images } from '../images/images.ts';
import type { PullCredential } from '../images/keyring.ts';
import type { AgentMetrics } from '../metrics/agent-metrics.ts';
import type { Probes } from '../probes/probes.ts';
import type { PodVolumes, VolumeSources } from '../volumes/volumes.ts';
import type { ContainerStarter } from './containers.ts';
import type { EnvironmentSources } from './environment.ts';
import type { NodeRuntimeSettings } from './runtime-config.ts';
import type { UserNamespaces } from './user-namespaces.ts';

export interface PodPullCredentials {
  readonly credentials: readonly PullCredential[];
  readonly missingSecrets: readonly string[];
  /** What could not be read, a clause or sentence each; never a part of a credential. */
  readonly problems: readonly string[];
}

export interface PodSources {
  environment(pod: Pod, podIps: readonly string[]): EnvironmentSources;
  volumes(pod: Pod, podIps: readonly string[]): VolumeSources;
  /** A token of the Pod's service account, and until when it is good. */
  tokenStatus(pod: Pod, audience: string, expirationSeconds: number | undefined): Promise<TokenStatus>;
  /** What may open the image's registry: the Pod's pull secrets first, then the node's logins. Never throws for what is missing. */
  pullCredentials(pod: Pod, image: string): Promise<PodPullCredentials>;
  /** Of the Pod's RuntimeClass; '' without one. Throws a PodConfigError when there is no such class. */
  runtimeHandler(pod: Pod): Promise<string>;
  /** When something time-bound of the Pod's volumes (tokens) must be renewed; undefined: never. */
  renewInMs(pod: Pod): number | undefined;
  release(podUid: string): void;
}

export interface PodsOptions {
  readonly client: Client;
  readonly informer: Informer<Pod>;
  readonly events: EventRecorder;
  readonly runtime: ContainerRuntime;
  readonly runtimeName: string;
  readonly machine: NodeMachine;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly scope: Scope;
  readonly settings: NodeRuntimeSettings;
  readonly volumes: PodVolumes;
  readonly images: Images;
  readonly starter: ContainerStarter;
  readonly probes: Probes;
  readonly sources: PodSources;
  /** This node's object as the API has it now. */
  readonly node: () => Promise<Node>;
  readonly nodeIps: () => readonly string[];
  readonly runtimeState: () => RuntimeState;
  readonly userNamespaces: UserNamespaces;
  readonly devices: PodDevices;
  readonly claims: PodClaims;
  readonly metrics: AgentMetrics;
  /** Conditions of the node that say of what it is short. */
  readonly pressures?: (() => ReadonlySet<string>) | undefined;
  /** New Pods are refused. */
  readonly isShuttingDown: () => boolean;
  readonly allocatable: () => Readonly<Record<string, number>>;
  /** The host enforces AppArmor. */
  readonly appArmor: boolean;
  /** Resolves when what policies say of traffic of a Pod with these addresses holds; rejects when that cannot be. */
  readonly enforcePolicies?: ((pod: Pod, addresses: readonly string[]) => Promise<void>) | undefined;
}

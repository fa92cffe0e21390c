// What the node remembers of one Pod from one look to the next.
import type { Pod } from '#api/generated/types.ts';
import type { ResizeCondition, ResourceRecord } from './allocation.ts';
import type { RuntimeHandler } from '../cri/messages.ts';
import type { MountedVolume } from '../volumes/volumes.ts';
import type { UserMappings } from './runtime-config.ts';
import type { RuntimeContainer } from './runtime-status.ts';
import type { WaitingReason } from './status.ts';
import type { PodFailure } from './conditions.ts';

export interface PodState {
  /** The last seen object; kept while its leftovers are cleared away. */
  pod: Pod | undefined;
  /** Monotonic. */
  readonly seenAtMs: number;
  /** Of the spec that was last worked on; undefined: none yet. */
  workedGeneration: number | undefined;
  readonly waiting: Map<string, WaitingReason>;
  readonly stopping: Map<string, { readonly untilMs: number }>;
  readonly messages: Map<string, string>;
  mounted: ReadonlyMap<string, MountedVolume> | undefined;
  failure: PodFailure | undefined;
  retryInMs: number | undefined;
  ips: readonly string[];
  /** The sandbox whose traffic is what policies allow. */
  enforcedSandbox: string | undefined;
  /** It may run here; decided once, before anything of it starts. */
  admitted: boolean;
  handler: RuntimeHandler | undefined;
  users: UserMappings;
  /** What a container's restart count goes on with when the runtime has it no more. */
  readonly restarts: Map<string, number>;
  /** Of containers that were removed to begin anew: the last, by name. */
  readonly removed: Map<string, RuntimeContainer>;
  /** Of an eviction, instead of the Pod's own. */
  graceSeconds: number | undefined;
  /** Of the Pod: below the hierarchies' roots, or systemd's slice. */
  cgroup: string | undefined;
  /** It is admitted, and nothing of it begins until its devices are given. */
  waitsForDevices: boolean;
  /** What it was given; undefined before it is admitted, and of Pods that ask for nothing. */
  resources: ResourceRecord | undefined;
  /** `resources` is not on disk as it is. */
  resourcesChanged: boolean;
  resizePending: ResizeCondition | undefined;
  resizeInProgress: ResizeCondition | undefined;
  /** The generation of the spec whose resources were last looked at. */
  resizeSeen: number | undefined;
}

export const newPodState = (seenAtMs: number): PodState => ({
  pod: undefined,
  seenAtMs,
  workedGeneration: undefined,
  waiting: new Map(),
  stopping: new Map(),
  messages: new Map(),
  mounted: undefined,
  failure: undefined,
  retryInMs: undefined,
  ips: [],
  enforcedSandbox: undefined,
  admitted: false,
  handler: undefined,
  users: undefined,
  restarts: new Map(),
  removed: new Map(),
  graceSeconds: undefined,
  cgroup: undefined,
  waitsForDevices: false,
  resources: undefined,
  resourcesChanged: false,
  resizePending: undefined,
  resizeInProgress: undefined,
  resizeSeen: undefined,
});

/** The soonest of what asks for another look counts. */
export function comeBack(state: PodState, inMs: number): void {
  state.retryInMs = Math.min(state.retryInMs ?? Number.POSITIVE_INFINITY, inMs);
}

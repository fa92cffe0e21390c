// What the node remembers of one Pod from one look to the next.
import type { Pod } from '#api/generated/types.ts';
import type { RuntimeHandler } from '../cri/messages.ts';
import type { MountedVolume } from '../volumes/volumes.ts';
import type { UserMappings } from './runtime-config.ts';
import type { WaitingReason } from './status.ts';

export interface PodState {
  /** The last seen object; kept while its leftovers are cleared away. */
  pod: Pod | undefined;
  readonly waiting: Map<string, WaitingReason>;
  readonly stopping: Map<string, { readonly untilMs: number }>;
  readonly messages: Map<string, string>;
  mounted: ReadonlyMap<string, MountedVolume> | undefined;
  failure: { readonly reason: string; readonly message: string } | undefined;
  retryInMs: number | undefined;
  ips: readonly string[];
  /** It may run here; decided once, before anything of it starts. */
  admitted: boolean;
  handler: RuntimeHandler | undefined;
  users: UserMappings;
  /** What a container's restart count goes on with when the runtime has it no more. */
  readonly restarts: Map<string, number>;
  /** Of an eviction, instead of the Pod's own. */
  graceSeconds: number | undefined;
  /** Of the Pod: below the hierarchies' roots, or systemd's slice. */
  cgroup: string | undefined;
}

export const newPodState = (): PodState => ({
  pod: undefined,
  waiting: new Map(),
  stopping: new Map(),
  messages: new Map(),
  mounted: undefined,
  failure: undefined,
  retryInMs: undefined,
  ips: [],
  admitted: false,
  handler: undefined,
  users: undefined,
  restarts: new Map(),
  graceSeconds: undefined,
  cgroup: undefined,
});

/** The soonest of what asks for another look counts. */
export function comeBack(state: PodState, inMs: number): void {
  state.retryInMs = Math.min(state.retryInMs ?? Number.POSITIVE_INFINITY, inMs);
}

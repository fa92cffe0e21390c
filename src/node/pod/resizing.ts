// Gives Pods that run other resources (KEP-1287): which of the wishes fit on the node, what is allocated, its record on disk, and
// the conditions and events that tell of it. Upstream's allocation manager. How a change reaches the containers is in
// resize-actuation.ts.
import { effectiveRequests } from '#rules/effective-requests.ts';
import { podIsTerminal } from '#rules/pod-is-active.ts';
import type { Node, Pod } from '#api/generated/types.ts';
import { messageOf } from '#base/errors.ts';
import { admit, type AdmissionInput } from './admission.ts';
import {
  type Allocation,
  allocationOf,
  containerAmounts,
  type ResizeCondition,
  type ResourceRecord,
  withAllocation,
} from './allocation.ts';
import { qosClass } from './cgroup-names.ts';
import { podCgroupResources } from './cgroups.ts';
import type { PodsOptions } from './options.ts';
import { resizeIsUnderWay } from './resize-actuation.ts';
import type { PodRuntimeStatus } from './runtime-status.ts';
import { resizeText } from './resize-text.ts';
import { comeBack, type PodState } from './state.ts';

const retryMs = 180_000;
const recordName = 'resources';

export interface ResizingParts {
  readonly states: ReadonlyMap<string, PodState>;
  /** The Pods that may run here, with what they were given. */
  readonly admitted: () => readonly Pod[];
  readonly enqueue: (podUid: string) => void;
}

export class Resizing {
  readonly #options: PodsOptions;
  readonly #parts: ResizingParts;
  /** Uids of Pods that want what they do not have, in the order of their turn. */
  #pending: string[] = [];
  #node: Node | undefined;
  #retriedMs = 0;

  constructor(options: PodsOptions, parts: ResizingParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /** Of a Pod that was admitted just now: it gets what its spec says. */
  allocate(pod: Pod, state: PodState): void {
    if (state.resources !== undefined) return;
    const allocated = allocationOf(pod);
    state.resizeSeen = pod.metadata.generation;
    if (isEmpty(allocated)) return;
    state.resources = { allocated, actuated: {}, restarting: [], cgroup: podCgroupResources(pod) };
    state.resourcesChanged = true;
  }

  /** Of a Pod that an earlier process of ours began: what is on disk, and what its status tells. */
  async adopt(pod: Pod, state: PodState): Promise<void> {
    const text = await this.#options.machine.readText(this.#file(pod));
    const record = text === undefined ? undefined : parseRecord(text);
    if (text !== undefined && record === undefined)
      this.#options.logger.warn('the record of what a Pod was given cannot be read: it has what its spec says', {
        pod: `${pod.metadata.namespace}/${pod.metadata.name}`,
      });
    // Without a record the Pod is of a time when nothing could change.
    if (record === undefined) this.allocate(pod, state);
    else state.resources = record;
    for (const one of pod.status?.conditions ?? []) {
      const condition: ResizeCondition = {
        reason: one.reason,
        message: one.message,
        generation: one.observedGeneration ?? 0,
        transitionMs: Date.parse(one.lastTransitionTime ?? '') || this.#options.clock.now(),
      };
      if (one.type === 'PodResizePending') state.resizePending = condition;
      if (one.type === 'PodResizeInProgress') state.resizeInProgress = condition;
    }
    state.resizeSeen = undefined;
  }

  /** The Pod with what it has; a new wish is looked at first. */
  async look(pod: Pod, state: PodState): Promise<Pod> {
    const { clock, node } = this.#options;
    const uid = pod.metadata.uid ?? '';
    if (podIsTerminal(pod) || pod.metadata.deletionTimestamp !== undefined) {
      state.resizePending = undefined;
      state.resizeInProgress = undefined;
      this.#pending = this.#pending.filter((one) => one !== uid);
    } else if (state.resources !== undefined) {
      const wants = withAllocation(pod, state.resources.allocated) !== pod;
      if (!wants) {
        state.resizePending = undefined;
        this.#pending = this.#pending.filter((one) => one !== uid);
      } else if (state.resizeSeen !== pod.metadata.generation || !this.#pending.includes(uid)) {
        this.#node = await node();
        if (!this.#pending.includes(uid)) this.#pending.push(uid);
        this.#tryAll(uid);
      } else if (clock.monotonicMs() - this.#retriedMs >= retryMs) {
        this.#node = await node();
        this.#tryAll(uid);
      }
      state.resizeSeen = pod.metadata.generation;
      if (state.resizePending !== undefined) comeBack(state, retryMs);
    }
    await this.save(pod, state);
    return withAllocation(pod, state.resources?.allocated);
  }

  /** A container is stopped only to start again. */
  restarts(state: PodState, containerId: string): void {
    const record = state.resources;
    if (record === undefined || record.restarting.includes(containerId)) return;
    state.resources = { ...record, restarting: [...record.restarting, containerId] };
    state.resourcesChanged = true;
  }

  /** Tells of the end of a change, which may make room for others. */
  noteProgress(pod: Pod, state: PodState, runtime: PodRuntimeStatus): void {
    const record = state.resources;
    if (record === undefined) return;
    const left = record.restarting.filter((id) => runtime.containers.some((one) => one.id === id));
    if (left.length < record.restarting.length) {
      state.resources = { ...record, restarting: left };
      state.resourcesChanged = true;
    }
    const before = state.resizeInProgress;
    if (resizeIsUnderWay(pod, runtime, state.resources!)) {
      state.resizeInProgress ??= {
        reason: undefined,
        message: undefined,
        generation: pod.metadata.generation ?? 0,
        transitionMs: this.#options.clock.now(),
      };
    } else if (before !== undefined) {
      state.resizeInProgress = undefined;
      this.#options.events.event(
        pod,
        'Normal',
        'ResizeCompleted',
        resizeText('Pod resize completed', pod, before.generation),
      );
      this.retry();
    }
  }

  /** Something went or takes less. */
  retry(): void {
    if (this.#pending.length > 0) this.#tryAll(undefined);
  }

  forget(uid: string): void {
    this.#pending = this.#pending.filter((one) => one !== uid);
    this.retry();
  }

  async save(pod: Pod, state: PodState): Promise<void> {
    const { machine, volumes } = this.#options;
    if (!state.resourcesChanged || state.resources === undefined) return;
    state.resourcesChanged = false;
    try {
      await machine.makeDirectory(volumes.podDirectory(pod.metadata.uid ?? ''), 0o750);
      const file = this.#file(pod);
      await machine.write(`${file}.new`, JSON.stringify(state.resources), 0o600);
      await machine.rename(`${file}.new`, file);
    } catch (error) {
      state.resourcesChanged = true;
      throw new Error(`what the Pod was given could not be recorded: ${messageOf(error)}`, { cause: error });
    }
  }

  #file(pod: Pod): string {
    return `${this.#options.volumes.podDirectory(pod.metadata.uid ?? '')}/${recordName}`;
  }

  /** All that wait, in upstream's order; no wait in between, so that two never share the last place. */
  #tryAll(current: string | undefined): void {
    this.#retriedMs = this.#options.clock.monotonicMs();
    const waiting = this.#pending.flatMap((uid) => {
      const state = this.#parts.states.get(uid);
      const pod = state?.pod;
      return state?.resources === undefined || pod === undefined
        ? []
        : [{ uid, pod, state, increases: increases(pod, state.resources.allocated) }];
    });
    waiting.sort(
      (a, b) =>
        Number(a.increases) - Number(b.increases) ||
        (b.pod.spec.priority ?? 0) - (a.pod.spec.priority ?? 0) ||
        Number(qosClass(b.pod) === 'Guaranteed') - Number(qosClass(a.pod) === 'Guaranteed') ||
        (a.state.resizePending?.transitionMs ?? Number.POSITIVE_INFINITY) -
          (b.state.resizePending?.transitionMs ?? Number.POSITIVE_INFINITY) ||
        0,
    );
    this.#pending = [];
    for (const { uid, pod, state } of waiting) {
      const before = state.resizePending;
      const given = this.#try(pod, state);
      if (!given) this.#pending.push(uid);
      if (uid !== current && (given || state.resizePending !== before)) this.#parts.enqueue(uid);
    }
  }

  /** True: it is allocated. */
  #try(pod: Pod, state: PodState): boolean {
    const { clock, events } = this.#options;
    const generation = pod.metadata.generation ?? 0;
    const record = state.resources!;
    const refusal = this.#node === undefined ? undefined : this.#refusal(pod, this.#node);
    if (refusal === undefined) {
      state.resources = { ...record, allocated: allocationOf(pod), actuated: actuatedBefore(pod, record) };
      state.resourcesChanged = true;
      state.resizePending = undefined;
      state.resizeInProgress = { reason: undefined, message: undefined, generation, transitionMs: clock.now() };
      events.event(pod, 'Normal', 'ResizeStarted', resizeText('Pod resize started', pod, generation));
      return true;
    }
    const before = state.resizePending;
    const reason = 'Deferred';
    state.resizePending = {
      reason,
      message: refusal,
      generation,
      transitionMs: before?.reason === reason ? before.transitionMs : clock.now(),
    };
    if (before?.reason !== reason || before.generation !== generation)
      events.event(pod, 'Warning', 'ResizeDeferred', resizeText(`Pod resize ${reason}`, pod, generation, refusal));
    return false;
  }

  #refusal(pod: Pod, node: Node): string | undefined {
    const { allocatable, runtimeState, appArmor } = this.#options;
    const input: AdmissionInput = {
      pod,
      node,
      others: this.#parts.admitted().filter((one) => one.metadata.uid !== pod.metadata.uid),
      allocatable: allocatable(),
      supplementalGroupsPolicy: runtimeState().features?.supplementalGroupsPolicy === true,
      appArmor,
    };
    return admit(input)?.message;
  }
}

const isEmpty = ({ containers, pod }: Allocation): boolean =>
  [...Object.values(containers), pod ?? {}].every(
    (one) => Object.keys(one.requests ?? {}).length === 0 && Object.keys(one.limits ?? {}).length === 0,
  );

function increases(pod: Pod, allocated: Allocation): boolean {
  const [wanted, has] = [effectiveRequests(pod), effectiveRequests(withAllocation(pod, allocated))];
  return ['cpu', 'memory'].some((name) => (wanted[name] ?? 0) > (has[name] ?? 0));
}

/** What containers have when others amounts are allocated to them: what was allocated, where nothing else is known. */
function actuatedBefore(pod: Pod, record: ResourceRecord): ResourceRecord['actuated'] {
  const previous = withAllocation(pod, record.allocated);
  return {
    ...Object.fromEntries(
      [...previous.spec.containers, ...(previous.spec.initContainers ?? [])].map((one) => [
        one.name,
        containerAmounts(previous, one),
      ]),
    ),
    ...record.actuated,
  };
}

/** Undefined: it is not what we wrote. */
function parseRecord(text: string): ResourceRecord | undefined {
  try {
    const value = JSON.parse(text) as Partial<ResourceRecord> | null;
    if (typeof value?.allocated?.containers !== 'object' || typeof value.actuated !== 'object') return undefined;
    return {
      allocated: value.allocated,
      actuated: value.actuated,
      cgroup: value.cgroup,
      restarting: Array.isArray(value.restarting) ? value.restarting : [],
    };
  } catch {
    return undefined;
  }
}

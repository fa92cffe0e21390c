// What the runtime has of each Pod, as last read: read again only where an event, a relist or an act of our own says that
// something changed. A container that ended never changes again.
import { containerState, sandboxState } from '../cri/messages.ts';
import { type ContainerRuntime, isRuntimeNotFound } from '../cri/runtime.ts';
import {
  clusterLabel,
  parseContainer,
  parseSandbox,
  type PodRuntimeStatus,
  podUidLabel,
  type RuntimeContainer,
  type RuntimeSandbox,
} from './runtime-status.ts';

interface Entry {
  readonly sandboxes: Map<string, RuntimeSandbox | undefined>;
  /** Undefined: not read yet. */
  readonly containers: Map<string, { readonly sandboxId: string; read: RuntimeContainer | undefined }>;
  readonly changed: Set<string>;
  /** What the runtime has is not even known by name. */
  unlisted: boolean;
}

/** A Pod that the runtime has something of. */
export interface SeenPod {
  readonly uid: string;
  readonly clusterId: string;
  readonly changed: boolean;
}

const states = ['created', 'running', 'exited', 'unknown'] as const;

export class RuntimeCache {
  readonly #runtime: ContainerRuntime;
  readonly #pods = new Map<string, Entry>();
  readonly #owners = new Map<string, string>();

  constructor(runtime: ContainerRuntime) {
    this.#runtime = runtime;
  }

  #entry(uid: string): Entry {
    let entry = this.#pods.get(uid);
    if (entry === undefined) {
      entry = { sandboxes: new Map(), containers: new Map(), changed: new Set(), unlisted: false };
      this.#pods.set(uid, entry);
    }
    return entry;
  }

  /** The Pod whose sandbox or container this is. */
  owner(id: string): string | undefined {
    return this.#owners.get(id);
  }

  /** An event named it. Gives the Pod to look at; undefined: nobody's, or nothing that can still change. */
  changed(id: string): string | undefined {
    const uid = this.#owners.get(id);
    const entry = uid === undefined ? undefined : this.#pods.get(uid);
    if (entry === undefined || entry.containers.get(id)?.read?.state === 'exited') return undefined;
    entry.changed.add(id);
    return uid;
  }

  /** An act of ours may have changed or made anything of the Pod: its outcome is not known. */
  invalidate(uid: string): void {
    this.#entry(uid).unlisted = true;
  }

  addSandbox(uid: string, id: string): void {
    const entry = this.#entry(uid);
    this.#owners.set(id, uid);
    entry.sandboxes.set(id, undefined);
    entry.changed.add(id);
  }

  addContainer(uid: string, id: string, sandboxId: string): void {
    const entry = this.#entry(uid);
    this.#owners.set(id, uid);
    entry.containers.set(id, { sandboxId, read: undefined });
    entry.changed.add(id);
  }

  removed(id: string): void {
    const uid = this.#owners.get(id);
    this.#owners.delete(id);
    const entry = uid === undefined ? undefined : this.#pods.get(uid);
    entry?.sandboxes.delete(id);
    entry?.containers.delete(id);
    entry?.changed.delete(id);
  }

  forget(uid: string): void {
    const entry = this.#pods.get(uid);
    if (entry === undefined) return;
    for (const id of [...entry.sandboxes.keys(), ...entry.containers.keys()]) this.#owners.delete(id);
    this.#pods.delete(uid);
  }

  /** As last read. */
  running(): readonly RuntimeContainer[] {
    const running: RuntimeContainer[] = [];
    for (const { containers } of this.#pods.values())
      for (const { read } of containers.values()) if (read?.state === 'running') running.push(read);
    return running;
  }

  /** As last read: sandboxes that are ready, and containers by state. */
  counts(): { readonly sandboxes: number; readonly containers: ReadonlyMap<RuntimeContainer['state'], number> } {
    let ready = 0;
    const counts = new Map<RuntimeContainer['state'], number>();
    for (const { sandboxes, containers } of this.#pods.values()) {
      if (sandboxes.values().some((one) => one?.ready === true)) ready++;
      for (const { read } of containers.values())
        if (read !== undefined) counts.set(read.state, (counts.get(read.state) ?? 0) + 1);
    }
    return { sandboxes: ready, containers: counts };
  }

  runningOf(uid: string): readonly RuntimeContainer[] {
    return [...(this.#pods.get(uid)?.containers.values() ?? [])]
      .map((one) => one.read)
      .filter((one) => one !== undefined)
      .filter((one) => one.state === 'running');
  }

  async read(uid: string): Promise<PodRuntimeStatus> {
    const entry = this.#entry(uid);
    if (entry.unlisted) await this.#list(uid, entry);
    const changed = [...entry.changed];
    entry.changed.clear();
    try {
      await Promise.all(changed.map((id) => this.#readOne(entry, id)));
    } catch (error) {
      for (const id of changed) entry.changed.add(id);
      throw error;
    }
    return {
      sandboxes: [...entry.sandboxes.values()]
        .filter((one) => one !== undefined)
        // Counts before times: a clock may be put back, also between two starts.
        .toSorted((a, b) => b.attempt - a.attempt || b.createdAtMs - a.createdAtMs),
      containers: [...entry.containers.values()]
        .map((one) => one.read)
        .filter((one) => one !== undefined)
        .toSorted((a, b) => b.restartCount - a.restartCount || b.createdAtMs - a.createdAtMs),
    };
  }

  async #list(uid: string, entry: Entry): Promise<void> {
    entry.unlisted = false;
    try {
      const filter = { [podUidLabel]: uid };
      const [sandboxes, containers] = await Promise.all([
        this.#runtime.listPodSandboxes(filter),
        this.#runtime.listContainers(filter),
      ]);
      const listed = new Set([...sandboxes, ...containers].map((one) => one.id));
      for (const id of [...entry.sandboxes.keys(), ...entry.containers.keys()]) if (!listed.has(id)) this.removed(id);
      for (const { id } of sandboxes) {
        if (!entry.sandboxes.has(id)) this.addSandbox(uid, id);
        entry.changed.add(id);
      }
      for (const { id, podSandboxId } of containers) {
        const known = entry.containers.get(id);
        if (known === undefined) this.addContainer(uid, id, podSandboxId);
        else if (known.read?.state !== 'exited') entry.changed.add(id);
      }
    } catch (error) {
      entry.unlisted = true;
      throw error;
    }
  }

  async #readOne(entry: Entry, id: string): Promise<void> {
    try {
      const container = entry.containers.get(id);
      if (container !== undefined)
        container.read = parseContainer(await this.#runtime.containerStatus(id), container.sandboxId);
      else if (entry.sandboxes.has(id)) entry.sandboxes.set(id, parseSandbox(await this.#runtime.podSandboxStatus(id)));
    } catch (error) {
      if (!isRuntimeNotFound(error)) throw error;
      this.removed(id);
    }
  }

  /** Compares everything that the runtime has with what is known: two calls, whatever the number of Pods. */
  async relist(): Promise<readonly SeenPod[]> {
    const [sandboxes, containers] = await Promise.all([
      this.#runtime.listPodSandboxes(),
      this.#runtime.listContainers(),
    ]);
    const seen = new Map<string, { clusterId: string; changed: boolean }>();
    const listed = new Set<string>();
    const note = (id: string, labels: Readonly<Record<string, string>>, isAsKnown: (entry: Entry) => boolean) => {
      const uid = labels[podUidLabel];
      const clusterId = labels[clusterLabel];
      // Without our label it is somebody else's.
      if (uid === undefined || clusterId === undefined) return;
      listed.add(id);
      const entry = this.#entry(uid);
      const same = isAsKnown(entry);
      if (!same) {
        if (this.#owners.has(id)) entry.changed.add(id);
        else entry.unlisted = true;
      }
      const before = seen.get(uid);
      seen.set(uid, { clusterId, changed: before?.changed === true || !same });
    };
    for (const { id, labels, state } of sandboxes)
      note(id, labels, (entry) => entry.sandboxes.get(id)?.ready === (state === sandboxState.ready));
    for (const { id, labels, state } of containers)
      note(
        id,
        labels,
        (entry) => entry.containers.get(id)?.read?.state === (states[state] ?? states[containerState.unknown]),
      );
    for (const [uid, entry] of this.#pods)
      for (const id of [...entry.sandboxes.keys(), ...entry.containers.keys()]) {
        if (listed.has(id)) continue;
        entry.changed.add(id);
        seen.set(uid, { clusterId: seen.get(uid)?.clusterId ?? '', changed: true });
      }
    return [...seen].map(([uid, one]) => ({ uid, ...one }));
  }
}

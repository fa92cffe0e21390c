// A container runtime in memory: sandboxes, containers that run simulated programs, images. It lives apart from the node
// agent, which sees it through runtime-connection.ts. It refuses what a real runtime refuses.
import type { Timer } from '#base/clock.ts';
import { grpcCode, GrpcError } from '#wire/grpc.ts';
import * as cri from '#node/cri/messages.ts';
import type { Dice } from './dice.ts';
import { absentImage, endingOf } from './programs.ts';
import type { Timeline } from './timeline.ts';

export interface SimulatedSandbox {
  readonly id: string;
  readonly config: cri.PodSandboxConfig;
  readonly createdAtMs: number;
  readonly ip: string;
  ready: boolean;
}
export interface SimulatedContainer {
  readonly id: string;
  readonly sandbox: SimulatedSandbox;
  readonly config: cri.ContainerConfig;
  readonly createdAtMs: number;
  state: 'created' | 'running' | 'exited';
  startedAtMs: number;
  finishedAtMs: number;
  exitCode: number;
  ending: Timer | undefined;
}

/** What invariants hear of. */
export interface RuntimeWatcher {
  onStarted(node: string, container: SimulatedContainer): void;
  onEnded(node: string, container: SimulatedContainer): void;
}

export interface RuntimeConditions {
  /** Programs no longer fail. */
  calm: boolean;
  pullsFail: boolean;
}

export interface ContainerRuntimeOptions {
  readonly node: string;
  /** The third number of Pods' addresses. */
  readonly subnet: number;
  readonly timeline: Timeline;
  readonly dice: Dice;
  readonly conditions: RuntimeConditions;
  readonly watcher: RuntimeWatcher;
}

const notFound = (what: string, id: string) => new GrpcError(grpcCode.notFound, `${what} ${id} not found`);
const failed = (message: string) => new GrpcError(grpcCode.unknown, message);
const stopMsMax = 2_000;

export class SimulatedRuntime {
  readonly options: ContainerRuntimeOptions;
  readonly sandboxes = new Map<string, SimulatedSandbox>();
  readonly containers = new Map<string, SimulatedContainer>();
  readonly images = new Map<string, cri.Image>();
  readonly listeners = new Set<(id: string) => void>();
  #ids = 0;

  constructor(options: ContainerRuntimeOptions) {
    this.options = options;
  }
  #id(kind: string): string {
    return `${this.options.node}-${kind}-${++this.#ids}`;
  }
  #sandbox(id: string): SimulatedSandbox {
    const found = this.sandboxes.get(id);
    if (found === undefined) throw notFound('sandbox', id);
    return found;
  }
  #container(id: string): SimulatedContainer {
    const found = this.containers.get(id);
    if (found === undefined) throw notFound('container', id);
    return found;
  }
  #tell(id: string): void {
    for (const listener of this.listeners) listener(id);
  }

  runPodSandbox(config: cri.PodSandboxConfig): string {
    const { uid, attempt, name } = config.metadata;
    for (const other of this.sandboxes.values())
      if (other.config.metadata.uid === uid && other.config.metadata.attempt === attempt)
        throw failed(`failed to reserve sandbox name "${name}_${uid}_${attempt}": name is reserved for ${other.id}`);
    const taken = new Set([...this.sandboxes.values()].filter((one) => one.ready).map((one) => one.ip));
    let last = 2;
    while (taken.has(this.#ip(last))) last++;
    const createdAtMs = this.options.timeline.wallMs;
    const made: SimulatedSandbox = { id: this.#id('sandbox'), config, createdAtMs, ip: this.#ip(last), ready: true };
    this.sandboxes.set(made.id, made);
    return made.id;
  }
  #ip(last: number): string {
    return `10.42.${this.options.subnet}.${last}`;
  }
  stopPodSandbox(id: string): void {
    const sandbox = this.sandboxes.get(id);
    if (sandbox === undefined) return;
    for (const one of this.containers.values()) if (one.sandbox === sandbox) this.#end(one, 137);
    sandbox.ready = false;
  }
  removePodSandbox(id: string): void {
    const sandbox = this.sandboxes.get(id);
    if (sandbox === undefined) return;
    this.stopPodSandbox(id);
    for (const one of this.containers.values()) if (one.sandbox === sandbox) this.containers.delete(one.id);
    this.sandboxes.delete(id);
  }
  createContainer(sandboxId: string, config: cri.ContainerConfig): string {
    const sandbox = this.#sandbox(sandboxId);
    if (!sandbox.ready) throw failed(`sandbox ${sandboxId} is not ready`);
    const { name, attempt } = config.metadata;
    for (const other of this.containers.values())
      if (other.sandbox === sandbox && other.config.metadata.name === name && other.config.metadata.attempt === attempt)
        throw failed(`failed to reserve container name "${name}_${attempt}": name is reserved for ${other.id}`);
    const made: SimulatedContainer = {
      id: this.#id('container'),
      sandbox,
      config,
      createdAtMs: this.options.timeline.wallMs,
      state: 'created',
      startedAtMs: 0,
      finishedAtMs: 0,
      exitCode: 0,
      ending: undefined,
    };
    this.containers.set(made.id, made);
    return made.id;
  }
  startContainer(id: string): void {
    const { timeline, dice, conditions, node, watcher } = this.options;
    const container = this.#container(id);
    if (container.state !== 'created') throw failed(`container ${id} is in state ${container.state}`);
    if (!container.sandbox.ready) throw failed(`sandbox of container ${id} is not ready`);
    container.state = 'running';
    container.startedAtMs = timeline.wallMs;
    watcher.onStarted(node, container);
    const ending = endingOf(container.config.image.userSpecifiedImage ?? '', dice, conditions.calm);
    if (ending !== undefined)
      container.ending = timeline.schedule(ending.afterMs, () => this.#end(container, ending.exitCode));
  }
  /** Resolves when it has ended. */
  async stopContainer(id: string, graceSeconds: number): Promise<void> {
    const { timeline, dice } = this.options;
    const container = this.#container(id);
    if (container.state !== 'running') return;
    // Some programs do not listen to signals.
    const obeys = dice.chance(0.9);
    const afterMs = obeys ? Math.min(dice.between(0, stopMsMax), graceSeconds * 1_000) : graceSeconds * 1_000;
    await new Promise<void>((resolve) => timeline.schedule(afterMs, resolve));
    this.#end(container, obeys ? 0 : 137);
  }
  removeContainer(id: string): void {
    const container = this.containers.get(id);
    if (container === undefined) return;
    if (container.state === 'running') this.#end(container, 137);
    this.containers.delete(id);
  }
  #end(container: SimulatedContainer, exitCode: number): void {
    if (container.state !== 'running') return;
    container.ending?.cancel();
    container.state = 'exited';
    container.exitCode = exitCode;
    container.finishedAtMs = this.options.timeline.wallMs;
    this.options.watcher.onEnded(this.options.node, container);
    this.#tell(container.id);
  }
  /** Something outside of Kubernetes kills it. */
  kill(id: string): void {
    this.#end(this.#container(id), 137);
  }
  /** Everything stops at once. `forget`: the runtime remembers nothing of it. */
  powerCut(forget: boolean): void {
    for (const container of this.containers.values()) this.#end(container, 255);
    for (const sandbox of this.sandboxes.values()) sandbox.ready = false;
    if (!forget) return;
    this.containers.clear();
    this.sandboxes.clear();
  }
  pullImage(image: string): string {
    if (this.options.conditions.pullsFail || (image === absentImage && !this.options.conditions.calm))
      throw failed(`failed to pull and unpack image "${image}": not found`);
    this.images.set(image, {
      id: `sha256:${image}`,
      repoTags: [image],
      repoDigests: [],
      size: 1_000_000,
      uid: null,
      username: '',
      pinned: false,
    });
    return `sha256:${image}`;
  }
  /** Who has this address and runs. */
  answers(address: string): boolean {
    for (const { state, sandbox } of this.containers.values())
      if (state === 'running' && sandbox.ready && sandbox.ip === address) return true;
    return false;
  }
}

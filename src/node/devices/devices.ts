// The devices of this node that plugins bring: what there is, which container has which, and the record of it over restarts.
// Upstream's device manager, without NUMA: devices are not aligned with processors and memory.
import type { Clock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Scope } from '#base/scope.ts';
import type { Container, Pod, ResourceStatus } from '#api/generated/types.ts';
import { quantityToNumber } from '#api/quantity.ts';
import { podIsTerminal } from '#rules/pod-is-active.ts';
import type { NodeMachine } from '#host/node-machine.ts';
import type { GrpcCodecs } from '#wire/grpc.ts';
import { completeChoice, type DeviceOptions, devicesToChoose, joinResponses } from './choice.ts';
import { DevicePlugin } from './plugin.ts';
import { type DeviceEntry, formatRecord, parseRecord } from './record.ts';
import { deviceTable } from './table.ts';

export interface DeviceCount {
  readonly capacity: number;
  readonly allocatable: number;
}

/** What the work on Pods asks of the node's devices. */
export interface PodDevices {
  /** Something of it is given by a plugin. */
  wants(pod: Pod): boolean;
  /** Of all containers of a Pod that is admitted; throws why not, and then it has none. */
  allocate(pod: Pod): Promise<void>;
  /** What the container is started with; undefined: nothing. Its devices are made ready for it. */
  options(pod: Pod, container: Container): Promise<DeviceOptions | undefined>;
  health(podUid: string, container: string): readonly ResourceStatus[];
}

export interface DevicesOptions {
  readonly machine: Pick<NodeMachine, 'readText' | 'write' | 'rename'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly scope: Scope;
  /** `device-plugins` in the kubelet's directory. */
  readonly directory: string;
  readonly codecs: GrpcCodecs;
  /** All of this node. */
  readonly pods: () => readonly Pod[];
  /** What the Node's status says of devices is not true any more. */
  readonly onCount: () => void;
  readonly onHealth: (podUid: string) => void;
}

interface Resource {
  /** Undefined: it has ended, or has not come back since our start. */
  plugin: DevicePlugin | undefined;
  /** By id. */
  devices: ReadonlyMap<string, boolean>;
  hasTold: boolean;
  endedMs: number | undefined;
}

/** So long what a plugin had is counted after its end: upstream's endpointStopGracePeriod. */
const endedGraceMs = 5 * 60_000;
const recordName = 'kubelet_internal_checkpoint';

export class Devices implements PodDevices {
  readonly #options: DevicesOptions;
  readonly #resources = new Map<string, Resource>();
  #entries: readonly DeviceEntry[] = [];
  /** Of a resource one after the other: the second chooses among what the first has left. */
  readonly #turns = new Map<string, Promise<void>>();
  /** Chosen, and not yet in an entry. */
  readonly #chosen = new Map<string, Set<string>>();
  #writing: Promise<void> = Promise.resolve();

  constructor(options: DevicesOptions) {
    this.#options = options;
    options.scope.onClose(() => {
      for (const { plugin } of this.#resources.values()) plugin?.close();
      return this.#writing;
    });
  }

  async load(): Promise<void> {
    const { machine, directory, codecs, clock, logger } = this.#options;
    const text = await machine.readText(`${directory}/${recordName}`);
    if (text === undefined) return;
    const record = parseRecord(text, codecs.message(deviceTable, 'ContainerAllocateResponse'));
    if (record === undefined) {
      logger.warn('the record of devices cannot be read: containers that have some keep them until they start anew', {
        file: `${directory}/${recordName}`,
      });
      return;
    }
    this.#entries = record.entries;
    // Counted as none until their plugin comes back.
    const endedMs = clock.monotonicMs();
    for (const name of Object.keys(record.registered))
      this.#resources.set(name, { plugin: undefined, devices: new Map(), hasTold: false, endedMs });
  }

  /** Throws when it cannot be used; one that was there for the resource ends. */
  async connect(name: string, socket: string): Promise<void> {
    const plugin = await DevicePlugin.connect(name, socket);
    const before = this.#resources.get(name);
    before?.plugin?.close();
    const resource: Resource = { plugin, devices: new Map(), hasTold: false, endedMs: undefined };
    this.#resources.set(name, resource);
    this.#options.scope.spawn(`devices ${name}`, async () => {
      await plugin.watch(this.#options.logger, (devices) => this.#told(name, resource, devices));
      if (this.#resources.get(name) === resource) this.#ended(name, resource);
    });
  }

  disconnect(name: string): void {
    const resource = this.#resources.get(name);
    if (resource?.plugin !== undefined) this.#ended(name, resource);
  }

  /** For the Node's status; a resource that is forgotten now is counted as none once more. */
  counts(): Readonly<Record<string, DeviceCount>> {
    const now = this.#options.clock.monotonicMs();
    const counts: Record<string, DeviceCount> = {};
    for (const [name, { devices, endedMs }] of this.#resources) {
      const isForgotten = endedMs !== undefined && now - endedMs >= endedGraceMs;
      counts[name] = isForgotten
        ? { capacity: 0, allocatable: 0 }
        : {
            capacity: devices.size,
            allocatable: devices
              .values()
              .filter((isHealthy) => isHealthy)
              .toArray().length,
          };
      if (isForgotten) {
        this.#resources.delete(name);
        void this.#save();
      }
    }
    return counts;
  }

  isPluginResource(name: string): boolean {
    return this.#resources.has(name) || this.#entries.some((one) => one.resource === name);
  }

  wants(pod: Pod): boolean {
    const { initContainers = [], containers } = pod.spec;
    return [...initContainers, ...containers].some((one) => this.#wanted(pod, one).length > 0);
  }

  async allocate(pod: Pod): Promise<void> {
    const uid = pod.metadata.uid ?? '';
    const { initContainers = [], containers } = pod.spec;
    const reusable = new Map<string, Set<string>>();
    try {
      for (const container of [...initContainers, ...containers])
        for (const [resource, count] of this.#wanted(pod, container)) {
          const free = reusable.get(resource) ?? new Set<string>();
          reusable.set(resource, free);
          const ids = await this.#inTurn(resource, () => this.#allocateOne(uid, container.name, resource, count, free));
          const endsFirst = initContainers.includes(container) && container.restartPolicy !== 'Always';
          for (const id of ids)
            if (endsFirst) free.add(id);
            else free.delete(id);
        }
    } catch (error) {
      this.#entries = this.#entries.filter((one) => one.podUid !== uid);
      void this.#save();
      throw error;
    }
  }

  async options(pod: Pod, container: Container): Promise<DeviceOptions | undefined> {
    const uid = pod.metadata.uid ?? '';
    const wanted = this.#wanted(pod, container);
    if (wanted.length === 0) return undefined;
    const missing = wanted.filter(([resource]) => this.#entry(uid, container.name, resource) === undefined);
    for (const [resource, count] of missing)
      await this.#inTurn(resource, () => this.#allocateOne(uid, container.name, resource, count, new Set()));
    const entries = wanted.flatMap(([resource]) => this.#entry(uid, container.name, resource) ?? []);
    for (const { resource, ids } of entries) await this.#resources.get(resource)?.plugin?.preStart(ids);
    return joinResponses(entries.map((one) => one.response));
  }

  health(podUid: string, container: string): readonly ResourceStatus[] {
    return this.#entries
      .filter((one) => one.podUid === podUid && one.container === container)
      .map(({ resource, ids }) => ({
        name: resource,
        resources: ids.map((resourceID) => ({
          resourceID,
          // Of what nobody tells, nothing bad is known.
          health: this.#resources.get(resource)?.devices.get(resourceID) === false ? 'Unhealthy' : 'Healthy',
        })),
      }));
  }

  #entry(podUid: string, container: string, resource: string): DeviceEntry | undefined {
    return this.#entries.find(
      (one) => one.podUid === podUid && one.container === container && one.resource === resource,
    );
  }

  /** Limits are equal to requests of what cannot be shared. */
  #wanted(pod: Pod, container: Container): [string, number][] {
    const claimed = pod.status?.extendedResourceClaimStatus?.requestMappings ?? [];
    return Object.entries(container.resources?.limits ?? {})
      .filter(
        ([name]) =>
          this.isPluginResource(name) &&
          !claimed.some((one) => one.containerName === container.name && one.resourceName === name),
      )
      .map(([name, amount]): [string, number] => [name, quantityToNumber(String(amount))])
      .filter(([, count]) => count > 0);
  }

  async #inTurn<T>(resource: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(resource) ?? Promise.resolve();
    const mine = before.then(work);
    const settled = mine.then(
      () => undefined,
      () => undefined,
    );
    this.#turns.set(resource, settled);
    try {
      return await mine;
    } finally {
      if (this.#turns.get(resource) === settled) this.#turns.delete(resource);
    }
  }

  async #allocateOne(
    podUid: string,
    container: string,
    resource: string,
    count: number,
    reusable: ReadonlySet<string>,
  ): Promise<readonly string[]> {
    const has = this.#entry(podUid, container, resource);
    if (has !== undefined) {
      if (has.ids.length !== count)
        throw new Error(
          `pod "${podUid}" container "${container}" changed request for resource "${resource}" from ${has.ids.length} to ${count}`,
        );
      return has.ids;
    }
    this.#forgetEnded(podUid);
    const found = this.#resources.get(resource);
    const plugin = found?.plugin;
    const healthy = found?.hasTold === true ? healthyOf(found) : undefined;
    const taken = new Set(this.#entries.filter((one) => one.resource === resource).flatMap((one) => one.ids));
    for (const id of this.#chosen.get(resource) ?? []) taken.add(id);
    const choice = devicesToChoose({ resource, count, healthy, taken, reusable });
    if (plugin === undefined) throw new Error(`unknown Device Plugin ${resource}`);
    const isOpen = choice.certain.length < count && choice.available.length > count - choice.certain.length;
    const preferred = isOpen ? await plugin.preferred(choice.available, choice.certain, count) : [];
    const ids = completeChoice(choice, preferred, count);
    const chosen = new Set(ids);
    this.#chosen.set(resource, chosen);
    try {
      const response = await plugin.allocate(ids);
      this.#entries = [...this.#entries, { podUid, container, resource, ids, response }];
    } finally {
      this.#chosen.delete(resource);
    }
    await this.#save();
    return ids;
  }

  #forgetEnded(but: string): void {
    const pods = this.#options.pods().filter((one) => !podIsTerminal(one));
    const active = new Set([but, ...pods.map((one) => one.metadata.uid ?? '')]);
    this.#entries = this.#entries.filter((one) => active.has(one.podUid));
  }

  #told(name: string, resource: Resource, devices: readonly { id: string; isHealthy: boolean }[]): void {
    if (this.#resources.get(name) !== resource) return;
    const before = resource.devices;
    resource.devices = new Map(devices.map(({ id, isHealthy }) => [id, isHealthy]));
    resource.hasTold = true;
    this.#changed(name, before, resource.devices);
    void this.#save();
  }

  #ended(name: string, resource: Resource): void {
    resource.plugin?.close();
    resource.plugin = undefined;
    resource.endedMs = this.#options.clock.monotonicMs();
    const before = resource.devices;
    resource.devices = new Map([...before.keys()].map((id) => [id, false]));
    this.#changed(name, before, resource.devices);
  }

  #changed(name: string, before: ReadonlyMap<string, boolean>, now: ReadonlyMap<string, boolean>): void {
    this.#options.onCount();
    const touched = this.#entries.filter(
      (one) => one.resource === name && one.ids.some((id) => before.get(id) !== now.get(id)),
    );
    for (const uid of new Set(touched.map((one) => one.podUid))) this.#options.onHealth(uid);
  }

  /** One write at a time, each of what is true when it begins. */
  #save(): Promise<void> {
    const { machine, directory, codecs, logger } = this.#options;
    const file = `${directory}/${recordName}`;
    this.#writing = this.#writing.then(async () => {
      const registered = Object.fromEntries(
        [...this.#resources].map(([name, resource]) => [name, [...healthyOf(resource)]]),
      );
      const codec = codecs.message(deviceTable, 'ContainerAllocateResponse');
      try {
        await machine.write(`${file}.new`, formatRecord({ entries: this.#entries, registered }, codec), 0o600);
        await machine.rename(`${file}.new`, file);
      } catch (error) {
        logger.warn('which container has which device could not be recorded: after a restart it is not known', {
          file,
          error: messageOf(error),
        });
      }
    });
    return this.#writing;
  }
}

const healthyOf = ({ devices }: Resource): ReadonlySet<string> =>
  new Set([...devices].filter(([, isHealthy]) => isHealthy).map(([id]) => id));

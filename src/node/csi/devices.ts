// CSI volumes as the node has them, whichever Pods use them: staged for all of them, and unstaged behind the last.
import { attachedVolumeKey } from '#rules/csi-attachment.ts';
import type { Clock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Scope } from '#base/scope.ts';
import { WorkQueue } from '#base/work-queue.ts';
import type { NodeMachine } from '#host/node-machine.ts';
import { grpcErrorText } from '#wire/grpc.ts';
import type { CsiDrivers } from './drivers.ts';
import { CsiPaths, dataFile, parseVolumeData } from './volume.ts';

export interface DevicesOptions {
  readonly machine: NodeMachine;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly scope: Scope;
  readonly rootDirectory: string;
  readonly drivers: CsiDrivers;
  /** The Node's list of volumes in use changed: it is written now. */
  readonly reportNode: () => Promise<void>;
}

export interface DeviceUse {
  readonly key: string;
  readonly driver: string;
  readonly handle: string;
  readonly block: boolean;
  readonly specName: string;
}

/** What a Pod's folders tell of one of its volumes. */
export interface PodUse {
  readonly specName: string;
  readonly block: boolean;
  /** Undefined: nothing tells whose it is; it was not published. */
  readonly driver: string | undefined;
  readonly handle: string;
  readonly device: DeviceUse | undefined;
}

export interface Device extends DeviceUse {
  readonly users: Set<string>;
  /** By the time that it is known. */
  attachable: boolean | undefined;
  /** By this process; one that another staged is staged again, which changes nothing. */
  staged: boolean;
  /** The bytes that its claim had when it was mounted or grown here. */
  sizeBytes: number | undefined;
}

export class Devices {
  readonly #options: DevicesOptions;
  readonly #paths: CsiPaths;
  readonly #devices = new Map<string, Device>();
  readonly #turns = new Map<string, Promise<unknown>>();
  readonly #queue: WorkQueue;

  constructor(options: DevicesOptions) {
    this.#options = options;
    this.#paths = new CsiPaths(options.rootDirectory);
    this.#queue = new WorkQueue({
      clock: options.clock,
      concurrency: 8,
      backoff: { baseMs: 500, maxMs: 122_000 },
      work: (key) => this.inTurn(key, () => this.#unstage(key)),
      onError: (key, error, retryInMs) =>
        options.logger.warn('a CSI volume was not unstaged', { volume: key, error: messageOf(error), retryInMs }),
    });
    options.scope.onClose(() => this.#queue.close());
  }

  /** What is staged, by what is written beside it. */
  async load(): Promise<void> {
    const { machine } = this.#options;
    const { plugin, blockFolder } = this.#paths;
    const add = async (folder: string, block: boolean) => {
      const data = parseVolumeData(await machine.readText(`${folder}/${dataFile}`));
      if (data === undefined) return;
      const { driverName: driver, volumeHandle: handle, specVolID } = data;
      this.#get({ key: attachedVolumeKey(driver, handle), driver, handle, block, specName: specVolID });
    };
    for (const driver of await machine.list(plugin))
      if (driver !== 'volumeDevices')
        for (const one of await machine.list(`${plugin}/${driver}`)) await add(`${plugin}/${driver}/${one}`, false);
    for (const specName of await machine.list(blockFolder))
      if (specName !== 'staging' && specName !== 'publish') await add(`${blockFolder}/${specName}/data`, true);
    // Those that no Pod's folder names by the time that all are read.
    for (const key of this.#devices.keys()) this.#queue.addAfter(key, 1_000);
  }

  knows(key: string): boolean {
    return this.#devices.has(key);
  }

  /** The bytes that it had when it was mounted or grown here. */
  sizeOf(key: string): number | undefined {
    return this.#devices.get(key)?.sizeBytes;
  }

  use(use: DeviceUse, podUid: string): Device {
    const device = this.#get(use);
    device.users.add(podUid);
    return device;
  }

  release(key: string, podUid: string): void {
    const device = this.#devices.get(key);
    if (device === undefined) return;
    device.users.delete(podUid);
    if (device.users.size === 0) this.#queue.add(key);
  }

  wake(driver: string): void {
    for (const device of this.#devices.values())
      if (device.driver === driver && device.users.size === 0) this.#queue.add(device.key);
  }

  inUse(before: readonly string[]): readonly string[] {
    return [...this.#devices.values()]
      .filter((one) => one.attachable ?? before.includes(one.key))
      .map(({ key }) => key)
      .toSorted();
  }

  /** What is done to a volume is done by one at a time. */
  inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(key) ?? Promise.resolve();
    const done = before.catch(() => undefined).then(work);
    this.#turns.set(key, done);
    void done
      .catch(() => undefined)
      .then(() => {
        if (this.#turns.get(key) === done) this.#turns.delete(key);
      });
    return done;
  }

  #get(use: DeviceUse): Device {
    let device = this.#devices.get(use.key);
    if (device === undefined) {
      device = { ...use, users: new Set(), attachable: undefined, staged: false, sizeBytes: undefined };
      this.#devices.set(use.key, device);
    }
    return device;
  }

  async #unstage(key: string): Promise<void> {
    const device = this.#devices.get(key);
    if (device === undefined || device.users.size > 0) return;
    const { machine, drivers, reportNode } = this.#options;
    const staging = this.#paths.staging(device);
    if ((await machine.status(staging)) !== undefined) {
      const client = drivers.get(device.driver);
      if (await client.can('stageUnstageVolume'))
        await client.unstage(device.handle, staging).catch((error: unknown) => {
          throw new Error(`kubernetes.io/csi: attacher.UnmountDevice failed: ${grpcErrorText(error)}`, {
            cause: error,
          });
        });
      device.staged = false;
      await removeUnmounted(machine, staging);
    }
    if (device.block) {
      await machine.removeEmptyDirectory(`${this.#paths.blockFolder}/publish/${device.specName}`);
      await machine.remove(`${this.#paths.blockFolder}/${device.specName}`);
    } else {
      const folder = this.#paths.stagingFolder(device);
      await machine.remove(`${folder}/${dataFile}`);
      await machine.removeEmptyDirectory(folder);
    }
    this.#devices.delete(key);
    // Else the next look at the node tells.
    await reportNode().catch((error: unknown) =>
      this.#options.logger.debug('node status', { error: messageOf(error) }),
    );
  }
}

/** What a driver should have removed itself; never what is behind a mount. */
export async function removeUnmounted(
  machine: Pick<NodeMachine, 'mounts' | 'removeEmptyDirectory' | 'status' | 'remove'>,
  path: string,
): Promise<void> {
  const status = await machine.status(path, false);
  if (status === undefined) return;
  if (machine.mounts.isMountPoint(path)) throw new Error(`${path} is still mounted`);
  if (status.type !== 'directory') await machine.remove(path);
  else if (!(await machine.removeEmptyDirectory(path)))
    throw new Error(`failed to remove dir [${path}]: directory not empty`);
}

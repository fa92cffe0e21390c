// Volumes of CSI drivers on this node: staged once, published to each Pod, and taken down in the opposite order. Every call of a
// driver goes on in the background, since it may take minutes: a Pod is looked at again when something of it has ended.
import { attachedVolumeKey } from '#rules/csi-attachment.ts';
import type { Timer } from '#base/clock.ts';
import { WorkQueue } from '#base/work-queue.ts';
import { messageOf } from '#base/errors.ts';
import type { Pod } from '#api/generated/types.ts';
import { Devices, type PodUse } from './devices.ts';
import { type BoundClaim, wantedExpansion } from './expansion.ts';
import { CsiMounter, type CsiMounterOptions, VolumeWaits } from './mounter.ts';
import { type CsiVolume, dataFile, parseVolumeData } from './volume.ts';

export interface CsiVolumesOptions extends CsiMounterOptions {
  /** Something of the Pod's volumes has ended, well or not. */
  readonly onChange: (podUid: string) => void;
}

/** A volume of a Pod. */
interface Entry {
  readonly podUid: string;
  volume: CsiVolume;
  working: boolean;
  mounted: boolean;
  /** It was mounted by the process before this one: what fails now takes nothing away. */
  readonly adopted: boolean;
  failures: number;
  retryAtMs: number;
  publishedAtMs: number;
  waitsForAttachment: boolean;
  republish: boolean;
  /** Sizes that the driver does not grow it to while it is in use. */
  refusedSize: string | undefined;
  retry: Timer | undefined;
}

const retryBaseMs = 500;
const retryMaxMs = 122_000;
/** Upstream publishes again, and looks at sizes, whenever it looks at a Pod, which is about once a minute. */
const lookMs = 60_000;
/** For what no notification tells of. */
const waitLookMs = 10_000;
const unstageConcurrency = 8;

export class CsiVolumes {
  readonly #options: CsiVolumesOptions;
  readonly #mounter: CsiMounter;
  readonly #devices: Devices;
  readonly #entries = new Map<string, Entry>();
  readonly #removals: WorkQueue;

  constructor(options: CsiVolumesOptions) {
    this.#options = options;
    this.#devices = new Devices(options);
    this.#mounter = new CsiMounter(options, this.#devices);
    const backoff = { baseMs: retryBaseMs, maxMs: retryMaxMs };
    this.#removals = new WorkQueue({
      clock: options.clock,
      concurrency: unstageConcurrency,
      backoff,
      work: (key) => this.#remove(key),
      onError: (key, error, retryInMs) =>
        options.logger.warn('a CSI volume of a Pod was not unmounted', {
          volume: key,
          error: messageOf(error),
          retryInMs,
        }),
    });
    options.scope.onClose(() => {
      for (const { retry } of this.#entries.values()) retry?.cancel();
      return this.#removals.close();
    });
  }

  /** Takes over what the process before this one has mounted. */
  async load(): Promise<void> {
    const { machine } = this.#options;
    const { paths } = this.#mounter;
    await this.#devices.load();
    for (const podUid of await machine.list(`${paths.root}/pods`))
      for (const use of await this.#ofPod(podUid)) {
        if (use.device !== undefined) this.#devices.use(use.device, podUid);
      }
  }

  /** Of attachable volumes, for the Node's status: a volume in it is not detached. `before`: as the Node says it now. */
  volumesInUse(before: readonly string[]): readonly string[] {
    return this.#devices.inUse(before);
  }

  /** The driver is there, or the Node has another attachment: what waited goes on. */
  wake(waits: 'attachment' | { readonly driver: string }): void {
    for (const entry of this.#entries.values()) {
      if (entry.working || (waits === 'attachment' ? !entry.waitsForAttachment : entry.volume.driver !== waits.driver))
        continue;
      entry.retryAtMs = 0;
      this.#options.onChange(entry.podUid);
    }
    if (waits !== 'attachment') this.#devices.wake(waits.driver);
  }

  /** Makes the volume, or looks after it. Undefined: it is on its way, and `onChange` tells. Failures are told as events of the Pod. */
  ensure(pod: Pod, volume: CsiVolume, bound?: BoundClaim): { readonly path: string } | undefined {
    const podUid = pod.metadata.uid ?? '';
    const key = `${podUid}/${volume.specName}`;
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      const adopted = this.#options.machine.mounts.isMountPoint(this.#mounter.paths.target(podUid, volume));
      entry = {
        podUid,
        volume,
        working: false,
        mounted: false,
        adopted,
        failures: 0,
        retryAtMs: 0,
        publishedAtMs: 0,
        waitsForAttachment: false,
        republish: false,
        refusedSize: undefined,
        retry: undefined,
      };
      this.#entries.set(key, entry);
    }
    const now = this.#options.clock.monotonicMs();
    if (!entry.working && entry.retryAtMs <= now) {
      const due = !entry.mounted || (entry.republish && now - entry.publishedAtMs >= lookMs);
      if (due) this.#start(pod, entry, bound, false);
      else if (bound !== undefined && this.#grows(entry, bound)) this.#start(pod, entry, bound, true);
    }
    return entry.mounted ? { path: this.#mounter.paths.target(podUid, volume) } : undefined;
  }

  /** Its claim is larger than it is, and that has not been refused yet. */
  #grows({ volume, refusedSize }: Entry, bound: BoundClaim): boolean {
    const mounted = this.#devices.sizeOf(attachedVolumeKey(volume.driver, volume.handle));
    const wanted = wantedExpansion(bound, mounted);
    return wanted !== undefined && wanted.size !== refusedSize;
  }

  /** When a volume of the Pod wants to be looked at again: published anew, or grown. No notification tells of either. */
  lookInMs(podUid: string): number | undefined {
    const now = this.#options.clock.monotonicMs();
    const times = [...this.#entries.values()]
      .filter((one) => one.podUid === podUid && one.mounted && (one.republish || one.volume.persistent))
      .map((one) => (one.republish ? Math.max(one.publishedAtMs + lookMs, one.retryAtMs) - now : lookMs));
    return times.length === 0 ? undefined : Math.max(0, Math.min(...times));
  }

  #start(pod: Pod, entry: Entry, bound: BoundClaim | undefined, grows: boolean): void {
    const { scope, clock, onChange, events } = this.#options;
    entry.working = true;
    entry.retry?.cancel();
    const { podUid, volume } = entry;
    scope.spawn(`volume ${volume.specName} of ${podUid}`, async () => {
      try {
        if (grows) entry.refusedSize = await this.#mounter.grow(pod, volume, bound!);
        else {
          const again = entry.mounted || entry.adopted;
          const done = await this.#mounter.mount(pod, volume, again, bound);
          entry.republish = done.republish;
          entry.refusedSize = done.refusedSize;
          entry.publishedAtMs = clock.monotonicMs();
          entry.mounted = true;
        }
        entry.failures = 0;
        entry.waitsForAttachment = false;
      } catch (error) {
        if (scope.closed) return;
        const waits = error instanceof VolumeWaits;
        entry.waitsForAttachment = waits;
        const delayMs = waits ? waitLookMs : Math.min(retryMaxMs, retryBaseMs * 2 ** Math.min(entry.failures, 10));
        if (!waits) {
          entry.failures++;
          const reason = grows ? 'VolumeResizeFailed' : volume.block ? 'FailedMapVolume' : 'FailedMount';
          events.event(pod, 'Warning', reason, messageOf(error));
        }
        entry.retryAtMs = clock.monotonicMs() + delayMs;
        entry.retry = clock.schedule(delayMs, () => onChange(podUid));
      } finally {
        entry.working = false;
        onChange(podUid);
      }
    });
  }

  /** Takes down all of the Pod's. False: not all are down yet, and `onChange` tells. */
  async tearDown(podUid: string): Promise<boolean> {
    const found = await this.#ofPod(podUid);
    const known = [...this.#entries].filter(([, entry]) => entry.podUid === podUid);
    if (found.length === 0) {
      for (const [key, entry] of known) {
        // One that is on its way may still come to be.
        if (entry.working) return false;
        entry.retry?.cancel();
        this.#devices.release(attachedVolumeKey(entry.volume.driver, entry.volume.handle), podUid);
        this.#entries.delete(key);
      }
      return true;
    }
    for (const { specName } of found) this.#removals.add(`${podUid}/${specName}`);
    return false;
  }

  async #remove(key: string): Promise<number | void> {
    const podUid = key.slice(0, key.indexOf('/'));
    const specName = key.slice(podUid.length + 1);
    if (this.#entries.get(key)?.working === true) return retryBaseMs;
    const use = (await this.#ofPod(podUid)).find((one) => one.specName === specName);
    if (use !== undefined) {
      await this.#mounter.unmount(podUid, use);
      if (use.device !== undefined) this.#devices.release(use.device.key, podUid);
    }
    this.#entries.get(key)?.retry?.cancel();
    this.#entries.delete(key);
    this.#options.onChange(podUid);
  }

  /** What the folders of the Pod tell of. */
  async #ofPod(podUid: string): Promise<readonly PodUse[]> {
    const { machine } = this.#options;
    const { paths } = this.#mounter;
    const uses: PodUse[] = [];
    for (const block of [false, true])
      for (const specName of await machine.list(block ? paths.podDevices(podUid) : paths.podVolumes(podUid))) {
        const data = parseVolumeData(await machine.readText(`${paths.data(podUid, { block, specName })}/${dataFile}`));
        if (data === undefined) {
          uses.push({ specName, block, driver: undefined, handle: '', device: undefined });
          continue;
        }
        const { driverName: driver, volumeHandle: handle } = data;
        const device = { key: attachedVolumeKey(driver, handle), driver, handle, block, specName };
        uses.push({
          specName,
          block,
          driver,
          handle,
          // An inline volume's handle is its own, and it has no device.
          device: this.#devices.knows(device.key) ? device : undefined,
        });
      }
    return uses;
  }
}

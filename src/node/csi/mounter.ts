// The steps that bring one CSI volume into one Pod, and out of it again: attachment, staging, publishing, the group.
import { attachmentName, attachedVolumeKey, driverAttaches } from '#rules/csi-attachment.ts';
import { Secrets, VolumeAttachments } from '#api/generated/kind-references.ts';
import type { CSIDriver, Node, Pod, SecretReference } from '#api/generated/types.ts';
import { messageOf } from '#base/errors.ts';
import type { Client, EventRecorder } from '#client/client.ts';
import { grpcErrorText } from '#wire/grpc.ts';
import { type BoundClaim, bytesOf, Expander, wantedExpansion } from './expansion.ts';
import { giveToGroup } from '../volumes/ownership.ts';
import { type CsiClient, isFinalCsiError } from './client.ts';
import { type Device, type Devices, type DevicesOptions, type PodUse, removeUnmounted } from './devices.ts';
import {
  capabilityOf,
  checkLifecycle,
  CsiPaths,
  type CsiVolume,
  dataFile,
  groupIsApplied,
  podAttributes,
} from './volume.ts';

export interface TokenStatus {
  readonly token: string;
  readonly expirationTimestamp: string;
}

export interface CsiMounterOptions extends DevicesOptions {
  readonly client: Client;
  readonly events: EventRecorder;
  readonly nodeName: string;
  /** This node as the API has it; told of its changes from the first call on. */
  readonly node: () => Promise<Node | undefined>;
  /** A token of the Pod's service account, and until when it is good. */
  readonly token: (pod: Pod, audience: string, expirationSeconds: number | undefined) => Promise<TokenStatus>;
}

export interface Mounted {
  /** The driver wants to publish it again and again. */
  readonly republish: boolean;
  /** The size that the driver does not grow it to while it is in use. */
  readonly refusedSize: string | undefined;
}

/** The volume is not attached yet: somebody else's turn, and nothing to tell. */
export class VolumeWaits extends Error {}

const prefix = 'kubernetes.io/csi:';

export class CsiMounter {
  readonly paths: CsiPaths;
  readonly #options: CsiMounterOptions;
  readonly #devices: Devices;
  readonly #expander: Expander;

  constructor(options: CsiMounterOptions, devices: Devices) {
    this.#options = options;
    this.#devices = devices;
    this.#expander = new Expander(options);
    this.paths = new CsiPaths(options.rootDirectory);
  }

  /** `again`: it is there, and a failure leaves it there. Throws a VolumeWaits, or with the text of the Pod's event. */
  async mount(pod: Pod, volume: CsiVolume, again: boolean, bound: BoundClaim | undefined): Promise<Mounted> {
    const podUid = pod.metadata.uid ?? '';
    const { driver, handle, block, specName, persistent } = volume;
    const key = attachedVolumeKey(driver, handle);
    const object = await this.#options.drivers.driverObject(driver);
    const device = persistent ? this.#devices.use({ key, driver, handle, block, specName }, podUid) : undefined;
    return this.#devices.inTurn(device === undefined ? `${podUid}/${specName}` : key, async () => {
      let publishContext: Readonly<Record<string, string>> = {};
      if (device !== undefined) {
        // The Pod may have gone while this waited for its turn.
        this.#devices.use(device, podUid);
        device.attachable = driverAttaches(object);
        if (device.attachable) publishContext = await this.#attached(volume);
        await this.#step(volume, block ? 'MapVolume.SetUpDevice failed' : 'MountVolume.MountDevice failed', () =>
          this.#stage(pod, volume, device, publishContext),
        );
      }
      await this.#step(volume, block ? 'MapVolume.MapPodDevice failed' : 'MountVolume.SetUp failed', () =>
        this.#publish(pod, volume, object, device, publishContext, again),
      );
      const refusedSize =
        bound === undefined || device === undefined
          ? undefined
          : await this.#step(
              volume,
              block
                ? 'MapVolume.MarkVolumeAsMounted failed while expanding volume'
                : 'MountVolume.Setup failed while expanding volume',
              () => this.#expand(pod, volume, device, bound),
            );
      return { republish: object?.spec.requiresRepublish === true, refusedSize };
    });
  }

  /** While it is mounted. Gives the size that the driver refuses, if it does. */
  async grow(pod: Pod, volume: CsiVolume, bound: BoundClaim): Promise<string | undefined> {
    const { driver, handle, block, specName } = volume;
    const key = attachedVolumeKey(driver, handle);
    const device = this.#devices.use({ key, driver, handle, block, specName }, pod.metadata.uid ?? '');
    return this.#devices.inTurn(key, () =>
      this.#step(volume, 'NodeExpandVolume.NodeExpandVolume failed', () => this.#expand(pod, volume, device, bound)),
    );
  }

  async #expand(pod: Pod, volume: CsiVolume, device: Device, bound: BoundClaim): Promise<string | undefined> {
    const expansion = wantedExpansion(bound, device.sizeBytes);
    device.sizeBytes ??= bytesOf(bound.claim.status?.capacity?.['storage']);
    if (expansion === undefined) return undefined;
    const driver = this.#client(volume.driver, 'Expander.NodeExpand failed to create newCsiDriverClient');
    const done = await this.#expander.expand({
      pod,
      volume,
      bound,
      expansion,
      driver,
      secrets: await this.#secret(
        bound.volume.spec.csi?.nodeExpandSecretRef,
        'expander.NodeExpand failed to get NodeExpandSecretRef',
      ),
      volumePath: this.paths.target(pod.metadata.uid ?? '', volume),
      stagingPath: (await driver.can('stageUnstageVolume')) ? this.paths.staging(volume) : undefined,
    });
    if (!done) return expansion.size;
    device.sizeBytes = bytesOf(expansion.size);
    return undefined;
  }

  /** `step` as upstream's event begins. */
  async #step<T>({ specName }: CsiVolume, step: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof VolumeWaits) throw error;
      throw new Error(`${step} for volume ${JSON.stringify(specName)} : ${grpcErrorText(error)}`, {
        cause: error,
      });
    }
  }

  /** The controller attaches what the Node's status says is in use; drivers may need what the attacher left. */
  async #attached(volume: CsiVolume): Promise<Readonly<Record<string, string>>> {
    const { node, reportNode, client, nodeName } = this.#options;
    const { driver, handle, block } = volume;
    const key = attachedVolumeKey(driver, handle);
    let current = await node();
    // A report that was under way may not have it yet.
    for (let tries = 0; tries < 2 && current?.status?.volumesInUse?.includes(key) !== true; tries++) {
      await reportNode();
      current = await node();
    }
    if (current?.status?.volumesAttached?.some(({ name }) => name === key) !== true) throw new VolumeWaits();
    return this.#step(
      volume,
      block ? 'MapVolume.WaitForAttach failed' : 'MountVolume.WaitForAttach failed',
      async () => {
        const name = attachmentName(handle, driver, nodeName);
        const attachment = await client
          .resource(VolumeAttachments)
          .get({ name })
          .catch((error: unknown) => {
            throw new Error(`volume ${handle} has GET error for volume attachment ${name}: ${messageOf(error)}`, {
              cause: error,
            });
          });
        if (attachment.metadata.deletionTimestamp !== undefined) throw new Error('volume attachment is being deleted');
        const { attached = false, attachError, attachmentMetadata } = attachment.status ?? {};
        if (!attached)
          throw new Error(attachError?.message ?? `volume ${handle} is not attached for volume attachment ${name}`);
        return attachmentMetadata ?? {};
      },
    );
  }

  async #stage(
    pod: Pod,
    volume: CsiVolume,
    device: Device,
    publishContext: Readonly<Record<string, string>>,
  ): Promise<void> {
    if (device.staged) return;
    const { machine } = this.#options;
    const client = this.#client(volume.driver, 'attacher.MountDevice failed to create newCsiDriverClient');
    const stagingPath = this.paths.staging(volume);
    const folder = volume.block ? this.paths.data('', volume) : this.paths.stagingFolder(volume);
    await machine.makeDirectory(folder, 0o750);
    await this.#saveData(folder, volume, {});
    if (await client.can('stageUnstageVolume')) {
      await machine.makeDirectory(stagingPath, 0o750);
      const { stageSecret, handle, attributes } = volume;
      const group = await this.#driverGroup(pod, client);
      const secrets = await this.#secret(stageSecret, 'fetching NodeStageSecretRef');
      try {
        await client.stage({
          volumeId: handle,
          publishContext,
          stagingPath,
          capability: capabilityOf(volume, group),
          secrets,
          attributes,
        });
      } catch (error) {
        // What the process before this one staged may well be there.
        if (isFinalCsiError(error) && !machine.mounts.isMountPoint(stagingPath))
          await removeUnmounted(machine, stagingPath).catch(() => undefined);
        throw error;
      }
    }
    device.staged = true;
  }

  async #publish(
    pod: Pod,
    volume: CsiVolume,
    object: CSIDriver | undefined,
    device: Device | undefined,
    publishContext: Readonly<Record<string, string>>,
    again: boolean,
  ): Promise<void> {
    const { machine } = this.#options;
    const podUid = pod.metadata.uid ?? '';
    const client = this.#client(volume.driver, 'mounter.SetUpAt failed to get CSI client');
    try {
      checkLifecycle(volume, object);
    } catch (error) {
      throw new Error(`${prefix} mounter.SetupAt failed to check volume lifecycle mode: ${messageOf(error)}`, {
        cause: error,
      });
    }
    const targetPath = this.paths.target(podUid, volume);
    const parent = targetPath.slice(0, targetPath.lastIndexOf('/'));
    await machine.makeDirectory(parent, 0o750);
    const secrets = await this.#secret(volume.publishSecret, 'fetching NodePublishSecretRef');
    const tokens = await this.#tokens(pod, object);
    const inSecrets = object?.spec.serviceAccountTokenInSecrets === true;
    const group = await this.#driverGroup(pod, client);
    const staged = device !== undefined && (await client.can('stageUnstageVolume'));
    if (volume.block) await this.#linkDevice(podUid, volume, targetPath);
    else
      await this.#saveData(parent, volume, {
        attachmentID: attachmentName(volume.handle, volume.driver, this.#options.nodeName),
        nodeName: this.#options.nodeName,
        volumeLifecycleMode: volume.persistent ? 'Persistent' : 'Ephemeral',
      });
    try {
      await client.publish({
        volumeId: volume.handle,
        publishContext,
        stagingPath: staged ? this.paths.staging(volume) : undefined,
        targetPath,
        capability: capabilityOf(volume, group),
        readOnly: volume.readOnly,
        secrets: inSecrets ? { ...secrets, ...tokens } : secrets,
        attributes: {
          ...volume.attributes,
          ...(object?.spec.podInfoOnMount === true ? podAttributes(pod, volume) : {}),
          ...(inSecrets ? {} : tokens),
        },
      });
    } catch (error) {
      if (isFinalCsiError(error) && !again) await this.#removeUse(podUid, volume);
      throw error;
    }
    const fsGroup = pod.spec.securityContext?.fsGroup;
    if (fsGroup !== undefined && group === undefined && groupIsApplied(volume, object))
      await giveToGroup(machine, targetPath, fsGroup, pod.spec.securityContext?.fsGroupChangePolicy).catch(
        (error: unknown) => {
          throw new Error(`applyFSGroup failed for vol ${volume.handle}: ${messageOf(error)}`, { cause: error });
        },
      );
  }

  async unmount(podUid: string, use: PodUse): Promise<void> {
    const { machine } = this.#options;
    if (use.driver !== undefined) {
      const client = this.#client(use.driver, 'Unmounter.TearDownAt failed to get CSI client');
      const target = this.paths.target(podUid, use);
      await this.#devices.inTurn(use.device?.key ?? `${podUid}/${use.specName}`, () =>
        client.unpublish(use.handle, target).catch((error: unknown) => {
          throw new Error(`${prefix} Unmounter.TearDownAt failed: ${grpcErrorText(error)}`, { cause: error });
        }),
      );
      await removeUnmounted(machine, target);
    }
    await this.#removeUse(podUid, use);
  }

  async #removeUse(podUid: string, { block, specName }: Pick<PodUse, 'block' | 'specName'>): Promise<void> {
    const { machine } = this.#options;
    if (block) {
      await machine.remove(`${this.paths.podDevices(podUid)}/${specName}`);
      return;
    }
    const target = this.paths.target(podUid, { block, specName });
    if (machine.mounts.isMountPoint(target)) return;
    const folder = `${this.paths.podVolumes(podUid)}/${specName}`;
    await machine.removeEmptyDirectory(target);
    await machine.remove(`${folder}/${dataFile}`);
    await machine.removeEmptyDirectory(folder);
  }

  async #linkDevice(podUid: string, { specName }: CsiVolume, targetPath: string): Promise<void> {
    const folder = this.paths.podDevices(podUid);
    await this.#options.machine.makeDirectory(folder, 0o750);
    await this.#options.machine.symlink(targetPath, `${folder}/${specName}`);
  }

  #saveData(folder: string, volume: CsiVolume, more: Readonly<Record<string, string>>): Promise<void> {
    const data = { ...more, driverName: volume.driver, specVolID: volume.specName, volumeHandle: volume.handle };
    return this.#options.machine.write(`${folder}/${dataFile}`, JSON.stringify(data), 0o644);
  }

  #client(driver: string, failing: string): CsiClient {
    try {
      return this.#options.drivers.get(driver);
    } catch (error) {
      throw new Error(`${prefix} ${failing}: ${messageOf(error)}`, { cause: error });
    }
  }

  async #driverGroup(pod: Pod, client: CsiClient): Promise<number | undefined> {
    const group = pod.spec.securityContext?.fsGroup;
    return group !== undefined && (await client.can('volumeMountGroup')) ? group : undefined;
  }

  /** Never logged, never in an error. */
  async #secret(reference: SecretReference | undefined, failing: string): Promise<Readonly<Record<string, string>>> {
    if (reference === undefined) return {};
    const { namespace = '', name = '' } = reference;
    const found = await this.#options.client
      .resource(Secrets)
      .get({ namespace, name })
      .catch((error: unknown) => {
        throw new Error(
          `${failing} ${namespace}/${name} failed: ${prefix} failed to find the secret ${name} in the namespace ${namespace} with error: ${messageOf(error)}`,
          { cause: error },
        );
      });
    return Object.fromEntries(
      Object.entries(found.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
    );
  }

  async #tokens(pod: Pod, object: CSIDriver | undefined): Promise<Readonly<Record<string, string>>> {
    const requests = object?.spec.tokenRequests ?? [];
    if (requests.length === 0) return {};
    const tokens: [string, TokenStatus][] = [];
    for (const { audience, expirationSeconds } of requests)
      tokens.push([audience, await this.#options.token(pod, audience, expirationSeconds)]);
    tokens.sort(([one], [other]) => (one < other ? -1 : 1));
    return { 'csi.storage.k8s.io/serviceAccount.tokens': JSON.stringify(Object.fromEntries(tokens)) };
  }
}

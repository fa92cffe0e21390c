// One CSI driver on this node, as its Node service is called.
import type { PersistentVolume } from '#api/generated/types.ts';
import { connectGrpc, type GrpcConnection, grpcCode, GrpcError } from '#wire/grpc.ts';
import { csiTable, nodeCapability, usageUnit } from './table.ts';

export interface CsiNodeInfo {
  readonly nodeId: string;
  /** 0: no limit. */
  readonly volumesMax: number;
  readonly topology: Readonly<Record<string, string>>;
}

/** How a volume is to be used. */
export interface CsiCapability {
  readonly block: boolean;
  readonly fsType: string;
  readonly mountOptions: readonly string[];
  readonly accessMode: string;
  /** The group that the driver itself gives the volume to. */
  readonly group: number | undefined;
}

export interface CsiStage {
  readonly volumeId: string;
  readonly publishContext: Readonly<Record<string, string>>;
  readonly stagingPath: string;
  readonly capability: CsiCapability;
  readonly secrets: Readonly<Record<string, string>>;
  readonly attributes: Readonly<Record<string, string>>;
}
export interface CsiPublish extends Omit<CsiStage, 'stagingPath'> {
  /** Undefined: it is not staged. */
  readonly stagingPath: string | undefined;
  readonly targetPath: string;
  readonly readOnly: boolean;
}
export interface CsiExpand {
  readonly volumeId: string;
  readonly volumePath: string;
  readonly stagingPath: string | undefined;
  readonly sizeBytes: number;
  readonly capability: CsiCapability;
  readonly secrets: Readonly<Record<string, string>>;
}

export interface VolumeUse {
  readonly availableBytes: number;
  readonly capacityBytes: number;
  readonly usedBytes: number;
  readonly inodes: number;
  readonly inodesFree: number;
  readonly inodesUsed: number;
}

/** Upstream's csiTimeout: of one call. */
const callTimeoutMs = 2 * 60_000;

/** The driver said no: nothing of it is under way any more. Else it may still be at work, and the volume may be there. */
export function isFinalCsiError(error: unknown): boolean {
  if (!(error instanceof GrpcError)) return false;
  const { cancelled, deadlineExceeded, unavailable, resourceExhausted, aborted } = grpcCode;
  return ![cancelled, deadlineExceeded, unavailable, resourceExhausted, aborted].includes(error.code as 1);
}

const plainModes: Readonly<Record<string, number>> = {
  ReadWriteOnce: 1,
  ReadOnlyMany: 3,
  ReadWriteMany: 5,
  ReadWriteOncePod: 1,
};
/** Of drivers that tell one Pod on a node from several. */
const capableModes: Readonly<Record<string, number>> = { ...plainModes, ReadWriteOnce: 7, ReadWriteOncePod: 6 };

export const firstAccessMode = (volume: PersistentVolume): string => volume.spec.accessModes?.[0] ?? 'ReadWriteOnce';

export class CsiClient {
  readonly #connection: GrpcConnection;
  #capabilities: ReadonlySet<number> | undefined;

  constructor(connection: GrpcConnection) {
    this.#connection = connection;
  }
  static async connect(endpoint: string): Promise<CsiClient> {
    return new CsiClient(await connectGrpc(endpoint.startsWith('unix:') ? endpoint : `unix://${endpoint}`));
  }
  close(): void {
    this.#connection.close();
  }

  /** The answers' shapes are the CSI's; the cast is the typed boundary of this file. */
  async #call<R>(method: string, request: object): Promise<R> {
    return (await this.#connection.unary(csiTable, method, request, { timeoutMs: callTimeoutMs })) as R;
  }

  async info(): Promise<CsiNodeInfo> {
    const { nodeId, maxVolumesPerNode, accessibleTopology } = await this.#call<{
      nodeId: string;
      maxVolumesPerNode: number;
      accessibleTopology: { segments: Record<string, string> } | null;
    }>('NodeGetInfo', {});
    return { nodeId, volumesMax: maxVolumesPerNode, topology: accessibleTopology?.segments ?? {} };
  }

  async can(what: keyof typeof nodeCapability): Promise<boolean> {
    if (this.#capabilities === undefined) {
      const answer = await this.#call<{ capabilities: { rpc: { type: number } | null }[] }>('NodeGetCapabilities', {});
      this.#capabilities = new Set(answer.capabilities.flatMap(({ rpc }) => (rpc === null ? [] : [rpc.type])));
    }
    return this.#capabilities.has(nodeCapability[what]);
  }

  async stage(request: CsiStage): Promise<void> {
    await this.#call('NodeStageVolume', {
      volumeId: request.volumeId,
      publishContext: request.publishContext,
      stagingTargetPath: request.stagingPath,
      volumeCapability: await this.#capability(request.capability),
      secrets: request.secrets,
      volumeContext: request.attributes,
    });
  }
  async unstage(volumeId: string, stagingTargetPath: string): Promise<void> {
    await this.#call('NodeUnstageVolume', { volumeId, stagingTargetPath });
  }
  async publish(request: CsiPublish): Promise<void> {
    await this.#call('NodePublishVolume', {
      volumeId: request.volumeId,
      publishContext: request.publishContext,
      ...(request.stagingPath === undefined ? {} : { stagingTargetPath: request.stagingPath }),
      targetPath: request.targetPath,
      volumeCapability: await this.#capability(request.capability),
      readonly: request.readOnly,
      secrets: request.secrets,
      volumeContext: request.attributes,
    });
  }
  async unpublish(volumeId: string, targetPath: string): Promise<void> {
    await this.#call('NodeUnpublishVolume', { volumeId, targetPath });
  }
  async expand(request: CsiExpand): Promise<void> {
    await this.#call('NodeExpandVolume', {
      volumeId: request.volumeId,
      volumePath: request.volumePath,
      capacityRange: { requiredBytes: request.sizeBytes },
      ...(request.stagingPath === undefined ? {} : { stagingTargetPath: request.stagingPath }),
      volumeCapability: await this.#capability(request.capability),
      secrets: request.secrets,
    });
  }
  async use(volumeId: string, volumePath: string): Promise<VolumeUse> {
    const { usage } = await this.#call<{
      usage: { available: number; total: number; used: number; unit: number }[];
    }>('NodeGetVolumeStats', { volumeId, volumePath });
    const bytes = usage.find((one) => one.unit === usageUnit.bytes);
    const inodes = usage.find((one) => one.unit === usageUnit.inodes);
    return {
      availableBytes: bytes?.available ?? 0,
      capacityBytes: bytes?.total ?? 0,
      usedBytes: bytes?.used ?? 0,
      inodes: inodes?.total ?? 0,
      inodesFree: inodes?.available ?? 0,
      inodesUsed: inodes?.used ?? 0,
    };
  }

  async #capability({ block, fsType, mountOptions, accessMode, group }: CsiCapability): Promise<object> {
    const modes = (await this.can('singleNodeMultiWriter')) ? capableModes : plainModes;
    return {
      accessMode: { mode: modes[accessMode] ?? 0 },
      ...(block
        ? { block: {} }
        : {
            mount: {
              fsType,
              mountFlags: mountOptions,
              ...(group === undefined ? {} : { volumeMountGroup: String(group) }),
            },
          }),
    };
  }
}

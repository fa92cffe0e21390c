// The node's part of making a volume larger: the driver grows what is mounted, and the claim says how far that is. When a controller
// has to do something first, that is the business of the driver's own resizer.
import { PersistentVolumeClaims } from '#api/generated/kind-references.ts';
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  PersistentVolumeClaimStatus,
  Pod,
} from '#api/generated/types.ts';
import { formatTime } from '#api/meta/time.ts';
import { quantityToNumber } from '#api/quantity.ts';
import type { Clock } from '#base/clock.ts';
import type { Client, EventRecorder } from '#client/client.ts';
import { grpcCode, GrpcError, grpcErrorText } from '#wire/grpc.ts';
import { type CsiClient, isFinalCsiError } from './client.ts';
import { capabilityOf, type CsiVolume } from './volume.ts';

export interface BoundClaim {
  readonly claim: PersistentVolumeClaim;
  readonly volume: PersistentVolume;
}

export interface Expansion {
  /** As the API writes it. */
  readonly size: string;
  /** What the claim's status is told of: nothing of a volume that another node has grown already. */
  readonly tells: 'steps' | 'end' | 'nothing';
}

export const bytesOf = (size: string | number | undefined): number =>
  size === undefined ? 0 : quantityToNumber(String(size));
const resizeConditions = new Set(['Resizing', 'FileSystemResizePending', 'ControllerResizeError', 'NodeResizeError']);
const notRequired = 'volume.kubernetes.io/node-expansion-not-required';
const infeasibleCodes: readonly number[] = [grpcCode.invalidArgument, grpcCode.outOfRange, grpcCode.notFound];

/** What the node has to do; `mountedBytes`: the size that it has here, undefined at its first mount. */
export function wantedExpansion(
  { claim, volume }: BoundClaim,
  mountedBytes: number | undefined,
): Expansion | undefined {
  const current = bytesOf(claim.status?.capacity?.['storage']);
  const target = volume.spec.capacity?.['storage'];
  const { allocatedResources, allocatedResourceStatuses } = claim.status ?? {};
  const state = allocatedResourceStatuses?.['storage'];
  if (target !== undefined && bytesOf(target) > current) {
    // Drivers whose resizer tells no steps.
    if (state === undefined && allocatedResources === undefined) return { size: String(target), tells: 'end' };
    const size = allocatedResources?.['storage'];
    return size !== undefined && (state === 'NodeResizePending' || state === 'NodeResizeInProgress')
      ? { size: String(size), tells: 'steps' }
      : undefined;
  }
  // Volumes on several nodes grow on each of them.
  const isShared = claim.spec.accessModes?.includes('ReadWriteMany') === true;
  if (!isShared || mountedBytes === undefined || mountedBytes >= current || state !== undefined) return undefined;
  if (claim.metadata.annotations?.[notRequired] !== undefined) return undefined;
  return { size: String(claim.status?.capacity?.['storage']), tells: 'nothing' };
}

export interface ExpanderOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly events: EventRecorder;
  readonly nodeName: string;
}

export interface ExpansionRequest {
  readonly pod: Pod;
  readonly volume: CsiVolume;
  readonly bound: BoundClaim;
  readonly expansion: Expansion;
  readonly driver: CsiClient;
  readonly secrets: Readonly<Record<string, string>>;
  readonly volumePath: string;
  readonly stagingPath: string | undefined;
}

export class Expander {
  readonly #options: ExpanderOptions;

  constructor(options: ExpanderOptions) {
    this.#options = options;
  }

  /** False: not on this node as it is used now; it is not tried again before it is mounted anew. Throws what the event tells. */
  async expand(request: ExpansionRequest): Promise<boolean> {
    const { pod, volume, bound, expansion, driver } = request;
    const { events, nodeName } = this.#options;
    const tell = (type: 'Normal' | 'Warning', reason: string, message: string): void => {
      events.event(pod, type, reason, message);
      events.event({ ...bound.claim, apiVersion: 'v1', kind: 'PersistentVolumeClaim' }, type, reason, message);
    };
    const about = JSON.stringify(volume.specName);
    if (volume.readOnly) {
      const why = `MountVolume.NodeExpandVolume failed for volume ${about} requested read-only file system`;
      tell('Warning', 'FileSystemResizeFailed', why);
      return false;
    }
    if (!(await driver.can('expandVolume'))) {
      if (expansion.tells !== 'steps') return false;
      const why = `NodeExpand is not supported by the CSI driver ${volume.driver}`;
      await this.#failed(bound, why, false);
      throw new Error(why);
    }
    if (expansion.tells === 'steps') await this.#mark(bound, (status) => withState(status, 'NodeResizeInProgress'));
    try {
      await driver.expand({
        volumeId: volume.handle,
        volumePath: request.volumePath,
        stagingPath: request.stagingPath,
        sizeBytes: bytesOf(expansion.size),
        capability: capabilityOf(volume, undefined),
        secrets: request.secrets,
      });
    } catch (error) {
      const isRefusal = error instanceof GrpcError && error.code === grpcCode.failedPrecondition;
      const isInfeasible = error instanceof GrpcError && infeasibleCodes.includes(error.code);
      const why = `Expander.NodeExpand failed to expand the volume ${isInfeasible ? '' : ': '}${grpcErrorText(error)}`;
      if (expansion.tells === 'steps' && isFinalCsiError(error)) await this.#failed(bound, why, isInfeasible);
      // Such a driver grows no volume that is in use; the Pod may use it as it is.
      if (isRefusal) return false;
      throw new Error(why, { cause: error });
    }
    tell(
      'Normal',
      'FileSystemResizeSuccessful',
      `MountVolume.NodeExpandVolume succeeded for volume ${about} ${nodeName}`,
    );
    if (expansion.tells !== 'nothing')
      await this.#mark(bound, (status) => ({
        ...withState(status, undefined),
        capacity: { ...status.capacity, storage: expansion.size },
        conditions: status.conditions?.filter(({ type }) => !resizeConditions.has(type)),
      }));
    return true;
  }

  #failed(bound: BoundClaim, why: string, isInfeasible: boolean): Promise<void> {
    const condition = {
      type: 'NodeResizeError',
      status: 'True',
      lastTransitionTime: formatTime(this.#options.clock.now()),
      message: `failed to expand pvc with ${why}`,
    };
    return this.#mark(bound, (status) => ({
      ...(isInfeasible ? withState(status, 'NodeResizeInfeasible') : status),
      conditions: [...(status.conditions ?? []).filter(({ type }) => type !== condition.type), condition],
    }));
  }

  /** On the claim as it is now: its resizer writes the same status. */
  async #mark(
    { claim }: BoundClaim,
    change: (status: PersistentVolumeClaimStatus) => PersistentVolumeClaimStatus,
  ): Promise<void> {
    const claims = this.#options.client.resource(PersistentVolumeClaims);
    const key = { namespace: claim.metadata.namespace, name: claim.metadata.name ?? '' };
    const current = await claims.get(key);
    await claims.update({ ...current, status: change(current.status ?? {}) }, { subresource: 'status' });
  }
}

function withState(status: PersistentVolumeClaimStatus, state: string | undefined): PersistentVolumeClaimStatus {
  const { storage: _, ...others } = status.allocatedResourceStatuses ?? {};
  const next = state === undefined ? others : { ...others, storage: state };
  return { ...status, allocatedResourceStatuses: Object.keys(next).length === 0 ? undefined : next };
}

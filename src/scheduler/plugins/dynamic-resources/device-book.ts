// The scheduler's books of devices: claims, classes and slices from the informers, what is allocated, and what this scheduler has
// allocated while it is not written yet. So no device is ever given twice.
import { DeviceClasses, ResourceClaimsResourceV1, ResourceSlices } from '#api/generated/kind-references.ts';
import type { AllocationResult, DeviceClass, ResourceClaimResourceV1, ResourceSlice } from '#api/generated/types.ts';
import type { Client, InformerChange, InformerIndex } from '#client/client.ts';
import { AllocatedDevices, type TakenDevices } from './allocated-devices.ts';
import { poolOf } from './device-id.ts';
import type { Slices } from './pools.ts';

/** What a decision sees of devices. */
export interface DevicesSnapshot {
  readonly slices: Slices;
  readonly taken: TakenDevices;
  claim(namespace: string, name: string): ResourceClaimResourceV1 | undefined;
  deviceClass(name: string): DeviceClass | undefined;
  /** An allocation of the claim is being written. */
  isPending(claimUid: string): boolean;
  /** Milliseconds since 1970. */
  now(): number;
}

interface Pending {
  readonly allocation: AllocationResult;
  /** Resource version of the claim with it; undefined: not written yet. */
  writtenAs: bigint | undefined;
}

const everyNode = '';
const slicesByNode: InformerIndex<ResourceSlice> = {
  name: 'node',
  // Counters of a pool are for all of its nodes.
  keysOf: ({ spec }) => [(spec.sharedCounters ?? []).length > 0 ? everyNode : (spec.nodeName ?? everyNode)],
};
const slicesByPool: InformerIndex<ResourceSlice> = { name: 'pool', keysOf: (slice) => [poolOf(slice)] };

export class DeviceBook implements DevicesSnapshot {
  readonly slices: Slices;
  readonly #client: Client;
  readonly #now: () => number;
  readonly #allocated = new AllocatedDevices();
  readonly #pending = new Map<string, Pending>();

  constructor(client: Client, now: () => number) {
    this.#client = client;
    this.#now = now;
    this.slices = {
      forNode: (node) => {
        const slices = client.informer(ResourceSlices);
        return [...slices.byIndex(slicesByNode, node), ...slices.byIndex(slicesByNode, everyNode)];
      },
      ofPool: (pool) => client.informer(ResourceSlices).byIndex(slicesByPool, pool),
    };
  }
  get taken(): TakenDevices {
    return this.#allocated;
  }
  now(): number {
    return this.#now();
  }
  claim(namespace: string, name: string): ResourceClaimResourceV1 | undefined {
    return this.#client.informer(ResourceClaimsResourceV1).get(namespace, name);
  }
  deviceClass(name: string): DeviceClass | undefined {
    return this.#client.informer(DeviceClasses).get(undefined, name);
  }
  isPending(claimUid: string): boolean {
    return this.#pending.has(claimUid);
  }

  /** What the informer of claims says. */
  onClaim({ previous, current }: InformerChange<ResourceClaimResourceV1>): void {
    if (previous !== undefined && previous.metadata.uid !== current?.metadata.uid) this.#drop(previous.metadata.uid!);
    if (current !== undefined) {
      const pending = this.#pending.get(current.metadata.uid!);
      const isSeen = pending?.writtenAs !== undefined && versionOf(current) >= pending.writtenAs;
      if (pending !== undefined && (isSeen || current.status?.allocation !== undefined))
        this.#drop(current.metadata.uid!);
    }
    this.#allocated.remove(previous?.status?.allocation);
    this.#allocated.add(current?.status?.allocation);
  }
  /** From now on nobody else gets these devices. */
  reserve(claimUid: string, allocation: AllocationResult): void {
    this.#drop(claimUid);
    this.#pending.set(claimUid, { allocation, writtenAs: undefined });
    this.#allocated.add(allocation);
  }
  /** It is in the claim now; the informer may have told so, or tell it later. */
  written(claim: ResourceClaimResourceV1): void {
    const { namespace, name, uid } = claim.metadata;
    const pending = this.#pending.get(uid!);
    if (pending === undefined) return;
    pending.writtenAs = versionOf(claim);
    const known = this.claim(namespace!, name!);
    if (known?.metadata.uid !== uid || versionOf(known!) >= pending.writtenAs) this.#drop(uid!);
  }
  /** It was not written. Nothing happens when it was. */
  release(claimUid: string): void {
    if (this.#pending.get(claimUid)?.writtenAs === undefined) this.#drop(claimUid);
  }
  #drop(claimUid: string): void {
    this.#allocated.remove(this.#pending.get(claimUid)?.allocation);
    this.#pending.delete(claimUid);
  }
}

const versionOf = ({ metadata }: ResourceClaimResourceV1): bigint => BigInt(metadata.resourceVersion ?? '0');

// What is kept of prepared claims over restarts, in the form of upstream's checkpoint (dra_manager_state). Pure.
import { crc32 } from 'node:zlib';

export interface PreparedDevice {
  readonly pool: string;
  readonly device: string;
  readonly shareId: string | undefined;
  /** Of the claim; none: the device belongs to all of them. */
  readonly requests: readonly string[];
  readonly cdiIds: readonly string[];
}

export interface ClaimRecord {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly podUids: readonly string[];
  /** By driver: each that has a part in the allocation, also without devices. */
  readonly drivers: Readonly<Record<string, readonly PreparedDevice[]>>;
}

export function formatClaims(claims: readonly ClaimRecord[]): string {
  const data = JSON.stringify({
    kind: 'DRACheckpoint',
    apiVersion: 'checkpoint.dra.kubelet.k8s.io/v1',
    ClaimInfoStateList: claims.map(({ uid, name, namespace, podUids, drivers }) => ({
      ClaimUID: uid,
      ClaimName: name,
      Namespace: namespace,
      PodUIDs: Object.fromEntries(podUids.map((one) => [one, {}])),
      DriverState: Object.fromEntries(
        Object.entries(drivers).map(([driver, devices]) => [
          driver,
          {
            Devices: devices.map(({ pool, device, shareId, requests, cdiIds }) => ({
              PoolName: pool,
              DeviceName: device,
              ShareID: shareId ?? null,
              RequestNames: requests,
              CDIDeviceIDs: cdiIds,
            })),
          },
        ]),
      ),
    })),
  });
  return JSON.stringify({ Data: data, Checksum: crc32(data) });
}

const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];

const fields = (value: unknown): Readonly<Record<string, unknown>> => (value ?? {}) as Record<string, unknown>;

/** Undefined: it is not what was written. */
export function parseClaims(text: string): readonly ClaimRecord[] | undefined {
  try {
    const { Data, Checksum } = JSON.parse(text) as { Data: string; Checksum: number };
    if (crc32(Data) !== Checksum) return undefined;
    const { ClaimInfoStateList } = JSON.parse(Data) as { ClaimInfoStateList: Record<string, unknown>[] | null };
    return (ClaimInfoStateList ?? []).map((one) => ({
      uid: String(one['ClaimUID']),
      namespace: String(one['Namespace']),
      name: String(one['ClaimName']),
      podUids: Object.keys(fields(one['PodUIDs'])),
      drivers: Object.fromEntries(
        Object.entries(fields(one['DriverState'])).map(([driver, state]) => [
          driver,
          ((fields(state)['Devices'] ?? []) as Record<string, unknown>[]).map((device) => ({
            pool: String(device['PoolName']),
            device: String(device['DeviceName']),
            shareId: typeof device['ShareID'] === 'string' ? device['ShareID'] : undefined,
            requests: texts(device['RequestNames']),
            cdiIds: texts(device['CDIDeviceIDs']),
          })),
        ]),
      ),
    }));
  } catch {
    return undefined;
  }
}

// What is kept of devices over restarts, in the form of upstream's checkpoint, which monitoring agents read. Pure.
import type { DeviceResponse } from './table.ts';

/** Of one container and one resource. */
export interface DeviceEntry {
  readonly podUid: string;
  readonly container: string;
  readonly resource: string;
  readonly ids: readonly string[];
  readonly response: DeviceResponse;
}
export interface DeviceRecord {
  readonly entries: readonly DeviceEntry[];
  /** Ids by resource. */
  readonly registered: Readonly<Record<string, readonly string[]>>;
}

interface Codec {
  readonly encode: (value: object) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => object;
}
/** Of devices that belong to no NUMA node; all do here: nothing aligns by them. */
const noNode = '-1';

export const formatRecord = ({ entries, registered }: DeviceRecord, codec: Codec): string =>
  JSON.stringify({
    Data: {
      PodDeviceEntries: entries.map(({ podUid, container, resource, ids, response }) => ({
        PodUID: podUid,
        ContainerName: container,
        ResourceName: resource,
        DeviceIDs: { [noNode]: ids },
        AllocResp: Buffer.from(codec.encode(response)).toString('base64'),
      })),
      RegisteredDevices: registered,
    },
    Checksum: 0,
  });

const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];

/** Undefined: it is not what we wrote. */
export function parseRecord(text: string, codec: Codec): DeviceRecord | undefined {
  try {
    const { Data } = JSON.parse(text) as {
      Data: { PodDeviceEntries: Record<string, unknown>[] | null; RegisteredDevices: Record<string, unknown> | null };
    };
    const entries = (Data.PodDeviceEntries ?? []).map((one) => ({
      podUid: String(one['PodUID']),
      container: String(one['ContainerName']),
      resource: String(one['ResourceName']),
      ids: Object.values(one['DeviceIDs'] as Record<string, unknown>).flatMap(texts),
      response: codec.decode(Buffer.from(String(one['AllocResp']), 'base64')) as DeviceResponse,
    }));
    const registered = Object.entries(Data.RegisteredDevices ?? {}).map(([name, ids]) => [name, texts(ids)] as const);
    return { entries, registered: Object.fromEntries(registered) };
  } catch {
    return undefined;
  }
}

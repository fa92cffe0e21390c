// What a scheduling decision sees of devices, made of slices and classes in a test.
import type {
  AllocationResult,
  Device,
  DeviceClass,
  ResourceClaimResourceV1,
  ResourceSlice,
} from '#api/generated/types.ts';
import { AllocatedDevices } from '#scheduler/plugins/dynamic-resources/allocated-devices.ts';
import { poolOf } from '#scheduler/plugins/dynamic-resources/device-id.ts';
import type { DevicesSnapshot } from '#scheduler/plugins/dynamic-resources/device-book.ts';

export const testDriver = 'gpu.example.com';

export interface TestDevices {
  readonly slices?: readonly ResourceSlice[];
  readonly classes?: readonly DeviceClass[];
  readonly claims?: readonly ResourceClaimResourceV1[];
  readonly allocations?: readonly AllocationResult[];
  readonly pending?: readonly string[];
  readonly now?: number;
}

export function testDevices(given: TestDevices): DevicesSnapshot {
  const { slices = [], classes = [{ metadata: { name: 'gpu' }, spec: {} }], claims = [], pending = [] } = given;
  const taken = new AllocatedDevices();
  for (const one of given.allocations ?? []) taken.add(one);
  return {
    slices: {
      forNode: (node) => slices.filter(({ spec }) => spec.nodeName === undefined || spec.nodeName === node),
      ofPool: (pool) => slices.filter((one) => poolOf(one) === pool),
    },
    taken,
    claim: (namespace, name) =>
      claims.find((one) => one.metadata.namespace === namespace && one.metadata.name === name),
    deviceClass: (name) => classes.find((one) => one.metadata.name === name),
    isPending: (uid) => pending.includes(uid),
    now: () => given.now ?? 0,
  };
}

export const noDevices: DevicesSnapshot = testDevices({});

/** Of the pool `pool` of node n1, unless `more` says otherwise. */
export const slice = (
  devices: readonly (string | Device)[],
  more: Partial<ResourceSlice['spec']> = {},
): ResourceSlice => ({
  metadata: {
    name: `slice-${more.pool?.name ?? 'pool'}-${typeof devices[0] === 'string' ? devices[0] : devices[0]?.name}`,
  },
  spec: {
    driver: testDriver,
    pool: { name: 'pool', generation: 1, resourceSliceCount: 1 },
    ...(more.allNodes === undefined && more.nodeSelector === undefined && more.perDeviceNodeSelection === undefined
      ? { nodeName: 'n1' }
      : {}),
    ...(devices.length === 0 ? {} : { devices: devices.map((one) => (typeof one === 'string' ? { name: one } : one)) }),
    ...more,
  },
});

export const result = (device: string, more: object = {}): AllocationResult => ({
  devices: { results: [{ request: 'r', driver: testDriver, pool: 'pool', device, ...more }] },
});

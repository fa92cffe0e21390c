// How devices and pools are named in the scheduler's books. Neither drivers nor devices have a slash in their names.
import type { DeviceRequestAllocationResult, ResourceSlice } from '#api/generated/types.ts';

export type DeviceId = string;
export type PoolId = string;

export const deviceId = (driver: string, pool: string, device: string): DeviceId => `${driver}/${pool}/${device}`;
export const deviceOfResult = ({ driver, pool, device }: DeviceRequestAllocationResult): DeviceId =>
  deviceId(driver, pool, device);
export const poolOf = ({ spec }: ResourceSlice): PoolId => `${spec.driver}/${spec.pool.name}`;

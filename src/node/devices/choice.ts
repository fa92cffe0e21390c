// Which devices a container gets, and what of several plugins' answers it is started with. Upstream's device manager. Pure.
import type { ContainerDevice, ContainerMount } from '../cri/messages.ts';
import type { DeviceResponse } from './table.ts';

export interface DeviceChoice {
  readonly resource: string;
  readonly count: number;
  /** Undefined: no plugin has told of any. */
  readonly healthy: ReadonlySet<string> | undefined;
  readonly taken: ReadonlySet<string>;
  /** Of init containers of the same Pod that have ended when this one starts. */
  readonly reusable: ReadonlySet<string>;
}

const inOrder = (ids: Iterable<string>): string[] => [...ids].toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));

/** What is certain, and among what the rest is chosen; throws why it cannot be. */
export function devicesToChoose({ resource, count, healthy, taken, reusable }: DeviceChoice): {
  readonly certain: readonly string[];
  readonly available: readonly string[];
} {
  if (healthy === undefined) throw new Error(`cannot allocate unregistered device ${resource}`);
  if (healthy.size === 0) throw new Error(`no healthy devices present; cannot allocate unhealthy devices ${resource}`);
  const certain = inOrder(reusable).slice(0, count);
  const available = inOrder(healthy).filter((id) => !taken.has(id) && !certain.includes(id));
  const needed = count - certain.length;
  if (available.length < needed)
    throw new Error(
      `requested number of devices unavailable for ${resource}. Requested: ${needed}, Available: ${available.length}`,
    );
  return { certain, available };
}

/** What the plugin prefers comes first, as far as it was there to choose. */
export function completeChoice(
  { certain, available }: ReturnType<typeof devicesToChoose>,
  preferred: readonly string[],
  count: number,
): readonly string[] {
  const wanted = preferred.filter((id) => available.includes(id));
  return [...new Set([...certain, ...wanted, ...available])].slice(0, count);
}

export interface DeviceOptions {
  readonly environment: Readonly<Record<string, string>>;
  readonly mounts: readonly ContainerMount[];
  readonly devices: readonly ContainerDevice[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly cdiDevices: readonly { readonly name: string }[];
}

/** What several resources say of the same thing: the first counts. */
export function joinResponses(responses: readonly DeviceResponse[]): DeviceOptions {
  const environment: Record<string, string> = {};
  const annotations: Record<string, string> = {};
  const mounts = new Map<string, ContainerMount>();
  const devices = new Map<string, ContainerDevice>();
  const cdi = new Set<string>();
  for (const one of responses) {
    for (const [name, value] of Object.entries(one.envs)) environment[name] ??= value;
    for (const [name, value] of Object.entries(one.annotations)) annotations[name] ??= value;
    for (const { containerPath, hostPath, readOnly } of one.mounts)
      if (!mounts.has(containerPath)) mounts.set(containerPath, { containerPath, hostPath, readonly: readOnly });
    for (const device of one.devices) if (!devices.has(device.containerPath)) devices.set(device.containerPath, device);
    for (const { name } of one.cdiDevices) cdi.add(name);
  }
  return {
    environment,
    annotations,
    mounts: [...mounts.values()],
    devices: [...devices.values()],
    cdiDevices: [...cdi].map((name) => ({ name })),
  };
}

// Where all plugins of the node come in: the folder of those that announce themselves, and device plugins' own socket.
import type { Scope } from '#base/scope.ts';
import type { NodeCsi } from '../csi/start.ts';
import type { NodeDevices } from '../devices/start.ts';
import type { NodeDra } from '../dra/start.ts';
import { PluginRegistrations, type PluginRegistrationsOptions } from './registration.ts';

export interface PluginParts {
  readonly csi: NodeCsi;
  readonly plugged: NodeDevices;
  readonly dra: NodeDra;
}

export async function startPlugins(
  options: Omit<PluginRegistrationsOptions, 'directory' | 'handlers'> & { readonly rootDirectory: string },
  scope: Scope,
  { csi, plugged, dra }: PluginParts,
): Promise<void> {
  const directory = `${options.rootDirectory}/plugins_registry`;
  const handlers = { CSIPlugin: csi.drivers, DevicePlugin: plugged, DRAPlugin: dra.drivers };
  await new PluginRegistrations({ ...options, directory, handlers }).start(scope);
  await plugged.start();
  dra.drivers.start();
}

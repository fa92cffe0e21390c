// Device plugins' protocol (deviceplugin v1beta1), as the tables of wire/grpc.ts have it.
import type { GrpcTable } from '#wire/grpc.ts';

export const deviceTable: GrpcTable = {
  package: 'v1beta1',
  services: {
    Registration: [['Register', 'RegisterRequest', 'Empty']],
    DevicePlugin: [
      ['GetDevicePluginOptions', 'Empty', 'DevicePluginOptions'],
      ['ListAndWatch', 'Empty', 'ListAndWatchResponse', '', 'stream'],
      ['GetPreferredAllocation', 'PreferredAllocationRequest', 'PreferredAllocationResponse'],
      ['Allocate', 'AllocateRequest', 'AllocateResponse'],
      ['PreStartContainer', 'PreStartContainerRequest', 'PreStartContainerResponse'],
    ],
  },
  enums: {},
  messages: {
    Empty: [],
    DevicePluginOptions: [
      ['pre_start_required', 'bool', 1],
      ['get_preferred_allocation_available', 'bool', 2],
    ],
    RegisterRequest: [
      ['version', 'string', 1],
      ['endpoint', 'string', 2],
      ['resource_name', 'string', 3],
      ['options', 'DevicePluginOptions', 4],
    ],
    ListAndWatchResponse: [['devices', 'Device', 1, 'repeated']],
    NUMANode: [['ID', 'int64', 1]],
    TopologyInfo: [['nodes', 'NUMANode', 1, 'repeated']],
    Device: [
      ['ID', 'string', 1],
      ['health', 'string', 2],
      ['topology', 'TopologyInfo', 3],
    ],
    PreStartContainerRequest: [['devices_ids', 'string', 1, 'repeated']],
    PreStartContainerResponse: [],
    PreferredAllocationRequest: [['container_requests', 'ContainerPreferredAllocationRequest', 1, 'repeated']],
    ContainerPreferredAllocationRequest: [
      ['available_deviceIDs', 'string', 1, 'repeated'],
      ['must_include_deviceIDs', 'string', 2, 'repeated'],
      ['allocation_size', 'int32', 3],
    ],
    PreferredAllocationResponse: [['container_responses', 'ContainerPreferredAllocationResponse', 1, 'repeated']],
    ContainerPreferredAllocationResponse: [['deviceIDs', 'string', 1, 'repeated']],
    AllocateRequest: [['container_requests', 'ContainerAllocateRequest', 1, 'repeated']],
    ContainerAllocateRequest: [['devices_ids', 'string', 1, 'repeated']],
    AllocateResponse: [['container_responses', 'ContainerAllocateResponse', 1, 'repeated']],
    CDIDevice: [['name', 'string', 1]],
    ContainerAllocateResponse: [
      ['envs', 'map<string,string>', 1],
      ['mounts', 'Mount', 2, 'repeated'],
      ['devices', 'DeviceSpec', 3, 'repeated'],
      ['annotations', 'map<string,string>', 4],
      ['cdi_devices', 'CDIDevice', 5, 'repeated'],
    ],
    Mount: [
      ['container_path', 'string', 1],
      ['host_path', 'string', 2],
      ['read_only', 'bool', 3],
    ],
    DeviceSpec: [
      ['container_path', 'string', 1],
      ['host_path', 'string', 2],
      ['permissions', 'string', 3],
    ],
  },
};

/** What a plugin wants a container to have for the devices that it gets. */
export interface DeviceResponse {
  readonly envs: Readonly<Record<string, string>>;
  readonly mounts: readonly { readonly containerPath: string; readonly hostPath: string; readonly readOnly: boolean }[];
  readonly devices: readonly {
    readonly containerPath: string;
    readonly hostPath: string;
    readonly permissions: string;
  }[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly cdiDevices: readonly { readonly name: string }[];
}

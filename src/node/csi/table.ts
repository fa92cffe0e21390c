// The Node service of CSI v1, as the tables of wire/grpc.ts have it. Controller and Identity are the business of the drivers'
// own side cars.
import type { GrpcTable } from '#wire/grpc.ts';

export const csiTable: GrpcTable = {
  package: 'csi.v1',
  services: {
    Node: [
      ['NodeStageVolume', 'NodeStageVolumeRequest', 'Empty'],
      ['NodeUnstageVolume', 'NodeUnstageVolumeRequest', 'Empty'],
      ['NodePublishVolume', 'NodePublishVolumeRequest', 'Empty'],
      ['NodeUnpublishVolume', 'NodeUnpublishVolumeRequest', 'Empty'],
      ['NodeGetVolumeStats', 'NodeGetVolumeStatsRequest', 'NodeGetVolumeStatsResponse'],
      ['NodeExpandVolume', 'NodeExpandVolumeRequest', 'NodeExpandVolumeResponse'],
      ['NodeGetCapabilities', 'Empty', 'NodeGetCapabilitiesResponse'],
      ['NodeGetInfo', 'Empty', 'NodeGetInfoResponse'],
    ],
  },
  enums: {},
  messages: {
    Empty: [],
    Block: [],
    Mount: [
      ['fs_type', 'string', 1],
      ['mount_flags', 'string', 2, 'repeated'],
      ['volume_mount_group', 'string', 3],
    ],
    AccessMode: [['mode', 'int32', 1]],
    VolumeCapability: [
      ['block', 'Block', 1, '', 'access_type'],
      ['mount', 'Mount', 2, '', 'access_type'],
      ['access_mode', 'AccessMode', 3],
    ],
    CapacityRange: [
      ['required_bytes', 'int64', 1],
      ['limit_bytes', 'int64', 2],
    ],
    Topology: [['segments', 'map<string,string>', 1]],
    NodeStageVolumeRequest: [
      ['volume_id', 'string', 1],
      ['publish_context', 'map<string,string>', 2],
      ['staging_target_path', 'string', 3],
      ['volume_capability', 'VolumeCapability', 4],
      ['secrets', 'map<string,string>', 5],
      ['volume_context', 'map<string,string>', 6],
    ],
    NodeUnstageVolumeRequest: [
      ['volume_id', 'string', 1],
      ['staging_target_path', 'string', 2],
    ],
    NodePublishVolumeRequest: [
      ['volume_id', 'string', 1],
      ['publish_context', 'map<string,string>', 2],
      ['staging_target_path', 'string', 3],
      ['target_path', 'string', 4],
      ['volume_capability', 'VolumeCapability', 5],
      ['readonly', 'bool', 6],
      ['secrets', 'map<string,string>', 7],
      ['volume_context', 'map<string,string>', 8],
    ],
    NodeUnpublishVolumeRequest: [
      ['volume_id', 'string', 1],
      ['target_path', 'string', 2],
    ],
    NodeGetVolumeStatsRequest: [
      ['volume_id', 'string', 1],
      ['volume_path', 'string', 2],
      ['staging_target_path', 'string', 3],
    ],
    VolumeUsage: [
      ['available', 'int64', 1],
      ['total', 'int64', 2],
      ['used', 'int64', 3],
      ['unit', 'int32', 4],
    ],
    VolumeCondition: [
      ['abnormal', 'bool', 1],
      ['message', 'string', 2],
    ],
    NodeGetVolumeStatsResponse: [
      ['usage', 'VolumeUsage', 1, 'repeated'],
      ['volume_condition', 'VolumeCondition', 2],
    ],
    Rpc: [['type', 'int32', 1]],
    NodeServiceCapability: [['rpc', 'Rpc', 1]],
    NodeGetCapabilitiesResponse: [['capabilities', 'NodeServiceCapability', 1, 'repeated']],
    NodeGetInfoResponse: [
      ['node_id', 'string', 1],
      ['max_volumes_per_node', 'int64', 2],
      ['accessible_topology', 'Topology', 3],
    ],
    NodeExpandVolumeRequest: [
      ['volume_id', 'string', 1],
      ['volume_path', 'string', 2],
      ['capacity_range', 'CapacityRange', 3],
      ['staging_target_path', 'string', 4],
      ['volume_capability', 'VolumeCapability', 5],
      ['secrets', 'map<string,string>', 6],
    ],
    NodeExpandVolumeResponse: [['capacity_bytes', 'int64', 1]],
  },
};

/** NodeServiceCapability.RPC. */
export const nodeCapability = {
  stageUnstageVolume: 1,
  getVolumeStats: 2,
  expandVolume: 3,
  volumeCondition: 4,
  singleNodeMultiWriter: 5,
  volumeMountGroup: 6,
} as const;

/** VolumeUsage.Unit. */
export const usageUnit = { bytes: 1, inodes: 2 } as const;

// The service of DRA drivers on a node (KEP 4381), as the tables of wire/grpc.ts have it: version 1, and its beta of the same shape.
import type { GrpcTable } from '#wire/grpc.ts';

const tableOf = (version: string): GrpcTable => ({
  package: `k8s.io.kubelet.pkg.apis.dra.${version}`,
  services: {
    DRAPlugin: [
      ['NodePrepareResources', 'NodePrepareResourcesRequest', 'NodePrepareResourcesResponse'],
      ['NodeUnprepareResources', 'NodeUnprepareResourcesRequest', 'NodeUnprepareResourcesResponse'],
    ],
  },
  enums: {},
  messages: {
    Claim: [
      ['namespace', 'string', 1],
      ['uid', 'string', 2],
      ['name', 'string', 3],
    ],
    Device: [
      ['request_names', 'string', 1, 'repeated'],
      ['pool_name', 'string', 2],
      ['device_name', 'string', 3],
      ['cdi_device_ids', 'string', 4, 'repeated'],
      // Optional by a oneof of its own, as protobuf has it on the wire.
      ['share_id', 'string', 5, '', '_share_id'],
    ],
    NodePrepareResourcesRequest: [['claims', 'Claim', 1, 'repeated']],
    NodePrepareResourceResponse: [
      ['devices', 'Device', 1, 'repeated'],
      ['error', 'string', 2],
    ],
    NodePrepareResourcesResponse: [['claims', 'map<string,NodePrepareResourceResponse>', 1]],
    NodeUnprepareResourcesRequest: [['claims', 'Claim', 1, 'repeated']],
    NodeUnprepareResourceResponse: [['error', 'string', 1]],
    NodeUnprepareResourcesResponse: [['claims', 'map<string,NodeUnprepareResourceResponse>', 1]],
  },
});

/** By the service's name, as plugins announce it. */
export const draTables: Readonly<Record<string, GrpcTable>> = {
  'v1.DRAPlugin': tableOf('v1'),
  'v1beta1.DRAPlugin': tableOf('v1beta1'),
};

export interface DraClaim {
  readonly namespace: string;
  readonly uid: string;
  readonly name: string;
}

export interface DraDevice {
  readonly requestNames: readonly string[];
  readonly poolName: string;
  readonly deviceName: string;
  readonly cdiDeviceIds: readonly string[];
  readonly shareId?: string | undefined;
}

export type PrepareAnswer = Readonly<
  Record<string, { readonly devices: readonly DraDevice[]; readonly error: string }>
>;
export type UnprepareAnswer = Readonly<Record<string, { readonly error: string }>>;

// The registration service of the node's plugins (pluginregistration v1), as the tables of wire/grpc.ts have it.
import type { GrpcTable } from '#wire/grpc.ts';

export const registrationTable: GrpcTable = {
  package: 'pluginregistration',
  services: {
    Registration: [
      ['GetInfo', 'InfoRequest', 'PluginInfo'],
      ['NotifyRegistrationStatus', 'RegistrationStatus', 'RegistrationStatusResponse'],
    ],
  },
  enums: {},
  messages: {
    InfoRequest: [],
    PluginInfo: [
      ['type', 'string', 1],
      ['name', 'string', 2],
      ['endpoint', 'string', 3],
      ['supported_versions', 'string', 4, 'repeated'],
    ],
    RegistrationStatus: [
      ['plugin_registered', 'bool', 1],
      ['error', 'string', 2],
    ],
    RegistrationStatusResponse: [],
  },
};

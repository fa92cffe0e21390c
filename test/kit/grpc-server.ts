// A gRPC server on a unix socket, from the tables that the product calls with: what drivers of the node are in tests.
import { rmSync } from 'node:fs';
import type { GrpcTable } from '#wire/grpc.ts';
import { type GrpcMethods, listenGrpc } from '#wire/grpc-server.ts';

export type { GrpcMethods } from '#wire/grpc-server.ts';

export interface TestGrpcServer extends AsyncDisposable {
  readonly socket: string;
}

/** `parts`: a table each, with what answers its methods; methods without an answer are unimplemented. */
export async function serveGrpc(
  socket: string,
  parts: readonly { readonly table: GrpcTable; readonly methods: GrpcMethods }[],
): Promise<TestGrpcServer> {
  const server = await listenGrpc(socket, parts);
  return {
    socket,
    async [Symbol.asyncDispose]() {
      server.close();
      rmSync(socket, { force: true });
    },
  };
}

/** What a plugin's registrar is: tells its kind and name, and hears whether it was taken. */
export async function announcePlugin(
  socket: string,
  table: GrpcTable,
  info: {
    readonly type: string;
    readonly name: string;
    readonly endpoint: string;
    readonly versions: readonly string[];
  },
): Promise<TestGrpcServer & { readonly told: readonly { pluginRegistered: boolean; error: string }[] }> {
  const told: { pluginRegistered: boolean; error: string }[] = [];
  const methods: GrpcMethods = {
    GetInfo: () => ({ ...info, supportedVersions: info.versions }),
    NotifyRegistrationStatus: (status: { pluginRegistered: boolean; error: string }) => {
      told.push(status);
      return {};
    },
  };
  return Object.assign(await serveGrpc(socket, [{ table, methods }]), { told });
}

// A device plugin as vendors write them: tells of devices, gives them to containers, registers at the node's socket.
import { rmSync } from 'node:fs';
import { deviceTable } from '#node/devices/table.ts';
import { connectGrpc, GrpcError, grpcCode } from '#wire/grpc.ts';
import { listenGrpc } from '#wire/grpc-server.ts';

export interface TestDevicePlugin extends AsyncDisposable {
  /** Ids of each Allocate and PreStartContainer, in order. */
  readonly allocated: readonly (readonly string[])[];
  readonly prepared: readonly (readonly string[])[];
  register(more?: Readonly<Record<string, string>>): Promise<void>;
  /** Health by id, from now on. */
  set(devices: Readonly<Record<string, boolean>>): void;
  /** Allocate does not answer from now on, or again. */
  hang(isHanging: boolean): void;
  /** Allocate fails from now on. */
  fail(message: string): void;
}

export async function startDevicePlugin(
  directory: string,
  resourceName: string,
  options: {
    readonly devices: Readonly<Record<string, boolean>>;
    readonly preStart?: boolean;
    readonly prefers?: (available: readonly string[]) => readonly string[];
    /** What containers get besides what they see of it. */
    readonly hostPath?: string;
  },
): Promise<TestDevicePlugin> {
  const short = resourceName.split('/').at(-1)!;
  const socket = `${directory}/${short}.sock`;
  let { devices } = options;
  let changed = Promise.withResolvers<void>();
  let failure: string | undefined;
  let hanging: PromiseWithResolvers<void> | undefined;
  let hasEnded = false;
  const allocated: string[][] = [];
  const prepared: string[][] = [];
  const server = await listenGrpc(socket, [
    {
      table: deviceTable,
      methods: {
        GetDevicePluginOptions: () => ({
          preStartRequired: options.preStart === true,
          getPreferredAllocationAvailable: options.prefers !== undefined,
        }),
        async *ListAndWatch() {
          while (!hasEnded) {
            const next = changed.promise;
            yield {
              devices: Object.entries(devices).map(([ID, isHealthy]) => ({
                ID,
                health: isHealthy ? 'Healthy' : 'Unhealthy',
              })),
            };
            await next;
          }
        },
        GetPreferredAllocation: ({
          containerRequests,
        }: {
          containerRequests: { availableDeviceIDs: string[]; allocationSize: number }[];
        }) => ({
          containerResponses: containerRequests.map((one) => ({
            deviceIDs: options.prefers!(one.availableDeviceIDs).slice(0, one.allocationSize),
          })),
        }),
        Allocate: async ({ containerRequests }: { containerRequests: { devicesIds: string[] }[] }) => {
          await hanging?.promise;
          if (failure !== undefined) throw new GrpcError(grpcCode.unknown, failure);
          return {
            containerResponses: containerRequests.map(({ devicesIds }) => {
              allocated.push(devicesIds);
              const names = devicesIds.join(',');
              return {
                envs: { DEVICES: names },
                annotations: { [`${resourceName.split('/')[0]}/devices`]: names },
                mounts: [{ containerPath: '/probe', hostPath: options.hostPath ?? '/tmp', readOnly: true }],
                devices: devicesIds.map((id) => ({
                  containerPath: `/dev/${short}-${id}`,
                  hostPath: '/dev/null',
                  permissions: 'rw',
                })),
                ...(options.hostPath === undefined
                  ? { cdiDevices: devicesIds.map((id) => ({ name: `${resourceName}=${id}` })) }
                  : {}),
              };
            }),
          };
        },
        PreStartContainer: ({ devicesIds }: { devicesIds: string[] }) => {
          prepared.push(devicesIds);
          return {};
        },
      },
    },
  ]);
  return {
    allocated,
    prepared,
    async register(more = {}) {
      const connection = await connectGrpc(`unix://${directory}/kubelet.sock`);
      try {
        const request = { version: 'v1beta1', endpoint: `${short}.sock`, resourceName, ...more };
        await connection.unary(deviceTable, 'Register', request, { timeoutMs: 20_000 });
      } finally {
        connection.close();
      }
    },
    set(now) {
      devices = now;
      const before = changed;
      changed = Promise.withResolvers();
      before.resolve();
    },
    hang(isHanging) {
      hanging?.resolve();
      hanging = isHanging ? Promise.withResolvers() : undefined;
    },
    fail(message) {
      failure = message;
    },
    async [Symbol.asyncDispose]() {
      hasEnded = true;
      changed.resolve();
      server.close();
      rmSync(socket, { force: true });
    },
  };
}

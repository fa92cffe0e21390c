// One device plugin, as it is called: what it has, what a container needs for it.
import { messageOf } from '#base/errors.ts';
import { devicesMax } from '#base/limits.ts';
import type { Logger } from '#base/log.ts';
import { connectGrpc, type GrpcConnection, grpcErrorText } from '#wire/grpc.ts';
import { type DeviceResponse, deviceTable } from './table.ts';

/** Upstream's limit of PreStartContainer; Allocate has none there, and would hold up the Pod for ever. */
const callTimeoutMs = 30_000;
const connectTimeoutMs = 10_000;

export interface DeviceHealth {
  readonly id: string;
  readonly isHealthy: boolean;
}

export class DevicePlugin {
  readonly resource: string;
  readonly #connection: GrpcConnection;
  readonly #closed = new AbortController();
  #preStart = false;
  #prefers = false;

  private constructor(resource: string, connection: GrpcConnection) {
    this.resource = resource;
    this.#connection = connection;
  }

  /** Throws when it does not answer. */
  static async connect(resource: string, socket: string): Promise<DevicePlugin> {
    const plugin = new DevicePlugin(resource, await connectGrpc(`unix://${socket}`));
    try {
      const options = await plugin.#call<{ preStartRequired: boolean; getPreferredAllocationAvailable: boolean }>(
        'GetDevicePluginOptions',
        {},
        connectTimeoutMs,
      );
      plugin.#preStart = options.preStartRequired;
      plugin.#prefers = options.getPreferredAllocationAvailable;
      return plugin;
    } catch (error) {
      plugin.close();
      throw error;
    }
  }

  close(): void {
    this.#closed.abort();
    this.#connection.close();
  }

  /** Until the plugin or its connection ends; never throws. */
  async watch(logger: Logger, onDevices: (devices: readonly DeviceHealth[]) => void): Promise<void> {
    const { signal } = this.#closed;
    try {
      for await (const answer of this.#connection.serverStream(deviceTable, 'ListAndWatch', {}, { signal })) {
        if (signal.aborted) return;
        const { devices } = answer as { devices: readonly { ID: string; health: string }[] };
        if (devices.length > devicesMax)
          logger.warn('a device plugin tells of too many devices: the first are used', {
            resource: this.resource,
            devices: devices.length,
            used: devicesMax,
          });
        onDevices(devices.slice(0, devicesMax).map(({ ID, health }) => ({ id: ID, isHealthy: health === 'Healthy' })));
      }
    } catch (error) {
      if (!signal.aborted) logger.info('a device plugin ended', { resource: this.resource, error: messageOf(error) });
    }
  }

  /** In the plugin's order; empty when it has no preference. */
  async preferred(available: readonly string[], certain: readonly string[], count: number): Promise<readonly string[]> {
    if (!this.#prefers) return [];
    const answer = await this.#call<{ containerResponses: readonly { deviceIDs: readonly string[] }[] }>(
      'GetPreferredAllocation',
      {
        containerRequests: [
          { availableDeviceIDs: [...certain, ...available], mustIncludeDeviceIDs: certain, allocationSize: count },
        ],
      },
    );
    return answer.containerResponses[0]?.deviceIDs ?? [];
  }

  async allocate(ids: readonly string[]): Promise<DeviceResponse> {
    const { containerResponses } = await this.#call<{ containerResponses: readonly DeviceResponse[] }>('Allocate', {
      containerRequests: [{ devicesIds: ids }],
    });
    const [first] = containerResponses;
    if (first === undefined)
      throw new Error(`no containers return in allocation response ${JSON.stringify({ containerResponses })}`);
    return first;
  }

  async preStart(ids: readonly string[]): Promise<void> {
    if (this.#preStart) await this.#call('PreStartContainer', { devicesIds: ids });
  }

  /** The answers' shapes are the protocol's; the cast is the typed boundary of this file. */
  async #call<R>(method: string, request: object, timeoutMs = callTimeoutMs): Promise<R> {
    try {
      return (await this.#connection.unary(deviceTable, method, request, { timeoutMs })) as R;
    } catch (error) {
      throw new Error(grpcErrorText(error), { cause: error });
    }
  }
}

// Where device plugins come to: the socket of their own registration, and the handler of those that announce themselves in the
// folder of all plugins. Both lead to devices.ts.
import { isExtendedResource } from '#api/validation/resources.ts';
import { messageOf } from '#base/errors.ts';
import { pluginSocketsMax } from '#base/limits.ts';
import type { NodeMachine } from '#host/node-machine.ts';
import { loadCodecs } from '#wire/grpc.ts';
import { listenGrpc } from '#wire/grpc-server.ts';
import type { Plugin, PluginHandler } from '../plugins/registration.ts';
import { Devices, type DevicesOptions } from './devices.ts';
import { deviceTable } from './table.ts';

const version = 'v1beta1';

export type NodeDevicesOptions = Omit<DevicesOptions, 'directory' | 'codecs' | 'machine'> & {
  readonly machine: Pick<NodeMachine, 'readText' | 'write' | 'rename' | 'makeDirectory' | 'list' | 'status' | 'remove'>;
  readonly rootDirectory: string;
  /** Default: a socket of this machine. */
  readonly listen?: typeof listenGrpc | undefined;
};

export class NodeDevices implements PluginHandler {
  readonly devices: Devices;
  readonly #options: NodeDevicesOptions;
  readonly #directory: string;

  private constructor(options: NodeDevicesOptions, directory: string, devices: Devices) {
    this.#options = options;
    this.#directory = directory;
    this.devices = devices;
  }

  /** With what an earlier process of ours has given away. */
  static async create(options: NodeDevicesOptions): Promise<NodeDevices> {
    const directory = `${options.rootDirectory}/device-plugins`;
    const devices = new Devices({ ...options, directory, codecs: await loadCodecs() });
    await devices.load();
    return new NodeDevices(options, directory, devices);
  }

  /** Plugins register again when the socket is made anew: they watch for it. */
  async start(): Promise<void> {
    const { machine, scope, logger, listen = listenGrpc } = this.#options;
    const directory = this.#directory;
    try {
      await machine.makeDirectory(directory, 0o750);
      for (const name of await machine.list(directory)) {
        const path = `${directory}/${name}`;
        if ((await machine.status(path))?.type === 'socket') await machine.remove(path);
      }
      const methods = { Register: (request: never) => this.#register(request) };
      const server = await listen(`${directory}/kubelet.sock`, [{ table: deviceTable, methods }], 64 * 1024);
      scope.onClose(() => server.close());
    } catch (error) {
      logger.warn(
        'device plugins cannot register: make the folder writable, without a socket that another process holds',
        {
          directory,
          error: messageOf(error),
        },
      );
    }
  }

  validate({ name, supportedVersions }: Plugin): void {
    if (!supportedVersions.includes(version))
      throw new Error(
        `manager version, ${version}, is not among plugin supported versions [${supportedVersions.join(' ')}]`,
      );
    if (!isExtendedResource(name)) throw new Error(`invalid name of device plugin socket: ${badName(name)}`);
  }
  register({ name, endpoint }: Plugin): Promise<void> {
    return this.#connect(name, endpoint);
  }
  async deregister({ name }: Plugin): Promise<void> {
    this.devices.disconnect(name);
  }

  async #register(request: {
    readonly version: string;
    readonly endpoint: string;
    readonly resourceName: string;
  }): Promise<object> {
    const { endpoint, resourceName } = request;
    if (request.version !== version)
      throw new Error(
        `requested API version ${JSON.stringify(request.version)} is not supported by kubelet. Supported version is ["${version}"]`,
      );
    if (!isExtendedResource(resourceName)) throw new Error(badName(resourceName));
    // Its socket is in this folder, and nowhere else.
    if (endpoint === '' || endpoint.includes('/') || endpoint.startsWith('.'))
      throw new Error(`the endpoint ${JSON.stringify(endpoint)} is not the name of a socket in ${this.#directory}`);
    await this.#connect(resourceName, `${this.#directory}/${endpoint}`);
    return {};
  }

  async #connect(name: string, socket: string): Promise<void> {
    if (Object.keys(this.devices.counts()).length >= pluginSocketsMax && !this.devices.isPluginResource(name))
      throw new Error(`too many device plugins: at most ${pluginSocketsMax}`);
    try {
      await this.devices.connect(name, socket);
      this.#options.logger.info('a device plugin is registered', { resource: name });
    } catch (error) {
      throw new Error(`failed to connect to the device plugin of ${name} at ${socket}: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }
}

const badName = (name: string): string => `the ResourceName ${JSON.stringify(name)} is invalid`;

// Plugins of the node (CSI and DRA drivers, device plugins) announce themselves with a socket in the registration folder, as
// upstream's plugin manager has it: whoever has a handler for their kind is told of them. The folder is watched, not polled.
import type { Clock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import { pluginFoldersMax, pluginSocketsMax } from '#base/limits.ts';
import type { Logger } from '#base/log.ts';
import type { Scope } from '#base/scope.ts';
import { WorkQueue } from '#base/work-queue.ts';
import type { NodeMachine } from '#host/node-machine.ts';
import { connectGrpc } from '#wire/grpc.ts';
import { registrationTable } from './registration-table.ts';

export interface Plugin {
  readonly type: string;
  readonly name: string;
  /** Path of the socket where the plugin itself listens. */
  readonly endpoint: string;
  readonly supportedVersions: readonly string[];
}

export interface PluginHandler {
  /** Throws what is wrong with it: the plugin is told. */
  validate(plugin: Plugin): void;
  /** Throws why it cannot be used: the plugin is told, and asked again later. */
  register(plugin: Plugin): Promise<void>;
  /** Its socket is gone. Asked again when it throws. */
  deregister(plugin: Plugin): Promise<void>;
}

export interface PluginRegistrationsOptions {
  readonly machine: Pick<NodeMachine, 'list' | 'status' | 'watch' | 'makeDirectory'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** `plugins_registry` in the kubelet's directory. */
  readonly directory: string;
  /** By the type that plugins tell: CSIPlugin, DRAPlugin, DevicePlugin. */
  readonly handlers: Readonly<Record<string, PluginHandler>>;
}

const infoTimeoutMs = 1_000;
const notifyTimeoutMs = 5_000;
const concurrentPlugins = 8;

export class PluginRegistrations {
  readonly #options: PluginRegistrationsOptions;
  readonly #queue: WorkQueue;
  /** What stands in the folder: path of the socket to what tells it from another of the same name. */
  #sockets = new Map<string, string>();
  readonly #registered = new Map<string, { readonly identity: string; readonly plugin: Plugin }>();
  readonly #watches = new Map<string, Disposable>();
  #looking = false;
  #lookAgain = false;
  #scope: Scope | undefined;

  constructor(options: PluginRegistrationsOptions) {
    this.#options = options;
    this.#queue = new WorkQueue({
      clock: options.clock,
      concurrency: concurrentPlugins,
      backoff: { baseMs: 500, maxMs: 122_000 },
      work: (socket) => this.#reconcile(socket),
      onError: (socket, error, retryInMs) =>
        options.logger.warn('a plugin was not registered', { socket, error: messageOf(error), retryInMs }),
    });
  }

  async start(scope: Scope): Promise<void> {
    await this.#options.machine.makeDirectory(this.#options.directory, 0o755);
    scope.onClose(async () => {
      for (const one of this.#watches.values()) one[Symbol.dispose]();
      this.#watches.clear();
      await this.#queue.close();
    });
    this.#scope = scope;
    this.#changed();
  }

  /** What is registered now. */
  list(): readonly Plugin[] {
    return [...this.#registered.values()].map(({ plugin }) => plugin);
  }

  #changed(): void {
    if (this.#scope === undefined || this.#scope.closed) return;
    this.#lookAgain = true;
    if (this.#looking) return;
    this.#looking = true;
    this.#scope.spawn('folder of plugins', () => this.#lookUntilQuiet());
  }

  async #lookUntilQuiet(): Promise<void> {
    try {
      while (this.#lookAgain && this.#scope?.closed === false) {
        this.#lookAgain = false;
        await this.#look();
      }
    } catch (error) {
      this.#options.logger.warn('the folder of plugins cannot be read', { error: messageOf(error) });
    } finally {
      this.#looking = false;
    }
  }

  /** Watches what is there first, and then reads it: nothing that comes in between is missed. */
  async #look(): Promise<void> {
    const { machine, directory, logger } = this.#options;
    const found = new Map<string, string>();
    const folders = [directory];
    for (let next = 0; next < folders.length; next++) {
      const folder = folders[next]!;
      try {
        if (!this.#watches.has(folder))
          this.#watches.set(
            folder,
            machine.watch(folder, () => this.#changed()),
          );
      } catch (error) {
        if ((await machine.status(folder)) !== undefined) throw error;
        continue;
      }
      for (const name of await machine.list(folder)) {
        if (name.startsWith('.')) continue;
        const path = `${folder}/${name}`;
        const status = await machine.status(path);
        if (status?.type === 'directory') {
          if (folders.length < pluginFoldersMax) folders.push(path);
          else logger.warn('too many folders of plugins: this one is not looked at', { folder: path });
        } else if (status?.type === 'socket') {
          if (found.size < pluginSocketsMax) found.set(path, `${status.inode} ${status.changedMs}`);
          else logger.warn('too many plugins: this one is not registered', { socket: path });
        }
      }
    }
    for (const [folder, watching] of this.#watches)
      if (!folders.includes(folder)) {
        watching[Symbol.dispose]();
        this.#watches.delete(folder);
      }
    const before = this.#sockets;
    this.#sockets = found;
    for (const path of new Set([...before.keys(), ...found.keys()]))
      if (before.get(path) !== found.get(path)) {
        this.#queue.forget(path);
        this.#queue.add(path);
      }
  }

  async #reconcile(socket: string): Promise<void> {
    const wanted = this.#sockets.get(socket);
    const current = this.#registered.get(socket);
    if (current !== undefined && current.identity !== wanted) {
      await this.#options.handlers[current.plugin.type]?.deregister(current.plugin);
      this.#registered.delete(socket);
      this.#options.logger.info('a plugin is gone', { plugin: current.plugin.name, type: current.plugin.type });
    }
    if (wanted !== undefined && current?.identity !== wanted) await this.#register(socket, wanted);
  }

  async #register(socket: string, identity: string): Promise<void> {
    const connection = await connectGrpc(`unix://${socket}`);
    try {
      const info = await connection
        .unary(registrationTable, 'GetInfo', {}, { timeoutMs: infoTimeoutMs })
        .catch((error: unknown) => {
          throw new Error(
            `RegisterPlugin error -- failed to get plugin info using RPC GetInfo at socket ${socket}, err: ${messageOf(error)}`,
            { cause: error },
          );
        });
      const { type, name, endpoint, supportedVersions } = info as Plugin;
      const plugin = { type, name, endpoint: endpoint === '' ? socket : endpoint, supportedVersions };
      const tell = (pluginRegistered: boolean, error: string) =>
        connection.unary(
          registrationTable,
          'NotifyRegistrationStatus',
          { pluginRegistered, error },
          { timeoutMs: notifyTimeoutMs },
        );
      const refuse = async (why: string): Promise<never> => {
        await tell(false, why);
        throw new Error(why);
      };
      const handler = this.#options.handlers[type];
      if (handler === undefined)
        return await refuse(
          `RegisterPlugin error -- no handler registered for plugin type: ${type} at socket ${socket}`,
        );
      try {
        handler.validate(plugin);
      } catch (error) {
        return await refuse(`RegisterPlugin error -- plugin validation failed with err: ${messageOf(error)}`);
      }
      try {
        await handler.register(plugin);
      } catch (error) {
        return await refuse(`RegisterPlugin error -- plugin registration failed with err: ${messageOf(error)}`);
      }
      try {
        await tell(true, '');
      } catch (error) {
        await handler.deregister(plugin);
        throw new Error(
          `RegisterPlugin error -- failed to send registration status at socket ${socket}, err: ${messageOf(error)}`,
          { cause: error },
        );
      }
      this.#registered.set(socket, { identity, plugin });
      this.#options.logger.info('a plugin is registered', { plugin: name, type });
    } finally {
      connection.close();
    }
  }
}

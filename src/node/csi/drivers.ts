// The CSI drivers of this node: registered and taken back by their sockets, told to the cluster, and found by name.
import { CSIDrivers } from '#api/generated/kind-references.ts';
import type { CSIDriver } from '#api/generated/types.ts';
import { type Clock, type Timer } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Scope } from '#base/scope.ts';
import type { Client, Informer } from '#client/client.ts';
import type { Plugin, PluginHandler } from '../plugins/registration.ts';
import { CsiClient } from './client.ts';
import { CsiNodeObject } from './node-object.ts';

export interface CsiDriversOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly scope: Scope;
  readonly nodeName: string;
  /** A driver came: what waited for it may go on. */
  readonly onRegistered: (driver: string) => void;
}

interface Registered {
  readonly version: readonly number[];
  readonly client: CsiClient;
  refresh: Timer | undefined;
  refreshSeconds: number | undefined;
}

export class CsiDrivers implements PluginHandler {
  readonly object: CsiNodeObject;
  readonly #options: CsiDriversOptions;
  readonly #registered = new Map<string, Registered>();
  #objects: Informer<CSIDriver> | undefined;

  constructor(options: CsiDriversOptions) {
    this.#options = options;
    this.object = new CsiNodeObject(options);
    options.scope.onClose(() => {
      for (const { client, refresh } of this.#registered.values()) {
        refresh?.cancel();
        client.close();
      }
    });
  }

  validate({ name, supportedVersions }: Plugin): void {
    const version = highestVersion(name, supportedVersions);
    const existing = this.#registered.get(name);
    if (existing !== undefined && compareVersions(existing.version, version) >= 0)
      throw new Error(
        `kubernetes.io/csi: validatePlugin for CSI driver ${JSON.stringify(name)} failed. Another driver with the same name is already registered with a higher supported version: ${JSON.stringify(existing.version.join('.'))}`,
      );
  }

  async register({ name, endpoint, supportedVersions }: Plugin): Promise<void> {
    const client = await CsiClient.connect(endpoint);
    try {
      await this.object.install(name, await client.info());
    } catch (error) {
      client.close();
      await this.object.uninstall(name);
      throw error;
    }
    this.#forget(name);
    const version = highestVersion(name, supportedVersions);
    this.#registered.set(name, { version, client, refresh: undefined, refreshSeconds: undefined });
    const objects = await this.#driverObjects();
    this.#planRefresh(name, objects.get(undefined, name));
    this.#options.onRegistered(name);
  }

  async deregister({ name }: Plugin): Promise<void> {
    this.#forget(name);
    await this.object.uninstall(name);
  }

  /** Throws as upstream does when there is none. */
  get(name: string): CsiClient {
    const found = this.#registered.get(name);
    if (found === undefined) throw new Error(`driver name ${name} not found in the list of registered CSI drivers`);
    return found.client;
  }

  /** The cluster's object for the driver, which nobody has to make. */
  async driverObject(name: string): Promise<CSIDriver | undefined> {
    return (await this.#driverObjects()).get(undefined, name);
  }

  /** Watched from the first use on: nodes without CSI ask for nothing. */
  async #driverObjects(): Promise<Informer<CSIDriver>> {
    if (this.#objects === undefined) {
      this.#objects = this.#options.client.informer(CSIDrivers);
      const listening = this.#objects.onChange(({ current, previous }) => {
        const name = (current ?? previous)?.metadata.name ?? '';
        this.#planRefresh(name, current);
      });
      this.#options.scope.onClose(() => listening[Symbol.dispose]());
    }
    await this.#objects.whenSynced(this.#options.scope.signal);
    return this.#objects;
  }

  /** How many volumes fit may change while a driver runs: it is asked again as often as its object says. */
  #planRefresh(name: string, object: CSIDriver | undefined): void {
    const registered = this.#registered.get(name);
    if (registered === undefined) return;
    const seconds = object?.spec.nodeAllocatableUpdatePeriodSeconds;
    if (registered.refreshSeconds === seconds) return;
    registered.refresh?.cancel();
    registered.refreshSeconds = seconds;
    registered.refresh = undefined;
    if (seconds === undefined || seconds === 0) return;
    const { clock, scope, logger } = this.#options;
    const plan = () => {
      registered.refresh = clock.schedule(seconds * 1000, () => {
        plan();
        scope.spawn(`volumes of ${name}`, () =>
          this.refresh(name).catch((error: unknown) =>
            logger.warn('a CSI driver did not tell how many volumes fit', { driver: name, error: messageOf(error) }),
          ),
        );
      });
    };
    plan();
  }

  async refresh(name: string): Promise<void> {
    await this.object.update(name, await this.get(name).info());
  }

  #forget(name: string): void {
    const registered = this.#registered.get(name);
    if (registered === undefined) return;
    this.#registered.delete(name);
    registered.refresh?.cancel();
    registered.client.close();
  }
}

/** Only major version 1 is spoken. */
function highestVersion(name: string, versions: readonly string[]): readonly number[] {
  const fail = (why: string) =>
    new Error(`kubernetes.io/csi: validatePlugin for CSI driver ${JSON.stringify(name)} failed. ${why}`);
  if (versions.length === 0) throw fail('Plugin returned an empty list for supported versions');
  const parsed = versions
    .map((one) => /^v?(\d+(?:\.\d+){0,2})/.exec(one)?.[1]?.split('.').map(Number) ?? [])
    .filter(([major]) => major === 1)
    .toSorted(compareVersions);
  const highest = parsed.at(-1);
  if (highest === undefined)
    throw fail(
      `None of the versions specified ${JSON.stringify(versions)} are supported. err=highest supported version of ${versions.join(', ')} is not 1.x`,
    );
  return highest;
}

const compareVersions = (one: readonly number[], other: readonly number[]): number => {
  for (let index = 0; index < 3; index++) {
    const difference = (one[index] ?? 0) - (other[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
};

// What the router is given by the assembly.
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { Client, EventRecorder, ObjectKey } from '#client/client.ts';
import type { HostChanges } from '#host/changes.ts';
import type { Files } from '#host/files.ts';
import type { MachineAddress } from './listen.ts';
import { defaultPolicy, type RouterPolicy } from './policy.ts';
import type { WorkerUser } from './settings.ts';

/** What may change while the router runs. */
export interface RouterConfiguration extends RouterPolicy {
  /** Addresses, or names of interfaces; empty: all, of both families where the kernel has IPv6. */
  readonly listenAddresses: readonly string[];
  readonly httpPort: number;
  readonly httpsPort: number;
}

export const defaultConfiguration: RouterConfiguration = {
  ...defaultPolicy,
  listenAddresses: [],
  httpPort: 80,
  httpsPort: 443,
};

export interface RouterOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly changes: HostChanges;
  /** For what is wrong with a Route and does not keep it from being served. */
  readonly events?: EventRecorder | undefined;
  /** Such as `apps.example.com`: hosts of Routes that name none. */
  readonly domain: string;
  /** Default `default`. */
  readonly routerName?: string | undefined;
  readonly canonicalHostname?: string | undefined;
  /** The Service whose status tells where the router is reached from outside; its objects are somebody else's. */
  readonly service?: ObjectKey | undefined;
  /** Asked again after each call of the listener of `onConfiguration`. */
  readonly configuration: () => RouterConfiguration;
  readonly onConfiguration?: ((listener: () => void) => Disposable) | undefined;
  /** Asked again after each call of the listener of `onDefaultCertificate`. */
  readonly defaultCertificatePem: () => string;
  readonly onDefaultCertificate?: ((listener: () => void) => Disposable) | undefined;
  readonly machineAddresses: () => readonly MachineAddress[];
  /** Of those, at which others reach the machine. */
  readonly reachableAddresses?: (() => readonly string[]) | undefined;
  readonly onMachineAddresses?: ((listener: () => void) => Disposable) | undefined;
  /** Health and metrics, for this machine and who `maySeeHealth`; 0: not served. Default 1936. */
  readonly healthPort?: number | undefined;
  readonly maySeeHealth?: ((address: string) => boolean) | undefined;
  /** Emptied by a reboot, such as /run/microshift/router. */
  readonly runDirectory: string;
  /** Where HAProxy's log file is. */
  readonly logDirectory: string;
  readonly user?: WorkerUser | undefined;
  readonly command?: string | undefined;
  readonly dependsOn?: readonly string[] | undefined;
  readonly files?: Files | undefined;
}

// What services hand to those that start behind them. A service may take only parts of services that it depends on.
import type { Clock } from '#base/clock.ts';
import { assert } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { MetricRegistry } from '#base/metrics/registry.ts';
import type { Random } from '#base/random.ts';
import type { ApiServer } from '#apiserver/api-server.ts';
import type { Client } from '#client/client.ts';
import type { HostChanges } from '#host/changes.ts';
import type { Files } from '#host/files.ts';
import type { MachineChanges } from '#host/machine-changes.ts';
import type { HostIdentity } from '#host/identity.ts';
import type { Pod } from '#api/generated/types.ts';
import type { NodeRegistries } from '#node/agent.ts';
import type { ContainerRuntime } from '#node/cri/runtime.ts';
import type { KeyPair } from '#pki/certificate.ts';
import type { Pki } from '#pki/pki.ts';
import type { SqliteStore } from '#storage/sqlite/store-options.ts';
import type { Store } from '#storage/store.ts';
import type { ScheduledBackups } from './backup/scheduled.ts';
import type { ApiServers } from './api-servers.ts';
import type { ClusterFacts } from './cluster-facts.ts';
import type { Configuration } from './config/configuration.ts';
import type { LiveConfiguration } from './config/live.ts';
import type { Encryption } from './datastore/encryption.ts';
import type { NamedCertificates } from './named-certificates.ts';
import type { NodeAddress } from './node-address.ts';

/** What every service may use. */
export interface AssemblyContext {
  /** Of the start: for keys whose change needs a restart. */
  readonly configuration: Configuration;
  /** For keys that may change while it runs (`live` in the table of keys). */
  readonly live: LiveConfiguration;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** What the process measures of itself. */
  readonly metrics: MetricRegistry;
  readonly files: Files;
  readonly identity: HostIdentity;
  readonly parts: Parts;
  /** Otherwise objects are in memory only. */
  readonly keepsState: boolean;
  /** Aborted when somebody wants the process to end. */
  readonly stopping: AbortSignal;
  /** For a service that has something to say before its start is done. */
  showProblems(problems: () => readonly string[]): void;
  /** All that is wrong, by service; for readiness checks. */
  problems(): readonly { readonly service: string; readonly problem: string }[];
}

export interface PartTypes {
  readonly pki: Pki;
  readonly namedCertificates: NamedCertificates;
  readonly store: Store;
  /** All that are on one etcd; absent: there is this one. */
  readonly apiServers: ApiServers;
  /** Present when this start has put a snapshot in the place of a damaged data file. */
  readonly datastoreRepaired: string;
  /** Copies what the store holds into a new file, and gives its revision. Absent: nothing is kept. */
  readonly copyStore: (target: string) => Promise<number>;
  /** Of the data file. Absent: nothing is kept. */
  readonly storeRoom: SqliteStore['room'];
  /** Absent: nothing is kept, or the cluster is not there yet. */
  readonly scheduledBackups: ScheduledBackups;
  /** Absent: nothing is encrypted by this process. */
  readonly encryption: Encryption;
  readonly apiServer: ApiServer;
  /** A client in the name of a user; groups that follow from the name are added. */
  readonly clientAs: (name: string, groups?: readonly string[]) => Client;
  readonly containerRuntime: {
    readonly socketPath: string;
    readonly cgroupDriver: 'systemd' | 'cgroupfs';
    /** The first caller gets the connection over which archives were imported; later ones a new one. */
    readonly connect: () => Promise<ContainerRuntime>;
    /** Brought along in archives: never collected. */
    readonly images: () => readonly string[];
    /** Of our own runtime; the host's knows of registries by itself. */
    readonly registries?: NodeRegistries | undefined;
    /** For `microshift status`: which it is, and how to change it. */
    readonly description: string;
    readonly problem: () => string | undefined;
  };
  /** What is changed on the host is recorded here first. */
  readonly hostChanges: HostChanges;
  readonly nodeAddress: NodeAddress;
  /** Resolves when what NetworkPolicies say of a Pod with these addresses holds. */
  readonly enforcePolicies: (pod: Pod, addresses: readonly string[]) => Promise<void>;
  readonly machineChanges: MachineChanges;
  readonly cluster: ClusterFacts;
  /** Of another machine, with the role node alone. */
  readonly controlPlaneUrl: () => string;
  /** Certificate of the node's API, and whose client certificates it takes. */
  readonly nodeServing: {
    /** Undefined: not there yet. */
    readonly pair: () => KeyPair | undefined;
    readonly clientAuthorities: () => string;
    onChange(listener: () => void): Disposable;
  };
  /** With the role node alone: called once the Node exists, whose addresses its serving certificate may name. */
  readonly nodeRegistered: () => void;
  /** There once the bootstrap objects are. */
  readonly bootstrapped: true;
  /** There once the API server's own are. */
  readonly ownObjectsKept: true;
  /** In the name of the API server itself, which may do everything (group system:masters). */
  readonly systemClient: Client;
}

export class Parts {
  readonly #parts = new Map<keyof PartTypes, unknown>();
  #others: Parts | undefined;

  /** The same parts, later ones too, with another in the place of this one. */
  with<K extends keyof PartTypes>(name: K, part: PartTypes[K]): Parts {
    const parts = new Parts();
    parts.#others = this;
    parts.#parts.set(name, part);
    return parts;
  }
  provide<K extends keyof PartTypes>(name: K, part: PartTypes[K]): void {
    assert(!this.#parts.has(name), `part ${name} is provided twice`);
    this.#parts.set(name, part);
  }
  has(name: keyof PartTypes): boolean {
    return this.#parts.has(name) || this.#others?.has(name) === true;
  }
  take<K extends keyof PartTypes>(name: K): PartTypes[K] {
    if (this.#others !== undefined && !this.#parts.has(name)) return this.#others.take(name);
    assert(this.#parts.has(name), `part ${name} is taken before it is there: a dependency is missing in services.ts`);
    // The only writer is `provide`, which checks the type.
    return this.#parts.get(name) as PartTypes[K];
  }
}

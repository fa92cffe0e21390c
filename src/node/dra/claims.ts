// The ResourceClaims of this node's Pods: prepared by their drivers before a Pod's sandbox is made, given to its containers as CDI
// devices, and taken back after the last Pod's last container. What is prepared is kept in a record, as upstream's DRA manager does.
import { ResourceClaimsResourceV1 } from '#api/generated/kind-references.ts';
import type { Container, Pod, ResourceClaimResourceV1 } from '#api/generated/types.ts';
import { quantityToNumber } from '#api/quantity.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Client } from '#client/client.ts';
import type { NodeMachine } from '#host/node-machine.ts';
import { grpcErrorText } from '#wire/grpc.ts';
import type { DraDrivers } from './drivers.ts';
import { type ClaimRecord, formatClaims, parseClaims, type PreparedDevice } from './record.ts';
import type { DraClaim } from './table.ts';

/** What the work on Pods asks of claimed devices. */
export interface PodClaims {
  /** Throws with the text of the Pod's event. */
  prepare(pod: Pod): Promise<void>;
  /** Ids of the CDI devices that a container is started with. */
  devices(pod: Pod, container: Container): readonly string[];
  /** Uids of Pods that have claims prepared here, or half so. */
  users(): readonly string[];
  /** Nothing of the Pod runs any more. Throws why it has to be tried again. */
  unprepare(podUid: string): Promise<void>;
}

export interface ClaimsOptions {
  readonly client: Client;
  readonly logger: Logger;
  readonly machine: Pick<NodeMachine, 'readText' | 'write' | 'rename'>;
  readonly drivers: Pick<DraDrivers, 'check' | 'prepare' | 'unprepare'>;
  readonly rootDirectory: string;
  readonly runtime: { readonly runtimeName: string; readonly runtimeVersion: string };
}

interface Entry {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly podUids: Set<string>;
  readonly drivers: Map<string, readonly PreparedDevice[]>;
  /** By this process: after a restart drivers are asked again before a sandbox is made. */
  prepared: boolean;
}

const requestOf = ({ namespace, uid, name }: Entry): DraClaim => ({ namespace, uid, name });
const keyOf = (namespace: string | undefined, name: string): string => `${namespace ?? ''}/${name}`;

export class Claims implements PodClaims {
  readonly #options: ClaimsOptions;
  readonly #file: string;
  /** By namespace and name. */
  readonly #entries = new Map<string, Entry>();
  /** Pods to be told when a driver comes, by its name. */
  readonly #waiting = new Map<string, Set<string>>();
  /** One Pod after the other: several may have the same claim. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: ClaimsOptions) {
    this.#options = options;
    this.#file = `${options.rootDirectory}/dra_manager_state`;
  }

  async load(): Promise<void> {
    const { machine, logger } = this.#options;
    const text = await machine.readText(this.#file);
    if (text === undefined) return;
    const records = parseClaims(text);
    if (records === undefined) {
      logger.error(
        'the record of claimed devices cannot be read: devices of Pods that run are not given back to their drivers when these end; drain the node and remove the file',
        { file: this.#file },
      );
      return;
    }
    for (const { uid, namespace, name, podUids, drivers } of records)
      this.#entries.set(keyOf(namespace, name), {
        uid,
        namespace,
        name,
        podUids: new Set(podUids),
        drivers: new Map(Object.entries(drivers)),
        prepared: false,
      });
  }

  users(): readonly string[] {
    return [...new Set(this.#entries.values().flatMap(({ podUids }) => podUids))];
  }

  async prepare(pod: Pod): Promise<void> {
    if (!hasClaims(pod)) return;
    try {
      await this.#inTurn(() => this.#prepare(pod));
    } catch (error) {
      throw new Error(`Failed to prepare dynamic resources: prepare dynamic resources: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  async #prepare(pod: Pod): Promise<void> {
    const { drivers } = this.#options;
    // Looked at first, and nothing noted: a Pod that cannot be prepared does not need a driver to go.
    const found: Entry[] = [];
    for (const { name, isOwn } of claimNames(pod)) {
      const entry = entryOf(await this.#read(pod, name, isOwn));
      for (const driver of entry.drivers.keys()) this.#check(driver, pod);
      found.push(entry);
    }
    const byDriver = new Map<string, Entry[]>();
    const preparing: Entry[] = [];
    for (const one of found) {
      const key = keyOf(one.namespace, one.name);
      const entry = this.#entries.get(key) ?? one;
      if (entry.uid !== one.uid)
        throw new Error(
          `old ResourceClaim with same name ${one.name} and different UID ${entry.uid} still exists (previous pod force-deleted?!)`,
        );
      this.#entries.set(key, entry);
      entry.podUids.add(pod.metadata.uid ?? '');
      if (entry.prepared || preparing.includes(entry)) continue;
      preparing.push(entry);
      for (const driver of entry.drivers.keys()) byDriver.set(driver, [...(byDriver.get(driver) ?? []), entry]);
    }
    // On disk before a driver is asked: what it does is undone also after a crash.
    if (found.length > 0) await this.#save();
    for (const [driver, entries] of byDriver) {
      const answer = await this.#ask('NodePrepareResources', entries, () =>
        drivers.prepare(driver, entries.map(requestOf)),
      );
      for (const entry of entries)
        entry.drivers.set(
          driver,
          answer[entry.uid]!.devices.map((one) => ({
            pool: one.poolName,
            device: one.deviceName,
            shareId: one.shareId === '' ? undefined : one.shareId,
            requests: one.requestNames,
            cdiIds: one.cdiDeviceIds,
          })),
        );
    }
    if (preparing.length === 0) return;
    for (const entry of preparing) entry.prepared = true;
    await this.#save();
  }

  #check(driver: string, pod: Pod): void {
    try {
      this.#options.drivers.check(driver);
    } catch (error) {
      const waiting = this.#waiting.get(driver) ?? new Set();
      this.#waiting.set(driver, waiting.add(pod.metadata.uid ?? ''));
      throw error;
    }
  }

  /** Told once: who still waits asks again. */
  waitingFor(driver: string): readonly string[] {
    const uids = this.#waiting.get(driver) ?? [];
    this.#waiting.delete(driver);
    return [...uids, ...this.users()];
  }

  async #read(pod: Pod, name: string, isOwn: boolean): Promise<ResourceClaimResourceV1> {
    const { namespace, name: podName, uid } = pod.metadata;
    let claim: ResourceClaimResourceV1;
    try {
      claim = await this.#options.client.resource(ResourceClaimsResourceV1).get({ namespace, name });
    } catch (error) {
      throw new Error(`fetch ResourceClaim ${name}: ${messageOf(error)}`, { cause: error });
    }
    if (isOwn && claim.metadata.ownerReferences?.some((one) => one.controller === true && one.uid === uid) !== true)
      throw new Error(
        `ResourceClaim ${namespace}/${name} was not created for Pod ${namespace}/${podName} (Pod is not owner)`,
      );
    if (claim.status?.reservedFor?.some((one) => one.uid === uid) !== true)
      throw new Error(
        `pod ${podName} (${uid}) is not allowed to use ResourceClaim ${name} (${claim.metadata.uid ?? ''})`,
      );
    if (claim.status.allocation === undefined) throw new Error(`ResourceClaim ${name}: not allocated`);
    return claim;
  }

  devices(pod: Pod, container: Container): readonly string[] {
    if (!hasClaims(pod)) return [];
    const ids = new Set<string>();
    for (const { name, podClaim } of claimNames(pod))
      for (const request of requestsOf(pod, container, podClaim)) {
        const entry = this.#entries.get(keyOf(pod.metadata.namespace, name));
        if (entry === undefined)
          throw new Error(
            `internal error: unable to get claim info for ResourceClaim ${name} in namespace ${pod.metadata.namespace}`,
          );
        for (const { requests, cdiIds } of [...entry.drivers.values()].flat())
          if (request === '' || requests.length === 0 || requests.includes(request))
            for (const id of cdiIds) ids.add(id);
      }
    const { runtimeName, runtimeVersion } = this.#options.runtime;
    // It would start the container without them, and say nothing.
    if (ids.size > 0 && runtimeName === 'containerd' && /^v?1\.[0-6]\b/.test(runtimeVersion))
      throw new Error(
        `the container runtime (containerd ${runtimeVersion}) knows no CDI devices: claimed devices need containerd 1.7 or newer`,
      );
    return [...ids];
  }

  async unprepare(podUid: string): Promise<void> {
    for (const [driver, uids] of this.#waiting)
      if (uids.delete(podUid) && uids.size === 0) this.#waiting.delete(driver);
    if (!this.#entries.values().some((one) => one.podUids.has(podUid))) return;
    try {
      await this.#inTurn(() => this.#unprepare(podUid));
    } catch (error) {
      throw new Error(`unprepare dynamic resources: ${messageOf(error)}`, { cause: error });
    }
  }

  async #unprepare(podUid: string): Promise<void> {
    const { drivers } = this.#options;
    const ofPod = [...this.#entries].filter(([, { podUids }]) => podUids.has(podUid));
    const ending = ofPod.filter(([, { podUids }]) => podUids.size === 1);
    const byDriver = Map.groupBy(
      ending.flatMap(([, entry]) => [...entry.drivers.keys()].map((driver) => ({ driver, entry }))),
      (one) => one.driver,
    );
    for (const [driver, uses] of byDriver) {
      const entries = uses.map(({ entry }) => entry);
      await this.#ask('NodeUnprepareResources', entries, () => drivers.unprepare(driver, entries.map(requestOf)));
    }
    for (const [, { podUids }] of ofPod) podUids.delete(podUid);
    for (const [key] of ending) this.#entries.delete(key);
    await this.#save();
  }

  /** Throws unless the driver did all of them. */
  async #ask<T extends { readonly error: string }>(
    method: string,
    entries: readonly Entry[],
    call: () => Promise<Readonly<Record<string, T>>>,
  ): Promise<Readonly<Record<string, T>>> {
    let answer: Readonly<Record<string, T>>;
    try {
      answer = await call();
    } catch (error) {
      throw new Error(`${method}: ${grpcErrorText(error)}`, { cause: error });
    }
    for (const [uid, { error }] of Object.entries(answer)) {
      const asked = entries.find((one) => one.uid === uid);
      if (asked === undefined) throw new Error(`${method} returned result for unknown claim UID ${uid}`);
      if (error !== '') throw new Error(`${method} failed for ResourceClaim ${asked.name}: ${error}`);
    }
    const skipped = entries.length - Object.keys(answer).length;
    if (skipped !== 0) throw new Error(`${method} skipped ${skipped} ResourceClaims`);
    return answer;
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  async #save(): Promise<void> {
    const { machine } = this.#options;
    const records = [...this.#entries.values()].map(({ uid, namespace, name, podUids, drivers }): ClaimRecord => ({
      uid,
      namespace,
      name,
      podUids: [...podUids],
      drivers: Object.fromEntries(drivers),
    }));
    await machine.write(`${this.#file}.tmp`, formatClaims(records), 0o600);
    await machine.rename(`${this.#file}.tmp`, this.#file);
  }
}

const hasClaims = (pod: Pod): boolean =>
  pod.spec.resourceClaims !== undefined || pod.status?.extendedResourceClaimStatus !== undefined;

interface NamedClaim {
  readonly name: string;
  /** Made for this Pod from a template. */
  readonly isOwn: boolean;
  /** Its name in the Pod; undefined: it stands for extended resources. */
  readonly podClaim: string | undefined;
}

/** Without those for which deliberately none was made; throws while one is not made yet. */
function claimNames(pod: Pod): readonly NamedClaim[] {
  const { name: podName, namespace } = pod.metadata;
  const names: NamedClaim[] = [];
  for (const { name, resourceClaimName, resourceClaimTemplateName } of pod.spec.resourceClaims ?? []) {
    if (resourceClaimName !== undefined) {
      names.push({ name: resourceClaimName, isOwn: false, podClaim: name });
      continue;
    }
    if (resourceClaimTemplateName === undefined)
      throw new Error(
        `pod "${namespace}/${podName}", spec.resourceClaim ${JSON.stringify(name)}: none of the supported fields are set`,
      );
    const made = pod.status?.resourceClaimStatuses?.find((one) => one.name === name);
    if (made === undefined) throw new Error(`pod "${namespace}/${podName}": ResourceClaim not created yet`);
    if (made.resourceClaimName !== undefined) names.push({ name: made.resourceClaimName, isOwn: true, podClaim: name });
  }
  const extended = pod.status?.extendedResourceClaimStatus;
  if (extended !== undefined) names.push({ name: extended.resourceClaimName, isOwn: false, podClaim: undefined });
  return names;
}

/** Names of the claim's requests that the container uses; '': all of them. */
function requestsOf(pod: Pod, container: Container, podClaim: string | undefined): readonly string[] {
  if (podClaim !== undefined)
    return (container.resources?.claims ?? [])
      .filter(({ name }) => name === podClaim)
      .map(({ request }) => request ?? '');
  const { requests = {} } = container.resources ?? {};
  return (pod.status?.extendedResourceClaimStatus?.requestMappings ?? [])
    .filter(
      (one) => one.containerName === container.name && quantityToNumber(String(requests[one.resourceName] ?? 0)) > 0,
    )
    .map((one) => one.requestName);
}

const entryOf = ({ metadata, status }: ResourceClaimResourceV1): Entry => ({
  uid: metadata.uid ?? '',
  namespace: metadata.namespace ?? '',
  name: metadata.name ?? '',
  podUids: new Set(),
  drivers: new Map((status?.allocation?.devices?.results ?? []).map(({ driver }) => [driver, []])),
  prepared: false,
});

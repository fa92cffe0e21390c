// Whether the servers behind APIServices can be asked: looked at when the APIService, its Service or its EndpointSlices change,
// and every 30 seconds, because what lies between can break without anybody telling. Loaded with the first such APIService.
import type { APIService, EndpointSlice, Service } from '#api/generated/types.ts';
import { APIServices, EndpointSlices, Services } from '#api/generated/kind-references.ts';
import { storageKey, storagePrefix } from '#api/kinds.ts';
import { isConflict, isNotFound } from '#api/status.ts';
import { messageOf } from '#base/errors.ts';
import { WorkQueue } from '#base/work-queue.ts';
import type { Client } from '#client/client.ts';
import type { StoredObject } from '#storage/store.ts';
import type { OutgoingTarget } from '../ports.ts';
import type { AggregationParts } from './parts.ts';
import { remoteOf, type RemoteApiService } from './api-services.ts';
import { askServer, groupVersionPath, targetOf, type Asked } from './ask-server.ts';
import { failedCheck, judgeAvailability, passed, statusWith } from './judge-availability.ts';
import { serviceOf, slicesOf } from '../outgoing/service-address.ts';

const fieldManager = 'kube-apiserver';
const recheckMs = 30_000;
const checkTimeoutMs = 5_000;
/** Of choosing among the places of a Service: each of those found is asked once, and one good answer is enough. */
const attempts = 5;
const answerBytesMax = 64 * 1024;

export function watchAvailability(
  server: AggregationParts,
  client: Client,
  onChecked: (remote: RemoteApiService, isWell: boolean) => void,
): Disposable {
  const { store, clock, logger } = server.options;
  const { apiServices } = server;
  const resource = client.resource(APIServices);
  const watches: Disposable[] = [];
  const seen = new Map<string, string>();
  const identityOf = (object: APIService | undefined): string => JSON.stringify([object?.metadata.uid, object?.spec]);
  let isClosed = false;

  const ask = async (remote: RemoteApiService, target: OutgoingTarget): Promise<string | undefined> => {
    const path = groupVersionPath(remote);
    const { host, port } = target;
    const url = `https://${host.includes(':') ? `[${host}]` : host}:${port}${path}`;
    const failed = (reason: string) => `failing or missing response from ${url}: ${reason}`;
    let answer: Asked;
    try {
      answer = await askServer(server, target, { path, timeoutMs: checkTimeoutMs, bytesMax: answerBytesMax });
    } catch (error) {
      return failed(`Get ${JSON.stringify(url)}: ${messageOf(error)}`);
    }
    return answer.status >= 200 && answer.status < 300 ? undefined : failed(`bad status from ${url}: ${answer.status}`);
  };
  const check = async (remote: RemoteApiService): Promise<string | undefined> => {
    const targets = new Map<string, OutgoingTarget>();
    try {
      for (let attempt = 0; attempt < attempts; attempt++) {
        const target = targetOf(server, remote);
        targets.set(`${target.host} ${target.port}`, target);
      }
    } catch (error) {
      return messageOf(error);
    }
    const results = await Promise.all([...targets.values()].map((target) => ask(remote, target)));
    return results.includes(undefined) ? undefined : results.at(-1);
  };
  const queue = new WorkQueue({
    clock,
    observer: server.metrics.queue('RemoteAvailabilityController'),
    concurrency: 5,
    backoff: { baseMs: 5, maxMs: recheckMs },
    async work(name) {
      const current = store.get(storageKey(APIServices, undefined, name))?.object() as APIService | undefined;
      const remote = current === undefined ? undefined : remoteOf(current);
      if (isClosed || current === undefined || remote === undefined) return undefined;
      const { service } = remote;
      const told = judgeAvailability(
        remote,
        serviceOf(store, service.namespace, service.name),
        slicesOf(store, service.namespace, service.name),
      );
      const failure = told === undefined ? await check(remote) : undefined;
      const condition = told ?? (failure === undefined ? passed : failedCheck(failure));
      const status = statusWith(current, condition, clock.now());
      try {
        if (status !== undefined)
          await resource.update({ ...current, status }, { fieldManager, subresource: 'status' });
      } catch (error) {
        // Changed or gone meanwhile: its event brings it here again.
        if (!isConflict(error) && !isNotFound(error)) throw error;
      }
      onChecked(remote, condition.status === 'True');
      if (failure !== undefined) throw new Error(failure);
      return recheckMs;
    },
    onError: (name, error, retryInMs) => {
      if (!isClosed)
        logger.info('the server of an APIService is not available', { name, error: messageOf(error), retryInMs });
    },
  });
  const wakeService = (namespace: string | undefined, name: string | undefined): void => {
    for (const remote of apiServices.remotes.values())
      if (remote.service.namespace === namespace && remote.service.name === name) queue.add(remote.name);
  };
  const follow = (prefix: string, nameOf: (stored: StoredObject) => string | undefined): void => {
    const subscription = store.watch(prefix, store.revision, {
      onEvents(events) {
        for (const { stored, previous, type } of events) {
          if (type === 'put' && previous !== undefined && sameForUs(previous, stored)) continue;
          wakeService(stored.object().metadata.namespace, nameOf(stored));
        }
      },
      onEnd(reason) {
        if (reason !== 'compacted' || isClosed) return;
        follow(prefix, nameOf);
        for (const remote of apiServices.remotes.values()) queue.add(remote.name);
      },
    });
    if (subscription !== undefined) watches.push(subscription);
  };
  follow(storagePrefix(Services), (stored) => stored.object().metadata.name);
  follow(storagePrefix(EndpointSlices), (stored) => stored.object().metadata.labels?.['kubernetes.io/service-name']);
  watches.push(
    apiServices.onChange((name) => {
      // Its own status comes back here as well: nothing new then.
      const object = apiServices.all.get(name);
      const known = seen.get(name);
      const spec = identityOf(object);
      if (object === undefined) seen.delete(name);
      else seen.set(name, spec);
      if (object !== undefined && (known !== spec || !saysSomething(object))) queue.add(name);
    }),
  );
  for (const remote of apiServices.remotes.values()) {
    seen.set(remote.name, identityOf(apiServices.all.get(remote.name)));
    queue.add(remote.name);
  }
  return {
    [Symbol.dispose]() {
      isClosed = true;
      for (const one of watches) one[Symbol.dispose]();
      queue.close().catch(() => {});
    },
  };
}

const saysSomething = ({ status }: APIService): boolean =>
  status?.conditions?.some((one) => one.type === 'Available') === true;

/** Of Services and EndpointSlices: nothing that counts here differs. */
function sameForUs(one: StoredObject, other: StoredObject): boolean {
  const part = (stored: StoredObject): string => {
    const object = stored.object() as Partial<Service> & Partial<EndpointSlice>;
    return JSON.stringify([
      object.spec?.type,
      object.spec?.externalName,
      object.spec?.ports,
      object.endpoints,
      object.ports,
    ]);
  };
  return part(one) === part(other);
}

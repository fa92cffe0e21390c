// The client over any transport: one resource client and one informer for each kind and restriction.
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { Random } from '#base/random.ts';
import type { Client, DiscoveredResource, Informer, InformerRestriction, ResourceClient } from './client.ts';
import { WatchingInformer } from './informer.ts';
import { KindClient, errorOf } from './resource-client.ts';
import type { Transport } from './transport.ts';

export interface ClusterClientOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export class ClusterClient implements Client {
  readonly #options: ClusterClientOptions;
  readonly #end = new AbortController();
  readonly #resources = new Map<string, unknown>();
  readonly #informers = new Map<string, { readonly informer: unknown; readonly end: AbortController }>();

  constructor(options: ClusterClientOptions) {
    this.#options = options;
  }
  resource<T extends KubernetesObject>(kind: KindReference<T>): ResourceClient<T> {
    const key = `${kind.group}/${kind.version}/${kind.resource}`;
    let found = this.#resources.get(key) as KindClient<T> | undefined;
    if (found === undefined) {
      const { transport, clock } = this.#options;
      this.#resources.set(key, (found = new KindClient(kind, { transport, clock, signal: this.#end.signal })));
    }
    return found;
  }
  informer<T extends KubernetesObject>(kind: KindReference<T>, restriction: InformerRestriction = {}): Informer<T> {
    const { namespace = '', fieldSelector = '', labelSelector = '' } = restriction;
    const key = JSON.stringify([kind.group, kind.version, kind.resource, namespace, fieldSelector, labelSelector]);
    let found = this.#informers.get(key)?.informer as WatchingInformer<T> | undefined;
    if (found === undefined) {
      const own = new AbortController();
      const { transport, clock, random, logger } = this.#options;
      found = new WatchingInformer(this.resource(kind), restriction, {
        clock,
        random,
        logger,
        signal: AbortSignal.any([this.#end.signal, own.signal]),
        remote: transport.remote,
      });
      this.#informers.set(key, { informer: found, end: own });
    }
    return found;
  }
  async read(path: string, query: Readonly<Record<string, string>> = {}): Promise<unknown> {
    const answer = await this.#options.transport.send({ method: 'GET', path, query: new URLSearchParams(query) });
    if (answer.status >= 400) throw errorOf(answer);
    return answer.object;
  }
  async discover(group: string, version: string): Promise<readonly DiscoveredResource[]> {
    const found = await this.read(group === '' ? `/api/${version}` : `/apis/${group}/${version}`);
    const { resources } = (found ?? {}) as { readonly resources?: unknown };
    return (Array.isArray(resources) ? (resources as unknown[]) : []).flatMap((one) => {
      const { name, kind, namespaced, verbs } = (one ?? {}) as Partial<Record<keyof DiscoveredResource, unknown>>;
      if (typeof name !== 'string' || typeof kind !== 'string' || !Array.isArray(verbs)) return [];
      return [{ name, kind, namespaced: namespaced === true, verbs: verbs.map(String) }];
    });
  }
  forget(kind: KindReference): void {
    const prefix = JSON.stringify([kind.group, kind.version, kind.resource]).slice(0, -1);
    for (const [key, { end }] of this.#informers) {
      if (!key.startsWith(`${prefix},`)) continue;
      this.#informers.delete(key);
      end.abort(new Error('the kind is no longer served'));
    }
  }
  async close(): Promise<void> {
    this.#end.abort(new Error('the client is closed'));
    await this.#options.transport.close();
  }
}

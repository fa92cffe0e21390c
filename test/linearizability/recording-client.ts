// A client of ConfigMaps and Secrets that writes down what it asks and what it is told.
import { type Action, type Half, halfOf, type Outcome, type Version } from './history.ts';
import type { Recorder } from './recorder.ts';
import { type Answer, type Json, NoAnswer, type Transport } from './transport.ts';

export const namespace = 'linear';
export const resources = ['configmaps', 'secrets'] as const;

export const collectionPath = (resource: string): string => `/api/v1/namespaces/${namespace}/${resource}`;
/** Others' objects (the certificate bundle in every namespace) are not looked at. */
export const isOurs = (name: string): boolean => /^k[-\d]/.test(name);

export function versionOf({ metadata, data }: Json): Version {
  return {
    revision: Number(metadata.resourceVersion),
    uid: String(metadata.uid),
    value: Buffer.from(String(data?.value), 'base64').toString(),
  };
}
export const keyOf = (resource: string, { metadata }: Json): string => `${resource}/${metadata.name}`;
/** ConfigMaps take any text, Secrets want base64. */
const dataOf = (value: string): object => ({ value: Buffer.from(value).toString('base64') });
const labelsOf = (value: string): object => ({ half: halfOf(value) });
export const selectorOf = (half: Half): string => `half=${half}`;

export class RecordingClient {
  readonly #transport: Transport;
  readonly #recorder: Recorder;
  constructor(transport: Transport, recorder: Recorder) {
    this.#transport = transport;
    this.#recorder = recorder;
  }
  /** What the client learned; undefined: there was no answer. */
  async perform(key: string, action: Action): Promise<Outcome | undefined> {
    const call = this.#recorder.now();
    let outcome: Outcome | undefined;
    try {
      outcome = this.#outcomeOf(key, action, await this.#transport.ask(asked(key, action)));
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      if (error.mayHaveArrived) outcome = { type: 'unknown' };
    }
    if (outcome === undefined) return undefined;
    this.#recorder.operation(key, action, call, outcome);
    return outcome.type === 'unknown' ? undefined : outcome;
  }
  /** All pages; undefined: not to be had now. `at`: not older than, or exactly. */
  async list(
    resource: string,
    {
      limit,
      notOlderThan,
      exactly,
      selects,
    }: {
      selects?: Half | undefined;
      limit?: number | undefined;
      notOlderThan?: number | undefined;
      exactly?: number | undefined;
    } = {},
  ): Promise<{ revision: number; items: ReadonlyMap<string, Version> } | undefined> {
    const call = this.#recorder.now();
    let end: number | undefined;
    let revision = 0;
    const items = new Map<string, Version>();
    for (let next: string | undefined = ''; next !== undefined;) {
      const query = new URLSearchParams();
      if (selects !== undefined) query.set('labelSelector', selectorOf(selects));
      if (limit !== undefined) query.set('limit', String(limit));
      if (next !== '') query.set('continue', next);
      else if (exactly !== undefined || notOlderThan !== undefined) {
        query.set('resourceVersion', String(exactly ?? notOlderThan));
        query.set('resourceVersionMatch', exactly === undefined ? 'NotOlderThan' : 'Exact');
      }
      const { status, json } = await this.#transport
        .ask({ method: 'GET', path: `${collectionPath(resource)}?${query.toString()}` })
        .catch((error: unknown): Answer => {
          if (error instanceof NoAnswer) return { status: 0, json: undefined };
          throw error;
        });
      // 410: compacted meanwhile.
      if (status === 0 || status === 410 || status === 429 || status >= 500) return undefined;
      if (status !== 200) return this.#odd(`a list of ${resource}`, status, json);
      end ??= this.#recorder.now();
      revision = Number(json.metadata.resourceVersion);
      for (const item of json.items)
        if (isOurs(item.metadata.name)) {
          if (items.has(keyOf(resource, item))) this.#odd('a list that has an object twice', status, item);
          items.set(keyOf(resource, item), versionOf(item));
        }
      next = json.metadata.continue === '' ? undefined : json.metadata.continue;
    }
    const wanted = exactly ?? revision;
    if (revision !== wanted || revision < (notOlderThan ?? 0))
      this.#odd(`a list of ${resource} at ${exactly ?? notOlderThan}`, 200, { revision });
    const isConsistent = exactly === undefined && notOlderThan === undefined;
    this.#recorder.list({ resource, selects, revision, items, isConsistent, call, end: end! });
    return { revision, items };
  }

  #outcomeOf(key: string, action: Action, { status, json }: Answer): Outcome | undefined {
    if (status >= 500) return { type: 'unknown' };
    if (status === 429) return undefined;
    if (status === 200 || status === 201)
      return action.type === 'delete'
        ? { type: 'removed', uid: String(json.kind === 'Status' ? json.details.uid : json.metadata.uid) }
        : { type: 'version', version: versionOf(json) };
    const reason: unknown = json?.reason;
    if (status === 404 && json?.details?.name === key.slice(key.indexOf('/') + 1)) return { type: 'missing' };
    if (status === 409 && reason === 'AlreadyExists') return { type: 'exists' };
    if (status === 409 && reason === 'Conflict') return { type: 'conflict' };
    return this.#odd(`${action.type} of ${key}`, status, json);
  }
  #odd(what: string, status: number, json: Json): undefined {
    this.#recorder.oddities.push(`${what} was answered with ${status} ${JSON.stringify(json)?.slice(0, 400)}`);
    return undefined;
  }
}

function asked(key: string, action: Action): Parameters<Transport['ask']>[0] {
  const [resource = '', name = ''] = key.split('/');
  const collection = collectionPath(resource);
  const path = `${collection}/${name}`;
  switch (action.type) {
    case 'get':
      return { method: 'GET', path };
    case 'create':
      return {
        method: 'POST',
        path: collection,
        body: { metadata: { name, labels: labelsOf(action.value) }, data: dataOf(action.value) },
      };
    case 'update': {
      const { value, revision } = action;
      const metadata = {
        name,
        labels: labelsOf(value),
        ...(revision === undefined ? {} : { resourceVersion: String(revision) }),
      };
      return { method: 'PUT', path, body: { metadata, data: dataOf(value) } };
    }
    case 'patch':
      return {
        method: 'PATCH',
        path,
        body: { metadata: { labels: labelsOf(action.value) }, data: dataOf(action.value) },
        contentType: 'application/merge-patch+json',
      };
    case 'delete':
      return {
        method: 'DELETE',
        path,
        ...(action.revision === undefined
          ? {}
          : {
              body: {
                kind: 'DeleteOptions',
                apiVersion: 'v1',
                preconditions: { resourceVersion: String(action.revision) },
              },
            }),
      };
  }
}

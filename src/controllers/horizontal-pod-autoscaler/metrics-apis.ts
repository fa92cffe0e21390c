// What is asked of the metrics APIs: resources of Pods (metrics.k8s.io, which this API server answers itself), custom and external
// metrics (of aggregated servers). Amounts are in thousandths. Failures are told as upstream tells them.
import type { CrossVersionObjectReference, LabelSelector } from '#api/generated/types.ts';
import { labelSelectorMatcher } from '#api/meta/label-selector.ts';
import { milliValue } from '#api/quantity.ts';
import { messageOf } from '#base/errors.ts';
import type { Client } from '#client/client.ts';
import { resourcesOf } from './kinds.ts';
import { MetricError, type PodSample, type PodSamples } from './samples.ts';

const defaultWindowMs = 60_000;

interface Usage {
  readonly metadata?: { readonly name?: string };
  readonly timestamp?: string;
  readonly window?: string;
  readonly containers?: readonly { readonly name?: string; readonly usage?: Readonly<Record<string, string>> }[];
}
interface MetricValue {
  readonly describedObject?: { readonly name?: string };
  readonly timestamp?: string;
  readonly windowSeconds?: number;
  readonly value?: string | number;
}

const itemsOf = <T>(list: unknown): readonly T[] => {
  const { items } = (list ?? {}) as { readonly items?: unknown };
  return Array.isArray(items) ? (items as T[]) : [];
};

export class MetricsApis {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /** `container` empty: the sum of a Pod's containers. */
  async resource(namespace: string, selector: string, resource: string, container: string): Promise<PodSamples> {
    const path = `/apis/metrics.k8s.io/v1beta1/namespaces/${encodeURIComponent(namespace)}/pods`;
    const items = itemsOf<Usage>(await this.#read('resource', path, { labelSelector: selector }));
    if (items.length === 0) throw new MetricError('no metrics returned from resource metrics API');
    const samples: PodSamples = new Map();
    for (const item of items) {
      const value = usageOf(item, resource, container);
      if (value === undefined) continue;
      samples.set(item.metadata?.name ?? '', {
        value,
        atMs: Date.parse(item.timestamp ?? ''),
        windowMs: goDurationMs(item.window ?? ''),
      });
    }
    return samples;
  }

  /** A metric of each Pod. */
  async pods(
    namespace: string,
    selector: string,
    metric: string,
    metricSelector: LabelSelector | undefined,
  ): Promise<PodSamples> {
    const items = await this.#custom(namespace, `pods/*/${encodeURIComponent(metric)}`, metricSelector, selector);
    if (items.length === 0) throw new MetricError('no metrics returned from custom metrics API');
    return new Map(items.map((item) => [item.describedObject?.name ?? '', sampleOf(item)]));
  }

  /** A metric of one object. */
  async object(
    namespace: string,
    object: CrossVersionObjectReference,
    metric: string,
    metricSelector: LabelSelector | undefined,
  ): Promise<number> {
    const [group = ''] = (object.apiVersion ?? '').includes('/') ? object.apiVersion!.split('/') : [''];
    // A reference may not lead out of its namespace: whatever the name, it is this one.
    const place =
      object.kind === 'Namespace' && group === ''
        ? 'metrics'
        : `${await this.#resourceText(object)}/${encodeURIComponent(object.name)}`;
    const items = await this.#custom(namespace, `${place}/${encodeURIComponent(metric)}`, metricSelector, '');
    if (items.length !== 1)
      throw new MetricError(
        `unable to fetch metrics from custom metrics API: the custom metrics API server returned ${items.length} results when we asked for exactly one`,
      );
    return milliOf(items[0]!);
  }

  async external(namespace: string, metric: string, selector: LabelSelector | undefined): Promise<readonly number[]> {
    const path = `/apis/external.metrics.k8s.io/v1beta1/namespaces/${encodeURIComponent(namespace)}/${encodeURIComponent(metric)}`;
    const items = itemsOf<MetricValue>(
      await this.#read('external', path, { labelSelector: labelSelectorMatcher(selector ?? {}).toString() }),
    );
    if (items.length === 0) throw new MetricError('no metrics returned from external metrics API');
    return items.map(milliOf);
  }

  async #custom(
    namespace: string,
    place: string,
    metricSelector: LabelSelector | undefined,
    selector: string,
  ): Promise<readonly MetricValue[]> {
    const query = {
      labelSelector: selector,
      metricLabelSelector: labelSelectorMatcher(metricSelector ?? {}).toString(),
    };
    const base = `/apis/custom.metrics.k8s.io/${await this.#customVersion()}`;
    return itemsOf(await this.#read('custom', `${base}/namespaces/${encodeURIComponent(namespace)}/${place}`, query));
  }

  /** The newest that both know. */
  async #customVersion(): Promise<string> {
    const group = (await this.#read('custom', '/apis/custom.metrics.k8s.io', {})) as {
      readonly versions?: readonly { readonly version?: string }[];
    };
    const versions = (group.versions ?? []).map((one) => one.version);
    return versions.includes('v1beta2') ? 'v1beta2' : 'v1beta1';
  }

  async #resourceText(object: CrossVersionObjectReference): Promise<string> {
    const [found] = await resourcesOf(this.#client, object).catch((error: unknown) => {
      throw new MetricError(`unable to fetch metrics from custom metrics API: ${messageOf(error)}`, { cause: error });
    });
    return found === undefined || found.group === '' ? (found?.resource ?? '') : `${found.resource}.${found.group}`;
  }

  async #read(api: string, path: string, query: Readonly<Record<string, string>>): Promise<unknown> {
    const given = Object.fromEntries(Object.entries(query).filter(([, value]) => value !== ''));
    try {
      return await this.#client.read(path, given);
    } catch (error) {
      throw new MetricError(`unable to fetch metrics from ${api} metrics API: ${messageOf(error)}`, { cause: error });
    }
  }
}

function usageOf({ containers = [] }: Usage, resource: string, container: string): number | undefined {
  if (container !== '') {
    const usage = containers.find((one) => one.name === container)?.usage?.[resource];
    return usage === undefined ? undefined : milliValue(usage);
  }
  if (containers.length === 0) return undefined;
  let sum = 0;
  for (const { usage } of containers) {
    if (usage?.[resource] === undefined) return undefined;
    sum += milliValue(usage[resource]);
  }
  return sum;
}

const milliOf = ({ value }: MetricValue): number => milliValue(String(value ?? 0));
const sampleOf = (item: MetricValue): PodSample => ({
  value: milliOf(item),
  atMs: Date.parse(item.timestamp ?? ''),
  windowMs: item.windowSeconds === undefined ? defaultWindowMs : item.windowSeconds * 1000,
});

const units: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
  us: 0.001,
  µs: 0.001,
  ns: 1e-6,
};

/** Such as `15.5s` or `1m0s`; what is none counts as 0. */
function goDurationMs(text: string): number {
  let sum = 0;
  for (const [, number, unit] of text.matchAll(/([\d.]+)(h|ms|us|µs|ns|m|s)/g))
    sum += Number(number) * (units[unit!] ?? 0);
  return sum;
}

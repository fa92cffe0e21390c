// metrics.k8s.io: what nodes and Pods use now, as `kubectl top` and autoscalers ask. Answered from the nodes when asked; which
// objects there are, their labels, and who runs what is in the store.
import { Nodes, Pods } from '#api/generated/kind-references.ts';
import type { Node, NodeMetrics, Pod, PodMetrics } from '#api/generated/types.ts';
import type { KubernetesObject } from '#api/kind.ts';
import { kindTable, storageKey, storagePrefix } from '#api/kinds.ts';
import { formatTime } from '#api/meta/time.ts';
import { formatQuantity } from '#api/quantity.ts';
import type { ApiResponse } from '#api/request.ts';
import { methodNotSupportedError, notFoundError } from '#api/status.ts';
import type { StoredObject } from '#storage/store.ts';
import { negotiateOutput } from '../content/negotiate.ts';
import { respondObjects, respondWith } from '../content/present.ts';
import { listOptions } from '../content/request-options.ts';
import { selectionOf } from '../content/selection.ts';
import { groupResource, type ResourceRequest } from '../registry/resource-request.ts';
import { nodeUsageOf, type SamplePair } from './node-usage.ts';
import { useBetween, type Use } from './samples.ts';

const apiVersion = 'metrics.k8s.io/v1beta1';

export async function respondUsage(request: ResourceRequest): Promise<ApiResponse> {
  const { context, row } = request;
  const { verb } = context.info;
  const isNodes = row.resource === 'nodes';
  const core = isNodes ? Nodes : Pods;
  const { store } = context.server.options;
  const form = negotiateOutput(context.request);
  const usage = async (found: readonly StoredObject[]): Promise<KubernetesObject[]> =>
    isNodes
      ? nodeUsages(
          request,
          found.map((one) => one.object() as Node),
        )
      : podUsages(
          request,
          found.map((one) => one.object() as Pod),
        );
  switch (verb) {
    case 'get': {
      const stored = store.get(storageKey(core, request.namespace, request.name));
      if (stored === undefined) throw notFoundError({ group: '', resource: row.resource }, request.name);
      const [found] = await usage([stored]);
      const name = isNodes ? request.name : `${request.namespace}/${request.name}`;
      if (found === undefined) throw notFoundError(groupResource(row), name);
      return respondWith(context, row, found, form);
    }
    case 'list': {
      const options = listOptions(context.request, false);
      const selection = selectionOf(kindTable.row(core)!, options.labelSelector, options.fieldSelector);
      const { items } = store.list(storagePrefix(core, request.namespace));
      return respondObjects(context, row, await usage(items.filter((one) => selection.matches(one))), {}, form);
    }
    default:
      throw methodNotSupportedError(groupResource(row), verb);
  }
}

async function pairsOf(request: ResourceRequest, names: Iterable<string>): Promise<Map<string, SamplePair>> {
  const usage = nodeUsageOf(request.context.server);
  const pairs = await Promise.all([...new Set(names)].map(async (name) => [name, await usage.of(name)] as const));
  return new Map(pairs.flatMap(([name, pair]) => (pair === undefined ? [] : [[name, pair] as const])));
}

async function nodeUsages(request: ResourceRequest, nodes: readonly Node[]): Promise<NodeMetrics[]> {
  const pairs = await pairsOf(
    request,
    nodes.map(({ metadata }) => metadata.name!),
  );
  return nodes.flatMap(({ metadata }) => {
    const pair = pairs.get(metadata.name!);
    const use = useBetween(pair?.before.node, pair?.now.node);
    if (use === undefined) return [];
    return [{ kind: 'NodeMetrics', apiVersion, ...measured(request, metadata, use), usage: amounts(use) }];
  });
}

async function podUsages(request: ResourceRequest, pods: readonly Pod[]): Promise<PodMetrics[]> {
  const running = pods.filter(({ spec }) => (spec.nodeName ?? '') !== '');
  const pairs = await pairsOf(
    request,
    running.map(({ spec }) => spec.nodeName!),
  );
  return running.flatMap(({ metadata, spec }) => {
    const key = `${metadata.namespace!}/${metadata.name!}`;
    const pair = pairs.get(spec.nodeName!);
    const before = pair?.before.pods.get(key);
    const uses = [...(pair?.now.pods.get(key) ?? [])].map(
      ([name, point]) => [name, useBetween(before?.get(name), point)] as const,
    );
    // As upstream: a Pod whose containers are not all known yet is not told at all.
    const known = uses.flatMap(([name, use]) => (use === undefined ? [] : [{ name, use }]));
    if (known.length === 0 || known.length < uses.length) return [];
    const first = known.toSorted((a, b) => a.use.atMs - b.use.atMs)[0]!;
    const containers = known.map(({ name, use }) => ({ name, usage: amounts(use) }));
    return [{ kind: 'PodMetrics', apiVersion, ...measured(request, metadata, first.use), containers }];
  });
}

function measured(request: ResourceRequest, { name, namespace, labels }: KubernetesObject['metadata'], use: Use) {
  const creationTimestamp = formatTime(request.context.server.options.clock.now());
  return {
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(labels === undefined ? {} : { labels }),
      creationTimestamp,
    },
    timestamp: formatTime(use.atMs),
    window: `${use.windowMs / 1000}s`,
  };
}

const amounts = ({ cpuNanocores, memoryBytes }: Use): Readonly<Record<string, string>> => ({
  cpu: formatQuantity({ value: BigInt(cpuNanocores), scale: -9, format: 'DecimalSI' }),
  memory: formatQuantity({ value: BigInt(memoryBytes), scale: 0, format: 'BinarySI' }),
});

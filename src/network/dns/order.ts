// THE order in which a DNS question is asked. Each step answers, or asks the next one. Insert a step at its place; nothing else
// orders them. `kubernetes` knows the cluster's names; `cache` remembers what `forward` got from the host's resolvers.
import type { DnsQuestion, DnsResponse } from '#wire/dns-message.ts';
import { cacheStep, type CacheOptions } from './cache.ts';
import { forwardStep, type ForwardOptions } from './forward.ts';
import { kubernetesStep, type KubernetesOptions } from './kubernetes.ts';

export type Resolve = (question: DnsQuestion) => Promise<DnsResponse>;
export type Step = (next: Resolve) => Resolve;

export interface ChainOptions {
  readonly kubernetes: KubernetesOptions;
  readonly cache: CacheOptions;
  readonly forward: ForwardOptions;
}

export function dnsChain(options: ChainOptions): Resolve {
  const forward = forwardStep(options.forward);
  const cache = cacheStep(options.cache)(forward);
  return kubernetesStep(options.kubernetes)(cache);
}
